/**
 * Which rows there are, and where. The first byte of a key says what its row is for.
 *
 * | row | key | value |
 * |---|---|---|
 * | header | `h` | plain JSON: format, identity, how to come to the master key |
 * | keyring | `hk` | the data and index keys, sealed under the master key |
 * | record | `r` table `00` id | body and term hashes, sealed under a data key |
 * | index | `i` table `00` hash id | empty |
 * | unique | `u` table `00` hash | id of the one record that holds the unique term |
 *
 * A hash is keyed (see `keyring`), so terms, which are often names, stand nowhere in clear; tables and ids do. Index and
 * unique rows are not authenticated: they lead to records, and it is the record that tells the truth.
 *
 * @module
 */
import { StoreError } from './error.ts'

export const headerKey: Uint8Array = Buffer.from('h')
/** Next to the header, so that one page reads both as of one moment. */
export const keyringKey: Uint8Array = Buffer.from('hk')

/** Bytes of a term's hash: 128 bits, far beyond any accident. In memory a hash is a string of one character per byte. */
export const hashBytes = 16

/** Limits of what a caller may name; see `checkPlace`. */
export const maxTableBytes = 32
export const maxIdBytes = 512

export function recordKey(table: string, id: string): Buffer {
  return Buffer.from(`r${table}\0${id}`)
}

export function recordPrefix(table: string): Buffer {
  return Buffer.from(`r${table}\0`)
}

export function indexPrefix(table: string, hash: string): Buffer {
  return Buffer.from(`i${table}\0${hash}`, 'latin1')
}

export function indexKey(table: string, hash: string, id: Uint8Array): Buffer {
  return Buffer.concat([indexPrefix(table, hash), id])
}

export function uniqueKey(table: string, hash: string): Buffer {
  return Buffer.from(`u${table}\0${hash}`, 'latin1')
}

/** The bounds of the keys that are `prefix` and an id, beyond `after` in the direction of the scan. */
export function bounds(prefix: Uint8Array, after: string | undefined, reverse: boolean): [Uint8Array, Uint8Array] {
  // Ids are UTF-8, in which no byte is FF, and never empty.
  const end = Buffer.concat([prefix, Uint8Array.of(0xff)])
  if (after === undefined) return [prefix, end]
  const last = Buffer.concat([prefix, Buffer.from(after)])
  return reverse ? [prefix, last] : [Buffer.concat([last, Uint8Array.of(0)]), end]
}

/**
 * @throws StoreError `invalid` unless the table is a short word (letter, then letters, digits and hyphens) and the id is
 *   well-formed text of 1 to {@link maxIdBytes} bytes in UTF-8.
 */
export function checkPlace(table: string, id: string): void {
  checkTable(table)
  if (!wellFormed.test(id) || Buffer.byteLength(id) > maxIdBytes) {
    throw new StoreError('invalid', `an id must be well-formed text of 1 to ${maxIdBytes} bytes`, { table })
  }
}

export function checkTable(table: string): void {
  if (!word.test(table)) {
    throw new StoreError('invalid', `a table must be a word of at most ${maxTableBytes} letters, digits and hyphens`)
  }
}

const word = /^[A-Za-z][A-Za-z0-9-]{0,31}$/
// With the u flag a surrogate matches only where it stands alone; such ids would all become the same bytes.
const wellFormed = /^[^\ud800-\udfff]+$/u
