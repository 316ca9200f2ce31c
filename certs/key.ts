/**
 * Public and private keys: which are good enough, what they are called, how new ones are made.
 *
 * Good enough: RSA of 2048 to 4096 bits with an odd exponent of at least 65537, the curves P-256, P-384 and P-521, and
 * Ed25519. RSA beyond 4096 bits costs every handshake; other curves are missing from many TLS stacks. A key that is
 * restricted to RSA-PSS is refused, since most storage clients cannot use one.
 * @module
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPair as generate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { CertsError } from './errors.ts'
import type { Node } from './der.ts'
import { children, decode, malformed, readBitString, readObjectIdentifier, refuseOversize, tags } from './der.ts'
import { blocks, textOf, wordsFor } from './pem.ts'

/** The kinds of key that `generateKeyPair` makes. */
export type KeyType = 'P-256' | 'P-384' | 'RSA-2048' | 'RSA-3072' | 'RSA-4096' | 'Ed25519'

/** A pair of `node:crypto` keys. */
export interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** A public key that was checked, or, in a certificate, merely described. */
export interface PublicKey {
  /** `RSA 2048`, `EC P-256`, `Ed25519`; for what is not supported, a name or the object identifier. */
  readonly description: string
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal. */
  readonly fingerprint: string
}

/** What the rest of the library needs of a good key. */
export interface CheckedKey extends PublicKey {
  readonly algorithm: 'rsa' | 'ec' | 'ed25519'
  readonly curve?: string
  readonly key: KeyObject
  /** The SubjectPublicKeyInfo, as received. */
  readonly der: Uint8Array
}

const algorithms: Readonly<Record<string, CheckedKey['algorithm']>> = {
  '1.2.840.113549.1.1.1': 'rsa',
  '1.2.840.10045.2.1': 'ec',
  '1.3.101.112': 'ed25519',
}

const curves: Readonly<Record<string, string>> = {
  '1.2.840.10045.3.1.7': 'P-256',
  '1.3.132.0.34': 'P-384',
  '1.3.132.0.35': 'P-521',
}

/** Named so that a refusal can name them. */
const weakCurves: Readonly<Record<string, string>> = {
  '1.2.840.10045.3.1.1': 'P-192',
  '1.3.132.0.33': 'P-224',
}

const refusedNames: Readonly<Record<string, string>> = {
  '1.2.840.10040.4.1': 'DSA',
  '1.2.840.113549.1.1.10': 'RSA-PSS',
  '1.2.840.113549.1.3.1': 'Diffie-Hellman',
  '1.3.101.110': 'X25519',
  '1.3.101.111': 'X448',
  '1.3.101.113': 'Ed448',
  '1.3.132.0.10': 'EC secp256k1',
}

const wanted = 'RSA 2048 to 4096, EC P-256, P-384 or P-521, or Ed25519'

/**
 * A new key pair, made off the event loop.
 * @param keyType default P-256: small, fast, and known to every TLS client
 */
export async function generateKeyPair(keyType: KeyType = 'P-256'): Promise<KeyPair> {
  if (keyType === 'Ed25519') return promisify(generate)('ed25519')
  const bits = /^RSA-(\d+)$/.exec(keyType)?.[1]
  if (bits) return promisify(generate)('rsa', { modulusLength: Number(bits) })
  return promisify(generate)('ec', { namedCurve: keyType })
}

/** The private key in PKCS#8 PEM, not encrypted. Whoever calls owns the secret. */
export const exportPrivateKey = (privateKey: KeyObject): string =>
  privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

/**
 * Reads a private key in PEM: PKCS#8 (encrypted or not), PKCS#1 or SEC 1.
 * Throws `CertsError` `notAKey`, `keyEncrypted` or `tooLarge`; never with any of the key's content.
 */
export function readPrivateKey(input: string | Uint8Array, passphrase?: string): KeyObject {
  refuseOversize(input.length)
  const text = typeof input === 'string' ? input.replace(/^\ufeff/, '') : textOf(input)
  const all = blocks(text)
  const block = all.find(({ label }) => label.endsWith('PRIVATE KEY'))
  if (!block) {
    const found = all[0] ? wordsFor(all[0].label) : text.trim() ? 'text without any PEM' : 'nothing: the input is empty'
    throw new CertsError('notAKey', `found ${found}; wanted a private key, "-----BEGIN PRIVATE KEY-----"`)
  }
  const encrypted = block.label.startsWith('ENCRYPTED') || block.body.includes('Proc-Type: 4,ENCRYPTED')
  if (encrypted && passphrase === undefined) {
    throw new CertsError('keyEncrypted', 'the private key is encrypted; give its passphrase, or store it decrypted')
  }
  try {
    const key = `-----BEGIN ${block.label}-----${block.body}-----END ${block.label}-----\n`
    return createPrivateKey(passphrase === undefined ? key : { key, passphrase })
  } catch {
    if (encrypted) throw new CertsError('keyEncrypted', 'the passphrase does not open the private key')
    throw new CertsError('notAKey', 'the private key is damaged or of an unknown kind; wanted PEM of PKCS#8')
  }
}

