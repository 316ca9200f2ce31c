/**
 * The Distinguished Encoding Rules: bytes to a tree of nodes, and back.
 *
 * A node is named by its identifier octet (X.690 §8.1.2), so that the tag, its class and whether it is constructed are
 * one number. Every node keeps its own encoding, because what is signed or copied (a public key, a subject) must be the
 * very bytes that were received. asn1js decodes; on top of that BER's freedoms (indefinite or padded lengths,
 * multi-octet tags) are refused, since other software would read or re-encode them differently.
 * @module
 */
import { Constructed, fromBER, Integer, ObjectIdentifier } from 'asn1js'
import type { BaseBlock } from 'asn1js'
import { CertsError } from './errors.ts'

/** The largest input that is looked at, in bytes. Requests and certificates seldom exceed 4 KiB. */
export const maxBytes = 65_536

/** Nested no deeper: a certificate needs 9 levels. */
const maxDepth = 16
const maxNodes = 8192

/** Identifier octets of the universal types that X.509 uses. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

/** The identifier octet of a context-specific tag, such as `[0]`. */
export const context = (number: number, constructed = true) => (constructed ? 0xa0 : 0x80) | number

/** One value of a decoded tree. The arrays are views of one private copy of the input. */
export interface Node {
  readonly tag: number
  /** The whole encoding: identifier, length, content. */
  readonly der: Uint8Array
  readonly content: Uint8Array
  /** Empty for a primitive value. */
  readonly child: readonly Node[]
}

/** Decodes exactly one value. Throws `CertsError` `tooLarge` or `malformed`. */
export function decode(bytes: Uint8Array): Node {
  refuseOversize(bytes.length)
  const parsed = attempt(bytes)
  if (!parsed || parsed.offset === -1) throw malformed(`it is not DER${parsed ? `: ${parsed.result.error}` : ''}`)
  if (parsed.offset !== bytes.length) throw malformed(`${bytes.length - parsed.offset} bytes follow its end`)
  return nodeOf(parsed.result)
}

export function refuseOversize(length: number, limit = maxBytes): void {
  if (length > limit) throw new CertsError('tooLarge', `the input has ${length} bytes; at most ${limit} are read`)
}

/**
 * Decodes one value no deeper than so many levels below it, where `child` is then empty: for lists that are too long to be
 * decoded whole. The arrays are views of the input. Throws `CertsError` `malformed`.
 */
export function skim(bytes: Uint8Array, levels: number): Node {
  const [value, ...rest] = skimmed(bytes, levels)
  if (value && !rest.length) return value
  throw malformed(value ? 'more follows its end' : 'it is empty')
}

function skimmed(bytes: Uint8Array, levels: number): Node[] {
  const found: Node[] = []
  for (const value of valuesIn(bytes)) {
    if (found.push(value) > maxNodes) throw malformed(`more than ${maxNodes} values stand in a row`)
  }
  if (!levels) return found
  return found.map(value => (value.tag & 0x20 ? { ...value, child: skimmed(value.content, levels - 1) } : value))
}

/** The values that stand in a row, one after the other and not looked into. Throws `CertsError` `malformed`. */
export function* valuesIn(bytes: Uint8Array): Generator<Node> {
  for (let at = 0; at < bytes.length;) {
    const { header, length } = measure(bytes, at)
    const der = bytes.subarray(at, at + header + length)
    if (der.length !== header + length) throw malformed('it is cut short')
    yield { tag: der[0] ?? 0, der, content: der.subarray(header), child: [] }
    at += der.length
  }
}

export const malformed = (what: string) => new CertsError('malformed', `the input cannot be read: ${what}`)

/** The children of a node that must be of that type. */
export function children(node: Node | undefined, tag: number, name: string): readonly Node[] {
  return expect(node, tag, name).child
}

