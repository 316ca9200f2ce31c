/**
 * Tasks: certificates and keys for agents, as the published interface has them; each private key once.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/index.ts'
import { within } from '../system/server-process.ts'
import { type Answer, type Api, client, startApi } from './server.ts'

let api: Api

beforeAll(async () => {
  api = await startApi()
})

afterAll(() => api.end())

let count = 0
const fresh = (words: string): string => `${words}-${++count}`

const keys = ['private_key', 'target_mgmt_private_key', 'target_data_private_key'] as const
const certificates = ['cert', 'target_mgmt_cert', 'target_data_cert'] as const

const agent = (): Promise<string> => api.token({ name: fresh('agent'), scope: ['enroll'] })

const task = async (body: object = { source: fresh('source'), target: fresh('target') }): Promise<string> => {
  const created = await api.order('/v3/tasks', body)
  expect(created.status).toBe(201)
  return created.body.id
}

const certkey = (id: string, token: string, query = ''): Promise<Answer> =>
  api.call(`/v3/tasks/${id}/certkey${query}`, { token })

describe('certkey', () => {
  test('gives certificates and PKCS#1 keys that fit, which the key server admits', async () => {
    const answer = await certkey(await task({ source: 'old', target: 'new', group: 'arrays' }), await agent())
    expect(answer).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } })
    expect(Object.keys(answer.body).sort()).toEqual(['ca', ...keys, ...certificates].sort())
    for (const [index, name] of keys.entries()) {
      const key = String(answer.body[name])
      expect(key).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/)
      const cert = String(answer.body[certificates[index] ?? ''])
      expect(new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))).toBe(true)
      const kmip = await connect({ host: '127.0.0.1', port: api.kmipPort, ca: String(answer.body['ca']), cert, key })
      await kmip.close()
    }
    const register = await within(api.data, async ({ clients }) => clients.list())
    expect(register.map(({ name, group }) => [name, group])).toEqual([
      ['ops', 'ops'],
      ['old', 'arrays'],
      ['new-management', 'arrays'],
      ['new-data', 'arrays'],
    ])
  })

  test('gives the keys once, of any number of agents at the same moment', async () => {
    const id = await task()
    const token = await agent()
    const answers = await Promise.all(Array.from({ length: 10 }, () => certkey(id, token)))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200))
    for (const name of keys) expect(answers.filter(({ body }) => body[name] !== undefined)).toHaveLength(1)
    expect(new Set(answers.map(({ body }) => body['cert'])).size).toBe(1)
    expect(await within(api.data, async ({ store }) => store.get('taskKey', id))).toBeUndefined()
    expect((await api.order('/v3/tasks', {})).status).toBe(400)
    const { body } = await api.call('/v3/tasks', { identity: api.admin })
    expect(body['tasks']).toContainEqual(
      expect.objectContaining({ id, released: expect.objectContaining({ by: `token agent-${count}` }) as object }),
    )
  })

  test('is written to the log without the keys', async () => {
    const id = await task()
    const { body } = await certkey(id, await agent())
    const look = async (): Promise<Record<string, unknown>> =>
      api.log().find(line => line['uniqueIdentifier'] === id && line['note'] !== undefined) ?? look()
    expect(await look()).toMatchObject({
      operation: 'GET /v3/tasks/{task_id}/certkey',
      note: expect.stringContaining('private keys') as string,
      client: `token agent-${count}`,
      result: 200,
    })
    const secret = String(body['private_key']).split('\n')[3] ?? 'none'
    expect(secret.length).toBe(64)
    expect(JSON.stringify(api.log())).not.toContain(secret)
  })

  test('leaves the authority out if asked', async () => {
    const id = await task()
    const token = await agent()
    expect((await certkey(id, token, '?enable_ca_cert=false')).body['ca']).toBeUndefined()
    expect((await certkey(id, token, '?enable_ca_cert=true')).body['ca']).toBe(api.ca)
  })

  test('is not asked by HEAD, which would lose the keys', async () => {
    const id = await task()
    expect(await api.call(`/v3/tasks/${id}/certkey`, { method: 'HEAD', token: await agent() })).toMatchObject({
      status: 405,
    })
    expect((await certkey(id, await agent())).body['private_key']).toBeDefined()
  })

  test('tells of failures in the form that is published', async () => {
    const id = await task()
    const envelope = { error_code: expect.any(String) as string, error_msg: expect.any(String) as string }
    expect(await certkey(id, await agent(), '?enable_ca_cert=2')).toMatchObject({ status: 400, body: envelope })
    expect(await certkey(id, 'wrong')).toMatchObject({ status: 401, body: envelope })
    expect(await certkey('none', await agent())).toMatchObject({ status: 404, body: envelope })
    const read = await api.token({ name: fresh('reader'), scope: ['read'] })
    const forbidden = await certkey(id, read)
    expect(forbidden.status).toBe(403)
    expect(forbidden.body).toEqual({
      error_code: 'SMS.9004',
      error_msg:
        'The current account does not have the permission to execute policy You do not have permission to perform action sms:server:getCert on resource server *.',
      encoded_authorization_message: expect.any(String) as string,
      error_param: ['sms:server:getCert', 'server *'],
      details: [envelope],
    })
    expect((await certkey(id, await agent())).body['private_key']).toBeDefined()
  })

  test('takes a one-time token for one task, and a bound one for its own', async () => {
    const [first, second] = [await task(), await task({ source: 'bound-source', target: fresh('target') })]
    const once = await api.token({ name: fresh('once'), scope: ['enroll'], once: true })
    expect((await certkey(first, once)).body['private_key']).toBeDefined()
    expect(await certkey(first, once)).toMatchObject({ status: 200 })
    expect(await certkey(second, once)).toMatchObject({ status: 403 })
    const other = await api.token({ name: fresh('bound'), scope: ['enroll'], client: 'somebody' })
    expect(await certkey(second, other)).toMatchObject({ status: 404 })
    const own = await api.token({ name: fresh('bound'), scope: ['enroll'], client: 'bound-source' })
    expect((await certkey(second, own)).body['private_key']).toBeDefined()
  })
})

describe('a task', () => {
  test("is not made in another client's place, and then nothing is left", async () => {
    await client(api.data, 'taken')
    expect(await api.order('/v3/tasks', { source: 'taken', target: 'x', group: 'other' })).toMatchObject({
      status: 409,
    })
    const tasks = await api.call('/v3/tasks', { identity: api.admin })
    expect(JSON.stringify(tasks.body)).not.toContain('taken')
    expect(await api.order('/v3/tasks', { source: 'taken', target: 'x' })).toMatchObject({
      status: 201,
      body: { group: 'taken' },
    })
  })
})
