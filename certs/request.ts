/**
 * PKCS#10 certificate requests (RFC 2986): parsed into acceptability.
 *
 * A `Request` exists only after its key was found good and its own signature was verified: the sender holds the private
 * key. Real storage clusters write version INTEGER 2 where RFC 2986 §4.1 says 0 (for "v1"); 0, 1 and 2 are accepted,
 * since nothing else in the structure depends on it.
 * @module
 */
import type { AlternativeName } from './alternative-name.ts'
import { alternativeNames, encodeAlternativeNames, readAlternativeNames } from './alternative-name.ts'
import type { Node } from './der.ts'
import {
  bitString,
  children,
  context,
  encode,
  expect,
  integer,
  malformed,
  objectIdentifier,
  readBitString,
  readObjectIdentifier,
  readSmallInteger,
  sequence,
  set,
  tags,
} from './der.ts'
import type { DistinguishedName, Subject } from './distinguished-name.ts'
import { encodeName, readName } from './distinguished-name.ts'
import { CertsError } from './errors.ts'
import type { KeyPurpose } from './extension.ts'
import { extendedKeyUsage, extension, keyUsage, readExtensions, valueOf } from './extension.ts'
import type { CheckedKey, KeyPair, PublicKey } from './key.ts'
import { checkKey, fingerprintOf, readPublicKey } from './key.ts'
import { readArmour, requestWanted, toPem } from './pem.ts'
import { signer, verifySignature } from './signature.ts'

/** PKCS #9 §5.4.2 */
const extensionRequest = '1.2.840.113549.1.9.14'

/** An acceptable request. Only `readRequest` makes one that an authority takes. */
export interface Request {
  /** As encoded: 0, 1 or 2. */
  readonly version: number
  readonly subject: DistinguishedName
  readonly publicKey: PublicKey
  /** What was asked for; a profile decides whether it is granted. */
  readonly subjectAlternativeName: readonly AlternativeName[]
  /** SHA-256 of the DER, lower-case hexadecimal. */
  readonly fingerprint: string
  /** One armoured block, ending in a newline. */
  readonly pem: string
}

/** What a certificate takes over from a request, bit by bit. */
export interface RequestParts {
  readonly subject: Uint8Array
  readonly publicKey: CheckedKey
}

/** Kept aside, so that no caller can put together a request that was never verified. */
const partsOf = new WeakMap<Request, RequestParts>()

/**
 * Reads and verifies a request in PEM (with text around it or not), DER, or bare base64, of at most 64 KiB.
 * Throws `CertsError` `notARequest`, `malformed`, `tooLarge`, `unsupportedKey`, `weakKey`, `badSignature`,
 * `weakSignature`, `unsupportedSignature`, `badSubject`.
 */
export function readRequest(input: string | Uint8Array): Request {
  const [node, second] = readArmour(input, requestWanted)
  if (second) throw new CertsError('notARequest', 'found several certificate requests; give one at a time')
  const [body, algorithm, signature] = children(node, tags.sequence, 'the request')
  const { der } = expect(node, tags.sequence, 'the request')
  const [version, subject, info, attributes] = children(body, tags.sequence, 'the content of the request')
  const publicKey = readPublicKey(info)
  const signed = expect(body, tags.sequence, 'the content of the request').der
  verifySignature(algorithm, signed, readBitString(signature, 'the signature'), publicKey)
  const number = readSmallInteger(version, 'the version')
  if (number > 2) throw malformed(`the request's version is ${number}; wanted 0`)
  const alternative = valueOf(readExtensions(requestedExtensions(attributes)), 'subjectAltName')
  const request: Request = Object.freeze({
    version: number,
    subject: readName(subject, 'the subject'),
    publicKey: { description: publicKey.description, fingerprint: publicKey.fingerprint },
    subjectAlternativeName: alternative ? readAlternativeNames(alternative) : [],
    fingerprint: fingerprintOf(der),
    pem: toPem('CERTIFICATE REQUEST', der),
  })
  partsOf.set(request, { subject: expect(subject, tags.sequence, 'the subject').der, publicKey })
  return request
}

/** The parts to copy. Throws `CertsError` `notARequest` for an object that `readRequest` did not make. */
export function requestParts(request: Request): RequestParts {
  const parts = partsOf.get(request)
  if (!parts) throw new CertsError('notARequest', 'found an object that was not read as a request; read it first')
  return parts
}

/** The extensions asked for. Other attributes, such as a challenge password, are passed over. */
function requestedExtensions(attributes: Node | undefined): Node | undefined {
  if (!attributes) return undefined
  const found = children(attributes, context(0), 'the attributes').filter(attribute => {
    const [type] = children(attribute, tags.sequence, 'an attribute')
    return readObjectIdentifier(type, 'an attribute') === extensionRequest
  })
  if (found.length > 1) throw malformed('extensions are requested twice')
  return found[0] && children(found[0].child[1], tags.set, 'the requested extensions')[0]
}

/** What `createRequest` writes. */
export interface RequestOptions {
  readonly subject: Subject
  readonly keyPair: KeyPair
  /** Host names and addresses to ask for. Default none. */
  readonly names?: readonly string[]
  /** Default clientAuth. */
  readonly purpose?: KeyPurpose
  /** Default 0, which RFC 2986 wants; 2 imitates a storage cluster. */
  readonly version?: number
}

/**
 * A request in PEM for one's own key pair, with critical keyUsage and extendedKeyUsage, as a storage cluster asks.
 * Throws `CertsError` `badSubject`, `badName`, `unsupportedKey` or `weakKey`.
 */
export async function createRequest(options: RequestOptions): Promise<string> {
  const { subject, keyPair, names = [], purpose = 'clientAuth', version = 0 } = options
  const publicKey = checkKey(keyPair.publicKey)
  const { algorithm, sign } = signer(publicKey, keyPair.privateKey)
  const alternative = alternativeNames(names)
  const extensions = sequence(
    keyUsage(publicKey.algorithm === 'rsa' ? ['digitalSignature', 'keyEncipherment'] : ['digitalSignature']),
    extendedKeyUsage([purpose]),
    ...(alternative.length ? [extension('subjectAltName', encodeAlternativeNames(alternative))] : []),
  )
  const body = sequence(
    integer(version),
    encodeName(subject),
    publicKey.der,
    encode(context(0), sequence(objectIdentifier(extensionRequest), set(extensions))),
  )
  return toPem('CERTIFICATE REQUEST', sequence(body, algorithm, bitString(await sign(body))))
}
