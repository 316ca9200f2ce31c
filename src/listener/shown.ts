/**
 * The certificate that a client shows in its handshake, and what it says of itself.
 *
 * @module
 */
import { hash, X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { peerCertificateIn } from '../../certs/index.ts'
import { issuersOf } from '../diagnosis/peer-chain.ts'
import { knownCertificates } from '../known-certificates.ts'

export interface Shown {
  /** DER. */
  readonly certificate: Uint8Array
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string
  /** One line, most specific first, escaped: `CN=a,O=b` (RFC 4514). */
  readonly subject: string
  readonly issuer: string
  readonly notBefore: Date
  readonly notAfter: Date
  /** Object identifiers of the extended key usage; undefined where the certificate has none. */
  readonly keyUsage: readonly string[] | undefined
}

/** Reads what clients show; undefined if one shows no certificate. Remembers what known certificates say. */
export function shownReader(): (socket: TLSSocket) => Shown | undefined {
  const known = knownCertificates<Shown>(({ certificate }) => certificate)
  return socket => {
    const certificate = leafOf(socket)
    if (certificate === undefined) return undefined
    const fingerprint = hash('sha256', certificate, 'hex')
    return known(fingerprint, () => shownIn(certificate, fingerprint))
  }
}

function leafOf(socket: TLSSocket): Uint8Array | undefined {
  // Null once the connection has ended.
  const session = socket.getSession() as Buffer | null | undefined
  if (!session) return undefined
  try {
    return peerCertificateIn(session)
  } finally {
    session.fill(0)
  }
}

function shownIn(certificate: Uint8Array, fingerprint: string): Shown {
  const { subject, issuer, validFrom, validTo, keyUsage } = new X509Certificate(certificate)
  return {
    certificate,
    fingerprint,
    subject: oneLine(subject),
    issuer: oneLine(issuer),
    notBefore: new Date(validFrom),
    notAfter: new Date(validTo),
    keyUsage,
  }
}

/** node:crypto writes one attribute a line, least specific first. */
const oneLine = (name: string | undefined): string => name?.split('\n').reverse().join(',') ?? ''

/** The issuers that a client sent. node:tls tells of them once. */
export function sentIssuers(socket: TLSSocket): readonly Uint8Array[] {
  const leaf = sent.get(socket) ?? socket.getPeerX509Certificate()
  if (leaf === undefined) return []
  sent.set(socket, leaf)
  return issuersOf(leaf)
}

const sent = new WeakMap<TLSSocket, X509Certificate>()
