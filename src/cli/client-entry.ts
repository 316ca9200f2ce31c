/**
 * A client's certificate as commands show it: its state, as text and as JSON.
 *
 * @module
 */
import type { Claims, ClientEntry } from '../clients.ts'
import { dayOf, daysUntil, fewDays, printable, type Screen, until } from './screen.ts'

export type ClientState = 'valid' | 'notYetValid' | 'expired' | 'revoked' | 'planned'

/** How an entry stands; `planned`: entered, but its certificate was never seen. */
export function stateOf({ revoked, fingerprint, notBefore, notAfter }: ClientEntry, now = Date.now()): ClientState {
  if (revoked !== undefined) return 'revoked'
  if (fingerprint === '') return 'planned'
  if (now > notAfter) return 'expired'
  return now < notBefore ? 'notYetValid' : 'valid'
}

export function stateInColour(entry: ClientEntry, { colours }: Screen): string {
  const state = stateOf(entry)
  return state === 'valid' ? colours.green(state) : colours.red(state)
}

export const entryJson = (entry: ClientEntry) => ({
  name: entry.name,
  group: entry.group,
  state: stateOf(entry),
  serialNumber: entry.serialNumber,
  fingerprint: entry.fingerprint,
  subject: entry.subject,
  issuer: entry.issuer,
  publicKey: entry.publicKey,
  notBefore: new Date(entry.notBefore).toISOString(),
  notAfter: new Date(entry.notAfter).toISOString(),
  daysLeft: daysUntil(entry.notAfter),
  ...(entry.administrator === true ? { administrator: true } : {}),
  ...(entry.revoked === undefined
    ? {}
    : { revoked: { date: new Date(entry.revoked.date).toISOString(), reason: entry.revoked.reason } }),
})

export const entryPairs = (entry: ClientEntry, screen: Screen): (readonly [string, string | undefined])[] => [
  ['Client', printable(entry.name)],
  ['Group', printable(entry.group)],
  ['Administrator', entry.administrator === true ? 'yes: may call the HTTPS API' : undefined],
  ['State', stateInColour(entry, screen)],
  ['Revoked', entry.revoked && `${dayOf(entry.revoked.date)}: ${printable(entry.revoked.reason)}`],
  ['Serial number', entry.serialNumber],
  ['SHA-256', entry.fingerprint],
  ['Subject', printable(entry.subject)],
  ['Issuer', printable(entry.issuer)],
  ['Public key', entry.publicKey],
  ['Valid', `${dayOf(entry.notBefore)} to ${until(entry.notAfter, screen.colours)}`],
]

/** A certificate that is about to end is of little use to whoever has to replace it on a cluster. */
export function warnOfDays({ name, notAfter }: ClientEntry, screen: Screen): void {
  const days = daysUntil(notAfter)
  if (days < fewDays)
    screen.note(
      screen.colours.yellow(
        `warning: the certificate of ${printable(name)} is valid for ${days} days only; a cluster reports a fault below ${fewDays}. Sign again with more --days, or renew the authority if it ends then.`,
      ),
    )
}

/** A group that is joined by mistake gives its keys away. */
export function noteJoined({ name, group }: ClientEntry, joined: Claims, screen: Screen): void {
  const { clients, authorities, hasObjects } = joined
  const whose = [
    ...clients.slice(0, mostNamed).map(each => printable(each)),
    ...(clients.length > mostNamed ? [`${clients.length - mostNamed} other clients`] : []),
    ...authorities.map(each => `the clients of the authority ${printable(each)}`),
  ]
  const others = whose.length === 0 ? '' : ` of ${whose.join(', ')}`
  const objects = hasObjects ? 'and its objects, which are there already' : 'which has no objects yet'
  screen.note(`note: ${printable(name)} joins the group ${printable(group)}${others}, ${objects}.`)
}

/** So that a note stays one. */
const mostNamed = 5

export const counted = (count: number): string => (count === 1 ? '1 certificate' : `${count} certificates`)
