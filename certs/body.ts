/**
 * What gets signed: TBSCertificate (RFC 5280 §4.1), written from parts that are encodings already.
 * @module
 */
import type { AlternativeName } from './alternative-name.ts'
import { encodeAlternativeNames } from './alternative-name.ts'
import type { Certificate } from './certificate.ts'
import { certificateOf } from './certificate.ts'
import { bitString, context, decode, encode, integer, sequence, tags, time } from './der.ts'
import type { KeyPurpose, KeyUsage } from './extension.ts'
import {
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  extension,
  keyUsage,
  subjectKeyIdentifier,
} from './extension.ts'
import type { CheckedKey } from './key.ts'
import { keyIdentifier as identifierOf } from './key.ts'
import type { Publication } from './publication.ts'
import { publicationExtensions } from './publication.ts'
import type { Signer } from './signature.ts'

/** The fields of a certificate; those of type `Uint8Array` are encodings, but for the serial number's octets. */
export interface Fields {
  readonly serial: Uint8Array
  readonly issuer: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
  readonly subject: Uint8Array
  /** SubjectPublicKeyInfo */
  readonly publicKey: Uint8Array
  readonly extensions: readonly Uint8Array[]
}

/** Signs an encoded body. */
export const certifyBody = async ({ algorithm, sign }: Signer, body: Uint8Array): Promise<Certificate> =>
  certificateOf(decode(sequence(body, algorithm, bitString(await sign(body)))))

/** Encodes the fields as a version 3 certificate, to be signed with `algorithm`. */
export const encodeBody = (fields: Fields, algorithm: Uint8Array): Uint8Array =>
  sequence(
    encode(context(0), integer(2)),
    encode(tags.integer, fields.serial),
    algorithm,
    fields.issuer,
    sequence(time(fields.notBefore), time(fields.notAfter)),
    fields.subject,
    fields.publicKey,
    encode(context(3), sequence(...fields.extensions)),
  )

interface Purpose {
  readonly usage: readonly KeyUsage[]
  readonly purpose?: KeyPurpose
  readonly name: readonly AlternativeName[]
  readonly pathLength?: number
}

/** Who signs, as far as a certificate tells of it, and for whom. */
interface Relation {
  /** The key identifier of the issuer. */
  readonly issuer: Uint8Array
  /** Default the one that follows from the key. */
  readonly keyIdentifier?: Uint8Array | undefined
  /** The subject is empty, so that subjectAltName must be critical (RFC 5280 §4.2.1.6). Default false. */
  readonly isNameless?: boolean
  /** Where the issuer publishes. Default nowhere. */
  readonly publication?: Publication
}

/** The extensions for a purpose. */
export function extensionsFor(
  { usage, purpose, name, pathLength }: Purpose,
  key: CheckedKey,
  { issuer, keyIdentifier = identifierOf(key.der), isNameless = false, publication = {} }: Relation,
): Uint8Array[] {
  const isAuthority = usage.includes('keyCertSign')
  // TLS 1.2 clients may still encrypt to an RSA key (RFC 5280 §4.2.1.3).
  const encipherment: KeyUsage[] = !isAuthority && key.algorithm === 'rsa' ? ['keyEncipherment'] : []
  return [
    basicConstraints(isAuthority, pathLength),
    keyUsage([...usage, ...encipherment]),
    ...(purpose ? [extendedKeyUsage([purpose])] : []),
    subjectKeyIdentifier(keyIdentifier),
    authorityKeyIdentifier(issuer),
    ...(name.length ? [extension('subjectAltName', encodeAlternativeNames(name), isNameless)] : []),
    ...publicationExtensions(publication),
  ]
}
