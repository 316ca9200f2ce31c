/**
 * Reads TTLV: bytes as an item tree. KMIP 2.1 §10.1.
 *
 * Strict in what it reads, since whatever it accepts it must be able to write again to the same bytes: padding is
 * zero, lengths are exact, text is UTF-8.
 *
 * @module
 */
import { DecodeError } from '../errors.ts'
import { type Item, itemTypes } from '../item.ts'
import { tagName, tagWords } from '../names.ts'
import { fixedLength, headerBytes, largestDate } from './layout.ts'

/** A structure within a structure, at most so often. KMIP's own deepest message needs 9. */
const maxDepth = 32

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
