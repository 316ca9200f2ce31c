/**
 * The symmetric algorithms of which this server makes keys, and how long the keys may be.
 *
 * @module
 */
import type { enumerations, NameOf } from '../../protocol/index.ts'
import { Failure } from '../failure.ts'

type Algorithm = NameOf<typeof enumerations.CryptographicAlgorithm>

interface KeyRule {
  /** Cryptographic Lengths in bits, with the bytes of material that each takes. The first is the default if it is the only one. */
  readonly bytes: ReadonlyMap<number, number> | 'any'
  /** DES keys carry a parity bit in every byte. */
  readonly parity?: true
}

const plain = (...bits: number[]): KeyRule => ({ bytes: new Map(bits.map(length => [length, length / 8])) })
const any: KeyRule = { bytes: 'any' }

const rules: Partial<Record<Algorithm, KeyRule>> = {
  AES: plain(128, 192, 256),
  DES: { bytes: new Map([56, 64].map(bits => [bits, 8])), parity: true },
  DES3: {
    bytes: new Map([
      [112, 16],
      [128, 16],
      [168, 24],
      [192, 24],
    ]),
    parity: true,
  },
  Camellia: plain(128, 192, 256),
  ChaCha20: plain(256),
  ChaCha20Poly1305: plain(256),
  CAST5: plain(80, 128),
  IDEA: plain(128),
  SEED: plain(128),
  SKIPJACK: plain(80),
  Twofish: plain(128, 192, 256),
  Blowfish: any,
  RC2: any,
  RC4: any,
  RC5: any,
  HMAC_SHA1: any,
  HMAC_SHA224: any,
  HMAC_SHA256: any,
  HMAC_SHA384: any,
  HMAC_SHA512: any,
  HMAC_MD5: any,
}

const maxKeyBits = 32_768

/**
 * Makes a key.
 *
 * @param random gives so many random bytes
 * @throws Failure InvalidAttributeValue for an algorithm or a length that no key is made of
 */
export function makeKey(
  algorithm: string | number,
  bits: number | undefined,
  random: (count: number) => Uint8Array,
): { bits: number; material: Uint8Array } {
  const rule = typeof algorithm === 'string' ? rules[algorithm as Algorithm] : undefined
  if (rule === undefined)
    throw new Failure(
      'InvalidAttributeValue',
      `a Cryptographic Algorithm of ${algorithm}; keys are made for ${Object.keys(rules).join(', ')}`,
    )
  const length = bits ?? onlyLength(rule)
  if (length === undefined) throw new Failure('InvalidMessage', `a Cryptographic Length is wanted for ${algorithm}`)
  const count = rule.bytes === 'any' ? anyBytes(length) : rule.bytes.get(length)
  if (count === undefined)
    throw new Failure(
      'InvalidAttributeValue',
      `a Cryptographic Length of ${length} for ${algorithm}; it takes ${rule.bytes === 'any' ? `a multiple of 8 up to ${maxKeyBits}` : [...rule.bytes.keys()].join(', ')}`,
    )
  const material = random(count)
  if (rule.parity === true) setOddParity(material)
  return { bits: length, material }
}

const onlyLength = ({ bytes }: KeyRule): number | undefined =>
  bytes !== 'any' && bytes.size === 1 ? [...bytes.keys()][0] : undefined

export const anyBytes = (bits: number): number | undefined =>
  bits > 0 && bits % 8 === 0 && bits <= maxKeyBits ? bits / 8 : undefined

/** Whether raw material of so many bytes can be a key of the algorithm and length. Unknown algorithms are not judged. */
export function fits(algorithm: string | number, bits: number, bytes: number): boolean {
  const rule = typeof algorithm === 'string' ? rules[algorithm as Algorithm] : undefined
  if (rule === undefined) return true
  return rule.bytes === 'any' ? bits === bytes * 8 : rule.bytes.get(bits) === bytes
}

function setOddParity(material: Uint8Array): void {
  for (const [at, byte] of material.entries()) {
    let ones = 0
    for (let bit = 1; bit < 8; bit++) ones += (byte >> bit) & 1
    material[at] = (byte & 0xfe) | (ones % 2 === 0 ? 1 : 0)
  }
}
