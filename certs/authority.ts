/**
 * The authority: plans a certificate, then signs the plan, once.
 *
 * Between the two the caller can record what is about to be signed, so that no certificate exists that no register
 * knows. A plan holds its bytes out of the caller's reach: what was checked is what is signed.
 * @module
 */
import { createPublicKey, KeyObject, randomBytes } from 'node:crypto'
import type { AlternativeName } from './alternative-name.ts'
import type { Fields } from './body.ts'
import { certifyBody, encodeBody, extensionsFor } from './body.ts'
import type { Certificate } from './certificate.ts'
import { authoritiesIn, checkLinks, checkValidity, isIssuedBy, issuerParts, readCertificates } from './certificate.ts'
import { decode } from './der.ts'
import type { DistinguishedName } from './distinguished-name.ts'
import { encodeName, readName } from './distinguished-name.ts'
import { CertsError } from './errors.ts'
import type { CheckedKey, PublicKey } from './key.ts'
import { checkKey, fingerprintOf, keyIdentifier, readPrivateKey, readPublicKey } from './key.ts'
import type { Profile } from './profile.ts'
import { maxDays, subordinateProfile } from './profile.ts'
import type { Publication } from './publication.ts'
import { checkPublication } from './publication.ts'
import type { Request } from './request.ts'
import { requestParts } from './request.ts'
import type { RevocationList, RevocationListOptions } from './revocation-list.ts'
import { writeList } from './revocation-list.ts'
import { signer } from './signature.ts'
import type { StatusLookup } from './status.ts'
import { answerStatus, isAskedBy } from './status.ts'
import { clipped, dayMs, serialFrom, validityFrom } from './validity.ts'

