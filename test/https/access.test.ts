/**
 * Who is let in, and what is done about those who should not be, or who send what they should not.
 *
 * @module
 */
import { once } from 'node:events'
import { connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tokensOf } from '../../src/tokens.ts'
import { within } from '../system/server-process.ts'
import { type Api, client, request, startApi } from './server.ts'

let api: Api

beforeAll(async () => {
  api = await startApi({ KMIPD_HTTPS_FAILURES_PER_MINUTE: '100000' })
})

afterAll(() => api.end())

let count = 0
const fresh = (): string => `name-${++count}`
const dayMs = 86_400_000

describe('a token', () => {
  test('is accepted in either header, and does what its scopes say', async () => {
    const read = await api.token({ name: fresh(), scope: ['read'] })
    const enroll = await api.token({ name: fresh(), scope: ['enroll'] })
    const admin = await api.token({ name: fresh(), scope: ['admin'] })
    const bearer = { authorization: `Bearer ${read}` }
    expect(await api.call('/v1/enrollments', { headers: bearer })).toMatchObject({ status: 200 })
    const rows: readonly (readonly [token: string, method: string, path: string, status: number])[] = [
      [read, 'GET', '/v1/enrollments', 200],
      [read, 'GET', '/metrics', 200],
      [read, 'POST', '/v1/enrollments', 403],
      [read, 'POST', '/v1/enrollments/x/approve', 403],
      [read, 'GET', '/v3/tasks/x/certkey', 403],
      [read, 'POST', '/v3/tasks', 403],
      [enroll, 'GET', '/v1/server', 200],
      [enroll, 'GET', '/v1/enrollments', 403],
      [enroll, 'GET', '/metrics', 403],
      [enroll, 'POST', '/v1/enrollments/x/approve', 403],
      [enroll, 'POST', '/v1/enrollments/x/reject', 403],
      [enroll, 'POST', '/v1/enrollments/x/revoke', 403],
      [enroll, 'POST', '/v3/tasks', 403],
      [admin, 'GET', '/v1/enrollments', 200],
      [admin, 'POST', '/v1/enrollments/x/approve', 404],
      [admin, 'GET', '/v3/tasks/x/certkey', 404],
    ]
    for (const [token, method, path, status] of rows)
      expect([path, (await api.call(path, { method, token })).status]).toEqual([path, status])
  })

  test('is refused when it is unknown, expired or revoked, and nothing is done', async () => {
    const { csr } = await request(fresh())
    const expired = await api.token({ name: fresh(), scope: ['enroll'], once: true }, Date.now() - 8 * dayMs)
    const name = fresh()
    const revoked = await api.token({ name, scope: ['enroll'], once: true })
    await within(api.data, ({ store }) => tokensOf(store).revoke(name, Date.now()))
    const rows = [
      [expired, /expired on \d{4}-\d\d-\d\d/],
      [revoked, /was revoked on/],
      [`kmipd_${'A'.repeat(43)}`, /no such token/],
      ['', /no such token/],
      ['x'.repeat(4000), /no such token/],
    ] as const
    for (const [token, words] of rows)
      expect(await api.call('/v1/enrollments', { body: { request: csr }, token })).toMatchObject({
        status: 401,
        headers: { 'www-authenticate': 'Bearer realm="kmipd"' },
        body: { error_code: 'unauthorized', error_msg: expect.stringMatching(words) as string },
      })
    expect(await api.call('/v1/enrollments', { headers: { authorization: 'Basic YTpi' } })).toMatchObject({
      status: 401,
    })
    expect(await within(api.data, async ({ clients }) => (await clients.list()).map(each => each.name))).toEqual([
      'ops',
    ])
  })

  test('is kept as a hash, and stands in no log', async () => {
    const token = await api.token({ name: fresh(), scope: ['read'] })
    await api.call('/v1/enrollments', { token })
    await api.call('/v1/enrollments', { token: `${token}x` })
    const kept = await within(api.data, async ({ store }) => JSON.stringify(await tokensOf(store).list()))
    expect(kept).not.toContain(token.slice(6, 30))
    expect(JSON.stringify(api.log())).not.toContain(token.slice(6, 30))
  })
})

