/**
 * What OpenSSL notes of a TLS session (`i2d_SSL_SESSION`), as far as it tells who is at the other end. For node:tls to
 * describe a certificate takes several times as long as to hand out the session.
 *
 * | value | |
 * |---|---|
 * | INTEGER ×2 | format, version of TLS |
 * | OCTET STRING ×3 | cipher, session identifier, secret |
 * | [0], if there, [1], [2] | key argument, time, timeout |
 * | [3] | the other end's certificate, if it has shown one |
 * | … | |
 *
 * @module
 */
import { context, valuesIn } from './der.ts'

/**
 * The certificate (DER, a copy) that the other end showed in the handshake that began the session; undefined if none.
 * Throws `CertsError` `malformed`.
 *
 * @param session holds the session's secret: to be wiped
 */
export function peerCertificateIn(session: Uint8Array): Uint8Array | undefined {
  const [whole] = valuesIn(session)
  for (const { tag, content } of valuesIn(whole?.content ?? new Uint8Array())) {
    if (tag === context(3)) return new Uint8Array(content)
  }
  return undefined
}
