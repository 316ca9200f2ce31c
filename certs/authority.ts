/**
 * The authority: plans a certificate, then signs the plan, once.
 *
 * Between the two the caller can record what is about to be signed, so that no certificate exists that no register
 * knows. A plan holds its bytes out of the caller's reach: what was checked is what is signed. Whatever is signed is
 * verified with the authority's own public key before it leaves, which catches a faulty signature as well as a bug.
 * @module
 */
import { createPublicKey, KeyObject, randomBytes } from 'node:crypto'
import type { AlternativeName } from './alternative-name.ts'
import type { Certificate } from './certificate.ts'
import { certificateOf, checkLinks, checkValidity, isIssuedBy, issuerParts, readCertificates } from './certificate.ts'
import type { Fields } from './body.ts'
import { encodeBody, extensionsFor } from './body.ts'
import { bitString, decode, sequence } from './der.ts'
import type { DistinguishedName, Subject } from './distinguished-name.ts'
import { encodeName, readName } from './distinguished-name.ts'
import { CertsError } from './errors.ts'
import type { CheckedKey, PublicKey } from './key.ts'
import {
  checkKey,
  exportPrivateKey,
  fingerprintOf,
  generateKeyPair,
  keyIdentifier,
  readPrivateKey,
  readPublicKey,
} from './key.ts'
import type { Profile } from './profile.ts'
import { checkedDays } from './profile.ts'
import type { Request } from './request.ts'
import { requestParts } from './request.ts'
import type { Signer } from './signature.ts'
import { signer } from './signature.ts'

/** Begin this much earlier than now: the clocks of clients are apart. */
const backdateMs = 5 * 60_000
const dayMs = 86_400_000

/** The last second that a certificate can name (RFC 5280 §4.1.2.5). */
const lastDate = new Date('9999-12-31T23:59:59Z')

/** An authority's certificate and key, both PEM; the key is PKCS#8 and not encrypted. */
export interface AuthorityFiles {
  readonly certificate: string
  readonly key: string
}

/** What `createAuthority` takes. */
export interface CreateAuthorityOptions {
  /** Default `CN=kmipd root`. */
  readonly subject?: Subject
  /** Default P-256. */
  readonly keyType?: 'P-256' | 'P-384' | 'RSA-3072'
  /** Default 3650. */
  readonly days?: number
  /** How many authorities may follow below. Default 1. */
  readonly pathLength?: number
  readonly now: Date
}

/** What `openAuthority` takes. */
export interface OpenAuthorityOptions {
  /** PEM: the authority's own certificate first, then, if it is not a root, its issuers in order. */
  readonly certificate: string | Uint8Array
  /** PEM. */
  readonly key: string | Uint8Array
  readonly passphrase?: string
  /** The source of serial numbers. Default the system's generator. */
  readonly random?: (size: number) => Uint8Array
}

/** A certificate that was checked but is not signed yet. Frozen; the authority alone can make one. */
export interface Plan {
  readonly kind: Profile['kind']
  /** Lower-case hexadecimal, 20 octets. */
  readonly serialNumber: string
  readonly issuer: DistinguishedName
  readonly subject: DistinguishedName
  readonly subjectAlternativeName: readonly AlternativeName[]
  readonly notBefore: Date
  readonly notAfter: Date
  readonly publicKey: PublicKey
  readonly signatureAlgorithm: string
}

/** An authority that is ready to issue. */
export interface Authority {
  readonly certificate: Certificate
  /** What to hand out, PEM each: the authority's own certificate, then the issuers that came with it. */
  readonly chain: readonly string[]
  /**
   * Checks everything and says what would be signed; signs nothing.
   * @param subject a request that `readRequest` accepted, or a public key that the caller vouches for
   * Throws `CertsError` `expired`, `notYetValid`, `notAnAuthority`, `badSubject`, `weakKey`, `unsupportedKey`, `badLifetime`.
   */
  readonly plan: (subject: Request | KeyObject, profile: Profile, now: Date) => Plan
  /** Signs a plan of this authority, once. Throws `CertsError` `badPlan`. */
  readonly sign: (plan: Plan) => Promise<Certificate>
}

/** A new root with a new key. Throws `CertsError` `badSubject` or `badLifetime`. */
export async function createAuthority(options: CreateAuthorityOptions): Promise<AuthorityFiles> {
  const { subject = { commonName: 'kmipd root' }, keyType = 'P-256', days = 3650, pathLength = 1, now } = options
  const name = encodeName(subject)
  if (!readName(decode(name), 'the subject').attribute.length) {
    throw new CertsError('badSubject', "the authority's subject is empty; give it a common name")
  }
  const validity = validityFrom(now, checkedDays(days))
  const keyPair = await generateKeyPair(keyType)
  const publicKey = checkKey(keyPair.publicKey)
  const identifier = keyIdentifier(publicKey.der)
  const { pem } = await certify(signer(publicKey, keyPair.privateKey), {
    serial: serialFrom(randomBytes),
    issuer: name,
    ...validity,
    subject: name,
    publicKey: publicKey.der,
    extensions: extensionsFor({ usage: ['keyCertSign', 'cRLSign'], pathLength, name: [] }, publicKey, identifier),
  })
  return { certificate: pem, key: exportPrivateKey(keyPair.privateKey) }
}

/**
 * Opens an authority from the files that the user has. Dates are not looked at until a plan is made, so that an expired
 * authority can still be shown. Throws `CertsError` `notACertificate`, `notAKey`, `keyEncrypted`, `keyMismatch`,
 * `notAnAuthority`, `brokenChain`, `unsupportedKey`, `weakKey`, `malformed`.
 */
