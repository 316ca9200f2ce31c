/**
 * Tag, type, length, value: an item tree as bytes. KMIP 2.1 §10.1.
 *
 * Strict in what it reads, since whatever it accepts it must be able to write again to the same bytes: padding is
 * zero, lengths are exact, text is UTF-8.
 *
 * @module
 */
import { DecodeError } from './errors.ts'
import { type Item, itemTypes, type ItemType } from './item.ts'
import { tagName, tagWords } from './names.ts'
import { reserve, slabOf, type Target } from './slab.ts'

/** A structure within a structure, at most so often. KMIP's own deepest message needs 9. */
const maxDepth = 32

const headerBytes = 8

/** The length that each type must declare; absent where any length goes. KMIP 2.1 §10.1.3. */
const fixedLength: Partial<Record<ItemType, number>> = {
  Integer: 4,
  LongInteger: 8,
  Enumeration: 4,
  Boolean: 8,
  DateTime: 8,
  Interval: 4,
  DateTimeExtended: 8,
}

/**
 * Reads one item that fills `bytes` to the end.
 *
 * An error quotes no number that was read: where lengths or types are wrong, key material is read as a tag or a length.
 *
 * Byte strings and big integers of the result are views of `bytes`.
 *
 * @throws DecodeError with path and offset; nothing else, whatever the bytes.
 */
export function decode(bytes: Uint8Array): Item {
  const source: Source = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) }
  try {
    const item = decodeItem(source, 0, bytes.length, 0)
    const end = itemEnd(source, 0)
    if (end !== bytes.length) throw new DecodeError(`${bytes.length - end} bytes follow the item`, end)
    return item
  } catch (error) {
    if (error instanceof DecodeError)
      throw new DecodeError(error.message.replace(/, at byte \d+$/, ''), error.offset, pathTo(source, error.offset))
    throw error
  }
}

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

/** The same by the type's code. */
const lengthOfCode = itemTypes.map(type => fixedLength[type])

interface Source {
  readonly bytes: Uint8Array
  readonly view: DataView
}

function decodeItem(source: Source, offset: number, end: number, depth: number): Item {
  if (end - offset < headerBytes)
    throw new DecodeError(`${end - offset} bytes left where an item's header takes ${headerBytes}`, offset)
  const { view } = source
  const typeAndTag = view.getUint32(offset)
  const tag = typeAndTag >>> 8
  const code = typeAndTag & 0xff
  const type = itemTypes[code - 1]
  if (type === undefined) throw new DecodeError('an unknown item type', offset + 3)
  const length = view.getUint32(offset + 4)
  const from = offset + headerBytes
  if (length > end - from) throw new DecodeError(`a length beyond the ${end - from} bytes that are left`, offset + 4)
  const wanted = lengthOfCode[code - 1]
  if (wanted !== undefined && length !== wanted)
    throw new DecodeError(`a length other than the ${wanted} that ${type} takes`, offset + 4)
  const to = from + length
  const padding = -length & 7
  if (padding > 0) checkPadding(source, to, padding, end)

  switch (type) {
    case 'Structure':
      return { tag, type, value: decodeItems(source, from, to, depth + 1) }
    case 'Integer':
      return { tag, type, value: view.getInt32(from) }
    case 'Enumeration':
    case 'Interval':
      return { tag, type, value: view.getUint32(from) }
    case 'LongInteger':
    case 'DateTimeExtended':
      return { tag, type, value: view.getBigInt64(from) }
    case 'DateTime':
      return { tag, type, value: decodeSeconds(view, from) }
    case 'Boolean':
      return { tag, type, value: decodeBoolean(view, from) }
    case 'BigInteger':
      if (length === 0 || padding > 0)
        throw new DecodeError('a length that is no multiple of 8, as BigInteger takes', offset + 4)
      return { tag, type, value: source.bytes.subarray(from, to) }
    case 'ByteString':
      return { tag, type, value: source.bytes.subarray(from, to) }
    case 'TextString':
      return { tag, type, value: decodeText(source.bytes, from, to) }
  }
}

function decodeItems(source: Source, from: number, to: number, depth: number): Item[] {
  if (depth > maxDepth) throw new DecodeError(`structures nested deeper than ${maxDepth}`, from)
  const items: Item[] = []
  for (let offset = from; offset < to; offset = itemEnd(source, offset))
    items.push(decodeItem(source, offset, to, depth))
  return items
}

/** Where the item at `offset`, already found sound, ends with its padding. */
function itemEnd({ view }: Source, offset: number): number {
  const length = view.getUint32(offset + 4)
  return offset + headerBytes + length + (-length & 7)
}

function checkPadding({ bytes }: Source, from: number, count: number, end: number): void {
  if (count > end - from) throw new DecodeError(`${end - from} bytes left where ${count} of padding belong`, from)
  for (let at = from; at < from + count; at++)
    if (bytes[at] !== 0) throw new DecodeError('padding that is not zero', at)
}

