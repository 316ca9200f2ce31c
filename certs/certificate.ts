/**
 * X.509 certificates (RFC 5280 §4.1), read: what they say, whom they belong to, who issued them.
 *
 * Reading verifies no signature; `isIssuedBy` and `verifyChain` do.
 * @module
 */
import { createPublicKey, X509Certificate } from 'node:crypto'
import type { AlternativeName } from './alternative-name.ts'
import { readAlternativeNames } from './alternative-name.ts'
import type { Node } from './der.ts'
import { children, context, decode, expect, readSerialNumber, readTime, tags } from './der.ts'
import type { DistinguishedName } from './distinguished-name.ts'
import { readName } from './distinguished-name.ts'
import { CertsError } from './errors.ts'
import type { KeyUsage } from './extension.ts'
import {
  isConstraining,
  readBasicConstraints,
  readExtendedKeyUsage,
  readExtensions,
  readKeyUsage,
  readSubjectKeyIdentifier,
  valueOf,
} from './extension.ts'
import type { PublicKey } from './key.ts'
import { describePublicKey, fingerprintOf, readPrivateKey } from './key.ts'
import { certificateWanted, readArmour, toPem } from './pem.ts'
import { describeSignature } from './signature.ts'

/** A certificate that was read. */
export interface Certificate {
  /** One armoured block, 64 characters a line, ending in a newline. */
  readonly pem: string
  readonly der: Uint8Array
  readonly subject: DistinguishedName
  readonly issuer: DistinguishedName
  /** Lower-case hexadecimal, an even number of digits, without a sign octet. */
  readonly serialNumber: string
  readonly notBefore: Date
  readonly notAfter: Date
  /** SHA-256 of the DER, lower-case hexadecimal. */
  readonly fingerprint: string
  readonly subjectAlternativeName: readonly AlternativeName[]
  readonly publicKey: PublicKey
  /** Such as `ECDSA with SHA-256`. */
  readonly signatureAlgorithm: string
  /** Whether it may sign certificates: basicConstraints says so and keyUsage, if there, too. */
  readonly isAuthority: boolean
  /** How many authorities may follow below this one; absent when unlimited, or when it is not an authority. */
  readonly pathLength?: number
  /** Absent when the key's use is not restricted. */
  readonly keyUsage?: readonly KeyUsage[]
  /** Names such as `clientAuth`, or object identifiers; absent when any purpose is served. */
  readonly extendedKeyUsage?: readonly string[]
  /**
   * Of an authority: whether it limits what stands below it by more than `verifyChain` looks at, by name constraints (RFC 5280
   * §4.2.1.10) or a critical extension that is not known here.
   */
  readonly isConstraining: boolean
}

/** What issuing needs beside what the certificate says: encodings, to be copied as they are. */
export interface IssuerParts {
  readonly subject: Uint8Array
  readonly publicKey: Node
  readonly keyIdentifier?: Uint8Array
}

/**
 * Reads one certificate: PEM, which may have text around it, DER, or bare base64. Of a bundle, the first.
 * Throws `CertsError` `notACertificate`, `malformed`, `badSubject` or `tooLarge`.
 */
export function readCertificate(input: string | Uint8Array): Certificate {
  const [first] = readArmour(input, certificateWanted)
  return certificateOf(expect(first, tags.sequence, 'the certificate'))
}

/** Reads every certificate of a PEM bundle, in its order; throws as `readCertificate` does. There is at least one. */
export const readCertificates = (input: string | Uint8Array): Certificate[] =>
  readArmour(input, certificateWanted).map(certificateOf)

/**
 * Whether a private key (PEM) belongs to a certificate. Throws `CertsError` `notAKey` or `keyEncrypted` when the key
 * cannot be read.
 */
export function matchesKey(certificate: Certificate, privateKey: string | Uint8Array, passphrase?: string): boolean {
  const publicKey = createPublicKey(readPrivateKey(privateKey, passphrase))
  return fingerprintOf(publicKey.export({ type: 'spki', format: 'der' })) === certificate.publicKey.fingerprint
}

/** Whether `issuer` names, may have issued and has signed `certificate`. A root has issued itself. */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  const child = new X509Certificate(certificate.der)
  const parent = new X509Certificate(issuer.der)
  try {
    return issuer.isAuthority && child.checkIssued(parent) && child.verify(parent.publicKey)
  } catch {
    return false
  }
}

/**
 * Checks a chain, leaf first: each issued by the next, and all valid at `now`. The last one need not be a root; whether
 * to trust it is for the caller to decide. Throws `CertsError` `brokenChain`, `expired` or `notYetValid`.
 */
