/**
 * Other authorities whose clients are admitted without being entered one by one, and what these have revoked.
 *
 * Node.js has verified the chain when the client first connected. What is found here is which of the trusted authorities
 * it leads to, the nearest to the client, and it is found anew for a client that resumes a session: a ticket holds the
 * client's certificate alone, and what it led to may no longer be trusted. So what was verified above each client's
 * certificate is remembered.
 *
 * @module
 */
import type { Certificate, RevocationList } from '../certs/index.ts'
import { fault, type Refusal } from './diagnosis/faults.ts'
import { listJudge } from './trust/lists.ts'
import { isInForce, pathFrom } from './trust/path.ts'
import { type Verified, verifiedPaths } from './trust/verified.ts'

export { type Verified, verifiedPaths } from './trust/verified.ts'

/** Another authority whose clients are admitted. */
export interface Trust {
  readonly authority: Certificate
  /** The authorities above it, up to the root: OpenSSL wants them, and clients of theirs are not admitted. Default none. */
  readonly above?: readonly Certificate[] | undefined
  /** Whose objects its clients share; absent, each has a group of its own. */
  readonly group?: string | undefined
  /** What the authority, and those below it, have revoked. Default none. */
  readonly list?: readonly RevocationList[] | undefined
  /**
   * What to do once a list is out of date, or one of an authority below is missing: go on as if nothing had been added to it,
   * or refuse all. Default `serve`.
   */
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

/** What a client sent beside its certificate in a full handshake; undefined where none was, as when it resumes a session. */
export type Offered = readonly Certificate[] | undefined

/** All that is trusted, at one time; another object as soon as anything of it has changed. */
export interface Trusts {
  readonly trust: readonly Trust[]
  /**
   * Who vouches for a certificate that OpenSSL has verified. The authority nearest to it, of several; and of those as near
   * the one that is named first. Without a handshake, what was verified for this very certificate counts.
   */
  vouch(certificate: Certificate, offered: Offered, now: number): Voucher | undefined
  /** What an authority, or the state of its lists, has against a certificate that it vouches for. */
  objection(voucher: Voucher, now: number): Refusal | undefined
  /** The same of whatever authority may have signed a certificate, whether or not it vouches for it. */
  objectionTo(certificate: Certificate, offered: Offered, now: number): Refusal | undefined
}

/** What node:tls tells of what a client sent is cut there, and then not all that OpenSSL had. */
const mostOffered = 12

/** @param verified lasts longer than what is trusted at one time */
export function trustsOf(trust: readonly Trust[], verified: Verified = verifiedPaths()): Trusts {
  const known = new WeakMap<Certificate, Voucher>()
  const judgeLists = listJudge()
  const end = trust.map(({ authority }) => authority)
  const store = [...end, ...trust.flatMap(({ above = [] }) => above)]

  function find(
    certificate: Certificate,
    offered: readonly Certificate[],
    now: number,
    { isWhole, isLenient }: { readonly isWhole: boolean; readonly isLenient: boolean },
  ): Voucher | undefined {
    const before = verified.above(certificate)
    const path = pathFrom(
      certificate,
      {
        end,
        // node:tls tells only once what was sent on a connection.
        between: [...store, ...(offered.length > 0 ? offered : before)],
        isWhole,
        verified: new Set(before.map(({ fingerprint }) => fingerprint)),
        isLenient,
      },
      now,
    )
    const last = path?.at(-1)
    const found = trust.find(({ authority }) => authority.fingerprint === last?.fingerprint)
    return path && found && { trust: found, path }
  }

  function vouch(certificate: Certificate, offered: Offered, now: number): Voucher | undefined {
    const last = known.get(certificate)
    if (last !== undefined && isWithin(last, store, offered, now)) return last
    const isWhole = offered !== undefined && offered.length < mostOffered
    const voucher = find(certificate, offered ?? [], now, { isWhole, isLenient: false })
    if (voucher === undefined) return undefined
    known.set(certificate, voucher)
    verified.remember(voucher.path)
    return voucher
  }

  const objection = ({ trust, path }: Voucher, now: number): Refusal | undefined =>
    faultOf(trust) ?? judgeLists(trust, path, now)

  return {
    trust,
    vouch,
    objection,
    objectionTo(certificate, offered, now) {
      const voucher =
        vouch(certificate, offered, now) ?? find(certificate, offered ?? [], now, { isWhole: false, isLenient: true })
      return voucher && objection(voucher, now)
    },
  }
}

/** Whether what was found before is to be found again, by dates and by what was offered. */
function isWithin({ path }: Voucher, store: readonly Certificate[], offered: Offered = [], now: number): boolean {
  if (!path.every(each => isInForce(each, now))) return false
  if (offered.length === 0) return true
  const pool = new Set([...store, ...offered].map(({ fingerprint }) => fingerprint))
  return path.slice(1).every(({ fingerprint }) => pool.has(fingerprint))
}

export const noTrusts: Trusts = trustsOf([])

const faultOf = ({ fault: words, authority }: Trust): Refusal | undefined =>
  words === undefined ? undefined : fault('unknownRevocations', 'client', { issuer: authority.subject.text, words })