/** Checks a SubjectPublicKeyInfo. Throws `CertsError` `unsupportedKey`, `weakKey` or `malformed`. */
export function readPublicKey(info: Node | undefined): CheckedKey {
  const { oid, parameter, name } = algorithmOf(info)
  const { der } = info ?? { der: new Uint8Array() }
  const algorithm = algorithms[oid]
  const weak = weakCurves[parameter]
  if (weak) throw new CertsError('weakKey', `the key is EC ${weak}; wanted ${wanted}`)
  if (!algorithm || (algorithm === 'ec' && !curves[parameter])) {
    throw new CertsError('unsupportedKey', `the key is ${name}; wanted ${wanted}`)
  }
  const key = publicKeyOf(der)
  if (!key || key.asymmetricKeyType !== algorithm) throw malformed(`the ${name} public key is not valid`)
  if (algorithm === 'rsa') checkRsa(key)
  return {
    algorithm,
    description: describe(key, name),
    fingerprint: fingerprintOf(der),
    key,
    der,
    ...(algorithm === 'ec' ? { curve: curves[parameter] ?? '' } : {}),
  }
}

/** Checks a public key, or the public half of a private one. */
export const checkKey = (key: KeyObject): CheckedKey =>
  readPublicKey(decode((key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' })))

/** Describes a SubjectPublicKeyInfo of any kind. Throws `CertsError` `malformed`. */
export function describePublicKey(info: Node | undefined): PublicKey {
  const { name } = algorithmOf(info)
  const der = info?.der ?? new Uint8Array()
  const key = publicKeyOf(der)
  return { description: key ? describe(key, name) : name, fingerprint: fingerprintOf(der) }
}

/** RFC 7093 §2, method 1: the first 160 bits of the SHA-256 of the key's bits. */
export function keyIdentifier(info: Uint8Array): Uint8Array {
  const bits = readBitString(decode(info).child[1], 'subjectPublicKey')
  return createHash('sha256').update(bits).digest().subarray(0, 20)
}

export const fingerprintOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

function algorithmOf(info: Node | undefined) {
  const [identifier, bits] = children(info, tags.sequence, 'subjectPublicKeyInfo')
  readBitString(bits, 'subjectPublicKey')
  const [type, parameters] = children(identifier, tags.sequence, 'the algorithm of the public key')
  const oid = readObjectIdentifier(type, 'the algorithm of the public key')
  const algorithm = algorithms[oid]
  const named = algorithm === 'ec' && parameters?.tag === tags.objectIdentifier
  const parameter = named ? readObjectIdentifier(parameters, 'the curve') : ''
  const names = {
    rsa: 'RSA',
    ec: `EC ${curves[parameter] ?? weakCurves[parameter] ?? (parameter || 'with explicit parameters')}`,
    ed25519: 'Ed25519',
  }
  const name = refusedNames[parameter] ?? (algorithm ? names[algorithm] : (refusedNames[oid] ?? `of type ${oid}`))
  return { oid, parameter, name }
}

/** OpenSSL's reader also checks that a point lies on its curve. */
function publicKeyOf(der: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}

const describe = (key: KeyObject, name: string) =>
  [name, key.asymmetricKeyDetails?.modulusLength].filter(Boolean).join(' ')

function checkRsa(key: KeyObject): void {
  const { modulusLength: bits = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (bits < 2048) throw new CertsError('weakKey', `the key is RSA ${bits}; wanted ${wanted}`)
  if (bits > 4096) throw new CertsError('unsupportedKey', `the key is RSA ${bits}; wanted ${wanted}`)
  // NIST SP 800-56B §6.2: odd, 2^16 < e < 2^256
  if (publicExponent < 65_537n || publicExponent % 2n === 0n || publicExponent >= 2n ** 256n) {
    throw new CertsError('weakKey', 'the RSA key has an exponent that is even, below 65537 or huge; wanted 65537')
  }
}
