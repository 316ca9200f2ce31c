/**
 * Other authorities whose clients are admitted without being entered one by one, and what these have revoked.
 *
 * Node.js has verified the chain when the client first connected. What is found here is which of the trusted authorities
 * it leads to, and it is found anew for a client that resumes a session: a ticket holds the client's certificate alone,
 * and what it led to may no longer be trusted. So the authorities between are remembered, once they have been verified.
 *
 * @module
 */
import {
  type Certificate,
  CertsError,
  isIssuedBy,
  isListIssuedBy,
  type RevocationList,
  verifyChain,
} from '../certs/index.ts'
import { fault, type Refusal } from './diagnosis/faults.ts'

/** Another authority whose clients are admitted. */
export interface Trust {
  readonly authority: Certificate
  /** Whose objects its clients share; absent, each has a group of its own. */
  readonly group?: string | undefined
  /** What the authority, and those below it, have revoked. Default none. */
  readonly list?: readonly RevocationList[] | undefined
  /** What to do once a list is out of date: go on as if nothing had been added to it, or refuse all. Default `serve`. */
  readonly expiredCrl?: 'serve' | 'refuse' | undefined
  /** Why its clients are not admitted for now. */
  readonly fault?: string | undefined
}

/** Who vouches for a certificate. */
export interface Voucher {
  readonly trust: Trust
  /** From the certificate to the authority, both included. */
  readonly path: readonly Certificate[]
}

/** All that is trusted, at one time; another object as soon as anything of it has changed. */
export interface Trusts {
  readonly trust: readonly Trust[]
  /** @param offered what the client sent beside its certificate */
  vouch(certificate: Certificate, offered: readonly Certificate[], now: number): Voucher | undefined
  /** What an authority, or the state of its lists, has against a certificate. */
  objection(voucher: Voucher, now: number): Refusal | undefined
}

/** Verified authorities between the trusted ones and clients, by fingerprint. */
export type Between = Map<string, Certificate>

/** More than the biggest companies have; the oldest go first. */
const mostBetween = 256

/** @param between lasts longer than what is trusted at one time */
export function trustsOf(trust: readonly Trust[], between: Between = new Map()): Trusts {
  const known = new WeakMap<Certificate, Voucher>()
  const isOf = listVerifier()

  function remember({ path }: Voucher): void {
    for (const authority of path.slice(1, -1)) {
      between.delete(authority.fingerprint)
      between.set(authority.fingerprint, authority)
    }
    for (const fingerprint of [...between.keys()].slice(0, -mostBetween)) between.delete(fingerprint)
  }

  return {
    trust,

    vouch(certificate, offered, now) {
      const found = known.get(certificate)
      if (found !== undefined && stands(found.path, now)) return found
      for (const each of trust) {
        const path = pathTo(each.authority, [certificate], [...offered, ...between.values()], now)
        if (path === undefined) continue
        const voucher = { trust: each, path }
        known.set(certificate, voucher)
        remember(voucher)
        return voucher
      }
      return undefined
    },

    objection: ({ trust, path }, now) =>
      faultOf(trust) ?? revocationIn(trust, path, isOf) ?? staleness(trust, path, isOf, now),
  }
}

export const noTrusts: Trusts = trustsOf([])

/** Authorities between a client and the one that is trusted, at most. */
const longestPath = 5

/** The path goes on from the last certificate of `begun`. */
function pathTo(
  authority: Certificate,
  begun: readonly Certificate[],
  between: readonly Certificate[],
  now: number,
): readonly Certificate[] | undefined {
  const last = begun.at(-1)
  if (last === undefined) return undefined
  if (names(authority, last) && isIssuedBy(last, authority)) {
    const path = [...begun, authority]
    return stands(path, now) ? path : undefined
  }
  if (begun.length > longestPath) return undefined
  for (const next of between) {
    if (begun.includes(next) || !names(next, last) || !isIssuedBy(last, next)) continue
    const path = pathTo(authority, [...begun, next], between, now)
    if (path !== undefined) return path
  }
  return undefined
}

/** Whether the one may be the issuer of the other; spares a signature to be verified. */
const names = ({ subject }: Certificate, { issuer }: Certificate): boolean =>
  Buffer.compare(subject.der, issuer.der) === 0

function stands(path: readonly Certificate[], now: number): boolean {
  try {
    verifyChain(path, new Date(now))
    return true
  } catch (error) {
    if (error instanceof CertsError) return false
    throw error
  }
}

const faultOf = ({ fault: words, authority }: Trust): Refusal | undefined =>
  words === undefined ? undefined : fault('unknownRevocations', 'client', { issuer: authority.subject.text, words })

function revocationIn({ list = [] }: Trust, path: readonly Certificate[], isOf: IsOf): Refusal | undefined {
  for (const [certificate, issuer] of links(path)) {
    const entry = list
      .filter(each => isOf(each, issuer))
      .map(each => each.revoked.get(certificate.serialNumber))
      .find(each => each !== undefined && each.reason !== 'removeFromCRL')
    if (entry === undefined) continue
    const { date, reason = 'unspecified' } = entry
    const names = { issuer: issuer.subject.text, subject: certificate.subject.text }
    return fault('revokedElsewhere', 'client', { ...names, date: dayOf(date), why: reason })
  }
  return undefined
}

function staleness(
  { list = [], expiredCrl }: Trust,
  path: readonly Certificate[],
  isOf: IsOf,
  now: number,
): Refusal | undefined {
  if (expiredCrl !== 'refuse') return undefined
  for (const [, issuer] of links(path)) {
    const stale = list.find(
      each => isOf(each, issuer) && each.nextUpdate !== undefined && now > each.nextUpdate.getTime(),
    )
    if (stale?.nextUpdate === undefined) continue
    return fault('staleRevocations', 'client', { issuer: issuer.subject.text, date: dayOf(stale.nextUpdate) })
  }
  return undefined
}

/** Each certificate of a path and its issuer. */
const links = (path: readonly Certificate[]): (readonly [certificate: Certificate, issuer: Certificate])[] =>
  path.slice(1).map((issuer, index) => [path[index] ?? issuer, issuer])

type IsOf = (list: RevocationList, issuer: Certificate) => boolean

/** Whether an authority has signed a list; verified once. */
function listVerifier(): IsOf {
  const known = new WeakMap<RevocationList, Map<string, boolean>>()
  return (list, issuer) => {
    if (list.issuer.text !== issuer.subject.text) return false
    const verdicts = known.get(list) ?? new Map<string, boolean>()
    known.set(list, verdicts)
    const verdict = verdicts.get(issuer.fingerprint) ?? isListIssuedBy(list, issuer)
    verdicts.set(issuer.fingerprint, verdict)
    return verdict
  }
}

const dayOf = (date: Date): string => date.toISOString().slice(0, 10)
