/**
 * Answers on the status of certificates: OCSP (RFC 6960), signed with the authority's own key.
 *
 * An answer is never an error of the program: what cannot be read or looked up has a response of its own (§4.2.1). Of
 * another authority's certificates nothing is known here, and that is the answer. The nonce that keeps an answer from
 * being replayed is of 1 to 128 octets (RFC 9654 §2.1, which widens RFC 8954).
 * @module
 */
import { createHash } from 'node:crypto'
import type { Node } from './der.ts'
import {
  bitString,
  children,
  context,
  decode,
  encode,
  enumerated,
  expect,
  generalizedTime,
  malformed,
  objectIdentifier,
  octetString,
  readBitString,
  readObjectIdentifier,
  readSerialNumber,
  readSmallInteger,
  sequence,
  tags,
} from './der.ts'
import { CertsError } from './errors.ts'
import { extension, readExtensions, valueOf } from './extension.ts'
import type { RevocationReason } from './revocation-list.ts'
import { reasons } from './revocation-list.ts'
import { hashes } from './signature.ts'
import type { Signer } from './signature.ts'

/** What is known of a certificate. */
export type CertificateStatus =
  | { readonly status: 'good' }
  | { readonly status: 'revoked'; readonly date: Date; readonly reason?: RevocationReason }
  /** Never issued here. */
  | { readonly status: 'unknown' }

/** @param serialNumber lower-case hexadecimal, as in `Plan` and `Certificate` */
export type StatusLookup = (serialNumber: string) => Promise<CertificateStatus>

/** Whose certificates are asked about. */
export interface Responder {
  /** The name, as encoded. */
  readonly subject: Uint8Array
  /** SubjectPublicKeyInfo */
  readonly publicKey: Uint8Array
}

const basicResponse = '1.3.6.1.5.5.7.48.1.1'

/** OCSPResponseStatus */
const statuses = { successful: 0, malformedRequest: 1, internalError: 2 } as const

/** SHA-1 finds an issuer here, it protects nothing; RFC 5019 §2.1.1 wants it of requests. */
const idHashes: Readonly<Record<string, string>> = { ...hashes, '1.3.14.3.2.26': 'sha1' }

const nonceLimit = 128

/** Certificates in one request. Each is looked up. */
const maxAsked = 128

/** One CertID. */
interface Asked {
  readonly der: Uint8Array
  /** Absent when the hash is not known here. */
  readonly hash?: string
  readonly nameHash: Uint8Array
  readonly keyHash: Uint8Array
  readonly serialNumber: string
}

/**
 * Answers a request (DER); never throws.
 * @param lookup asked about the responder's certificates; when it fails, the answer is internalError
 * @param nextUpdate when an answer to the same question should be asked for again
 */
export async function answerStatus(
  request: Uint8Array,
  lookup: StatusLookup,
  now: Date,
  nextUpdate: Date,
  responder: Responder,
  signing: Signer,
): Promise<Uint8Array> {
  const read = readStatusRequest(request)
  if (!read) return failure('malformedRequest')
  try {
    const single = await Promise.all(
      read.asked.map(async asked => {
        const known = isOf(responder, asked) ? await lookup(asked.serialNumber) : ({ status: 'unknown' } as const)
        return sequence(
          asked.der,
          encodeStatus(known),
          generalizedTime(now),
          encode(context(0), generalizedTime(nextUpdate)),
        )
      }),
    )
    const body = sequence(
      // responderID byKey (RFC 6960 §4.2.1): after a change of keys, the name alone would not tell
      encode(context(2), octetString(digest('sha1', keyBits(responder)))),
      generalizedTime(now),
      sequence(...single),
      ...(read.nonce ? [encode(context(1), sequence(extension('nonce', octetString(read.nonce))))] : []),
    )
    const signed = sequence(body, signing.algorithm, bitString(await signing.sign(body)))
    const bytes = sequence(objectIdentifier(basicResponse), octetString(signed))
    return sequence(enumerated(statuses.successful), encode(context(0), bytes))
  } catch {
    return failure('internalError')
  }
}

/** Whether a request asks about a certificate of this responder. Not so when it cannot be read. */
export const isAskedBy = (request: Uint8Array, responder: Responder): boolean =>
  readStatusRequest(request)?.asked.some(asked => isOf(responder, asked)) ?? false

/** Unsigned, as RFC 6960 §2.3 has it. */
const failure = (status: keyof typeof statuses): Uint8Array => sequence(enumerated(statuses[status]))

function encodeStatus(known: CertificateStatus): Uint8Array {
  if (known.status === 'good') return encode(context(0, false))
  if (known.status === 'unknown') return encode(context(2, false))
  const { date, reason = 'unspecified' } = known
  const why = reasons[reason] ? [encode(context(0), enumerated(reasons[reason]))] : []
  return encode(context(1), generalizedTime(date), ...why)
}

function isOf(responder: Responder, { hash, nameHash, keyHash }: Asked): boolean {
  if (!hash || Buffer.compare(nameHash, digest(hash, responder.subject))) return false
  return Buffer.compare(keyHash, digest(hash, keyBits(responder))) === 0
}

const keyBits = ({ publicKey }: Responder) => readBitString(decode(publicKey).child[1], 'subjectPublicKey')

const digest = (hash: string, bytes: Uint8Array) => createHash(hash).update(bytes).digest()

/** Reads an OCSPRequest, whose own signature is passed over: anybody may ask. Undefined when it is malformed. */
function readStatusRequest(request: Uint8Array): { asked: Asked[]; nonce?: Uint8Array } | undefined {
  try {
    const [body] = children(decode(request), tags.sequence, 'the request')
    const fields = children(body, tags.sequence, 'the content of the request')
    const version = fields.find(({ tag }) => tag === context(0))?.child[0]
    if (version && readSmallInteger(version, 'the version') !== 0) throw malformed('its version is not 1')
    const list = children(
      fields.find(({ tag }) => tag === tags.sequence),
      tags.sequence,
      'the list of certificates',
    )
    if (!list.length || list.length > maxAsked) throw malformed(`it asks about ${list.length} certificates`)
    const nonce = readNonce(fields.find(({ tag }) => tag === context(2))?.child[0])
    return { asked: list.map(readAsked), ...(nonce && { nonce }) }
  } catch (error) {
    if (error instanceof CertsError) return undefined
    throw error
  }
}

function readAsked(request: Node): Asked {
  const [id] = children(request, tags.sequence, 'a certificate asked about')
  const [algorithm, nameHash, keyHash, serial] = children(id, tags.sequence, 'a certificate identifier')
  const [type] = children(algorithm, tags.sequence, 'the hash of a certificate identifier')
  const hash = idHashes[readObjectIdentifier(type, 'the hash of a certificate identifier')]
  return {
    der: expect(id, tags.sequence, 'a certificate identifier').der,
    ...(hash && { hash }),
    nameHash: expect(nameHash, tags.octetString, 'issuerNameHash').content,
    keyHash: expect(keyHash, tags.octetString, 'issuerKeyHash').content,
    serialNumber: readSerialNumber(serial),
  }
}

function readNonce(extensions: Node | undefined): Uint8Array | undefined {
  const node = valueOf(readExtensions(extensions), 'nonce')
  if (!node) return undefined
  const { content } = expect(node, tags.octetString, 'the nonce')
  if (content.length >= 1 && content.length <= nonceLimit) return content
  throw malformed(`the nonce has ${content.length} octets`)
}
