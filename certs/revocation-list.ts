/**
 * Certificate revocation lists (RFC 5280 §5): written for our own certificates, read from anybody.
 *
 * A list that was read has not been verified; `isListIssuedBy` does that. What cannot be honoured, a list of other
 * authorities' certificates or of some reasons only, is refused, since whoever took it for complete would let a revoked
 * certificate in.
 * @module
 */
import type { Certificate } from './certificate.ts'
import { issuerParts } from './certificate.ts'
import type { Node } from './der.ts'
import {
  bigInteger,
  bitString,
  children,
  context,
  decode,
  encode,
  enumerated,
  expect,
  integer,
  malformed,
  readBigInteger,
  readBitString,
  readSerialNumber,
  readTime,
  sequence,
  skim,
  tags,
  time,
  unsigned,
  valuesIn,
} from './der.ts'
import type { DistinguishedName } from './distinguished-name.ts'
import { readName } from './distinguished-name.ts'
import { CertsError } from './errors.ts'
import {
  authorityKeyIdentifier,
  criticalBeside,
  extension,
  readAuthorityKeyIdentifier,
  readExtensions,
  valueOf,
} from './extension.ts'
import { readPublicKey } from './key.ts'
import { listWanted, readArmour, toPem } from './pem.ts'
import type { Publication } from './publication.ts'
import { freshestList } from './publication.ts'
import type { Signer } from './signature.ts'
import { verifySignature } from './signature.ts'
import { toSecond } from './validity.ts'

/** CRLReason (RFC 5280 §5.3.1) */
export const reasons = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  /** In a delta alone: the certificate is good again. */
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const

/** Why a certificate was revoked. */
export type RevocationReason = keyof typeof reasons

const reasonOf = new Map<number, RevocationReason>(
  Object.entries(reasons).map(([name, number]) => [number, name as RevocationReason]),
)

/** The extensions of an entry; RFC 5280 §5.3.1: that it is unspecified is left out. */
const entryExtensions = Object.fromEntries(
  Object.entries(reasons).map(([name, number]) => [
    name,
    number === 0 ? new Uint8Array() : sequence(extension('reasonCode', enumerated(number))),
  ]),
) as Record<RevocationReason, Uint8Array>

/** The words of `RevocationReason`, in the specification's order. */
export const revocationReasons = Object.keys(reasons) as readonly RevocationReason[]

/** One line of a list. */
export interface RevokedCertificate {
  /** Lower-case hexadecimal, as in `Plan` and `Certificate`. */
  readonly serialNumber: string
  readonly date: Date
  /** Absent when it is not told, which is the same as `unspecified`. */
  readonly reason?: RevocationReason
}

/** A list that was read or made. */
export interface RevocationList {
  readonly der: Uint8Array
  /** One armoured block. */
  readonly pem: string
  readonly issuer: DistinguishedName
  /** Identifier of the key that signed it, lower-case hexadecimal: which of several keys of one name. Some leave it out. */
  readonly signer?: string
  /** Grows from list to list. Some authorities leave it out. */
  readonly number?: bigint
  /** Of a delta: the number of the list that it is to be applied to, or of any later one. Absent from a full list. */
  readonly base?: bigint
  readonly thisUpdate: Date
  /** When the next list is due; from then on this one says nothing. */
  readonly nextUpdate?: Date
  /** By serial number. */
  readonly revoked: ReadonlyMap<string, RevokedCertificate>
}

/** What an authority is to write. */
export interface RevocationListOptions {
  /** Greater than that of every list before, full or delta. */
  readonly number: bigint
  readonly revoked: Iterable<RevokedCertificate>
  readonly thisUpdate: Date
  readonly nextUpdate: Date
  /** Makes a delta: the number of the full list whose changes these are. */
  readonly base?: bigint
}

/** What of its issuer goes into a list. */
interface Issuer {
  readonly subject: Uint8Array
  readonly keyIdentifier: Uint8Array
  readonly publication: Publication
}

/** RFC 5280 §5.2.3: up to 20 octets, the first bit 0 */
const maxNumber = 2n ** 159n

