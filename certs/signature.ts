/**
 * Signatures over requests and certificates: the algorithm identifiers, in one table, and node:crypto behind them.
 *
 * A signature follows the key that makes it: ECDSA with the hash of the curve's size, RSA PKCS #1 v1.5 with SHA-256
 * (PSS certificates still break storage clients), Ed25519 as it is. SHA-1 and older hashes are refused everywhere.
 * @module
 */
import { constants, sign as signWith, verify as verifyWith } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { CertsError } from './errors.ts'
import type { Node } from './der.ts'
import {
  children,
  context,
  encode,
  objectIdentifier,
  readObjectIdentifier,
  readSmallInteger,
  sequence,
  tags,
} from './der.ts'
import type { CheckedKey } from './key.ts'

interface Scheme {
  readonly name: string
  readonly key: CheckedKey['algorithm']
  /** Ed25519 hashes by itself. */
  readonly hash: string | null
  /** The curve whose keys sign with this scheme. */
  readonly curve?: string
}

const pss = '1.2.840.113549.1.1.10'
const mgf1 = '1.2.840.113549.1.1.8'

const schemes: Readonly<Record<string, Scheme>> = {
  '1.2.840.113549.1.1.11': { name: 'RSA with SHA-256', key: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { name: 'RSA with SHA-384', key: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { name: 'RSA with SHA-512', key: 'rsa', hash: 'sha512' },
  '1.2.840.10045.4.3.2': { name: 'ECDSA with SHA-256', key: 'ec', hash: 'sha256', curve: 'P-256' },
  '1.2.840.10045.4.3.3': { name: 'ECDSA with SHA-384', key: 'ec', hash: 'sha384', curve: 'P-384' },
  '1.2.840.10045.4.3.4': { name: 'ECDSA with SHA-512', key: 'ec', hash: 'sha512', curve: 'P-521' },
  '1.3.101.112': { name: 'Ed25519', key: 'ed25519', hash: null },
}

/** Named so that a refusal can name them. */
const broken: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.2': 'RSA with MD2',
  '1.2.840.113549.1.1.4': 'RSA with MD5',
  '1.2.840.113549.1.1.5': 'RSA with SHA-1',
  '1.3.14.3.2.29': 'RSA with SHA-1',
  '1.2.840.10045.4.1': 'ECDSA with SHA-1',
  '1.2.840.10040.4.3': 'DSA with SHA-1',
}

/** By object identifier. */
export const hashes: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}

const wanted = 'wanted RSA, RSA-PSS or ECDSA with SHA-256, SHA-384 or SHA-512, or Ed25519'

/** How a key signs: the AlgorithmIdentifier for the structure, and the call. */
export interface Signer {
  readonly algorithm: Uint8Array
  readonly description: string
  /**
   * Signs, and verifies with the public key what was signed before it leaves: that catches a faulty signature as well as a
   * bug. Throws `CertsError` `badSignature`.
   */
  readonly sign: (body: Uint8Array) => Promise<Uint8Array>
}

/** Picks the signature that follows from a key. `privateKey` belongs to `key`. */
export function signer(key: CheckedKey, privateKey: KeyObject): Signer {
  const row = Object.entries(schemes).find(([, scheme]) => scheme.key === key.algorithm && scheme.curve === key.curve)
  if (!row) throw new CertsError('unsupportedKey', `no signature is known for ${key.description}`)
  const [oid, { name, hash }] = row
  // RFC 4055 §5 has a NULL for RSA; RFC 5758 §3.2 and RFC 8410 §3 have nothing.
  const parameters = key.algorithm === 'rsa' ? [encode(tags.null)] : []
  return {
    algorithm: sequence(objectIdentifier(oid), ...parameters),
    description: name,
    async sign(body) {
      const signature = await new Promise<Uint8Array>((resolve, reject) => {
        signWith(hash, body, privateKey, (error, made) => (error ? reject(error) : resolve(made)))
      })
      if (verified(hash, body, key.key, signature)) return signature
      throw new CertsError('badSignature', 'the signature just made does not verify; check the machine and sign again')
    },
  }
}

