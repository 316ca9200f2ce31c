/**
 * Which authorities stood above a client's certificate when it was verified. Who resumes a session shows the certificate
 * alone, and so does an open connection that is judged again: both are vouched for by what was verified for this very
 * certificate, and never by what others have sent.
 *
 * @module
 */
import type { Certificate } from '../../certs/index.ts'

/** Lasts longer than what is trusted at one time. */
export interface Verified {
  /** The nearest first; none of what was never verified, or too long ago. */
  above(certificate: Certificate): readonly Certificate[]
  remember(path: readonly Certificate[]): void
}

/** More clients than a server has connections; the oldest go first. */
const mostClients = 10_000
const mostAuthorities = 1_000

export function verifiedPaths(): Verified {
  /** By fingerprint of the client's certificate. */
  const known = new Map<string, readonly Certificate[]>()
  /** Many clients have one authority, which each of them sends. */
  const authorities = new Map<string, Certificate>()

  function shared(authority: Certificate): Certificate {
    const found = authorities.get(authority.fingerprint) ?? authority
    renew(authorities, authority.fingerprint, found, mostAuthorities)
    return found
  }

  return {
    above: ({ fingerprint }) => known.get(fingerprint) ?? [],
    remember([certificate, ...above]) {
      if (certificate !== undefined) renew(known, certificate.fingerprint, above.map(shared), mostClients)
    },
  }
}

function renew<V>(map: Map<string, V>, key: string, value: V, most: number): void {
  map.delete(key)
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= most) return
    map.delete(oldest)
  }
}