/** Writes and signs a list. Throws `CertsError` `badList` or `badLifetime`. */
export async function writeList(
  { number, revoked, thisUpdate, nextUpdate, base }: RevocationListOptions,
  { subject, keyIdentifier, publication }: Issuer,
  { algorithm, sign }: Signer,
): Promise<RevocationList> {
  if (number < 0n || number >= maxNumber || (base !== undefined && (base < 0n || base >= number))) {
    const found = base === undefined ? `the number ${number}` : `the number ${number} on the base ${base}`
    throw new CertsError('badList', `a revocation list was to have ${found}; wanted one that grows from list to list`)
  }
  if (!(toSecond(thisUpdate) < toSecond(nextUpdate))) {
    throw new CertsError('badLifetime', 'the next revocation list would be due no later than this one is made')
  }
  const entry = Array.from(revoked, each => encodeEntry(each, base !== undefined))
  const extensions = [
    authorityKeyIdentifier(keyIdentifier),
    extension('cRLNumber', bigInteger(number)),
    ...(base === undefined ? freshestList(publication) : [extension('deltaCRLIndicator', bigInteger(base), true)]),
  ]
  const body = sequence(
    integer(1),
    algorithm,
    subject,
    time(thisUpdate),
    time(nextUpdate),
    // RFC 5280 §5.1.2.6: absent rather than empty
    ...(entry.length ? [sequence(...entry)] : []),
    encode(context(0), sequence(...extensions)),
  )
  return readRevocationList(sequence(body, algorithm, bitString(await sign(body))))
}

function encodeEntry({ serialNumber, date, reason = 'unspecified' }: RevokedCertificate, isDelta: boolean): Uint8Array {
  if (!/^([0-9a-f]{2}){1,20}$/.test(serialNumber)) {
    const found = JSON.stringify(serialNumber.slice(0, 48))
    throw new CertsError('badList', `${found} was to be revoked; wanted a serial number, in lower-case hexadecimal`)
  }
  if (reason === 'removeFromCRL' && !isDelta) {
    throw new CertsError('badList', `${serialNumber} is to be removed from the list: leave it out of a full one`)
  }
  return sequence(unsigned(Buffer.from(serialNumber, 'hex')), time(date), entryExtensions[reason])
}

/**
 * Reads a list in PEM, DER or bare base64, of at most 16 MiB; of a bundle, the first.
 * Throws `CertsError` `notAList`, `malformed`, `tooLarge`, `badSubject`, `unsupportedList`.
 */
export function readRevocationList(input: string | Uint8Array): RevocationList {
  const [node] = readArmour(input, listWanted)
  const { der, child } = expect(node, tags.sequence, 'the list')
  const { isExtensible, issuer, thisUpdate, nextUpdate, entries, extensions: wrapped } = fieldsOf(child[0])
  const inner = wrapped && decode(wrapped.der).child[0]
  refuseUnsupported(inner)
  const extensions = readExtensions(inner)
  const number = valueOf(extensions, 'cRLNumber')
  const base = valueOf(extensions, 'deltaCRLIndicator')
  const signer = readAuthorityKeyIdentifier(extensions)
  if (wrapped && !isExtensible) throw malformed('a list of version 1 has extensions')
  return {
    der: Uint8Array.from(der),
    pem: toPem('X509 CRL', der),
    issuer: readName(issuer && decode(issuer.der), 'the issuer'),
    ...(signer && { signer: Buffer.from(signer).toString('hex') }),
    ...(number && { number: readBigInteger(number, 'cRLNumber') }),
    ...(base && { base: readBigInteger(base, 'deltaCRLIndicator') }),
    thisUpdate: readTime(thisUpdate, 'thisUpdate'),
    ...(nextUpdate && { nextUpdate: readTime(nextUpdate, 'nextUpdate') }),
    revoked: readEntries(entries),
  }
}

/**
 * Whether the authority has signed the list, and may sign lists. Whether the list is still in force, `nextUpdate` tells.
 */
export function isListIssuedBy({ der, issuer }: RevocationList, authority: Certificate): boolean {
  if (!(authority.keyUsage?.includes('cRLSign') ?? authority.isAuthority)) return false
  if (issuer.text !== authority.subject.text) return false
  try {
    const [body, algorithm, signature] = skim(der, 1).child
    const key = readPublicKey(issuerParts(authority).publicKey)
    const signed = expect(body, tags.sequence, 'the content of the list').der
    verifySignature(algorithm && decode(algorithm.der), signed, readBitString(signature, 'the signature'), key)
    return true
  } catch (error) {
    if (error instanceof CertsError) return false
    throw error
  }
}

