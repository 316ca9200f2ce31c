/**
 * Key pair, request, key servers and key providers: their rules.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { readRequest } from '../../certs/index.ts'
import { cluster, enabled, enroll, keyServer } from './partners.ts'

describe('the request', () => {
  it('is that of a real cluster, for the fields given, and a new one for each key pair', async () => {
    const { call } = await cluster()
    const subject = {
      commonName: 'cluster.example',
      organization: 'Example',
      organizationalUnit: 'lab',
      locality: 'Here',
      state: 'There',
      country: 'US',
      emailAddress: 'lab@example.com',
    }
    await call('CreatePublicPrivateKeyPair', subject)
    const first = (await call('GetClientCertificateSignRequest')).clientCertificateSignRequest
    const request = readRequest(first)
    expect(request).toMatchObject({ version: 2, publicKey: { description: 'RSA 2048' }, subjectAlternativeName: [] })
    expect(request.subject).toMatchObject(subject)
    expect((await call('GetClientCertificateSignRequest')).clientCertificateSignRequest).toBe(first)
    await call('CreatePublicPrivateKeyPair')
    const second = readRequest((await call('GetClientCertificateSignRequest')).clientCertificateSignRequest)
    expect(second.publicKey.fingerprint).not.toBe(request.publicKey.fingerprint)
  })

  it('refuses a subject that cannot be', async () => {
    const { refused } = await cluster()
    expect(await refused('CreatePublicPrivateKeyPair', { country: 'Utopia' })).toMatch(/^xInvalidParameter: /)
  })
})

const unreachable = {
  kmipCaCertificate: 'not a certificate',
  kmipClientCertificate: 'nor this',
  kmipKeyServerHostnames: ['192.0.2.1'],
  kmipKeyServerName: 'nowhere',
}

describe('key servers and providers', () => {
  it('makes a server without contacting it, on port 5696', async () => {
    const { call } = await cluster()
    const { kmipKeyServer } = await call('CreateKeyServerKmip', unreachable)
    expect(kmipKeyServer).toEqual({
      ...unreachable,
      keyServerID: 1,
      keyProviderID: null,
      kmipAssignedProviderIsActive: null,
      kmipKeyServerPort: 5696,
    })
    expect(await call('GetKeyServerKmip', { keyServerID: 1 })).toEqual({ kmipKeyServer })
    expect(await call('ModifyKeyServerKmip', { keyServerID: 1 })).toEqual({ kmipKeyServer })
    expect(await call('RemoveKeyServerFromProviderKmip', { keyServerID: 1 })).toEqual({})
    expect(await call('DeleteKeyServerKmip', { keyServerID: 1 })).toEqual({})
    expect((await call('CreateKeyServerKmip', unreachable)).kmipKeyServer.keyServerID).toBe(2)
  })

  it.each([
    ['kmipKeyServerHostnames', []],
    ['kmipKeyServerHostnames', ['no host name']],
    ['kmipKeyServerHostnames', 'localhost'],
    ['kmipKeyServerPort', 0],
    ['kmipKeyServerPort', 70_000],
    ['kmipKeyServerName', ''],
    ['kmipCaCertificate', 7],
  ])('refuses %s %j', async (name, value) => {
    const { refused } = await cluster()
    expect(await refused('CreateKeyServerKmip', { ...unreachable, [name]: value })).toMatch(
      /^xInvalidParameter: .*kmip/,
    )
  })

  it('filters its lists, in the order of insertion', async () => {
    const server = await keyServer()
    const partner = await cluster()
    const { call } = partner
    const { keyProviderID } = await enroll(partner, server)
    await call('CreateKeyServerKmip', unreachable)
    await call('CreateKeyProviderKmip', { keyProviderName: 'idle' })
    const servers = async (params: Readonly<Record<string, unknown>>) =>
      (await call('ListKeyServersKmip', params)).kmipKeyServers.map(({ keyServerID }) => keyServerID)
    const providers = async (params: Readonly<Record<string, unknown>>) =>
      (await call('ListKeyProvidersKmip', params)).kmipKeyProviders.map(each => each.keyProviderID)
    expect(await servers({})).toEqual([1, 2])
    expect(await servers({ keyProviderID })).toEqual([1])
    expect(await servers({ kmipHasProviderAssigned: false })).toEqual([2])
    expect(await servers({ kmipAssignedProviderIsActive: true })).toEqual([])
    await enabled(partner, keyProviderID)
    expect(await servers({ kmipAssignedProviderIsActive: true })).toEqual([1])
    expect(await servers({ kmipAssignedProviderIsActive: false })).toEqual([])
    expect(await providers({})).toEqual([1, 2])
    expect(await providers({ keyProviderIsActive: true })).toEqual([1])
    expect(await providers({ kmipKeyProviderHasServerAssigned: false })).toEqual([2])
  })

  it('keeps the last server of an active provider, and the provider, until its keys are gone', async () => {
    const server = await keyServer()
    const partner = await cluster()
    const { call, refused } = partner
    const ids = { ...(await enroll(partner, server)) }
    expect(await call('AddKeyServerToProviderKmip', { ...ids })).toEqual({})
    await enabled(partner, ids.keyProviderID)
    for (const method of ['DeleteKeyServerKmip', 'RemoveKeyServerFromProviderKmip'] as const)
      expect(await refused(method, ids)).toMatch(/^xAPINotPermitted: .*last one/)
    expect(await refused('DeleteKeyProviderKmip', ids)).toMatch(/^xAPINotPermitted: .*active/)
    await call('DisableEncryptionAtRest')
    await partner.until(async () => ((await call('KmipdListKeys')).keys.length === 1 ? true : undefined))
    await call('RemoveKeyServerFromProviderKmip', ids)
    await call('DeleteKeyServerKmip', ids)
    await call('DeleteKeyProviderKmip', ids)
    expect(await refused('GetKeyProviderKmip', ids)).toMatch(/^xDBNoSuchPath/)
  })

  it('refuses a server that belongs to another provider, and a provider without servers', async () => {
    const server = await keyServer()
    const partner = await cluster()
    const { call, refused } = partner
    const { keyServerID } = await enroll(partner, server)
    await call('CreateKeyProviderKmip', { keyProviderName: 'other' })
    expect(await refused('AddKeyServerToProviderKmip', { keyServerID, keyProviderID: 2 })).toMatch(/provider 1/)
    for (const method of ['TestKeyProviderKmip', 'EnableEncryptionAtRest'] as const)
      expect(await refused(method, { keyProviderID: 2 })).toMatch(/^xAPINotPermitted: .*no key server/)
    const { state } = await call('GetEncryptionAtRestInfo')
    expect(state).toBe('disabled')
  })
})
