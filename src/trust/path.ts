/**
 * The path from a client's certificate to an authority that is trusted.
 *
 * OpenSSL has verified one when the client connected, and node:tls does not tell which: it tells what the client sent. So
 * the path is found anew, the shortest first, which ends at the authority nearest to the client. What OpenSSL heeds and
 * `verifyChain` does not are the limits that some authorities put on those below. A path with such an authority counts only
 * if it must be the one that OpenSSL found, since there is no other, or was that once.
 *
 * @module
 */
import { type Certificate, CertsError, isIssuedBy, verifyChain } from '../../certs/index.ts'

export interface Ground {
  /** Where paths may end, those that are to be preferred first. */
  readonly end: readonly Certificate[]
  /** What they may lead through, beside these. */
  readonly between: readonly Certificate[]
  /** Whether these are all that OpenSSL had when it verified the certificate. */
  readonly isWhole: boolean
  /** Fingerprints of authorities above the certificate on a path that was verified before. */
  readonly verified: ReadonlySet<string>
  /** Whether any path will do on which each has signed the one before. */
  readonly isLenient: boolean
}

/** Authorities between a client and the one that is trusted, at most. */
const longestPath = 5

/** A client may send many authorities that all have signed one another. */
const mostSteps = 64

interface Step {
  readonly path: readonly Certificate[]
  /** Whether it could have gone on elsewhere. */
  readonly isForked: boolean
}

/** From the certificate to one of `end`, both included. */
export function pathFrom(certificate: Certificate, ground: Ground, now: number): readonly Certificate[] | undefined {
  const { end, between } = ground
  const ends = new Set(end.map(({ fingerprint }) => fingerprint))
  const pool = [...new Map([...end, ...between].map(each => [each.fingerprint, each])).values()]
  const steps: Step[] = [{ path: [certificate], isForked: false }]
  for (let index = 0; index < Math.min(steps.length, mostSteps); index++) {
    const { path = [], isForked = false } = steps[index] ?? {}
    const issuers = issuersOf(path, pool, now)
    const next = issuers.map(issuer => ({ path: [...path, issuer], isForked: isForked || issuers.length > 1 }))
    const found = next.find(each => ends.has(each.path.at(-1)?.fingerprint ?? '') && isGood(each, ground, now))
    if (found !== undefined) return found.path
    if (path.length <= longestPath) steps.push(...next)
  }
  return undefined
}

/** Names are compared before signatures are verified. */
function issuersOf(path: readonly Certificate[], pool: readonly Certificate[], now: number): Certificate[] {
  const last = path.at(-1)
  return pool.filter(
    each =>
      last !== undefined &&
      Buffer.compare(each.subject.der, last.issuer.der) === 0 &&
      !path.some(({ fingerprint }) => fingerprint === each.fingerprint) &&
      isInForce(each, now) &&
      isIssuedBy(last, each),
  )
}

export const isInForce = ({ notBefore, notAfter }: Certificate, now: number): boolean =>
  now >= notBefore.getTime() && now <= notAfter.getTime()

function isGood({ path, isForked }: Step, { isWhole, verified, isLenient }: Ground, now: number): boolean {
  if (!stands(path, now)) return false
  if (isLenient) return true
  const above = path.slice(1)
  if (!above.every(isForClients)) return false
  return (
    !above.some(({ isConstraining }) => isConstraining) ||
    (isWhole && !isForked) ||
    above.every(({ fingerprint }) => verified.has(fingerprint))
  )
}

/** As OpenSSL understands the usages of authorities: as those of whatever is below. */
const isForClients = ({ extendedKeyUsage }: Certificate): boolean => extendedKeyUsage?.includes('clientAuth') ?? true

function stands(path: readonly Certificate[], now: number): boolean {
  try {
    verifyChain(path, new Date(now))
    return true
  } catch (error) {
    if (error instanceof CertsError) return false
    throw error
  }
}