/** The node itself, if it is there and of that type. */
export function expect(node: Node | undefined, tag: number, name: string): Node {
  if (node?.tag === tag) return node
  const found = node ? `the tag 0x${node.tag.toString(16).padStart(2, '0')}` : 'nothing'
  throw malformed(`${name} should have the tag 0x${tag.toString(16).padStart(2, '0')}, found ${found}`)
}

/** Dotted decimal form of an OBJECT IDENTIFIER. */
export function readObjectIdentifier(node: Node | undefined, name: string): string {
  const identifier = new ObjectIdentifier()
  const { der } = expect(node, tags.objectIdentifier, name)
  const parsed = fromBER(new Uint8Array(der))
  const value = parsed.result instanceof ObjectIdentifier && parsed.offset !== -1 ? parsed.result : identifier
  const dotted = value.getValue()
  if (!/^\d+(\.\d+)+$/.test(dotted)) throw malformed(`${name} is not an object identifier`)
  return dotted
}

/** The bytes of a BIT STRING of whole octets: every one in X.509 but keyUsage is. */
export function readBitString(node: Node | undefined, name: string): Uint8Array {
  const { content } = expect(node, tags.bitString, name)
  if (content[0] !== 0) throw malformed(`${name} should be a bit string of whole octets`)
  return content.subarray(1)
}

/** A non-negative INTEGER that fits four octets. */
export function readSmallInteger(node: Node | undefined, name: string): number {
  const { content } = expect(node, tags.integer, name)
  if (content.length < 1 || content.length > 4 || (content[0] ?? 0) > 0x7f) throw malformed(`${name} is out of range`)
  return content.reduce((value, octet) => value * 256 + octet, 0)
}

/** A non-negative INTEGER of up to 20 octets, such as a serial number or the number of a revocation list. */
export function readBigInteger(node: Node | undefined, name: string): bigint {
  const { content } = expect(node, tags.integer, name)
  if (content.length < 1 || content.length > 21 || (content[0] ?? 0) > 0x7f) throw malformed(`${name} is out of range`)
  return BigInt(`0x${Buffer.from(content).toString('hex')}`)
}

/** A serial number: lower-case hexadecimal, an even number of digits, without a sign octet. */
export function readSerialNumber(node: Node | undefined): string {
  const { content } = expect(node, tags.integer, 'the serial number')
  return Buffer.from(content[0] === 0 && content.length > 1 ? content.subarray(1) : content).toString('hex')
}

/** UTCTime or GeneralizedTime in the one form that RFC 5280 §4.1.2.5 allows: to the second, in Zulu. */
export function readTime(node: Node | undefined, name: string): Date {
  const text = Buffer.from(node?.content ?? []).toString('latin1')
  const digits = node?.tag === tags.utcTime ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits)
  const iso = match && `${match.slice(1, 4).join('-')}T${match.slice(4).join(':')}.000Z`
  const date = new Date(iso ?? NaN)
  // Date rolls the 31st of a short month over; what comes back must be what was written.
  if (!iso || Number.isNaN(date.getTime()) || date.toISOString() !== iso || !isTime(node)) {
    throw malformed(`${name} is not a time`)
  }
  return date
}

const isTime = (node: Node | undefined) => node?.tag === tags.utcTime || node?.tag === tags.generalizedTime

/** Encodes a value from its identifier octet and the concatenated parts of its content. */
export function encode(tag: number, ...part: readonly Uint8Array[]): Uint8Array {
  const length = part.reduce((sum, { length }) => sum + length, 0)
  const octets = length < 0x80 ? [] : digitsIn256(length)
  const header = Uint8Array.of(tag, octets.length ? 0x80 | octets.length : length, ...octets)
  return new Uint8Array(Buffer.concat([header, ...part]))
}

const digitsIn256 = (value: number): number[] =>
  value < 256 ? [value] : [...digitsIn256(Math.floor(value / 256)), value % 256]

export const sequence = (...part: readonly Uint8Array[]) => encode(tags.sequence, ...part)

