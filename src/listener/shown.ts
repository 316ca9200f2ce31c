/**
 * The certificate that a client shows in its handshake, and what it says of itself.
 *
 * @module
 */
import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
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
    const told = leafOf(socket)
    return told && known(told.fingerprint256, () => shownIn(new X509Certificate(told.raw)))
  }
}

/**
 * For `getPeerX509Certificate` Node.js 20 decodes anew what issuers the client has sent, of which a resumed session has none:
 * of a full handshake `getPeerCertificate` is then the cheaper.
 */
const isDecodedAnew = Number.parseInt(process.versions.node) < 22

function leafOf(socket: TLSSocket): Pick<X509Certificate, 'raw' | 'fingerprint256'> | undefined {
  if (!isDecodedAnew || socket.isSessionReused()) return sentBy(socket)
  const told = socket.getPeerCertificate()
  return isEmpty(told) ? undefined : told
}

/** With the issuers that the client sent: node:tls tells of them once. */
function sentBy(socket: TLSSocket): X509Certificate | undefined {
  const known = sent.get(socket)
  if (known !== undefined) return known
  const told = socket.getPeerX509Certificate()
  if (told !== undefined) sent.set(socket, told)
  return told
}

const sent = new WeakMap<TLSSocket, X509Certificate>()

/** Whatever the type declarations of node:tls say, of a client without a certificate there is nothing to tell. */
const isEmpty = (told: object | null): boolean => told === null || !('raw' in told)

const shownIn = (certificate: X509Certificate): Shown => ({
  certificate: certificate.raw,
  fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  subject: oneLine(certificate.subject),
  issuer: oneLine(certificate.issuer),
  notBefore: new Date(certificate.validFrom),
  notAfter: new Date(certificate.validTo),
  keyUsage: (certificate as { readonly keyUsage?: readonly string[] }).keyUsage,
})

/** node:crypto writes one attribute a line, least specific first. */
const oneLine = (name: string | undefined): string => name?.split('\n').reverse().join(',') ?? ''

/** The issuers that a client sent. */
export function sentIssuers(socket: TLSSocket): readonly Uint8Array[] {
  const leaf = sentBy(socket)
  return leaf === undefined ? [] : issuersOf(leaf)
}
