/**
 * Enrollment over HTTPS: who may have what, once, however often and by however many it is asked for.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readCertificate } from '../../certs/index.ts'
import { connect } from '../../src/index.ts'
import { within } from '../system/server-process.ts'
import { type Answer, type Api, client, request, startApi } from './server.ts'

let api: Api

beforeAll(async () => {
  api = await startApi()
})

afterAll(() => api.end())

let count = 0
const fresh = (words = 'client'): string => `${words}-${++count}`

const submit = (body: object, token: string): Promise<Answer> => api.call('/v1/enrollments', { body, token })

const once = (client?: string, group?: string): Promise<string> =>
  api.token({ name: fresh('token'), scope: ['enroll'], once: true, client, group })

const certificates = (name: string) =>
  within(api.data, async ({ clients }) => (await clients.list()).filter(entry => entry.name === name))

describe('a request', () => {
  test('waits with a token, and is answered once an administrator approves', async () => {
    const token = await api.token({ name: fresh('token'), scope: ['enroll'] })
    const name = fresh()
    const { csr, key } = await request(name)
    const waiting = await submit({ request: csr }, token)
    expect(waiting).toMatchObject({ status: 202, body: { state: 'pending', name } })
    const { id } = waiting.body
    expect(waiting.headers['location']).toBe(`/v1/enrollments/${id}`)
    expect(await api.call(`/v1/enrollments/${id}/certificate`, { token })).toMatchObject({ status: 409 })

    const approved = await api.order(`/v1/enrollments/${id}/approve`, { days: 100 })
    expect(approved).toMatchObject({ status: 200, body: { state: 'issued', decided: { by: 'client ops' } } })
    const fetched = await api.call(`/v1/enrollments/${id}`, { token })
    expect(fetched.body).toEqual(approved.body)
    const certificate = await api.call(`/v1/enrollments/${id}/certificate`, { token })
    expect(certificate.headers['content-type']).toBe('application/x-pem-file')
    expect(certificate.text).toBe(fetched.body.certificate)
    const days = (readCertificate(certificate.text).notAfter.getTime() - Date.now()) / 86_400_000
    expect(Math.round(days)).toBe(100)

    const kmip = await connect({ host: '127.0.0.1', port: api.kmipPort, ca: api.ca, cert: certificate.text, key })
    await kmip.close()
    expect(await api.order(`/v1/enrollments/${id}/approve`)).toMatchObject({ body: approved.body })
    expect(await certificates(name)).toHaveLength(1)
  })

  test('is the same enrollment when it comes again, also at the same moment', async () => {
    const token = await api.token({ name: fresh('token'), scope: ['enroll'] })
    const { csr } = await request(fresh())
    const answers = await Promise.all(Array.from({ length: 20 }, () => submit({ request: csr }, token)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    expect(await submit({ request: csr, name: fresh() }, token)).toMatchObject({
      status: 409,
      body: { error_msg: expect.stringContaining('has been submitted for') as string },
    })
  })

  test('that waits is approved by a one-time token', async () => {
    const name = fresh()
    const { csr } = await request(name)
    const waiting = await submit({ request: csr }, await api.token({ name: fresh('token'), scope: ['enroll'] }))
    const issued = await submit({ request: csr }, await once())
    expect(issued).toMatchObject({ status: 200, body: { state: 'issued', id: waiting.body.id } })
  })

  test('of an administrator is answered at once', async () => {
    const { csr } = await request('')
    const answer = await api.order('/v1/enrollments', { request: csr, name: fresh(), group: 'shared', days: 10 })
    expect(answer).toMatchObject({ status: 201, body: { state: 'issued', group: 'shared', days: 10 } })
  })

  test('is rejected with a reason, and may be approved after all', async () => {
    const token = await api.token({ name: fresh('token'), scope: ['enroll'] })
    const { csr } = await request(fresh())
    const { id } = (await submit({ request: csr }, token)).body
    expect(await api.order(`/v1/enrollments/${id}/reject`, { reason: 'who are you?' })).toMatchObject({
      body: { state: 'rejected', note: 'who are you?' },
    })
    expect(await submit({ request: csr }, token)).toMatchObject({ status: 200, body: { state: 'rejected' } })
    expect(await api.order(`/v1/enrollments/${id}/approve`)).toMatchObject({ body: { state: 'issued' } })
    expect(await api.order(`/v1/enrollments/${id}/reject`)).toMatchObject({ status: 409 })
  })

  test('is listed by state, page by page, newest first', async () => {
    const token = await api.token({ name: fresh('token'), scope: ['enroll'] })
    const reader = await api.token({ name: fresh('token'), scope: ['read'] })
    for (let each = 0; each < 5; each++) await submit({ request: (await request(fresh())).csr }, token)
    const seen: string[] = []
    for (let next: string | undefined = ''; next !== undefined;) {
      const { body } = await api.call(`/v1/enrollments?state=pending&limit=2${next === '' ? '' : `&after=${next}`}`, {
        token: reader,
      })
      const page = body['enrollments'] as { id: string; state: string }[]
      expect(page.every(({ state }) => state === 'pending')).toBe(true)
      seen.push(...page.map(({ id }) => id))
      next = body['next'] as string | undefined
    }
    expect(seen.length).toBeGreaterThanOrEqual(5)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toEqual([...seen].sort().reverse())
  })
})

describe('a one-time token', () => {
  test('enrolls once, of many attempts at the same moment', async () => {
    const token = await once()
    const requests = await Promise.all(Array.from({ length: 12 }, () => request(fresh('racer'))))
    const answers = await Promise.all(requests.map(({ csr }) => submit({ request: csr }, token)))
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses).toEqual([201, ...Array.from({ length: 11 }, () => 403)])
    const issued = await within(api.data, async ({ clients }) =>
      (await clients.list()).filter(({ name }) => name.startsWith('racer')),
    )
    expect(issued).toHaveLength(1)
    const { id } = answers.find(({ status }) => status === 201)?.body ?? { id: '' }
    expect(await api.call(`/v1/enrollments/${id}`, { token })).toMatchObject({ body: { state: 'issued' } })
    expect(await api.call(`/v1/enrollments/${id}/renew`, { method: 'POST', token })).toMatchObject({ status: 403 })
  })

  test('gives one certificate for one request, however often it is sent', async () => {
    const token = await once()
    const name = fresh()
    const { csr } = await request(name)
    const answers = await Promise.all(Array.from({ length: 12 }, () => submit({ request: csr }, token)))
    expect(new Set(answers.map(({ body }) => body.certificate)).size).toBe(1)
    expect(await certificates(name)).toHaveLength(1)
  })

  test('is for the client that it was made for', async () => {
    const name = fresh()
    const token = await once(name)
    const { csr } = await request('somebody-else')
    const refused = { status: 403, body: { error_code: 'SMS.9004', details: [expect.anything()] } }
    expect(await submit({ request: csr }, token)).toMatchObject(refused)
    expect(await submit({ request: csr, name }, token)).toMatchObject(refused)
    expect(await submit({ request: (await request('')).csr, name: 'somebody-else' }, token)).toMatchObject(refused)
    expect(await submit({ request: (await request('')).csr }, token)).toMatchObject({ status: 201, body: { name } })
    expect(await certificates('somebody-else')).toEqual([])
  })

  test('adds to a client that is there, if it was made for that', async () => {
    const name = fresh()
    await client(api.data, name)
    const answer = await submit({ request: (await request(name)).csr }, await once(name))
    expect(answer).toMatchObject({ status: 201, body: { name, group: name } })
    expect(await certificates(name)).toHaveLength(2)
  })

  test('gets into the group that it was made for, and no other', async () => {
    const owner = fresh()
    await client(api.data, owner)
    const joined = await submit({ request: (await request(fresh())).csr }, await once(undefined, owner))
    expect(joined).toMatchObject({ status: 201, body: { group: owner } })
    const other = await submit({ request: (await request(fresh())).csr, group: 'other' }, await once(undefined, owner))
    expect(other.status).toBe(403)
    const impostor = await submit({ request: (await request(owner)).csr }, await once(undefined, owner))
    expect(impostor).toMatchObject({
      status: 202,
      body: { note: expect.stringContaining(`there is a client ${owner} already`) as string },
    })
  })

  test('is used up, too, by a request that an administrator has to decide on', async () => {
    const name = fresh()
    await client(api.data, name)
    const token = await once()
    expect((await submit({ request: (await request(name)).csr }, token)).status).toBe(202)
    expect((await submit({ request: (await request(name)).csr }, token)).status).toBe(403)
    expect((await submit({ request: (await request(fresh())).csr }, token)).status).toBe(403)
  })
})

describe("somebody else's place", () => {
  const waits = async (body: (name: string) => Promise<object>): Promise<Answer> => {
    const name = fresh('owner')
    await client(api.data, name)
    const answer = await submit(await body(name), await once())
    expect(answer).toMatchObject({
      status: 202,
      body: { state: 'pending', note: expect.stringContaining('an administrator decides') as string },
    })
    expect(await certificates(name)).toHaveLength(1)
    return answer
  }

  test('is not got by its name', async () => {
    const { body } = await waits(async name => ({ request: (await request(name)).csr }))
    expect(await api.order(`/v1/enrollments/${body.id}/approve`)).toMatchObject({ body: { state: 'issued' } })
  })

  test('is not got by its group', async () => {
    await waits(async name => ({ request: (await request('')).csr, name: fresh(), group: name }))
  })

  test('is not got by the common name of a request that says another name', async () => {
    await waits(async name => ({ request: (await request(name)).csr, name: fresh() }))
  })

  test('is not got by two at the same moment who choose the same new name', async () => {
    const name = fresh('rivals')
    const tokens = await Promise.all(Array.from({ length: 6 }, () => once()))
    const answers = await Promise.all(tokens.map(async token => submit({ request: (await request(name)).csr }, token)))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 202, 202, 202, 202, 202])
    expect(await certificates(name)).toHaveLength(1)
  })

  test('is not seen with another token', async () => {
    const token = await api.token({ name: fresh('token'), scope: ['enroll'] })
    const other = await api.token({ name: fresh('token'), scope: ['enroll'] })
    const { id } = (await submit({ request: (await request(fresh())).csr }, token)).body
    expect(await api.call(`/v1/enrollments/${id}`, { token: other })).toMatchObject({ status: 404 })
    expect(await api.call(`/v1/enrollments/${id}/renew`, { method: 'POST', token: other })).toMatchObject({
      status: 404,
    })
  })
})

describe('a certificate', () => {
  test('is renewed for the same key by its owner, revoked, and renewed by an administrator alone', async () => {
    const token = await api.token({ name: fresh('token'), scope: ['enroll'] })
    const name = fresh()
    const { csr, key } = await request(name)
    const { id } = (await submit({ request: csr }, token)).body
    const first = (await api.order(`/v1/enrollments/${id}/approve`)).body
    const identity = { cert: first.certificate, key }
    const renew = `/v1/enrollments/${id}/renew`
    const second = await api.call(renew, { method: 'POST', identity })
    expect(second.status).toBe(200)
    expect(second.body.serialNumber).not.toBe(first.serialNumber)
    const third = await api.call(renew, { method: 'POST', token })
    const keys = [first, second.body, third.body].map(({ certificate }) => readCertificate(certificate).publicKey)
    expect(new Set(keys.map(({ fingerprint }) => fingerprint)).size).toBe(1)
    expect((await certificates(name)).map(({ group }) => group)).toEqual([name, name, name])

    const revoked = await api.order(`/v1/enrollments/${id}/revoke`, { reason: 'superseded' })
    expect(revoked).toMatchObject({ status: 200, body: { state: 'revoked', revoked: { reason: 'superseded' } } })
    expect(await api.call('/v1/server', { identity })).toMatchObject({ status: 401 })
    expect(await api.call(renew, { method: 'POST', token })).toMatchObject({ status: 403 })
    expect(await api.order(renew)).toMatchObject({ status: 200, body: { state: 'issued' } })
    expect((await certificates(name)).map(entry => entry.revoked !== undefined)).toEqual([true, true, true, false])
  })

  test('of a compromised key is not renewed', async () => {
    const { csr } = await request(fresh())
    const { id } = (await api.order('/v1/enrollments', { request: csr })).body
    await api.order(`/v1/enrollments/${id}/revoke`, { reason: 'keyCompromise' })
    expect(await api.order(`/v1/enrollments/${id}/renew`)).toMatchObject({
      status: 409,
      body: { error_msg: expect.stringContaining('new key') as string },
    })
  })
})
