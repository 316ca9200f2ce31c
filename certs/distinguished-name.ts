/**
 * Subject and issuer (RFC 5280 §4.1.2.4): read into attributes and a line of text, written from the usual fields.
 *
 * Values that hold control characters or are not of their declared character set are refused: a subject becomes a
 * user's identity and a log line, and `CN=a\0b` means different people to different readers.
 * @module
 */
import { CertsError } from './errors.ts'
import type { Node } from './der.ts'
import {
  children,
  expect,
  objectIdentifier,
  readObjectIdentifier,
  sequence,
  set,
  tags,
  text as encodeText,
} from './der.ts'

/** The attributes of a subject that this library writes, under the names that storage clusters use. */
export interface Subject {
  readonly commonName?: string
  readonly organization?: string
  readonly organizationalUnit?: string
  readonly locality?: string
  readonly state?: string
  /** Two letters. */
  readonly country?: string
  readonly emailAddress?: string
}

/** One attribute of a name, as encoded. */
export interface NameAttribute {
  /** The short name, such as `CN`, or the dotted object identifier. */
  readonly type: string
  readonly value: string
}

/**
 * A name that was read. The fields of `Subject` hold the last, most specific, value of each type; `attribute` holds
 * them all, in encoded order.
 */
export interface DistinguishedName extends Subject {
  /** One line for people, most specific first, escaped: `CN=a,OU=b,O=c` (RFC 4514). Empty for an empty name. */
  readonly text: string
  readonly attribute: readonly NameAttribute[]
  /** The name as encoded. */
  readonly der: Uint8Array
}

interface AttributeType {
  readonly oid: string
  readonly type: string
  readonly field?: keyof Subject
  /** String type when written; the default is UTF8String. */
  readonly tag?: number
  /** Upper bound in characters when written (RFC 5280 appendix A.1). */
  readonly bound?: number
}

/** In the order in which a subject is written. */
const attributeTypes: readonly AttributeType[] = [
  { oid: '2.5.4.6', type: 'C', field: 'country', tag: tags.printableString, bound: 2 },
  { oid: '2.5.4.8', type: 'ST', field: 'state', bound: 128 },
  { oid: '2.5.4.7', type: 'L', field: 'locality', bound: 128 },
  { oid: '2.5.4.10', type: 'O', field: 'organization', bound: 64 },
  { oid: '2.5.4.11', type: 'OU', field: 'organizationalUnit', bound: 64 },
  { oid: '2.5.4.3', type: 'CN', field: 'commonName', bound: 64 },
  { oid: '1.2.840.113549.1.9.1', type: 'emailAddress', field: 'emailAddress', tag: tags.ia5String, bound: 255 },
  { oid: '2.5.4.4', type: 'SN' },
  { oid: '2.5.4.5', type: 'serialNumber' },
  { oid: '2.5.4.9', type: 'STREET' },
  { oid: '2.5.4.12', type: 'title' },
  { oid: '2.5.4.42', type: 'GN' },
  { oid: '0.9.2342.19200300.100.1.1', type: 'UID' },
  { oid: '0.9.2342.19200300.100.1.25', type: 'DC' },
]

const byOid = new Map(attributeTypes.map(row => [row.oid, row]))
const fieldOf = new Map(attributeTypes.map(row => [row.type, row.field]))

/**
 * The type of an attribute as `NameAttribute` has it, from its short name, its long name or its object identifier, in
 * whatever case; undefined when there is none. Object identifiers that have no name here stand for themselves.
 */
export function attributeWord(word: string): string | undefined {
  const plain = word.toLowerCase()
  const row = attributeTypes.find(({ oid, type, field }) =>
    [oid, type, field].some(each => each?.toLowerCase() === plain),
  )
  return row?.type ?? (/^[0-2](\.\d+)+$/.test(word) ? word : undefined)
}

/** Reads a Name. Throws `CertsError` `malformed` or `badSubject`. */
export function readName(node: Node | undefined, name: string): DistinguishedName {
  const { der } = expect(node, tags.sequence, name)
  const relative = children(node, tags.sequence, name).map(rdn =>
    children(rdn, tags.set, name).map(pair => {
      const [type, value] = children(pair, tags.sequence, name)
      const oid = readObjectIdentifier(type, name)
      return { type: byOid.get(oid)?.type ?? oid, value: readText(value, name) }
    }),
  )
  const attribute = relative.flat()
  const text = relative
    .toReversed()
    .map(rdn => rdn.map(({ type, value }) => `${type}=${escaped(value)}`).join('+'))
    .join(',')
  const fields = attribute.flatMap(({ type, value }) => {
    const field = fieldOf.get(type)
    return field ? [[field, value] as const] : []
  })
  return { text, attribute, der, ...(Object.fromEntries(fields) as Subject) }
}

/** Encodes a Name, leaving out empty fields. Throws `CertsError` `badSubject`. */
export function encodeName(subject: Subject): Uint8Array {
  const relative = attributeTypes.flatMap(row => {
    const value = row.field && subject[row.field]
    return value
      ? [set(sequence(objectIdentifier(row.oid), encodeText(row.tag ?? tags.utf8String, checked(row, value))))]
      : []
  })
  return sequence(...relative)
}

function checked({ field, tag = tags.utf8String, bound = Infinity }: AttributeType, value: string): string {
  const fault =
    [...value].length > bound
      ? `has more than ${bound} characters`
      : hasControl(value)
        ? 'has control characters'
        : tag === tags.printableString && !/^[A-Za-z]{2}$/.test(value)
          ? 'is not a code of two letters'
          : tag === tags.ia5String && /[^ -~]/.test(value)
            ? 'has characters outside ASCII'
            : undefined
  if (fault) throw new CertsError('badSubject', `the subject's ${field ?? 'attribute'} ${fault}`)
  return value
}

const hasControl = (value: string) => /[\p{Cc}\u2028\u2029]/u.test(value)

type Decoder = (content: Uint8Array) => string

const latin1: Decoder = content => Buffer.from(content).toString('latin1')

const strict =
  (charset: string): Decoder =>
  content =>
    new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(content)

/** TeletexString is in practice Latin-1 (RFC 5280 appendix B). */
const decoders: Readonly<Record<number, Decoder>> = {
  [tags.utf8String]: strict('utf-8'),
  [tags.printableString]: latin1,
  [tags.teletexString]: latin1,
  [tags.ia5String]: latin1,
  [tags.bmpString]: strict('utf-16be'),
}

function readText(node: Node | undefined, name: string): string {
  const decoder = decoders[node?.tag ?? -1]
  if (!node || !decoder) return unreadable(expect(node, tags.utf8String, name), name)
  try {
    const value = decoder(node.content)
    return hasControl(value) ? unreadable(node, name) : value
  } catch {
    return unreadable(node, name)
  }
}

function unreadable(node: Node, name: string): never {
  const value = Buffer.from(node.content.subarray(0, 32)).toString('hex')
  throw new CertsError('badSubject', `${name} has a value that is not plain text: ${value}`)
}

/** RFC 4514 §2.4 */
const escaped = (value: string) => value.replace(/[",+;<>\\]|^[ #]| $/g, '\\$&')
