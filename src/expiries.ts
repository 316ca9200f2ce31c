/**
 * What ends, and when: certificates of authorities, server and clients, and the revocation lists of others.
 *
 * @module
 */
import type { Authorities } from './authorities.ts'
import type { ClientEntry, Clients } from './clients.ts'
import type { Log } from './log.ts'
import type { Trusts } from './trust.ts'

/** What to do about each kind. */
const remedies = {
  authority: 'make a new one: kmipd ca rollover',
  root: 'make a new one: kmipd ca rollover --root',
  previousAuthority:
    'give its clients certificates of the new one (kmipd client sign), then retire it: kmipd ca retire',
  server: 'a running server renews it by itself, if it is not your own: kmipd server-certificate renew',
  client: 'sign a new request: kmipd client sign',
  trusted: 'put its new certificate into the file under [[tls.trust]]',
  revocationList: 'put its newest list into the file under [[tls.trust]]',
} as const

/** Something that ends. */
export interface Expiry {
  readonly kind: keyof typeof remedies
  readonly name: string
  /** Milliseconds since 1970. */
  readonly notAfter: number
}

/** What is looked at. */
export interface ExpirySources {
  readonly authorities: Authorities
  /** Absent where there is none yet. */
  readonly server?: { readonly subject: { readonly text: string }; readonly notAfter: Date } | undefined
  readonly trusts: Trusts
  readonly clients: Clients
}

/** Everything that ends, the soonest first. Of a client, the certificate that lasts longest; revoked ones are over. */
export async function expiriesOf({ authorities, server, trusts, clients }: ExpirySources): Promise<Expiry[]> {
  const { signing, previous } = authorities
  const [, ...above] = signing.certificates
  const ending = (kind: Expiry['kind'], each: NonNullable<ExpirySources['server']>): Expiry => ({
    kind,
    name: each.subject.text,
    notAfter: each.notAfter.getTime(),
  })
  return [
    ending('authority', signing.certificate),
    ...above.map(each => ending('root', each)),
    ...(previous === undefined ? [] : [ending('previousAuthority', previous.certificate)]),
    ...(server === undefined ? [] : [ending('server', server)]),
    ...trusts.trust.map(({ authority }) => ending('trusted', authority)),
    ...listExpiries(trusts),
    ...clientExpiries(await clients.list()),
  ].sort((one, other) => one.notAfter - other.notAfter)
}

/** An authority's list may stand in several places. */
function listExpiries({ trust }: Trusts): Expiry[] {
  const lists = new Set(trust.flatMap(({ list = [] }) => list))
  return [...lists].flatMap(({ issuer, nextUpdate }) =>
    nextUpdate === undefined
      ? []
      : [{ kind: 'revocationList' as const, name: issuer.text, notAfter: nextUpdate.getTime() }],
  )
}

function clientExpiries(entries: readonly ClientEntry[]): Expiry[] {
  const last = new Map<string, number>()
  for (const { name, notAfter, revoked, fingerprint } of entries)
    if (revoked === undefined && fingerprint !== '') last.set(name, Math.max(notAfter, last.get(name) ?? 0))
  return [...last].map(([name, notAfter]) => ({ kind: 'client' as const, name, notAfter }))
}

const dayMs = 86_400_000

/** Days before the end at which to warn, the last first; 0 is the end itself. */
const thresholds = [0, 7, 30, 60]

/** The threshold that has been passed; undefined while there is time. */
export const thresholdOf = ({ notAfter }: Expiry, now: number): number | undefined =>
  thresholds.find(days => notAfter - now < days * dayMs)

const words: Readonly<Record<Expiry['kind'], (name: string) => string>> = {
  authority: name => `the certificate of the authority ${name}`,
  root: name => `the certificate of the root ${name}`,
  previousAuthority: name => `the certificate of the previous authority ${name}`,
  server: () => 'the server certificate',
  client: name => `the certificate of ${name}`,
  trusted: name => `the certificate of the trusted authority ${name}`,
  revocationList: name => `the revocation list of ${name}`,
}

/** `the certificate of cluster-1 ends in 6 days; sign a new request: kmipd client sign` */
export function warningOf({ kind, name, notAfter }: Expiry, now: number): string {
  const days = Math.floor((notAfter - now) / dayMs)
  const end = days < 0 ? `has ended on ${new Date(notAfter).toISOString().slice(0, 10)}` : `ends in ${days} days`
  return `${words[kind](name)} ${end}; ${remedies[kind]}`
}

/** Clients who are gone are not told of for ever. */
const longOver = -30 * dayMs

/** Those that need care: all that end within 60 days, and clients' that have ended within the last 30. */
export const urgent = (expiries: readonly Expiry[], now: number): Expiry[] =>
  expiries.filter(each => {
    if (each.kind === 'client' && each.notAfter - now < longOver) return false
    return thresholdOf(each, now) !== undefined
  })

/** Lines of one kind at a time; a fleet enrolled on one day ends on one day. */
const mostLines = 20

/** Writes a line to the log when something has passed a threshold: once for each. */
export function expiryWarner(log: Log): (expiries: readonly Expiry[], now: number) => void {
  const told = new Map<string, number>()
  return (expiries, now) => {
    const fresh = urgent(expiries, now).filter(each => {
      const key = `${each.kind} ${each.notAfter} ${each.name}`
      const threshold = thresholdOf(each, now) ?? Infinity
      if ((told.get(key) ?? Infinity) <= threshold) return false
      told.set(key, threshold)
      return true
    })
    const counts = new Map<Expiry['kind'], number>()
    for (const each of fresh) {
      const count = (counts.get(each.kind) ?? 0) + 1
      counts.set(each.kind, count)
      const isClose = (thresholdOf(each, now) ?? Infinity) <= 7
      if (count <= mostLines)
        log[isClose ? 'error' : 'warn'](
          { subject: each.name, notAfter: new Date(each.notAfter).toISOString() },
          warningOf(each, now),
        )
    }
    for (const [kind, count] of counts)
      if (count > mostLines)
        log.warn({}, `${count - mostLines} more certificates of the kind "${kind}" end soon; kmipd status names them`)
  }
}