export const set = (...part: readonly Uint8Array[]) => encode(tags.set, ...part)

export const objectIdentifier = (dotted: string) => new Uint8Array(new ObjectIdentifier({ value: dotted }).toBER())

export const integer = (value: number) => new Uint8Array(new Integer({ value }).toBER())

/** A non-negative INTEGER from its octets, most significant first, to which a sign octet is added where one is needed. */
export function unsigned(octets: Uint8Array): Uint8Array {
  const first = octets.findIndex(octet => octet !== 0)
  const value = first === -1 ? Uint8Array.of(0) : octets.subarray(first)
  return encode(tags.integer, Uint8Array.of(...((value[0] ?? 0) > 0x7f ? [0] : [])), value)
}

/** A non-negative INTEGER of any size. */
export function bigInteger(value: bigint): Uint8Array {
  const digits = value.toString(16)
  return unsigned(Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex'))
}

export const enumerated = (value: number) => encode(tags.enumerated, Uint8Array.of(value))

export const boolean = (value: boolean) => encode(tags.boolean, Uint8Array.of(value ? 0xff : 0))

export const octetString = (content: Uint8Array) => encode(tags.octetString, content)

/** A BIT STRING; `unused` counts the bits at the end of the last octet that do not belong to it. */
export const bitString = (content: Uint8Array, unused = 0) => encode(tags.bitString, Uint8Array.of(unused), content)

export const text = (tag: number, value: string) =>
  encode(tag, Buffer.from(value, tag === tags.utf8String ? 'utf8' : 'latin1'))

/** UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5). Fractions of a second are dropped. */
export function time(date: Date): Uint8Array {
  return date.getUTCFullYear() < 2050 ? text(tags.utcTime, digitsOf(date).slice(2)) : generalizedTime(date)
}

/** GeneralizedTime whatever the year, as OCSP wants it (RFC 6960 §4.2.2.1). */
export const generalizedTime = (date: Date): Uint8Array => text(tags.generalizedTime, digitsOf(date))

const digitsOf = (date: Date) => date.toISOString().replace(/\.\d+|[-:T]/g, '')

/** asn1js reports most faults in its result, and throws a few. */
function attempt(bytes: Uint8Array) {
  try {
    return fromBER(new Uint8Array(bytes), { maxDepth, maxNodes, parseEmbedded: false, copyInput: false })
  } catch {
    return undefined
  }
}

function nodeOf(block: BaseBlock): Node {
  const der = block.valueBeforeDecodeView
  const tag = der[0] ?? 0
  const header = headerLength(der)
  const constructed = (tag & 0x20) !== 0
  if (constructed !== block instanceof Constructed) throw malformed('a string is split into segments')
  return {
    tag,
    der,
    content: der.subarray(header),
    child: block instanceof Constructed ? block.valueBlock.value.map(nodeOf) : [],
  }
}

/** Checks the header against the length of the whole, and measures it. */
function headerLength(der: Uint8Array): number {
  const { header, length } = measure(der, 0)
  if (header + length !== der.length) throw notShortest()
  return header
}

/** Measures the header at that place, which must be the only one that DER allows (X.690 §10.1), and its content. */
function measure(bytes: Uint8Array, at: number): { header: number; length: number } {
  const [tag = 0, first = 0, second = 0] = bytes.subarray(at, at + 3)
  if ((tag & 0x1f) === 0x1f) throw malformed('a tag number is above 30')
  const extra = first & 0x80 ? first & 0x7f : 0
  const minimal = first < 0x80 || (extra > 1 ? second !== 0 : extra === 1 && second >= 0x80)
  if (!minimal || extra > 6) throw notShortest()
  const length = extra ? bytes.subarray(at + 2, at + 2 + extra).reduce((sum, octet) => sum * 256 + octet, 0) : first
  return { header: 2 + extra, length }
}

const notShortest = () => malformed('a length is not in its shortest form')
