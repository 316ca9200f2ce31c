/**
 * What is published of revocations: numbers, bases, lives, and answers on single certificates.
 *
 * @module
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Authority, createAuthority, isListIssuedBy, openAuthority, withDelta } from '../../certs/index.ts'
import { type Authorities, authorityId } from '../../src/authorities.ts'
import { type ClientEntry, type Clients, clientsOf } from '../../src/clients.ts'
import { schema } from '../../src/config/settings.ts'
import { issueClient } from '../../src/enrollment.ts'
import { openEphemeralStore } from '../../src/house.ts'
import { deltaLifeMs, fullLifeMs, publications, type Publisher } from '../../src/revocation.ts'
import type { Store } from '../../store/index.ts'

const start = Date.now()

let store: Store
let clients: Clients
let own: Authority
let now: number

beforeEach(async () => {
  now = start
  store = await openEphemeralStore()
  clients = clientsOf(store)
  own = openAuthority(await createAuthority({ now: new Date(start) }))
})

afterEach(() => store.close())

function publisher(authorities: Authorities = { signing: own }): Publisher {
  const found = publications({ store, authorities: () => authorities, now: () => now }).of()
  return found ?? expect.fail('no publisher')
}

async function client(name: string, days = 700, by = own): Promise<ClientEntry> {
  const office = { authority: by, clients, policy: schema.parse({}).policy }
  return (await issueClient({ name, days }, 'P-256', office, new Date(now))).entry
}

const listed = async (kind: 'full' | 'delta', from = publisher()): Promise<string[]> => [
  ...(await from.list(kind)).revoked.keys(),
]

test('a list is made when something was revoked, and only then until half of its life is over', async () => {
  const entry = await client('a')
  const first = await publisher().list('full')
  expect([first.number, first.revoked.size, isListIssuedBy(first, own.certificate)]).toEqual([1n, 0, true])
  now += deltaLifeMs / 2 - 600_000
  expect((await publisher().list('full')).der).toEqual(first.der)
  await clients.revoke([entry], 'superseded', now)
  const second = await publisher().list('full')
  expect(second.number).toBe(2n)
  expect(second.revoked.get(entry.serialNumber)).toMatchObject({ reason: 'superseded' })
  now += deltaLifeMs / 2
  const third = await publisher().list('full')
  expect(third.number).toBe(3n)
  expect(third.nextUpdate?.getTime()).toBeGreaterThan(second.nextUpdate?.getTime() ?? Infinity)
})

test('of many publishers at once each gives out the same list, and numbers only grow', async () => {
  const seen: bigint[] = []
  for (let round = 0; round < 5; round++) {
    const entry = await client(`client ${round}`)
    const lists = Promise.all(Array.from({ length: 4 }, () => publisher().list('full')))
    await Promise.all([lists, clients.revoke([entry], 'unspecified', now)])
    const after = await Promise.all(Array.from({ length: 4 }, () => publisher().list('full')))
    expect(new Set(after.map(({ pem }) => pem)).size).toBe(1)
    expect(after[0]?.revoked.has(entry.serialNumber)).toBe(true)
    seen.push(...(await lists).map(({ number = 0n }) => number).sort(), after[0]?.number ?? 0n)
  }
  expect(seen).toEqual(seen.toSorted((one, other) => Number(one - other)))
})

test('a delta and any list since its base make the newest full list', async () => {
  const entries = [await client('a'), await client('b'), await client('c')]
  const kept = [await publisher().list('full')]
  for (const entry of entries) {
    now += fullLifeMs / 3
    await clients.revoke([entry], 'keyCompromise', now)
    const [full, delta] = [await publisher().list('full'), await publisher().list('delta')]
    expect(delta.number).toBe(full.number)
    const { base = 0n } = delta
    for (const list of kept)
      if ((list.number ?? 0n) >= base)
        expect([...withDelta(list, delta).keys()].sort()).toEqual([...full.revoked.keys()].sort())
    expect(kept.some(({ number }) => number === base) || base === 0n).toBe(true)
    kept.push(full)
  }
  // The base has moved on, so what it names is no longer in the delta.
  expect((await listed('delta')).length).toBeLessThan(entries.length)
})

test('a certificate that has ended is named once more, and then no longer', async () => {
  const entry = await client('a', 1)
  await clients.revoke([entry], 'unspecified', now)
  expect(await listed('full')).toEqual([entry.serialNumber])
  now += 2 * 86_400_000
  expect(await listed('full')).toEqual([entry.serialNumber])
  now += 2 * 86_400_000
  expect(await listed('full')).toEqual([])
})

test('old entries hold free text for a reason', async () => {
  const entry = await client('a')
  const id = (await store.list('client')[Symbol.asyncIterator]().next()).value as string
  const previous = await store.get('client', id)
  const body = Buffer.from(JSON.stringify({ ...entry, revoked: { date: now, reason: 'stolen, with the rack' } }))
  await store.commit([{ table: 'client', id, previous, body, terms: ['every'] }])
  expect(await clients.list()).toMatchObject([{ revoked: { reason: 'stolen, with the rack' } }])
  const list = await publisher().list('full')
  expect(list.revoked.get(entry.serialNumber)).toEqual({
    serialNumber: entry.serialNumber,
    date: expect.any(Date) as Date,
  })
  expect(await publisher().status(entry.serialNumber)).toMatchObject({ status: 'revoked' })
})

test('each authority publishes what it has signed itself', async () => {
  const next = openAuthority(await createAuthority({ subject: { commonName: 'next' }, now: new Date(now) }))
  const authorities: Authorities = { signing: next, previous: own }
  const [old, recent] = [await client('a'), await client('b', 700, next)]
  const all = publications({ store, authorities: () => authorities, now: () => now })
  const [ofNext, ofOld] = [all.of(authorityId(next.certificate)), all.of(authorityId(own.certificate))]
  if (ofNext === undefined || ofOld === undefined) throw new Error('no publisher')
  expect(all.of('0123456789abcdef')).toBeUndefined()
  await clients.revoke([old], 'unspecified', now)
  expect([await listed('full', ofNext), await listed('full', ofOld)]).toEqual([[], [old.serialNumber]])
  expect(await ofNext.status(recent.serialNumber)).toEqual({ status: 'good' })
  expect(await ofNext.status(old.serialNumber)).toEqual({ status: 'unknown' })
  expect(await ofOld.status(old.serialNumber)).toMatchObject({ status: 'revoked', date: new Date(now) })
  // What was entered and never signed is not good.
  const planned = { ...recent, name: 'planned', serialNumber: '40aa', fingerprint: '' }
  await clients.plan(planned)
  expect(await ofNext.status('40aa')).toEqual({ status: 'unknown' })
})
