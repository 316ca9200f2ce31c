/**
 * What a record is, sealed and in clear. The plaintext of a record row, big-endian:
 *
 * | bytes | what |
 * |--:|---|
 * | 2 | number of unique terms, u |
 * | 2 | number of other terms, t |
 * | 16 (u + t) | hashes of the terms |
 * | rest | body |
 *
 * @module
 */
import type { KeyObject } from 'node:crypto'
import { seal, unseal, type SealingKey } from './envelope.ts'
import { StoreError } from './error.ts'
import { hashBytes } from './rows.ts'

/** A record as it was read. */
export interface StoredRecord {
  readonly table: string
  readonly id: string
  /** A copy of one's own: whoever asked wipes it when it is secret. Wiping it does not hinder a later commit. */
  readonly body: Uint8Array
  /** Opaque: by which a commit tells whether the record is still as it was read. */
  readonly seen: Seen
}

export interface Seen {
  /** The key of its row. */
  readonly place: Uint8Array
  readonly envelope: Uint8Array
  /** The plaintext before the body. */
  readonly head: Uint8Array
  /** The engine's state when the envelope was there last; undefined when that is not known. */
  state?: object | undefined
}

/** Hashes of terms, as strings of one character per byte: sets need something that compares. */
export interface Terms {
  readonly unique: ReadonlySet<string>
  readonly others: ReadonlySet<string>
}

const countBytes = 4
export const maxTerms = 0xffff

/** @throws StoreError `damaged` when the envelope is not what was put at this place. */
export function openRecord(
  key: KeyObject,
  table: string,
  id: string,
  place: Uint8Array,
  envelope: Uint8Array,
): StoredRecord {
  const plaintext = unseal(key, place, envelope)
  if (plaintext === undefined) throw damaged(table, id, 'its seal does not hold')
  const bodyAt = countBytes + hashBytes * (plaintext.readUInt16BE(0) + plaintext.readUInt16BE(2))
  return {
    table,
    id,
    body: plaintext.subarray(bodyAt),
    seen: { place, envelope, head: plaintext.subarray(0, bodyAt) },
  }
}

/** @throws StoreError `invalid` when there are too many terms */
export function sealRecord(
  key: SealingKey,
  place: Uint8Array,
  { unique, others }: Terms,
  body: Uint8Array,
): Uint8Array {
  if (unique.size > maxTerms || others.size > maxTerms) {
    throw new StoreError('invalid', `a record carries at most ${maxTerms} terms`)
  }
  const head = Buffer.allocUnsafe(countBytes + hashBytes * (unique.size + others.size))
  head.writeUInt16BE(unique.size)
  head.writeUInt16BE(others.size, 2)
  head.write([...unique, ...others].join(''), countBytes, 'latin1')
  return seal(key, place, [head, body])
}

export function termsOf(record: StoredRecord | undefined): Terms {
  if (record === undefined) return noTerms
  const head = Buffer.from(record.seen.head.buffer, record.seen.head.byteOffset, record.seen.head.length)
  const count = head.readUInt16BE(0)
  const hashes = Array.from({ length: (head.length - countBytes) / hashBytes }, (_, index) =>
    head.toString('latin1', countBytes + index * hashBytes, countBytes + (index + 1) * hashBytes),
  )
  return { unique: new Set(hashes.slice(0, count)), others: new Set(hashes.slice(count)) }
}

export const noTerms: Terms = { unique: new Set(), others: new Set() }

export function damaged(table: string, id: string, why: string): StoreError {
  return new StoreError('damaged', `record ${id} of ${table} is damaged: ${why}; restore it from a backup`, {
    table,
    id,
  })
}
