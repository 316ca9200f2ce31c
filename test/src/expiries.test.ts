/**
 * What ends is told of in time, and once.
 *
 * @module
 */
import { expect, test } from 'vitest'
import { createAuthority, openAuthority } from '../../certs/index.ts'
import { clientsOf } from '../../src/clients.ts'
import { schema } from '../../src/config/settings.ts'
import { issueClient } from '../../src/enrollment.ts'
import { expiriesOf, type Expiry, expiryWarner, urgent, warningOf } from '../../src/expiries.ts'
import { openEphemeralStore } from '../../src/house.ts'
import type { Log } from '../../src/log.ts'
import { trustsOf } from '../../src/trust.ts'

const dayMs = 86_400_000
const now = Date.UTC(2030, 0, 1)

function logKept(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = []
  const write = (level: string) => (_: unknown, message: string) => void lines.push(`${level} ${message}`)
  return { lines, log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') } }
}

const ending = (days: number, name = 'cluster'): Expiry => ({ kind: 'client', name, notAfter: now + days * dayMs })

test('at 60, 30 and 7 days and at the end, once each, also when a day is missed', () => {
  const { log, lines } = logKept()
  const warn = expiryWarner(log)
  const told = new Map<number, string[]>()
  for (let day = 0; day <= 70; day++) {
    for (let hour = 0; hour < 24; hour += 6) warn([ending(65)], now + day * dayMs + hour * 3_600_000)
    if (lines.length > 0) told.set(day, lines.splice(0))
  }
  expect([...told]).toEqual([
    [5, ['warn the certificate of cluster ends in 59 days; sign a new request: kmipd client sign']],
    [35, ['warn the certificate of cluster ends in 29 days; sign a new request: kmipd client sign']],
    [58, ['error the certificate of cluster ends in 6 days; sign a new request: kmipd client sign']],
    [65, ['error the certificate of cluster has ended on 2030-03-07; sign a new request: kmipd client sign']],
  ])
})

test('a fleet that ends on one day does not fill the log', () => {
  const { log, lines } = logKept()
  expiryWarner(log)(
    Array.from({ length: 500 }, (_, index) => ending(20, `node ${index}`)),
    now,
  )
  expect(lines).toHaveLength(21)
  expect(lines.at(-1)).toContain('480 more')
})

test('clients who are long gone are not told of', () => {
  expect(urgent([ending(-31), ending(-29), ending(59), ending(61)], now)).toEqual([ending(-29), ending(59)])
})

test('of everything, the soonest first; of a client the last certificate, and none that was revoked', async () => {
  const store = await openEphemeralStore()
  const at = (days: number): Date => new Date(now + days * dayMs)
  const own = openAuthority(await createAuthority({ subject: { commonName: 'own' }, days: 1000, now: at(0) }))
  const theirs = openAuthority(await createAuthority({ subject: { commonName: 'theirs' }, days: 100, now: at(0) }))
  const list = await theirs.revocationList({ number: 1n, revoked: [], thisUpdate: at(0), nextUpdate: at(50) })
  const clients = clientsOf(store)
  const office = { authority: own, clients, policy: schema.parse({}).policy }
  const issue = (name: string, days: number) => issueClient({ name, days }, 'P-256', office, at(0))
  await issue('renewed', 10)
  await issue('renewed', 400)
  const { entry } = await issue('gone', 20)
  await clients.revoke([entry], 'unspecified', now)
  const trusts = trustsOf([{ authority: theirs.certificate, list: [list] }])
  const expiries = await expiriesOf({ authorities: { signing: own }, trusts, clients })
  expect(expiries.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    'revocationList CN=theirs',
    'trusted CN=theirs',
    'client renewed',
    'authority CN=own',
  ])
  expect(expiries.map(each => warningOf(each, now))[0]).toMatch(
    /^the revocation list of CN=theirs ends in 50 days; put/,
  )
  await store.close()
})
