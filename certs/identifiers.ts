/**
 * What tells apart authorities that bear the same name: the identifiers of keys in a certificate (RFC 5280 §4.2.1.1,
 * §4.2.1.2); and a name by itself, as TLS servers send those of the authorities that they accept (RFC 5246 §7.4.4).
 * @module
 */
import type { Certificate } from './certificate.ts'
import { children, context, decode, tags } from './der.ts'
import { type DistinguishedName, readName } from './distinguished-name.ts'
import { readAuthorityKeyIdentifier, readExtensions, readSubjectKeyIdentifier, valueOf } from './extension.ts'

/** Lower-case hexadecimal; absent where the certificate does not say. */
export interface KeyIdentifiers {
  /** Of the certificate's own key. */
  readonly subject?: string
  /** Of the key that signed it. */
  readonly authority?: string
  /** Who certified that key, in one line: not all authorities tell. */
  readonly authorityIssuer?: string
}

/** Throws `CertsError` `malformed`. */
export function keyIdentifiersOf({ der }: Certificate): KeyIdentifiers {
  const [body] = children(decode(der), tags.sequence, 'the certificate')
  const content = children(body, tags.sequence, 'the content of the certificate')
  const extensions = readExtensions(content.find(({ tag }) => tag === context(3))?.child[0])
  const subject = readSubjectKeyIdentifier(extensions)
  const fields = valueOf(extensions, 'authorityKeyIdentifier')?.child ?? []
  const authority = readAuthorityKeyIdentifier(extensions)
  // GeneralNames, of which a directoryName is [4], explicitly tagged.
  const issuer = fields.find(({ tag }) => tag === context(1))?.child.find(({ tag }) => tag === context(4))?.child[0]
  return {
    ...(subject && { subject: hex(subject) }),
    ...(authority && { authority: hex(authority) }),
    ...(issuer && { authorityIssuer: readName(issuer, 'the issuer of the authority').text }),
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Reads a Name by itself, in DER. Throws `CertsError` `malformed` or `badSubject`. */
export const readDistinguishedName = (der: Uint8Array): DistinguishedName => readName(decode(der), 'the name')
