/**
 * What speaks against a certificate by itself, whoever vouches for it.
 *
 * @module
 */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Certificate } from '../../certs/index.ts'
import { type End, type Fault, fault, moment } from './faults.ts'

/** Its dates. `now` in milliseconds since 1970. A date that cannot be read is neither before nor after now. */
export function dateFault(
  { notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>,
  whose: End,
  now: number,
): Fault | undefined {
  if (!(now <= notAfter.getTime())) return fault('expired', whose, { notAfter: moment(notAfter), now: moment(now) })
  if (!(now >= notBefore.getTime()))
    return fault('notYetValid', whose, { notBefore: moment(notBefore), now: moment(now) })
  return undefined
}

/** By the end that shows the certificate. RFC 5280 §4.2.1.12 */
export const purposes = { client: 'clientAuth', server: 'serverAuth' } as const

/** Its usages: a certificate that says nothing of them may be used for everything. RFC 5280 §4.2.1.3, §4.2.1.12 */
export function* usageFaults({ extendedKeyUsage, keyUsage }: Certificate, whose: End): Generator<Fault> {
  const purpose = purposes[whose]
  if (extendedKeyUsage !== undefined && !extendedKeyUsage.some(each => each === purpose || each === anyPurpose))
    yield fault('notForIt', whose, { purpose, found: listed(extendedKeyUsage) })
  if (keyUsage !== undefined && !keyUsage.some(each => handshakeUsages.includes(each)))
    yield fault('notForSigning', whose, { found: listed(keyUsage) })
}

const anyPurpose = 'anyExtendedKeyUsage'

/** An old suite may do with the others. */
const handshakeUsages: readonly string[] = ['digitalSignature', 'keyEncipherment', 'keyAgreement']

/** Its key and its signature; a root is believed whoever signed it. */
export function* strengthFaults(certificate: Certificate, whose: End, isRoot = false): Generator<Fault> {
  const subject = certificate.subject.text
  const { publicKey, signatureAlgorithm } = certificate
  if (isWeakKey(publicKey.description)) yield fault('weakKey', whose, { subject, key: publicKey.description })
  if (!isRoot && /SHA-?1\b|MD[245]\b/i.test(signatureAlgorithm))
    yield fault('weakSignature', whose, { subject, signature: signatureAlgorithm })
}

function isWeakKey(description: string): boolean {
  const bits = /^(?:RSA|RSA-PSS|DSA) (\d+)$/.exec(description)?.[1]
  return (bits !== undefined && Number(bits) < 2048) || /^(DSA|EC P-(192|224))/.test(description)
}

/** Whether the certificate of a server is for the name or address by which a client calls it. RFC 6125 §6.4, RFC 2818 §3.1 */
export function nameFault(certificate: Certificate, name: string): Fault | undefined {
  const x509 = new X509Certificate(certificate.der)
  const isNamed =
    isIP(name) === 0 ? x509.checkHost(name, { subject: 'never' }) !== undefined : x509.checkIP(name) !== undefined
  if (isNamed) return undefined
  const names = certificate.subjectAlternativeName.map(({ value }) => value)
  if (names.length > 0) return fault('wrongName', 'server', { name, names: listed(names) })
  const { commonName } = certificate.subject
  return fault('noNames', 'server', { name, commonName: JSON.stringify(commonName ?? '') })
}

/** No longer than a line can bear. */
export function listed(words: readonly string[], most = 12): string {
  if (words.length === 0) return 'nothing'
  const shown = words.slice(0, most).join(', ')
  return words.length > most ? `${shown} and ${words.length - most} more` : shown
}
