/**
 * The tree that every encoding of KMIP translates to and from.
 *
 * An item is what the wire says and no more: a tag's number, a type, a value. Unknown tags and enumeration values
 * survive in it, so whatever was decoded can be encoded again to the same bytes.
 *
 * @module
 */

/** KMIP 2.1 §10.1.2: the item types, in the order of their codes 01 to 0B. */
export const itemTypes = [
  'Structure',
  'Integer',
  'LongInteger',
  'BigInteger',
  'Enumeration',
  'Boolean',
  'TextString',
  'ByteString',
  'DateTime',
  'Interval',
  'DateTimeExtended',
] as const

export type ItemType = (typeof itemTypes)[number]

/**
 * What each type holds in memory.
 *
 * - `BigInteger`: two's complement, big-endian, a multiple of eight bytes, as on the wire: it can be wiped, a bigint cannot.
 * - `DateTime`: seconds since 1970, or Infinity for the largest date, which stands for none. `DateTimeExtended`: microseconds since 1970. `Interval`: seconds.
 * - `ByteString` and `BigInteger` of a decoded item are views of the bytes that were decoded.
 */
export interface ItemValues {
  Structure: readonly Item[]
  Integer: number
  LongInteger: bigint
  BigInteger: Uint8Array
  Enumeration: number
  Boolean: boolean
  TextString: string
  ByteString: Uint8Array
  DateTime: number
  Interval: number
  DateTimeExtended: bigint
}

export type Item = {
  [T in ItemType]: { readonly tag: number; readonly type: T; readonly value: ItemValues[T] }
}[ItemType]
export type Structure = Extract<Item, { type: 'Structure' }>

export const structureItem = (tag: number, value: readonly Item[]): Structure => ({ tag, type: 'Structure', value })
