/**
 * Clients come back with the certificate that they had, and reading it anew costs as much as a handshake.
 *
 * @module
 */
import { type Certificate, readCertificate } from '../certs/index.ts'

/**
 * Reads certificates, and remembers what they say.
 *
 * @param most how many are remembered
 */
export function certificateReader(most = 1000): (der: Uint8Array, fingerprint: string) => Certificate {
  const known = new Map<string, Certificate>()
  return (der, fingerprint) => {
    const found = known.get(fingerprint)
    if (found !== undefined) return found
    const certificate = readCertificate(der)
    if (known.size >= most) known.clear()
    known.set(fingerprint, certificate)
    return certificate
  }
}
