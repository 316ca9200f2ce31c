/**
 * What reading and writing TTLV have in common. KMIP 2.1 §10.1.
 *
 * @module
 */
import { type ItemType, itemTypes } from '../item.ts'

/** Tag and type, and the length. */
export const headerBytes = 8

/** The code of each type. */
export const codes = Object.fromEntries(itemTypes.map((type, index) => [type, index + 1])) as Record<ItemType, number>

/** The length that each type must declare; absent where any length goes. KMIP 2.1 §10.1.3. */
export const fixedLength: Partial<Record<ItemType, number>> = {
  Integer: 4,
  LongInteger: 8,
  Enumeration: 4,
  Boolean: 8,
  DateTime: 8,
  Interval: 4,
  DateTimeExtended: 8,
}

export const smallestLong = -(2n ** 63n)
export const largestLong = 2n ** 63n - 1n

/** KMIP 2.1 §6.1.28: as a criterion, the largest date means that there is none. */
export const largestDate = 0x7fff_ffff_ffff_ffffn