/** What `openAuthority` takes. */
export interface OpenAuthorityOptions {
  /** PEM: the authority's own certificate first, then, if it is not a root, its issuers in order. */
  readonly certificate: string | Uint8Array
  /** PEM. */
  readonly key: string | Uint8Array
  readonly passphrase?: string
  /** Where the authority of this certificate publishes, for what it signs to say. Default nowhere. */
  readonly publication?: (certificate: Certificate) => Publication
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
  /** The authority's own certificate, then the issuers that came with it, in order. */
  readonly certificates: readonly Certificate[]
  /** The same to hand out: PEM each. */
  readonly chain: readonly string[]
  /**
   * Checks everything and says what would be signed; signs nothing.
   * @param subject a request that `readRequest` accepted, or a public key that the caller vouches for
   * Throws `CertsError` `expired`, `notYetValid`, `notAnAuthority`, `badSubject`, `weakKey`, `unsupportedKey`, `badLifetime`.
   */
  readonly plan: (subject: Request | KeyObject, profile: Profile, now: Date) => Plan
  /**
   * Plans a certificate for the key and the name of another authority, so that who trusts this one trusts the other one's
   * certificates too: the step from an old authority to a new one. It ends with the shorter-lived of the two at the latest.
   * @param days default to the end of the two
   * Throws `CertsError` `expired`, `notYetValid`, `notAnAuthority`, `weakKey`, `unsupportedKey`, `badLifetime`.
   */
  readonly crossCertify: (certificate: Certificate, now: Date, days?: number) => Plan
  /** Signs a plan of this authority, once. Throws `CertsError` `badPlan`. */
  readonly sign: (plan: Plan) => Promise<Certificate>
  /** Writes and signs a revocation list, full or delta. Throws `CertsError` `badList`, `badLifetime`, `notAnAuthority`. */
  readonly revocationList: (options: RevocationListOptions) => Promise<RevocationList>
  /**
   * Answers an OCSP request (DER) with a signed response, or with an unsigned one that says what is wrong; never throws.
   * @param lookup asked about this authority's certificates alone; when it fails, the response is internalError
   * @param nextUpdate when to ask again
   */
  readonly answerStatus: (request: Uint8Array, lookup: StatusLookup, now: Date, nextUpdate: Date) => Promise<Uint8Array>
  /** Whether an OCSP request is about a certificate of this authority. */
  readonly isAskedBy: (request: Uint8Array) => boolean
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
  publication: publicationOf = () => ({}),
  random = randomBytes,
}: OpenAuthorityOptions): Authority {
  const chain = readCertificates(pem)
  const [certificate] = chain
  if (!certificate) throw new CertsError('notACertificate', 'found no certificate of the authority')
  if (!certificate.isAuthority) {
    const what = `the certificate of "${certificate.subject.text}" is not an authority's`
    throw new CertsError('notAnAuthority', `${what}: wanted CA:TRUE and, in keyUsage, keyCertSign`)
  }
  const parts = issuerParts(certificate)
  const publicKey = readPublicKey(parts.publicKey)
  const privateKey = readPrivateKey(keyPem, passphrase)
  if (fingerprintOf(createPublicKey(privateKey).export({ type: 'spki', format: 'der' })) !== publicKey.fingerprint) {
    throw new CertsError('keyMismatch', `the key does not belong to the certificate of "${certificate.subject.text}"`)
  }
  checkLinks(chain, false)
  const issuer: Issuer = {
    subject: parts.subject,
    keyIdentifier: parts.keyIdentifier ?? keyIdentifier(publicKey.der),
    publication: checkPublication(publicationOf(certificate)),
  }
  const responder = { subject: parts.subject, publicKey: publicKey.der }
  const signing = signer(publicKey, privateKey)
  const bodies = new WeakMap<Plan, Uint8Array>()

  const draft = ({ profile, key, subject, now, end = [], keyIdentifier }: Terms): Plan => {
    const fields: Fields = {
      serial: serialFrom(random),
      issuer: issuer.subject,
      ...clipped(validityFrom(now, profile.days), [...chain, ...end]),
      subject,
      publicKey: key.der,
      extensions: extensionsFor(profile, key, {
        issuer: issuer.keyIdentifier,
        keyIdentifier,
        isNameless: isEmpty(subject),
        publication: issuer.publication,
      }),
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
  }

  return {
    certificate,
    certificates: chain,
    chain: chain.map(each => each.pem),
    plan(from, profile, now) {
      for (const each of chain) checkValidity(each, now)
      checkAllows(chain, profile)
      return draft({ profile, now, ...subjectOf(from, profile) })
    },
    crossCertify(other, now, days) {
      for (const each of [...chain, other]) checkValidity(each, now)
      const { subject, publicKey, keyIdentifier } = issuerParts(other)
      const profile = crossProfile(chain, other, now, days)
      return draft({ profile, key: readPublicKey(publicKey), subject, now, end: [other], keyIdentifier })
    },
    async sign(plan) {
      const body = bodies.get(plan)
      if (!body)
        throw new CertsError('badPlan', 'the plan was signed before or is not of this authority; make a new one')
      bodies.delete(plan)
      const issued = await certifyBody(signing, body)
      if (isIssuedBy(issued, certificate)) return issued
      throw new CertsError(
        'badSignature',
        'the certificate just made does not verify; check the machine and sign again',
      )
    },
    answerStatus: (request, lookup, now, nextUpdate) =>
      answerStatus(request, lookup, now, nextUpdate, responder, signing),
    isAskedBy: request => isAskedBy(request, responder),
    async revocationList(options) {
      if (certificate.keyUsage?.includes('cRLSign') ?? true) return writeList(options, issuer, signing)
      throw new CertsError(
        'notAnAuthority',
        `"${certificate.subject.text}" may not sign lists: its keyUsage lacks cRLSign`,
      )
    },
  }
}

/** What of an authority goes into what it signs. */
interface Issuer {
  /** The name, as encoded. */
  readonly subject: Uint8Array
  readonly keyIdentifier: Uint8Array
  readonly publication: Publication
}

interface Terms {
  readonly profile: Profile
  readonly key: CheckedKey
  /** As encoded. */
  readonly subject: Uint8Array
  readonly now: Date
  /** Certificates beside the issuers' that it must not outlive. */
  readonly end?: readonly Certificate[]
  /** Default the one that follows from the key. */
  readonly keyIdentifier?: Uint8Array | undefined
}

/** For another authority's key: no more than it allows itself, nor than is allowed here. Throws `CertsError` `notAnAuthority`. */
function crossProfile(chain: readonly Certificate[], other: Certificate, now: Date, days?: number): Profile {
  if (!other.isAuthority) {
    throw new CertsError('notAnAuthority', `"${other.subject.text}" is not an authority; wanted one to cross-certify`)
  }
  const own = Buffer.compare(other.subject.der, chain[0]?.subject.der ?? new Uint8Array()) === 0 ? 0 : 1
  const room = chain.map(({ pathLength = Infinity }, at) => pathLength - authoritiesIn(chain.slice(0, at)) - own)
  const pathLength = Math.min(other.pathLength ?? Infinity, ...room)
  if (pathLength < 0)
    throw mayNotIssue(chain[0], 'the path length of an authority in its chain allows no other below it')
  const whole = Math.ceil((other.notAfter.getTime() - now.getTime()) / dayMs)
  const { pathLength: _, ...profile } = subordinateProfile({ subject: {}, days: days ?? Math.min(whole, maxDays) })
  return { ...profile, ...(pathLength < Infinity && { pathLength }) }
}

function checkAllows(chain: readonly Certificate[], { kind, purpose }: Profile): void {
  for (const [at, authority] of chain.entries()) {
    const { pathLength = Infinity, extendedKeyUsage } = authority
    if (kind === 'subordinate' && pathLength <= authoritiesIn(chain.slice(0, at))) {
      throw mayNotIssue(authority, `its path length is ${pathLength}`)
    }
    const allowed = extendedKeyUsage?.some(each => each === purpose || each === 'anyExtendedKeyUsage') ?? true
    if (purpose && !allowed) throw mayNotIssue(authority, `its own extendedKeyUsage lacks ${purpose}`)
  }
}

const mayNotIssue = (authority: Certificate | undefined, why: string) =>
  new CertsError('notAnAuthority', `"${authority?.subject.text ?? ''}" may not issue this: ${why}`)

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
