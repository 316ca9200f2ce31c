/**
 * What somebody might get hold of by enrolling: groups that hold keys, requests and enrollments of others, and new
 * certificates for a key that was lost.
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority, createRequest, generateKeyPair, readCertificate } from '../../certs/index.ts'
import { done, json, kmipd } from '../cli/kmipd.ts'
import { within } from '../system/server-process.ts'
import { type Answer, type Api, request, startApi } from './server.ts'

let api: Api

beforeAll(async () => {
  const fresh = await startApi()
  const theirs = await createAuthority({ subject: { commonName: 'theirs' }, now: new Date() })
  writeFileSync(join(fresh.data, 'theirs.pem'), theirs.certificate)
  writeFileSync(join(fresh.data, 'kmipd.toml'), '[[tls.trust]]\nca = "theirs.pem"\ngroup = "storage"\n')
  api = await fresh.restart('SIGTERM')
  await done(['keys', 'create', '--group', 'vault', '--data', api.data])
})

afterAll(() => api.end())

let count = 0
const fresh = (words = 'client'): string => `${words}-${++count}`

const submit = (body: object, token: string): Promise<Answer> => api.call('/v1/enrollments', { body, token })

const enroller = (): Promise<string> => api.token({ name: fresh('token'), scope: ['enroll'] })

const once = (client?: string, group?: string): Promise<string> =>
  api.token({ name: fresh('token'), scope: ['enroll'], once: true, client, group })

const waits = (reason: string) => ({
  status: 202,
  body: { state: 'pending', note: expect.stringContaining(reason) as string },
})

const cli = (...args: string[]) => kmipd([...args, '--data', api.data])

describe('a group that holds anything', () => {
  test('is not joined with a one-time token alone, be it of an authority, of objects or new', async () => {
    for (const group of ['storage', 'vault', 'new'])
      expect(await submit({ request: (await request(fresh())).csr, group }, await once())).toMatchObject(
        waits(`the token is not for the group ${group}; an administrator decides`),
      )
  })

  test('is not joined by a name', async () => {
    for (const name of ['storage', 'vault'])
      for (const body of [{}, { group: name }])
        for (const token of [await once(), await once(name)])
          expect(await submit({ request: (await request(name)).csr, ...body }, token)).toMatchObject(
            waits(`there is a group ${name}`),
          )
    const { status, stderr } = await cli('client', 'issue', 'vault', '--out', join(api.data, 'vault'))
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining('there is a group vault that has objects; say --group vault to join it'),
    ])
  })

  test('is joined with a token that was made for it, or for a client of it', async () => {
    const joined = await submit({ request: (await request(fresh())).csr }, await once(undefined, 'vault'))
    expect(joined).toMatchObject({ status: 201, body: { group: 'vault' } })
    const name = String(joined.body['name'])
    const again = await submit({ request: (await request(name)).csr, group: 'vault' }, await once(name))
    expect(again).toMatchObject({ status: 201, body: { name, group: 'vault' } })
    const own = fresh()
    expect(await submit({ request: (await request(own)).csr, group: own }, await once())).toMatchObject({
      status: 201,
      body: { group: own },
    })
  })

  test('is joined in the shell, which says whose it is', async () => {
    const issue = (name: string, group: string) => [
      'client',
      'issue',
      name,
      '--group',
      group,
      '--out',
      join(api.data, fresh()),
      '--data',
      api.data,
    ]
    const name = fresh('shell')
    const { stderr } = await kmipd(issue(name, 'storage'))
    expect(stderr).toBe(
      `note: ${name} joins the group storage of the clients of the authority CN=theirs, which has no objects yet.\n`,
    )
    expect(await json(issue(fresh('shell'), 'storage'))).toMatchObject({
      joined: { clients: [name], authorities: ['CN=theirs'], hasObjects: false },
    })
    expect((await kmipd(issue(fresh('shell'), 'vault'))).stderr).toMatch(/^note: .* and its objects, which are there/)
    expect((await kmipd(issue(name, 'storage'))).stderr).toBe('')
    expect((await kmipd(issue(fresh('shell'), fresh('group')))).stderr).toBe('')
  })
})

describe('a request that somebody else was first with', () => {
  test('is issued as the administrator wants it', async () => {
    const name = fresh()
    const { csr } = await request(name)
    const stranger = await enroller()
    const taken = await submit({ request: csr, group: 'finance', days: 3000 }, stranger)
    expect(taken).toMatchObject({ status: 202, body: { group: 'finance', days: 3000 } })
    const issued = await api.order('/v1/enrollments', { request: csr })
    expect(issued).toMatchObject({ status: 200, body: { state: 'issued', name, group: name } })
    const { notAfter } = readCertificate(issued.body.certificate)
    expect(Math.round((notAfter.getTime() - Date.now()) / 86_400_000)).toBe(730)
    expect(issued.body['days']).toBeUndefined()
  })

  test('tells no more than how it stands', async () => {
    const { csr } = await request(fresh())
    const [owner, other] = [await enroller(), await enroller()]
    const { id } = (await submit({ request: csr }, owner)).body
    expect(await submit({ request: csr }, other)).toMatchObject({ status: 202, body: { id, state: 'pending' } })
    const { body } = await api.order(`/v1/enrollments/${id}/approve`)
    expect((await submit({ request: csr }, other)).body).toEqual({ id, state: 'issued' })
    expect((await submit({ request: csr }, owner)).body).toEqual(body)
  })
})

describe('a key that is compromised', () => {
  async function enrolled() {
    const name = fresh('lost')
    const keyPair = await generateKeyPair('P-256')
    const csr = (organization: string) => createRequest({ subject: { commonName: name, organization }, keyPair })
    const first = (await api.order('/v1/enrollments', { request: await csr('One') })).body
    const renew = `/v1/enrollments/${first.id}/renew`
    const second = (await api.order(renew)).body
    return { name, csr, first, second, renew }
  }

  const refusal = (name: string) => ({
    status: 409,
    body: { error_msg: expect.stringMatching(`the key is compromised.* of ${name} .*make a new key`) as string },
  })

  test('loses all of its certificates with one of them, and gets no other', async () => {
    const { name, csr, first, second, renew } = await enrolled()
    const waiting = (await submit({ request: await csr('Two') }, await enroller())).body
    const revoked = await cli('client', 'revoke', first.serialNumber, '--reason', 'keyCompromise', '--yes')
    expect(revoked.stdout).toBe(
      `revoked 2 certificates:\n  ${name} ${first.serialNumber}\n  ${name} ${second.serialNumber} (of the same key)\n`,
    )
    expect(await api.order(renew)).toMatchObject(refusal(name))
    expect(await api.order('/v1/enrollments', { request: await csr('Three') })).toMatchObject(refusal(name))
    expect(await submit({ request: await csr('Four') }, await enroller())).toMatchObject(refusal(name))
    expect(await api.order(`/v1/enrollments/${waiting.id}/approve`)).toMatchObject(refusal(name))
    const file = join(api.data, `${name}.csr`)
    writeFileSync(file, await csr('Five'))
    const signed = await cli('client', 'sign', file, '--name', name)
    expect([signed.status, signed.stderr]).toEqual([1, expect.stringContaining('the key is compromised')])
  })

  test('is one, too, if its certificate was revoked for another reason before', async () => {
    const { name, csr, first, renew } = await enrolled()
    await api.order(`/v1/enrollments/${first.id}/revoke`, { reason: 'superseded' })
    expect(await api.order(renew)).toMatchObject({ status: 200 })
    expect(await api.order(`/v1/enrollments/${first.id}/revoke`, { reason: 'keyCompromise' })).toMatchObject({
      body: { state: 'revoked', revoked: { reason: 'keyCompromise' } },
    })
    expect(await api.order('/v1/enrollments', { request: await csr('Two') })).toMatchObject(refusal(name))
    const reasons = await within(api.data, async ({ clients }) =>
      (await clients.find(name)).map(({ revoked }) => revoked?.reason),
    )
    expect(reasons).toEqual(['keyCompromise', 'keyCompromise', 'keyCompromise'])
  })

  test('is not the same as a certificate that is superseded', async () => {
    const { name, csr, first, second } = await enrolled()
    await cli('client', 'revoke', first.serialNumber, '--reason', 'superseded', '--yes')
    const states = (await within(api.data, ({ clients }) => clients.find(name))).map(({ serialNumber, revoked }) => [
      serialNumber,
      revoked?.reason,
    ])
    expect(states).toEqual([
      [first.serialNumber, 'superseded'],
      [second.serialNumber, undefined],
    ])
    expect(await api.order('/v1/enrollments', { request: await csr('Two') })).toMatchObject({ status: 201 })
  })
})
