/**
 * What is left when the server dies in the middle: nothing that was signed and not recorded, and everything goes on at the
 * next attempt.
 *
 * @module
 */
import { describe, expect, test } from 'vitest'
import { type Authority, createAuthority, openAuthority } from '../../certs/index.ts'
import { shell } from '../../src/caller.ts'
import { type Clients, clientsOf } from '../../src/clients.ts'
import type { Office } from '../../src/enrollment.ts'
import { enrollmentsOf } from '../../src/enrollments.ts'
import { openEphemeralStore } from '../../src/house.ts'
import { tasksOf } from '../../src/tasks.ts'
import { tokensOf } from '../../src/tokens.ts'
import { within } from '../system/server-process.ts'
import { request, startApi } from './server.ts'

/** An authority that dies before it has signed, or after, as often as is said. */
function mortal(authority: Authority, plan: { deaths: number; isAfter: boolean }): Authority {
  return {
    ...authority,
    async sign(planned) {
      const certificate = plan.isAfter ? await authority.sign(planned) : undefined
      if (plan.deaths-- > 0) throw new Error('died')
      return certificate ?? authority.sign(planned)
    },
  }
}

async function house(plan: { deaths: number; isAfter: boolean }) {
  const store = await openEphemeralStore()
  const clients: Clients = clientsOf(store)
  const authority = mortal(openAuthority(await createAuthority({ now: new Date() })), plan)
  const office = (): Office => ({
    authority,
    clients,
    policy: { clientName: 'commonName', requiredSubject: [], forbiddenSubject: [] },
  })
  const tokens = tokensOf(store)
  return { store, clients, tokens, enrollments: () => enrollmentsOf({ store, tokens, office }), office }
}

describe.each([false, true])('a death in the middle of an approval, after signing: %s', isAfter => {
  test('leaves an enrollment that the next attempt ends, and a plan that is revoked', async () => {
    const { clients, enrollments, tokens } = await house({ deaths: 2, isAfter })
    const { csr } = await request('a')
    const { token } = await tokens.create({ name: 'portal', scope: ['enroll'] }, Date.now())
    const found = await tokens.get(token.id)
    if (found === undefined) throw new Error('no token')
    const caller = { id: `token ${token.id}`, words: 'token portal', scope: token.scope, token: found }
    const { id } = (await enrollments().submit({ request: csr }, caller)).enrollment
    await expect(enrollments().approve(id, {}, shell)).rejects.toThrow('died')
    expect(await enrollments().get(id, shell)).toMatchObject({ state: 'approved' })
    await expect(enrollments().approve(id, {}, shell)).rejects.toThrow('died')
    const { state, entry, enrollment } = await enrollments().approve(id, {}, shell)
    expect([state, entry?.name, enrollment.certificate]).toEqual(['issued', 'a', expect.stringContaining('BEGIN')])

    const register = await clients.list()
    expect(register.map(({ fingerprint, revoked }) => [fingerprint !== '', revoked?.reason])).toEqual([
      [false, 'superseded'],
      [false, 'superseded'],
      [true, undefined],
    ])
    expect(register[2]?.serialNumber).toBe(entry?.serialNumber)
  })

  test('leaves a one-time token that ends what it began, and nothing else', async () => {
    const { clients, enrollments, tokens } = await house({ deaths: 1, isAfter })
    const { token } = await tokens.create({ name: 'once', scope: ['enroll'], once: true }, Date.now())
    const caller = async () => {
      const found = await tokens.get(token.id)
      if (found === undefined) throw new Error('no token')
      return { id: `token ${token.id}`, words: 'token once', scope: token.scope, token: found }
    }
    const { csr } = await request('a')
    await expect(enrollments().submit({ request: csr }, await caller())).rejects.toThrow('died')
    const other = await request('b')
    await expect(enrollments().submit({ request: other.csr }, await caller())).rejects.toThrow('has been used')
    expect(await enrollments().submit({ request: csr }, await caller())).toMatchObject({ state: 'issued' })
    expect((await clients.list()).filter(({ fingerprint }) => fingerprint !== '')).toHaveLength(1)
  })
})

describe('a death in the middle of a task', () => {
  test('leaves one that ends when it is fetched, with keys that fit', async () => {
    const { store, clients, office, tokens } = await house({ deaths: 1, isAfter: true })
    const tasks = tasksOf({ store, tokens, office })
    await expect(tasks.create({ source: 's', target: 't' }, shell)).rejects.toThrow('died')
    const [task] = await tasks.list()
    const { keys, task: ended } = await tasksOf({ store, tokens, office }).release(task?.id ?? '', shell)
    expect(Object.keys(keys ?? {})).toEqual(['source', 'targetManagement', 'targetData'])
    expect(Object.keys(ended.certificates)).toEqual(['source', 'targetManagement', 'targetData'])
    expect((await tasks.release(ended.id, shell)).keys).toBeUndefined()
    expect((await clients.list()).filter(({ fingerprint }) => fingerprint !== '')).toHaveLength(3)
  })
})

describe('kill -9 among approvals', () => {
  test('loses no decision, and signs for each request once', async () => {
    let api = await startApi()
    const requests = await Promise.all(Array.from({ length: 24 }, (_, index) => request(`node-${index}`)))
    const token = await api.token({ name: 'portal', scope: ['enroll'] })
    const ids = await Promise.all(
      requests.map(async ({ csr }) => (await api.call('/v1/enrollments', { body: { request: csr }, token })).body.id),
    )
    const acknowledged = new Map<string, string>()
    const approve = (id: string): Promise<void> =>
      api.order(`/v1/enrollments/${id}/approve`).then(
        ({ status, body }) => {
          if (status === 200) acknowledged.set(id, body.serialNumber)
        },
        () => undefined,
      )
    for (const killMs of [5, 15, 40]) {
      const before = api
      const approvals = ids.map(approve)
      await new Promise(resolve => setTimeout(resolve, killMs))
      api = await before.restart('SIGKILL')
      await Promise.all(approvals)
      for (const [id, serialNumber] of acknowledged) {
        const { body } = await api.call(`/v1/enrollments/${id}`, { identity: api.admin })
        expect(body).toMatchObject({ state: 'issued', serialNumber })
      }
    }
    await Promise.all(ids.map(approve))
    expect(acknowledged.size).toBe(ids.length)
    const register = await within(api.data, async ({ clients }) => clients.list())
    const good = register.filter(({ fingerprint, revoked }) => fingerprint !== '' && revoked === undefined)
    expect(good.map(({ name }) => name).sort()).toEqual(['ops', ...requests.map((_, index) => `node-${index}`)].sort())
    await api.end()
  })
})