/**
 * Verifies a signature. Throws `CertsError` `badSignature`, `weakSignature`, `unsupportedSignature` or `malformed`.
 * @param algorithm the AlgorithmIdentifier as received
 */
export function verifySignature(
  algorithm: Node | undefined,
  body: Uint8Array,
  signature: Uint8Array,
  key: CheckedKey,
): void {
  const { hash, padding } = schemeFor(algorithm, key)
  if (!verified(hash, body, { key: key.key, ...padding }, signature)) {
    throw new CertsError(
      'badSignature',
      'the signature does not match the content and the public key: ask for a new one',
    )
  }
}

/** The name of a signature algorithm, for people. */
export function describeSignature(algorithm: Node | undefined): string {
  const [type] = children(algorithm, tags.sequence, 'the signature algorithm')
  const oid = readObjectIdentifier(type, 'the signature algorithm')
  return schemes[oid]?.name ?? broken[oid] ?? (oid === pss ? 'RSA-PSS' : oid)
}

function schemeFor(algorithm: Node | undefined, key: CheckedKey): { hash: string | null; padding?: PssOptions } {
  const [type, parameters] = children(algorithm, tags.sequence, 'the signature algorithm')
  const oid = readObjectIdentifier(type, 'the signature algorithm')
  const name = describeSignature(algorithm)
  if (broken[oid]) throw new CertsError('weakSignature', `the signature is ${name}, which can be forged; ${wanted}`)
  const scheme = schemes[oid]
  if (!scheme && oid !== pss) throw new CertsError('unsupportedSignature', `the signature is ${name}; ${wanted}`)
  if ((scheme?.key ?? 'rsa') !== key.algorithm) {
    throw new CertsError('badSignature', `the signature is ${name}, but the key is ${key.description}`)
  }
  if (!scheme) return pssScheme(parameters)
  if (parameters && parameters.tag !== tags.null) {
    throw new CertsError('unsupportedSignature', `the signature is ${name} with parameters, which it does not have`)
  }
  return { hash: scheme.hash }
}

interface PssOptions {
  readonly padding: number
  readonly saltLength: number
}

/** RSASSA-PSS-params (RFC 4055 §3.1). What is left out is SHA-1. */
function pssScheme(parameters: Node | undefined): { hash: string; padding: PssOptions } {
  const field = (number: number) =>
    children(parameters, tags.sequence, 'the RSA-PSS parameters').find(({ tag }) => tag === context(number))?.child[0]
  const hash = hashOf(field(0))
  const [mask, maskHash] = field(1)?.child ?? []
  if (!mask || readObjectIdentifier(mask, 'the RSA-PSS mask') !== mgf1 || hashOf(maskHash) !== hash) {
    throw new CertsError('unsupportedSignature', 'the RSA-PSS mask is not MGF1 with the hash of the signature')
  }
  const salt = field(2)
  const saltLength = salt ? readSmallInteger(salt, 'the RSA-PSS salt length') : 20
  const trailer = field(3)
  if (saltLength > 512 || (trailer && readSmallInteger(trailer, 'the RSA-PSS trailer') !== 1)) {
    throw new CertsError('unsupportedSignature', 'the RSA-PSS salt length or trailer is not one that is used')
  }
  return { hash, padding: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength } }
}

function hashOf(identifier: Node | undefined): string {
  const oid = identifier ? readObjectIdentifier(identifier.child[0], 'the RSA-PSS hash') : 'SHA-1'
  const hash = hashes[oid]
  if (hash) return hash
  const isBroken = oid === 'SHA-1' || oid === '1.3.14.3.2.26'
  throw new CertsError(
    isBroken ? 'weakSignature' : 'unsupportedSignature',
    `the signature is RSA-PSS with ${isBroken ? 'SHA-1, which can be forged' : oid}; ${wanted}`,
  )
}

function verified(hash: string | null, body: Uint8Array, key: Parameters<typeof verifyWith>[2], signature: Uint8Array) {
  try {
    return verifyWith(hash, body, key, signature)
  } catch {
    return false
  }
}