export function openAuthority({
  certificate: pem,
  key: keyPem,
  passphrase,
  random = randomBytes,
}: OpenAuthorityOptions): Authority {
  const chain = readCertificates(pem)
  const [certificate] = chain
  if (!certificate) throw new CertsError('notACertificate', 'found no certificate of the authority')
  if (!certificate.isAuthority) {
    const what = `the certificate of "${certificate.subject.text}" is not an authority's`
    throw new CertsError('notAnAuthority', `${what}: wanted CA:TRUE and, in keyUsage, keyCertSign`)
  }
  const issuer = issuerParts(certificate)
  const publicKey = readPublicKey(issuer.publicKey)
  const privateKey = readPrivateKey(keyPem, passphrase)
  if (fingerprintOf(createPublicKey(privateKey).export({ type: 'spki', format: 'der' })) !== publicKey.fingerprint) {
    throw new CertsError('keyMismatch', `the key does not belong to the certificate of "${certificate.subject.text}"`)
  }
  checkLinks(chain, 1)
  const identifier = issuer.keyIdentifier ?? keyIdentifier(publicKey.der)
  const signing = signer(publicKey, privateKey)
  const bodies = new WeakMap<Plan, Uint8Array>()

  return {
    certificate,
    chain: chain.map(each => each.pem),
    plan(from, profile, now) {
      for (const each of chain) checkValidity(each, now)
      checkAllows(chain, profile)
      const { key, subject } = subjectOf(from, profile)
      const fields: Fields = {
        serial: serialFrom(random),
        issuer: issuer.subject,
        ...clipped(validityFrom(now, profile.days), chain),
        subject,
        publicKey: key.der,
        extensions: extensionsFor(profile, key, identifier, isEmpty(subject)),
      }
      const plan: Plan = Object.freeze({
        kind: profile.kind,
        serialNumber: Buffer.from(fields.serial).toString('hex'),
        issuer: certificate.subject,
        subject: readName(decode(subject), 'the subject'),
        subjectAlternativeName: profile.name,
        notBefore: new Date(fields.notBefore),
        notAfter: new Date(fields.notAfter),
        publicKey: { description: key.description, fingerprint: key.fingerprint },
        signatureAlgorithm: signing.description,
      })
      bodies.set(plan, encodeBody(fields, signing.algorithm))
      return plan
    },
    async sign(plan) {
      const body = bodies.get(plan)
      if (!body)
        throw new CertsError('badPlan', 'the plan was signed before or is not of this authority; make a new one')
      bodies.delete(plan)
      const issued = await certifyBody(signing, body)
      if (isIssuedBy(issued, certificate)) return issued
      throw new CertsError('badSignature', 'the signature just made does not verify; check the machine and sign again')
    },
  }
}

const certify = (signing: Signer, fields: Fields) => certifyBody(signing, encodeBody(fields, signing.algorithm))

const certifyBody = async ({ algorithm, sign }: Signer, body: Uint8Array): Promise<Certificate> =>
  certificateOf(decode(sequence(body, algorithm, bitString(await sign(body)))))

function checkAllows(chain: readonly Certificate[], { kind, purpose }: Profile): void {
  for (const [below, { subject, pathLength = Infinity, extendedKeyUsage }] of chain.entries()) {
    const refused = (why: string) => new CertsError('notAnAuthority', `"${subject.text}" may not issue this: ${why}`)
    if (kind === 'subordinate' && pathLength <= below) throw refused(`its path length is ${pathLength}`)
    const allowed = extendedKeyUsage?.some(each => each === purpose || each === 'anyExtendedKeyUsage') ?? true
    if (purpose && !allowed) throw refused(`its own extendedKeyUsage lacks ${purpose}`)
  }
}

function subjectOf(from: Request | KeyObject, profile: Profile): { key: CheckedKey; subject: Uint8Array } {
  const request = from instanceof KeyObject ? undefined : requestParts(from)
  const key = from instanceof KeyObject ? checkKey(from) : requestParts(from).publicKey
  const copied = profile.copiesSubject && request && !isEmpty(request.subject) ? request.subject : undefined
  const subject = copied ?? encodeName(profile.subject)
  if (isEmpty(subject) && !profile.name.length) {
    throw new CertsError('badSubject', 'the subject is empty; ask for one in the request, or give a common name')
  }
  return { key, subject }
}

const isEmpty = (name: Uint8Array) => name.length === 2

/** 20 octets, the most that RFC 5280 §4.1.2.2 allows: positive, never shorter, 158 random bits. */
function serialFrom(random: (size: number) => Uint8Array): Uint8Array {
  const serial = Uint8Array.from(random(20))
  serial.set([((serial[0] ?? 0) & 0x3f) | 0x40])
  return serial
}

function validityFrom(now: Date, days: number): { notBefore: Date; notAfter: Date } {
  // To the second, so that a plan says exactly what the certificate will.
  const second = Math.floor(now.getTime() / 1000) * 1000
  const notAfter = new Date(second + days * dayMs)
  if (!(notAfter <= lastDate)) throw new CertsError('badLifetime', `${days} days from now is past the year 9999`)
  return { notBefore: new Date(second - backdateMs), notAfter }
}

/** Within the validity of every certificate above: some verifiers insist, and it is of no use outside. */
function clipped({ notBefore, notAfter }: { notBefore: Date; notAfter: Date }, chain: readonly Certificate[]) {
  const [own] = chain
  return {
    notBefore: own && own.notBefore > notBefore ? own.notBefore : notBefore,
    notAfter: chain.reduce((end, above) => (above.notAfter < end ? above.notAfter : end), notAfter),
  }
}