export function verifyChain(chain: readonly Certificate[], now: Date): void {
  for (const certificate of chain) checkValidity(certificate, now)
  checkLinks(chain, true)
}

/**
 * Checks who issued whom, whatever the date.
 * @param isLeafFirst whether the first is a leaf; otherwise it is an authority, and leaves are to follow below it
 */
export function checkLinks(chain: readonly Certificate[], isLeafFirst: boolean): void {
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1]
    if (!issuer) return
    if (!isIssuedBy(certificate, issuer)) {
      const found = `"${certificate.subject.text}" was not issued by "${issuer.subject.text}", which follows it`
      throw new CertsError('brokenChain', `${found}; put each certificate's issuer after it`)
    }
    // RFC 5280 §4.2.1.9: the authorities between the leaf and this issuer, but for those that are self-issued
    const between = authoritiesIn(chain.slice(isLeafFirst ? 1 : 0, index + 1))
    if (issuer.pathLength !== undefined && between > issuer.pathLength) {
      throw new CertsError('brokenChain', `"${issuer.subject.text}" allows ${issuer.pathLength} authorities below it`)
    }
  }
}

/** Its issuer bears its own name, as in a change of keys: it does not count in a path length (RFC 5280 §4.2.1.9). */
const isSelfIssued = ({ subject, issuer }: Certificate): boolean => Buffer.compare(subject.der, issuer.der) === 0

/** How many of these authorities a path length counts. */
export const authoritiesIn = (chain: readonly Certificate[]): number => chain.filter(each => !isSelfIssued(each)).length

export function checkValidity({ subject, notBefore, notAfter }: Certificate, now: Date): void {
  if (now > notAfter) {
    throw new CertsError(
      'expired',
      `the certificate of "${subject.text}" expired at ${notAfter.toISOString()}; renew it`,
    )
  }
  if (now < notBefore) {
    const begins = `the certificate of "${subject.text}" is not valid before ${notBefore.toISOString()}`
    throw new CertsError('notYetValid', `${begins}; it is ${now.toISOString()} here: compare the clocks`)
  }
}

/** The parts of an issuer's certificate that go into what it issues. */
export function issuerParts({ der }: Certificate): IssuerParts {
  const { subject, publicKey, extensions } = fieldsOf(decode(der))
  const keyIdentifier = readSubjectKeyIdentifier(readExtensions(extensions))
  return {
    subject: expect(subject, tags.sequence, 'the subject').der,
    publicKey: expect(publicKey, tags.sequence, 'the public key'),
    ...(keyIdentifier && { keyIdentifier }),
  }
}

/** The Extensions of a certificate, if it has any. */
export const certificateExtensions = ({ der }: Certificate): Node | undefined => fieldsOf(decode(der)).extensions

export function certificateOf(node: Node): Certificate {
  const fields = fieldsOf(node)
  const extensions = readExtensions(fields.extensions)
  const [notBefore, notAfter] = children(fields.validity, tags.sequence, 'the validity')
  const alternative = valueOf(extensions, 'subjectAltName')
  const { isAuthority, pathLength } = readBasicConstraints(extensions)
  const usage = readKeyUsage(extensions)
  const purpose = readExtendedKeyUsage(extensions)
  return {
    pem: toPem('CERTIFICATE', node.der),
    der: node.der,
    subject: readName(fields.subject, 'the subject'),
    issuer: readName(fields.issuer, 'the issuer'),
    serialNumber: readSerialNumber(fields.serial),
    notBefore: readTime(notBefore, 'notBefore'),
    notAfter: readTime(notAfter, 'notAfter'),
    fingerprint: fingerprintOf(node.der),
    subjectAlternativeName: alternative ? readAlternativeNames(alternative) : [],
    publicKey: describePublicKey(fields.publicKey),
    signatureAlgorithm: describeSignature(node.child[1]),
    isAuthority: isAuthority && (usage?.includes('keyCertSign') ?? true),
    ...(pathLength !== undefined && { pathLength }),
    ...(usage && { keyUsage: usage }),
    ...(purpose && { extendedKeyUsage: purpose }),
    isConstraining: isConstraining(fields.extensions),
  }
}

/** TBSCertificate: the version in front is left out by version 1 certificates. */
function fieldsOf(node: Node) {
  const [body] = children(node, tags.sequence, 'the certificate')
  const all = children(body, tags.sequence, 'the content of the certificate')
  const [serial, , issuer, validity, subject, publicKey, ...rest] = all[0]?.tag === context(0) ? all.slice(1) : all
  const extensions = rest.find(({ tag }) => tag === context(3))?.child[0]
  return { serial, issuer, validity, subject, publicKey, extensions }
}
