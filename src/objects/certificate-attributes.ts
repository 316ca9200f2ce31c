/**
 * What a registered certificate tells of itself. KMIP 2.1 §4.7, §4.8, §4.61 to §4.63; KMIP 1.4 §3.13 to §3.15
 *
 * @module
 */
import { CertsError, readCertificate } from '../../certs/index.ts'
import type { Attributes, enumerations, ManagedObject, NameOf } from '../../protocol/index.ts'
import { Failure } from '../failure.ts'

const signatureAlgorithms: Readonly<Record<string, NameOf<typeof enumerations.DigitalSignatureAlgorithm>>> = {
  'RSA with SHA-1': 'SHA_1WithRSAEncryption',
  'RSA with SHA-256': 'SHA_256WithRSAEncryption',
  'RSA with SHA-384': 'SHA_384WithRSAEncryption',
  'RSA with SHA-512': 'SHA_512WithRSAEncryption',
  'ECDSA with SHA-256': 'ECDSAWithSHA256',
  'ECDSA with SHA-384': 'ECDSAWithSHA384',
  'ECDSA with SHA-512': 'ECDSAWithSHA512',
}

/**
 * The attributes that an X.509 certificate tells; of another type, its type and length.
 *
 * A certificate that cannot be read is kept all the same: it is the client's, and what it is good for is the client's
 * business. Then only its type and length are told.
 */
export function certificateAttributes(
  object: Extract<ManagedObject, { objectType: 'Certificate' }>,
  claimed: Attributes,
): Attributes {
  const { certificateType, certificateValue } = object
  if (claimed.certificateType !== undefined && claimed.certificateType !== certificateType)
    throw new Failure(
      'InvalidAttributeValue',
      `the attribute Certificate Type is ${claimed.certificateType}, the certificate's ${certificateType}`,
    )
  const length = { certificateType, certificateLength: certificateValue.length }
  if (certificateType !== 'X_509') return length
  const plain: Attributes = { ...length, keyFormatType: 'X_509' }
  try {
    return { ...plain, ...x509Attributes(certificateValue) }
  } catch (error) {
    if (error instanceof CertsError) return plain
    throw error
  }
}

function x509Attributes(der: Uint8Array): Attributes {
  const { subject, issuer, serialNumber, signatureAlgorithm, publicKey } = readCertificate(der)
  const digitalSignatureAlgorithm = signatureAlgorithms[signatureAlgorithm]
  return {
    x509CertificateIdentifier: {
      issuerDistinguishedName: issuer.der,
      certificateSerialNumber: derInteger(serialNumber),
    },
    x509CertificateIssuer: { issuerDistinguishedName: issuer.der, issuerAlternativeName: [] },
    x509CertificateSubject: { subjectDistinguishedName: subject.der, subjectAlternativeName: [] },
    ...keyAttributes(publicKey.description),
    certificateIdentifier: { issuer: issuer.text, serialNumber: serialNumber.toUpperCase() },
    certificateIssuer: { certificateIssuerDistinguishedName: issuer.text, certificateIssuerAlternativeName: [] },
    certificateSubject: { certificateSubjectDistinguishedName: subject.text, certificateSubjectAlternativeName: [] },
    ...(digitalSignatureAlgorithm === undefined ? {} : { digitalSignatureAlgorithm: [digitalSignatureAlgorithm] }),
    ...nameAttributes('Subject', subject.attribute),
    ...nameAttributes('Issuer', issuer.attribute),
  }
}

const keyAlgorithms: Readonly<Record<string, NameOf<typeof enumerations.CryptographicAlgorithm>>> = {
  RSA: 'RSA',
  EC: 'ECDSA',
  Ed25519: 'Ed25519',
}
const ed25519Bits = 256

/** From `RSA 2048`, `EC P-256`, `EC secp256k1` or `Ed25519`. */
function keyAttributes(description: string): Attributes {
  const [kind = ''] = description.split(' ')
  const cryptographicAlgorithm = keyAlgorithms[kind]
  if (cryptographicAlgorithm === undefined) return {}
  const [bits] = kind === 'Ed25519' ? [ed25519Bits] : (/\d{3,}/.exec(description) ?? [])
  return { cryptographicAlgorithm, ...(bits === undefined ? {} : { cryptographicLength: Number(bits) }) }
}

const integerTag = 0x02

/** KMIP 2.1 §4.61: the serial number's field of the certificate, as encoded there. X.690 §8.3 */
function derInteger(hex: string): Uint8Array {
  const bytes = Buffer.from(hex, 'hex')
  const sign = (bytes[0] ?? 0) > 0x7f ? [0] : []
  return Buffer.from([integerTag, sign.length + bytes.length, ...sign, ...bytes])
}

/** Which KMIP attribute a name's attribute is. KMIP 2.1 §4.6 */
const nameParts: Readonly<Record<string, string>> = {
  CN: 'CN',
  O: 'O',
  OU: 'OU',
  emailAddress: 'Email',
  C: 'C',
  ST: 'ST',
  L: 'L',
  UID: 'UID',
  serialNumber: 'SerialNumber',
  title: 'Title',
  DC: 'DC',
}

function nameAttributes(
  whose: 'Subject' | 'Issuer',
  parts: readonly { readonly type: string; readonly value: string }[],
): Attributes {
  const attributes: Record<string, string[]> & Attributes = {}
  for (const { type, value } of parts) {
    const part = nameParts[type]
    if (part !== undefined) (attributes[`certificate${whose}${part}`] ??= []).push(value)
  }
  return attributes
}
