/**
 * Clients come back with the certificate that they had, and reading it anew costs as much as a handshake.
 *
 * What is remembered is what a certificate says and never whether it is welcome, which is asked at every connection.
 *
 * @module
 */

/** What was read before of the certificate of a SHA-256 fingerprint; otherwise it is read. */
export type Reader<V> = (fingerprint: string, read: () => V) => V

/** Anybody can show certificates as long as TLS allows: a long one is read anew each time. */
const maxBytes = 8192

/**
 * Remembers what certificates say.
 *
 * @param derOf the certificate itself
 * @param most how many are remembered
 */
export function knownCertificates<V>(derOf: (value: V) => Uint8Array, most = 1000): Reader<V> {
  const known = new Map<string, V>()
  return (fingerprint, read) => {
    const found = known.get(fingerprint)
    if (found !== undefined) return found
    const value = read()
    if (derOf(value).length > maxBytes) return value
    if (known.size >= most) known.clear()
    known.set(fingerprint, value)
    return value
  }
}
