import { beforeAll, describe, expect, it } from 'vitest'
import { checkRequest, createRequest, generateKeyPair, readRequest } from '../../certs/index.ts'
import type { AcceptedKey, KeyType, Request, RequestPolicy, Subject } from '../../certs/index.ts'
import { derOf, handmadeRequest, nameOf } from './handmade.ts'
import { clusterSubject, genpkey, opensslRequest } from './openssl.ts'

const refusal = (message: string | RegExp) =>
  expect.objectContaining({
    name: 'CertsError',
    code: 'policy',
    message: expect.stringMatching(message) as string,
  }) as Error

const requestOf = async (subject: Subject, keyType: KeyType = 'P-256'): Promise<Request> =>
  readRequest(await createRequest({ subject, keyPair: await generateKeyPair(keyType) }))

let request: Request

beforeAll(async () => {
  request = await requestOf({ commonName: 'drive-1', organization: 'Example' })
})

describe('the key', () => {
  const keys: [AcceptedKey, () => Promise<Request>][] = [
    ...(['P-256', 'P-384', 'RSA-2048', 'RSA-3072', 'Ed25519'] as const).map(
      keyType => [keyType, () => requestOf(clusterSubject, keyType)] as [AcceptedKey, () => Promise<Request>],
    ),
    ['P-521', async () => readRequest(opensslRequest(genpkey('EC', 'ec_paramgen_curve:P-521')))],
  ]

  it.each(keys)('%s passes where it is named, and only there', async (keyType, make) => {
    const made = await make()
    const others = keys.map(([name]) => name).filter(name => name !== keyType)
    expect(() => checkRequest(made, { keyTypes: [keyType] })).not.toThrow()
    expect(() => checkRequest(made, { keyTypes: others })).toThrow(
      refusal(`key is ${keyType}; wanted ${others.join(' or ')}`),
    )
    expect(() => checkRequest(made, {})).not.toThrow()
  })
})

describe('the subject', () => {
  it.each<[string, RequestPolicy]>([
    ['has what is required', { requiredSubject: ['CN', 'O'] }],
    ['has nothing that is forbidden', { forbiddenSubject: ['OU', 'emailAddress', '1.2.3.4'] }],
    ['is asked for by other words', { requiredSubject: ['cn', 'organization', '2.5.4.3'] }],
    ['is not restricted', { keyTypes: undefined, requiredSubject: undefined, forbiddenSubject: [] }],
  ])('passes when it %s', (_, policy) => {
    expect(() => checkRequest(request, policy)).not.toThrow()
  })

  it.each<[RequestPolicy, RegExp]>([
    [{ requiredSubject: ['CN', 'OU'] }, /"CN=drive-1,O=Example" is not .*: its subject has no OU, which is required$/],
    [{ forbiddenSubject: ['o'] }, /its subject has O, which is forbidden/],
    [{ forbiddenSubject: ['2.5.4.10'] }, /its subject has O, which/],
    [{ requiredSubject: ['1.2.3.4'] }, /has no 1\.2\.3\.4/],
    [{ keyTypes: ['RSA-4096'], requiredSubject: ['C'], forbiddenSubject: ['CN'] }, /RSA-4096; .* no C, .*; .* has CN/],
    [{ requiredSubject: ['Common Name'] }, /the policy names "Common Name", which is no field/],
    [{ forbiddenSubject: ['XY'] }, /the policy names "XY"/],
  ])('is refused by %j', (policy, message) => {
    expect(() => checkRequest(request, policy)).toThrow(refusal(message))
  })

  it('is not satisfied by an empty value, but may be forbidden one', async () => {
    const { privateKey } = await generateKeyPair()
    const blank = readRequest(handmadeRequest(privateKey, { subject: nameOf(' ') }))
    expect(() => checkRequest(blank, { requiredSubject: ['CN'] })).toThrow(refusal('has no CN'))
    expect(() => checkRequest(blank, { forbiddenSubject: ['CN'] })).toThrow(refusal('has CN'))
    const none = readRequest(derOf(await createRequest({ subject: {}, keyPair: await generateKeyPair() })))
    expect(() => checkRequest(none, { requiredSubject: ['CN'] })).toThrow(refusal('the request without a subject'))
  })
})
