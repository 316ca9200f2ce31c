/**
 * How a value is sealed: AES-256-GCM (NIST SP 800-38D) in this layout, big-endian.
 *
 * | bytes | what |
 * |--:|---|
 * | 1 | format of the envelope: 1 |
 * | 4 | number of the key |
 * | 12 | nonce, random |
 * | n | ciphertext, as long as the plaintext |
 * | 16 | tag |
 *
 * The authenticated data is the first five bytes and the *place*: the whole key of the row, whose first byte says what the
 * row is for. An envelope therefore opens only where it was put, for the purpose it was put there, in its own format.
 * What it cannot show is that an older envelope was put back in the same place.
 *
 * Random nonces are good for 2^32 envelopes under one key (SP 800-38D §8.3): the keyring takes a new one long before.
 *
 * @module
 */
import { createCipheriv, createDecipheriv, randomFillSync, type KeyObject } from 'node:crypto'
import { StoreError } from './error.ts'

const format = 1
const headBytes = 5
const nonceBytes = 12
const tagBytes = 16
const start = headBytes + nonceBytes

const cipher = 'aes-256-gcm'
const options = { authTagLength: tagBytes }

/** A key and the number by which envelopes name it. */
export interface NumberedKey {
  readonly number: number
  readonly key: KeyObject
}

/** A key that seals, and where its nonces come from. */
export interface SealingKey extends NumberedKey {
  readonly nonce: () => Uint8Array
}

/** A source of nonces, which are no secret: drawn many at a time, each good until the next. */
export function nonces(): () => Uint8Array {
  const drawn = Buffer.allocUnsafeSlow(nonceBytes * noncesDrawn)
  let at = drawn.length
  return () => {
    if (at === drawn.length) {
      randomFillSync(drawn)
      at = 0
    }
    return drawn.subarray(at, (at += nonceBytes))
  }
}

const noncesDrawn = 256

/** Seals the parts, one after the other, for one place. The parts stay the caller's, to wipe. */
export function seal({ number, key, nonce }: SealingKey, place: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const envelope = Buffer.allocUnsafe(start + length + tagBytes)
  envelope.writeUInt8(format)
  envelope.writeUInt32BE(number, 1)
  envelope.set(nonce(), headBytes)
  const sealing = createCipheriv(cipher, key, envelope.subarray(headBytes, start), options)
  sealing.setAAD(Buffer.concat([envelope.subarray(0, headBytes), place]))
  let at = start
  for (const part of parts) at += sealing.update(part).copy(envelope, at)
  sealing.final()
  sealing.getAuthTag().copy(envelope, at)
  return envelope
}

/** @throws StoreError `damaged` when this is no envelope at all; `format` when it is of a newer kind. */
export function keyNumber(envelope: Uint8Array): number {
  if (envelope.length < start + tagBytes) {
    throw new StoreError('damaged', `${envelope.length} bytes are too few for an envelope`)
  }
  if (envelope[0] !== format) {
    throw new StoreError('format', `an envelope of format ${String(envelope[0])}; this release knows ${format}`)
  }
  return Buffer.from(envelope.buffer, envelope.byteOffset, headBytes).readUInt32BE(1)
}

/** The plaintext, a fresh copy that whoever asked wipes; undefined when the envelope is not authentic at this place. */
export function unseal(key: KeyObject, place: Uint8Array, envelope: Uint8Array): Buffer | undefined {
  const end = envelope.length - tagBytes
  const opening = createDecipheriv(cipher, key, envelope.subarray(headBytes, start), options)
  opening.setAAD(Buffer.concat([envelope.subarray(0, headBytes), place]))
  opening.setAuthTag(envelope.subarray(end))
  const plaintext = opening.update(envelope.subarray(start, end))
  try {
    opening.final()
    return plaintext
  } catch {
    plaintext.fill(0)
    return undefined
  }
}
