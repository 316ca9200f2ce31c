/**
 * Writes TTLV: an item tree as bytes. KMIP 2.1 §10.1.
 *
 * @module
 */
import type { Item } from '../item.ts'
import { tagWords } from '../names.ts'
import { codes, headerBytes, largestDate, largestLong, smallestLong } from './layout.ts'
import { reserve, slabOf, type Target } from './slab.ts'

/**
 * Writes the item tree. The result is the caller's own: short ones are parts of one buffer, and no two share a byte.
 *
 * @throws RangeError for a number that its type does not hold.
 */
export function encode(item: Item): Uint8Array {
  const target = slab.begin()
  encodeItem(target, item)
  return slab.end(target)
}

/** Writes what is too long to be written at once, piece by piece, over as many turns as it takes. */
export interface Encoding {
  /** Begins a structure: what is written from then on is within it, until it is closed. */
  open(tag: number): void
  /** @throws RangeError as `encode` does */
  write(item: Item): void
  close(): void
  /** What was written; all structures are closed. */
  end(): Uint8Array
}

/** @param size the bytes that it will take, about */
export function encoding(size: number): Encoding {
  const bytes = new Uint8Array(size)
  const target: Target = { bytes, view: new DataView(bytes.buffer), from: 0, length: 0 }
  const opened: number[] = []
  return {
    open: tag => void opened.push(encodeHeader(target, tag, codes.Structure)),
    write: item => encodeItem(target, item),
    close() {
      const header = opened.pop()
      if (header === undefined) throw new RangeError('no structure is open')
      closeStructure(target, header)
    },
    end: () => target.bytes.subarray(0, target.length),
  }
}

/** Up to this length a loop beats the call into TextEncoder. */
const shortText = 64

const encoder = new TextEncoder()

/** Most messages and records are shorter. */
const slab = slabOf(4096)

/** Writes tag and type, and the length if that is known. @returns where the header is */
function encodeHeader(target: Target, tag: number, code: number, length = 0): number {
  const header = reserve(target, headerBytes)
  target.view.setUint32(header, (tag << 8) | code)
  target.view.setUint32(header + 4, length)
  return header
}

/** Writes the length, once it is known, of what began at `header`. */
function closeStructure(target: Target, header: number): void {
  target.view.setUint32(header + 4, target.length - header - headerBytes)
}

/** Writes the header of a value that takes eight bytes, with its padding. @returns where the value goes; it is zero so far */
function encodeFixed(target: Target, tag: number, code: number, length: 4 | 8): number {
  encodeHeader(target, tag, code, length)
  const at = reserve(target, 8)
  target.view.setUint32(at, 0)
  target.view.setUint32(at + 4, 0)
  return at
}

function encodeItem(target: Target, item: Item): void {
  const { tag } = item
  switch (item.type) {
    case 'Structure': {
      const header = encodeHeader(target, tag, codes.Structure)
      for (const member of item.value) encodeItem(target, member)
      closeStructure(target, header)
      return
    }
    case 'Integer': {
      if (item.value !== (item.value | 0)) throw outOfRange(item)
      const at = encodeFixed(target, tag, codes.Integer, 4)
      target.view.setInt32(at, item.value)
      return
    }
    case 'Enumeration':
    case 'Interval': {
      if (item.value !== item.value >>> 0) throw outOfRange(item)
      const at = encodeFixed(target, tag, item.type === 'Interval' ? codes.Interval : codes.Enumeration, 4)
      target.view.setUint32(at, item.value)
      return
    }
    case 'LongInteger':
    case 'DateTimeExtended': {
      if (item.value < smallestLong || item.value > largestLong) throw outOfRange(item)
      const at = encodeFixed(target, tag, codes[item.type], 8)
      target.view.setBigInt64(at, item.value)
      return
    }
    case 'DateTime': {
      const at = encodeFixed(target, tag, codes.DateTime, 8)
      if (item.value === Number.POSITIVE_INFINITY) target.view.setBigInt64(at, largestDate)
      else {
        if (!Number.isSafeInteger(item.value)) throw outOfRange(item)
        target.view.setInt32(at, Math.floor(item.value / 0x1_0000_0000))
        target.view.setUint32(at + 4, item.value % 0x1_0000_0000)
      }
      return
    }
    case 'Boolean': {
      const at = encodeFixed(target, tag, codes.Boolean, 8)
      target.view.setUint8(at + 7, item.value ? 1 : 0)
      return
    }
    case 'BigInteger':
    case 'ByteString': {
      const { length } = item.value
      encodeHeader(target, tag, codes[item.type], length)
      const at = reserve(target, length)
      target.bytes.set(item.value, at)
      pad(target, length)
      return
    }
    case 'TextString': {
      const header = encodeHeader(target, tag, codes.TextString)
      encodeText(target, item.value)
      const length = target.length - header - headerBytes
      target.view.setUint32(header + 4, length)
      pad(target, length)
      return
    }
  }
}

function pad(target: Target, length: number): void {
  const padding = -length & 7
  const from = reserve(target, padding)
  for (let at = from; at < from + padding; at++) target.bytes[at] = 0
}

/** Quotes no number: any may be secret. */
const outOfRange = ({ tag, type }: Item): RangeError =>
  new RangeError(`${tagWords(tag)}: a number that ${type} does not hold`)

function encodeText(target: Target, text: string): void {
  const from = reserve(target, text.length)
  if (text.length <= shortText) {
    let at = 0
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code > 0x7f) break
      target.bytes[from + at] = code
    }
    if (at === text.length) return
  }
  const bytes = encoder.encode(text)
  reserve(target, bytes.length - text.length)
  target.bytes.set(bytes, from)
}