describe('a client certificate', () => {
  test('of a client opens what any client may see, and no more', async () => {
    const identity = await client(api.data, fresh())
    expect(await api.call('/v1/server', { identity })).toMatchObject({ status: 200 })
    expect(await api.call('/v1/enrollments', { identity })).toMatchObject({
      status: 403,
      body: {
        error_code: 'SMS.9004',
        error_msg: expect.stringContaining('You do not have permission to perform action') as string,
        encoded_authorization_message: expect.any(String) as string,
        error_param: ['kmipd:enrollments:listEnrollments', 'server *'],
        details: [{ error_code: 'SMS.9004', error_msg: expect.stringContaining('wanted read') as string }],
      },
    })
  })

  test('of an administrator is refused from the moment that it is revoked', async () => {
    const other = await startApi()
    expect(await other.call('/v1/enrollments', { identity: other.admin })).toMatchObject({ status: 200 })
    await within(other.data, async ({ clients }) => clients.revoke(await clients.list(), 'keyCompromise', Date.now()))
    expect(await other.call('/v1/enrollments', { identity: other.admin })).toMatchObject({
      status: 401,
      body: { error_msg: expect.stringContaining('was revoked') as string },
    })
    await other.end()
  })

  test('that nobody knows is refused, but not with a token, nor where anybody may ask', async () => {
    const stranger = await startApi()
    const identity = stranger.admin
    await stranger.end()
    expect(await api.call('/v1/enrollments', { identity })).toMatchObject({ status: 401 })
    expect(await api.call('/healthz', { identity })).toMatchObject({ status: 200 })
    const token = await api.token({ name: fresh(), scope: ['read'] })
    expect(await api.call('/v1/enrollments', { identity, token })).toMatchObject({ status: 200 })
  })

  test('is not obeyed on behalf of a page', async () => {
    const options = { method: 'POST', identity: api.admin, headers: { origin: 'https://evil.example' } }
    expect(await api.call('/v1/enrollments/x/approve', options)).toMatchObject({ status: 403 })
    const own = { ...options, headers: { origin: `https://127.0.0.1:${api.port}` } }
    expect(await api.call('/v1/enrollments/x/approve', own)).toMatchObject({ status: 404 })
    const image = { identity: api.admin, headers: { 'sec-fetch-site': 'cross-site' } }
    expect(await api.call('/v3/tasks/x/certkey', image)).toMatchObject({ status: 403 })
  })
})

describe('TLS', () => {
  const versionOf = (maxVersion: SecureVersion): Promise<string | null> =>
    new Promise((resolve, reject) => {
      const ciphers = 'DEFAULT:@SECLEVEL=0'
      const socket = connectTls({ port: api.port, ca: api.ca, minVersion: 'TLSv1', maxVersion, ciphers }, () => {
        resolve(socket.getProtocol())
        socket.destroy()
      })
      socket.on('error', reject)
    })

  test('is 1.2 or 1.3', async () => {
    expect(await versionOf('TLSv1.3')).toBe('TLSv1.3')
    expect(await versionOf('TLSv1.2')).toBe('TLSv1.2')
    await expect(versionOf('TLSv1.1')).rejects.toThrow(/protocol version/)
  })
})

