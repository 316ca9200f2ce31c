/**
 * The certificates that came in a handshake, as far as node:tls tells.
 *
 * @module
 */
import type { TLSSocket } from 'node:tls'

interface Linked {
  readonly raw?: Uint8Array
  readonly issuerCertificate?: Linked
}

/** Longer chains are cut. */
const maxLength = 12

/**
 * The leaf and what was found above it, in what the other end sent and in what is trusted here: DER. Empty where the other
 * end showed none, or where the socket is destroyed.
 */
export function peerChain(socket: TLSSocket): Uint8Array[] {
  const found: Uint8Array[] = []
  // Null once the socket is destroyed, whatever the type declarations say.
  let each = socket.getPeerCertificate(true) as Linked | null | undefined
  while (each?.raw !== undefined && found.length < maxLength) {
    found.push(each.raw)
    // A root is its own issuer.
    each = each.issuerCertificate === each ? undefined : each.issuerCertificate
  }
  return found
}
