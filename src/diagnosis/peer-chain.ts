/**
 * The certificates that came in a handshake, as far as node:tls tells.
 *
 * @module
 */
import type { X509Certificate } from 'node:crypto'

/** Longer chains are cut. */
const maxLength = 12

/**
 * The issuers of a peer's certificate, the nearest first: of what the other end sent and of what is trusted here, in DER.
 * Of `getPeerCertificate` they cannot be had once `getPeerX509Certificate` was asked.
 *
 * @param certificate as `getPeerX509Certificate` gave it
 */
export function issuersOf(certificate: X509Certificate): Uint8Array[] {
  const issuers: Uint8Array[] = []
  let issuer = certificate.issuerCertificate
  while (issuer !== undefined && issuers.length < maxLength) {
    issuers.push(issuer.raw)
    issuer = issuer.issuerCertificate
  }
  return issuers
}
