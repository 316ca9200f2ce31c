/**
 * What the authorities between a client and the one that is trusted have revoked, by their lists.
 *
 * A list that bears the name of an authority and was not signed by it is as good as none, and nobody can tell what the
 * right one would say: whom that authority has certified is refused.
 *
 * @module
 */
import { type Certificate, isListIssuedBy, keyIdentifiersOf, type RevocationList } from '../../certs/index.ts'
import { fault, type Refusal } from '../diagnosis/faults.ts'

/** What of a trust matters here. */
interface Listed {
  readonly list?: readonly RevocationList[] | undefined
  readonly expiredCrl?: 'serve' | 'refuse' | undefined
}

/** What the lists have against a path, or their state. */
export type ListJudge = (listed: Listed, path: readonly Certificate[], now: number) => Refusal | undefined

export function listJudge(): ListJudge {
  const isOf = listVerifier()
  return ({ list = [], expiredCrl = 'serve' }, path, now) => {
    const links = path.slice(1).map((issuer, index) => {
      const own = list.filter(each => isNamedBy(each, issuer))
      return { certificate: path[index] ?? issuer, issuer, own, isVerified: own.every(each => isOf(each, issuer)) }
    })
    for (const { issuer, isVerified } of links)
      if (!isVerified) return fault('unverifiedRevocations', 'client', { issuer: issuer.subject.text })
    for (const { certificate, issuer, own } of links) {
      const refusal = revocationIn(own, certificate, issuer)
      if (refusal !== undefined) return refusal
    }
    if (expiredCrl === 'serve') return undefined
    for (const { issuer, own } of links) {
      const refusal = staleness(own, issuer, now)
      if (refusal !== undefined) return refusal
    }
    return undefined
  }
}

/** Whether a list is, as it says itself, of this authority: after a change of keys, two bear one name. */
export function isNamedBy({ issuer, signer }: RevocationList, authority: Certificate): boolean {
  if (issuer.text !== authority.subject.text) return false
  const key = signer === undefined ? undefined : keyIdentifiersOf(authority).subject
  return key === undefined || key === signer
}

function revocationIn(
  list: readonly RevocationList[],
  certificate: Certificate,
  issuer: Certificate,
): Refusal | undefined {
  const entry = list
    .map(each => each.revoked.get(certificate.serialNumber))
    .find(each => each !== undefined && each.reason !== 'removeFromCRL')
  if (entry === undefined) return undefined
  const { date, reason = 'unspecified' } = entry
  const names = { issuer: issuer.subject.text, subject: certificate.subject.text }
  return fault('revokedElsewhere', 'client', { ...names, date: dayOf(date), why: reason })
}

function staleness(list: readonly RevocationList[], issuer: Certificate, now: number): Refusal | undefined {
  const { text } = issuer.subject
  if (!list.some(({ base }) => base === undefined)) return fault('missingRevocations', 'client', { issuer: text })
  const stale = list.find(({ nextUpdate }) => nextUpdate !== undefined && now > nextUpdate.getTime())
  return stale?.nextUpdate && fault('staleRevocations', 'client', { issuer: text, date: dayOf(stale.nextUpdate) })
}

/** Whether an authority has signed a list; verified once. */
function listVerifier(): (list: RevocationList, issuer: Certificate) => boolean {
  const known = new WeakMap<RevocationList, Map<string, boolean>>()
  return (list, issuer) => {
    const verdicts = known.get(list) ?? new Map<string, boolean>()
    known.set(list, verdicts)
    const verdict = verdicts.get(issuer.fingerprint) ?? isListIssuedBy(list, issuer)
    verdicts.set(issuer.fingerprint, verdict)
    return verdict
  }
}

const dayOf = (date: Date): string => date.toISOString().slice(0, 10)