/**
 * What is revoked once a delta was applied to a full list (RFC 5280 §5.2.4). Verify both with `isListIssuedBy` first.
 * Throws `CertsError` `badList` when the two do not belong together.
 */
export function withDelta(list: RevocationList, delta: RevocationList): ReadonlyMap<string, RevokedCertificate> {
  const { number, base } = list
  const fits =
    base === undefined &&
    number !== undefined &&
    delta.base !== undefined &&
    delta.number !== undefined &&
    list.issuer.text === delta.issuer.text &&
    number >= delta.base &&
    number <= delta.number
  if (!fits) {
    const found = `the list ${number} of "${list.issuer.text}" and the delta from ${delta.base} to ${delta.number} of "${delta.issuer.text}"`
    throw new CertsError('badList', `${found} do not belong together; fetch both again`)
  }
  const revoked = new Map(list.revoked)
  for (const [serialNumber, entry] of delta.revoked) {
    if (entry.reason === 'removeFromCRL') revoked.delete(serialNumber)
    else revoked.set(serialNumber, entry)
  }
  return revoked
}

/** TBSCertList: version, nextUpdate, the entries and the extensions may each be left out. */
function fieldsOf(node: Node | undefined) {
  const all = children(node, tags.sequence, 'the content of the list')
  const isExtensible = all[0]?.tag === tags.integer
  const [, issuer, thisUpdate, ...rest] = isExtensible ? all.slice(1) : all
  const nextUpdate = rest.find(({ tag }) => tag === tags.utcTime || tag === tags.generalizedTime)
  const entries = rest.find(({ tag }) => tag === tags.sequence)
  const extensions = rest.find(({ tag }) => tag === context(0))
  return { isExtensible, issuer, thisUpdate, nextUpdate, entries, extensions }
}

/** onlyContainsCACerts, onlySomeReasons, indirectCRL and onlyContainsAttributeCerts (RFC 5280 §5.2.5) */
const partial = [2, 3, 4, 5].map(number => context(number, false))

/** RFC 5280 §5.2: what is critical and not understood makes the list unfit for use. */
function refuseUnsupported(extensions: Node | undefined): void {
  const [unknown] = criticalBeside(extensions, ['deltaCRLIndicator', 'issuingDistributionPoint', 'cRLNumber'])
  if (unknown) throw unsupported(`has the critical extension ${unknown}`)
  const scope = valueOf(readExtensions(extensions), 'issuingDistributionPoint')?.child ?? []
  if (scope.some(({ tag }) => partial.includes(tag))) {
    throw unsupported('is not of all client and server certificates of its issuer')
  }
}

const unsupported = (what: string) =>
  new CertsError('unsupportedList', `the revocation list ${what}; wanted a plain one, full or delta`)

function readEntries(entries: Node | undefined): Map<string, RevokedCertificate> {
  const revoked = new Map<string, RevokedCertificate>()
  // Lists are long, and nearly all entries end in one of a few encodings of a reason: each is decoded once.
  const known = new Map<string, RevocationReason | undefined>()
  for (const entry of valuesIn(entries?.content ?? new Uint8Array())) {
    const [serial, date, extensions] = valuesIn(expect(entry, tags.sequence, 'an entry').content)
    const serialNumber = readSerialNumber(serial)
    const key = Buffer.from(extensions?.der ?? []).toString('latin1')
    const reason = known.has(key) ? known.get(key) : readReason(extensions)
    if (known.size < 64) known.set(key, reason)
    revoked.set(serialNumber, { serialNumber, date: readTime(date, 'the revocation date'), ...(reason && { reason }) })
  }
  return revoked
}

function readReason(extensions: Node | undefined): RevocationReason | undefined {
  if (!extensions) return undefined
  const node = decode(extensions.der)
  const [unknown] = criticalBeside(node, ['reasonCode'])
  if (unknown) throw unsupported(`has an entry with the critical extension ${unknown}`)
  const code = valueOf(readExtensions(node), 'reasonCode')
  return code && (reasonOf.get(expect(code, tags.enumerated, 'the reason').content[0] ?? -1) ?? 'unspecified')
}