describe('bad requests', () => {
  const told = { error_code: expect.any(String) as string, error_msg: expect.any(String) as string }

  test('are told what was found and wanted, and nothing of the inside', async () => {
    const identity = api.admin
    const rows: readonly (readonly [path: string, options: object, status: number])[] = [
      ['/v1/enrollments', { body: '{"request":' }, 400],
      ['/v1/enrollments', { body: '[]' }, 400],
      ['/v1/enrollments', { body: 'null' }, 400],
      ['/v1/enrollments', { body: '' }, 400],
      ['/v1/enrollments', { body: { request: 'x', extra: 1 } }, 400],
      ['/v1/enrollments', { body: { request: 'x' } }, 400],
      ['/v1/enrollments', { body: '{"request":"x","__proto__":{"name":"y"}}' }, 400],
      ['/v1/enrollments', { body: { request: 'x', name: '../a', days: 1.5 } }, 400],
      ['/v1/enrollments?limit=0', {}, 400],
      ['/v1/enrollments?limit=x', {}, 400],
      ['/v1/enrollments?state=open', {}, 400],
      ['/v1/enrollments?other=1', {}, 400],
      ['/v1/enrollments/x', {}, 404],
      [`/v1/enrollments/${'x'.repeat(200)}`, {}, 400],
      ['/v1/enrollments/%00', {}, 404],
      ['/v1/enrollments/%zz', {}, 400],
      ['/nothing', {}, 404],
      ['/v1/enrollments/', {}, 400],
      ['/v1/enrollments', { method: 'DELETE' }, 405],
      ['/v1/enrollments', { method: 'PROPFIND' }, 405],
      ['/healthz', { method: 'POST' }, 405],
      ['/v1/enrollments', { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415],
      ['/v1/enrollments', { body: '<a/>', headers: { 'content-type': 'text/xml' } }, 415],
      ['/v1/ocsp', { body: '{}' }, 415],
      ['/v3/tasks', { body: { source: 'a' } }, 400],
      ['/v3/tasks', { body: { source: '!', target: 'b' } }, 400],
      ['/v3/tasks/x/certkey?enable_ca_cert=maybe', {}, 400],
    ]
    for (const [path, options, status] of rows) {
      const answer = await api.call(path, { identity, ...options })
      expect([path, answer.status, answer.body]).toEqual([path, status, told])
      expect(answer.text).not.toMatch(/node_modules|\.ts:|\.js:|at async/)
    }
  })

  test('of 10 MB are refused, and not kept', async () => {
    const body = JSON.stringify({ request: 'A'.repeat(10_000_000) })
    const identity = api.admin
    const tooLong = { status: 413, body: { error_msg: 'the body is too long; wanted at most 65536 bytes' } }
    expect(await api.call('/v1/enrollments', { identity, body })).toMatchObject(tooLong)
    const chunked = { 'transfer-encoding': 'chunked' }
    expect(await api.call('/v1/enrollments', { identity, body, headers: chunked })).toMatchObject(tooLong)
    expect(await api.call('/v1/enrollments', { body })).toMatchObject({ status: 401 })
    expect(await api.call('/nothing', { body })).toMatchObject({ status: 413 })
    const resident = /process_resident_memory_bytes (\d+)/.exec((await api.call('/metrics', { identity })).text)?.[1]
    expect(Number(resident)).toBeLessThan(300_000_000)
  })

  test('of long headers are refused', async () => {
    const headers = { 'x-long': 'x'.repeat(20_000) }
    expect((await api.call('/healthz', { headers })).status).toBe(431)
  })

  test('of any bytes enroll nobody', async () => {
    const identity = api.admin
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async bytes => {
        const base64 = Buffer.from(bytes).toString('base64')
        const answers = [
          await api.call('/v1/enrollments', { identity, body: { request: base64, name: 'fuzz' } }),
          await api.call('/v1/enrollments', { identity, body: bytes }),
        ]
        for (const answer of answers) expect([answer.status, answer.body]).toEqual([400, told])
      }),
      { numRuns: 100 },
    )
  })

  test('that were requests before a byte was changed enroll nobody', async () => {
    const { csr } = await request('mutant')
    const der = Buffer.from(csr.replace(/-----.*-----|\s/g, ''), 'base64')
    const identity = api.admin
    await fc.assert(
      fc.asyncProperty(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), async (place, change) => {
        const mutant = Buffer.from(der)
        mutant[place] = (mutant[place] ?? 0) ^ change
        const answer = await api.call('/v1/enrollments', { identity, body: { request: mutant.toString('base64') } })
        expect([place, answer.status, answer.body]).toEqual([place, 400, told])
      }),
      { numRuns: 150 },
    )
    expect(await within(api.data, async ({ clients }) => (await clients.find('mutant')).length)).toBe(0)
  })
})