const smallestLong = -0x8000_0000_0000_0000n
const largestLong = 0x7fff_ffff_ffff_ffffn

/** KMIP 2.1 §6.1.28: as a criterion, the largest date means that there is none. */
const largestDate = largestLong

function decodeSeconds(view: DataView, from: number): number {
  const date = view.getBigInt64(from)
  if (date === largestDate) return Number.POSITIVE_INFINITY
  const seconds = Number(date)
  if (!Number.isSafeInteger(seconds)) throw new DecodeError('a date further than 2^53 seconds from 1970', from)
  return seconds
}

function decodeBoolean(view: DataView, from: number): boolean {
  const high = view.getUint32(from)
  const low = view.getUint32(from + 4)
  if (high !== 0 || low > 1) throw new DecodeError('a Boolean that is neither 0 nor 1', from)
  return low === 1
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeText(bytes: Uint8Array, from: number, to: number): string {
  if (to - from <= shortestRope) {
    let text = ''
    for (let at = from; at < to; at++) {
      const byte = bytes[at] ?? 0
      if (byte > 0x7f) return decodeUtf8(bytes, from, to)
      text += String.fromCharCode(byte)
    }
    return text
  }
  return decodeUtf8(bytes, from, to)
}

function decodeUtf8(bytes: Uint8Array, from: number, to: number): string {
  try {
    return utf8.decode(bytes.subarray(from, to))
  } catch {
    throw new DecodeError('text that is not UTF-8', from)
  }
}

/** Up to this length a loop beats the call into TextDecoder: text that is put together stays flat. */
const shortestRope = 12

/** Up to this length a loop beats the call into TextEncoder. */
const shortText = 64

/** The names of the items that enclose `offset`, outermost first: asked for only when an error is told. */
function pathTo({ bytes, view }: Source, offset: number): string {
  const words: string[] = []
  let at = 0
  while (bytes.length - at >= headerBytes && at <= offset && words.length <= maxDepth) {
    const length = view.getUint32(at + 4)
    const next = at + headerBytes + length + (-length & 7)
    if (offset >= next) {
      at = next
      continue
    }
    const tag = view.getUint32(at) >>> 8
    words.push(tagName(tag) === undefined ? 'an unknown tag' : tagWords(tag))
    const isStructure = view.getUint8(at + 3) === 1
    if (!isStructure || offset < at + headerBytes) break
    at += headerBytes
  }
  return words.join(' / ')
}

const encoder = new TextEncoder()

/** Most messages and records are shorter. */
const slab = slabOf(4096)

/** The code of each type. */
const code = Object.fromEntries(itemTypes.map((type, index) => [type, index + 1])) as Record<ItemType, number>

/** Writes tag and type, and the length if that is known. @returns where the header is */
function encodeHeader(target: Target, tag: number, code: number, length = 0): number {
  const header = reserve(target, headerBytes)
  target.view.setUint32(header, (tag << 8) | code)
  target.view.setUint32(header + 4, length)
  return header
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
      const header = encodeHeader(target, tag, code.Structure)
      for (const member of item.value) encodeItem(target, member)
      target.view.setUint32(header + 4, target.length - header - headerBytes)
      return
    }
    case 'Integer': {
      if (item.value !== (item.value | 0)) throw outOfRange(item)
      const at = encodeFixed(target, tag, code.Integer, 4)
      target.view.setInt32(at, item.value)
      return
    }
    case 'Enumeration':
    case 'Interval': {
      if (item.value !== item.value >>> 0) throw outOfRange(item)
      const at = encodeFixed(target, tag, item.type === 'Interval' ? code.Interval : code.Enumeration, 4)
      target.view.setUint32(at, item.value)
      return
    }
    case 'LongInteger':
    case 'DateTimeExtended': {
      if (item.value < smallestLong || item.value > largestLong) throw outOfRange(item)
      const at = encodeFixed(target, tag, code[item.type], 8)
      target.view.setBigInt64(at, item.value)
      return
    }
    case 'DateTime': {
      const at = encodeFixed(target, tag, code.DateTime, 8)
      if (item.value === Number.POSITIVE_INFINITY) target.view.setBigInt64(at, largestDate)
      else {
        if (!Number.isSafeInteger(item.value)) throw outOfRange(item)
        target.view.setInt32(at, Math.floor(item.value / 0x1_0000_0000))
        target.view.setUint32(at + 4, item.value % 0x1_0000_0000)
      }
      return
    }
    case 'Boolean': {
      const at = encodeFixed(target, tag, code.Boolean, 8)
      target.view.setUint8(at + 7, item.value ? 1 : 0)
      return
    }
    case 'BigInteger':
    case 'ByteString': {
      const { length } = item.value
      encodeHeader(target, tag, code[item.type], length)
      const at = reserve(target, length)
      target.bytes.set(item.value, at)
      pad(target, length)
      return
    }
    case 'TextString': {
      const header = encodeHeader(target, tag, code.TextString)
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
