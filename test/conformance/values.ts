/**
 * The values of a test case's elements: names to numbers, text to items, items to text.
 *
 * @module
 */
import { enumerations, type Item, masks, tagCamelCase, tagName, tagNumber, tagWords } from '../../protocol/index.ts'
import type { Element } from './vector.ts'

/** What is known when an element is filled in: the clock, and what each placeholder stands for. */
export interface Filling {
  /** Seconds since 1970; the same for the whole test case, so that what was set can be searched for. */
  readonly now: number
  readonly placeholders: ReadonlyMap<string, string>
}

export const isPlaceholder = (text: string): boolean => /^\$[A-Z]/.test(text)

/** The offset of `$NOW±n`, in seconds; undefined for anything else. */
export function offsetFromNow(text: string): number | undefined {
  const found = /^\$NOW([+-]\d+)?$/.exec(text)
  return found === null ? undefined : Number(found[1] ?? 0)
}

/** The item that the element says. `attribute` names the attribute whose value it is, in KMIP 1.x. */
export function itemOf(element: Element, filling: Filling, attribute?: string): Item {
  const { tag, type, members } = element
  if (type === 'Structure') {
    const within = attributeName(element)
    return { tag, type, value: members.map(member => itemOf(member, filling, within)) }
  }
  return { tag, type, value: valueOf(element, filledIn(element.text, filling), attribute) } as Item
}

/** The Attribute Name in an Attribute: whose enumeration or mask the value is from. */
export const attributeName = (element: Element): string | undefined =>
  element.members.find(({ tag }) => tag === tagNumber('attributeName'))?.text

function filledIn(text: string, { now, placeholders }: Filling): string {
  if (!isPlaceholder(text)) return text
  const offset = offsetFromNow(text)
  if (offset !== undefined) return new Date((now + offset) * 1000).toISOString()
  const value = placeholders.get(text)
  if (value === undefined) throw new Error(`${text} is used before any response gave it a value`)
  return value
}

type Primitive = Exclude<Item['value'], readonly Item[]>

function valueOf({ tag, type }: Element, text: string, attribute: string | undefined): Primitive {
  switch (type) {
    case 'Integer':
      return integerOf(text, attribute ?? tagWords(tag))
    case 'Interval':
      return Number(text)
    case 'LongInteger':
    case 'DateTimeExtended':
      return BigInt(text)
    case 'BigInteger':
      return bytesOf(text.padStart(Math.ceil(text.length / 16) * 16, /^[89a-f]/i.test(text) ? 'f' : '0'))
    case 'Enumeration':
      return enumerationOf(text, attribute ?? tagWords(tag))
    case 'Boolean':
      return text === 'true'
    case 'TextString':
      return text
    case 'ByteString':
      return bytesOf(text)
    case 'DateTime':
      return secondsOf(text)
    case 'Structure':
      throw new Error('a structure has no value of its own')
  }
}

const bytesOf = (hex: string): Uint8Array => {
  if (!/^([0-9a-f]{2})*$/i.test(hex)) throw new Error(`${hex} is not hexadecimal`)
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

function secondsOf(text: string): number {
  const milliseconds = Date.parse(text)
  if (Number.isNaN(milliseconds)) throw new Error(`${text} is no date`)
  return Math.floor(milliseconds / 1000)
}

/** Names that the test cases spell otherwise than the specification. */
const spellings: Readonly<Record<string, string>> = {
  ContentCommitment: 'ContentCommitmentNonRepudiation',
  MGF1: 'MFG1',
}

interface Table {
  readonly words: string
  readonly names: readonly string[]
  number(name: string): number
}
const tables = new Map<string, Table>(Object.values(enumerations).map(each => [each.words, each as unknown as Table]))
const bits = new Map<string, Readonly<Record<string, number>>>(
  Object.values(masks).map(each => [each.words, each.bits]),
)

/** Tags whose values come from another tag's enumeration. */
const tablesOf: Readonly<Record<string, string>> = {
  'Mask Generator Hashing Algorithm': 'Hashing Algorithm',
  'Extension Type': 'Item Type',
  'Linked Object Identifier': 'Unique Identifier',
}

function integerOf(text: string, words: string): number {
  if (/^-?\d+$|^0x[0-9a-f]+$/i.test(text)) return Number(text) | 0
  const names = bits.get(words)
  return text
    .split(/[\s|]+/)
    .filter(name => name !== '')
    .reduce((mask, name) => {
      const bit = names?.[spellings[name] ?? name]
      if (bit === undefined) throw new Error(`${name} is no bit of ${words}`)
      return mask | bit
    }, 0)
}

function enumerationOf(text: string, words: string): number {
  if (/^0x[0-9a-f]{8}$/i.test(text)) return Number(text)
  if (words === 'Attribute Reference') return attributeTag(text)
  const table = tables.get(tablesOf[words] ?? words)
  const name = spellings[text] ?? text
  if (table?.names.includes(name) !== true) throw new Error(`${text} is no ${words}`)
  return table.number(name)
}

function attributeTag(camelCase: string): number {
  for (let tag = 0x420001; tag < 0x420200; tag++)
    if (tagName(tag) !== undefined && tagCamelCase(tag) === camelCase) return tag
  throw new Error(`${camelCase} is no tag`)
}

/** A value as a placeholder keeps it: as the XML would write it. */
export function textOf(item: Item): string {
  switch (item.type) {
    case 'ByteString':
    case 'BigInteger':
      return Buffer.from(item.value).toString('hex')
    case 'Structure':
      throw new Error('a structure cannot be kept under a placeholder')
    case 'Integer':
    case 'LongInteger':
    case 'Enumeration':
    case 'Boolean':
    case 'TextString':
    case 'DateTime':
    case 'Interval':
    case 'DateTimeExtended':
      return String(item.value)
  }
}