describe('answers', () => {
  test('are not kept, sniffed, framed or run', async () => {
    for (const path of ['/healthz', '/nothing', '/v1/server'])
      expect((await api.call(path)).headers).toMatchObject({
        'cache-control': 'no-store',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'x-request-id': expect.any(String) as string,
      })
  })

  test('to HEAD have no body', async () => {
    expect(await api.call('/healthz', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
  })
})

describe('limits', () => {
  test('hold of certificates that are refused, whose log is short', async () => {
    const limited = await startApi({ KMIPD_HTTPS_FAILURES_PER_MINUTE: '2' })
    const { admin: identity } = api
    const statuses: number[] = []
    for (let each = 0; each < 30; each++) statuses.push((await limited.call('/v1/enrollments', { identity })).status)
    // One more every half minute.
    expect(statuses).toEqual([...Array.from({ length: 2 }, () => 401), ...Array.from({ length: 28 }, () => 429)])
    expect(limited.log().filter(({ msg }) => String(msg).startsWith('https request'))).toHaveLength(3)
    expect(await limited.call('/v1/enrollments', { identity: limited.admin })).toMatchObject({ status: 200 })
    await limited.end()
  })

  // Node.js would wait for a minute.
  test('let nobody hold places who has nothing to show', { timeout: 50_000 }, async () => {
    const limited = await startApi({ KMIPD_LIMITS_MAX_CONNECTIONS: '6', KMIPD_LIMITS_MESSAGE_MS: '1000' })
    const { port, ca, admin } = limited
    const open = (text: string, identity = {}) =>
      new Promise<TLSSocket>((resolve, reject) => {
        const socket = connectTls({ host: '127.0.0.1', port, ca, ...identity }, () =>
          socket.write(text, () => resolve(socket)),
        )
        socket.on('error', reject).resume()
      })
    const known = await open('GET /v1/server HTTP/1.1\r\nhost: x\r\n\r\n', admin)
    await once(known, 'data')
    const half = await open('GET /healthz HTTP/1.1\r\nhost: x\r\n')
    await once(half, 'close')

    const holders = async (text: string): Promise<TLSSocket[]> => {
      const sockets: TLSSocket[] = []
      for (let each = 0; each < 12; each++) sockets.push(await open(text))
      return sockets
    }
    for (const text of ['', 'GET /healthz HTTP/1.1\r\nhost: x\r\n', 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n']) {
      const sockets = await holders(text)
      expect(await limited.call('/v1/server', { identity: admin })).toMatchObject({ status: 200 })
      expect(known.destroyed).toBe(false)
      for (const socket of sockets) socket.destroy()
    }
    known.write('GET /v1/server HTTP/1.1\r\nhost: x\r\n\r\n')
    expect(String(await once(known, 'data'))).toMatch(/^HTTP\/1.1 200/)
    known.destroy()
    const full = limited.log().filter(({ msg }) => String(msg).startsWith('all connections are taken'))
    expect(full).toHaveLength(1)
    await limited.end()
  })

  test('hold of one address what says not who it is, and guesses tokens', async () => {
    const limited = await startApi({ KMIPD_HTTPS_ANONYMOUS_PER_MINUTE: '10', KMIPD_HTTPS_FAILURES_PER_MINUTE: '5' })
    const token = await limited.token({ name: 'good', scope: ['read'] })
    const statuses = async (count: number, path: string, options = {}): Promise<number[]> => {
      const found: number[] = []
      for (let each = 0; each < count; each++) found.push((await limited.call(path, options)).status)
      return found
    }
    expect(await statuses(30, '/v1/enrollments', { token })).not.toContain(429)
    const guesses = await statuses(8, '/v1/enrollments', { token: `kmipd_${'B'.repeat(43)}` })
    expect(guesses).toEqual([401, 401, 401, 401, 401, 429, 429, 429])
    expect(await limited.call('/v1/enrollments', { token: 'none' })).toMatchObject({ headers: { 'retry-after': '60' } })
    expect(await limited.call('/v1/enrollments', { token })).toMatchObject({ status: 200 })
    const asked = await statuses(25, '/healthz')
    expect(asked.slice(0, 10)).not.toContain(429)
    expect(asked.slice(-3)).toEqual([429, 429, 429])
    expect(await limited.call('/v1/server', { identity: limited.admin })).toMatchObject({ status: 200 })
    await limited.end()
  })
})
