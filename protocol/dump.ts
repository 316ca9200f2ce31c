/**
 * A message for people: a tree with names, and with every secret left out.
 *
 * @module
 */
import type { Item } from './item.ts'
import { tagCamelCase, tagName, tagWords } from './names.ts'
import type { Enumeration } from './schema/enumeration.ts'
import { secretTags } from './tables/secrets.ts'
import * as enumerationTables from './tables/enumerations.ts'
import * as maskTables from './tables/masks.ts'

const enumerationOf = new Map<string, Enumeration>(
  Object.values(enumerationTables).map(table => [table.words, table as unknown as Enumeration]),
)
const maskOf = new Map<string, { names(mask: number): string[] }>(
  Object.values(maskTables).map(table => [table.words, table]),
)

/** Tags whose values come from another tag's enumeration. */
const enumerationAliases: Readonly<Record<string, string>> = {
  'Mask Generator Hashing Algorithm': 'Hashing Algorithm',
}

export interface DumpOptions {
  /** Show secrets as well. Default false. */
  readonly secrets?: boolean
}

/** What an enumeration's number is called under the tag, if anything. An Attribute Value's depends on the attribute. */
export function enumerationName(tag: number, value: number, attribute?: string): string | undefined {
  const words = attribute ?? tagWords(tag)
  if (words === 'Attribute Reference') return tagName(value) === undefined ? undefined : tagCamelCase(value)
  return enumerationOf.get(enumerationAliases[words] ?? words)?.name(value)
}

const maskNames = (tag: number, value: number, attribute?: string): readonly string[] | undefined =>
  maskOf.get(attribute ?? tagWords(tag))?.names(value)

/** One line an item, two blanks a level: `Object Type (Enumeration): SymmetricKey`. */
export function dumpText(item: Item, options: DumpOptions = {}): string {
  const lines: string[] = []
  walk(item, options, 0, undefined, false, (node, depth) => {
    lines.push(
      `${'  '.repeat(depth)}${tagWords(node.item.tag)} (${node.item.type})${node.shown === undefined ? '' : `: ${node.shown}`}`,
    )
  })
  return lines.join('\n')
}

/** What `dumpJson` gives. */
export interface DumpNode {
  readonly tag: string
  readonly type: string
  readonly value: string | number | boolean | readonly DumpNode[]
}

/** The KMIP profiles' JSON: `{"tag", "type", "value"}`, secrets left out. KMIP Profiles 2.1 §5.5 */
export function dumpJson(item: Item, options: DumpOptions = {}): DumpNode {
  return node(item, options, undefined, false)
}

interface Shown {
  readonly item: Item
  readonly shown: string | undefined
}

const hidden = '[hidden]'

function walk(
  item: Item,
  options: DumpOptions,
  depth: number,
  attribute: string | undefined,
  secret: boolean,
  visit: (node: Shown, depth: number) => void,
): void {
  const isSecret = secret || secretTags.has(item.tag)
  if (item.type !== 'Structure') {
    visit(
      {
        item,
        shown: isSecret && options.secrets !== true ? `${hidden} ${sizeOf(item)}` : String(shownValue(item, attribute)),
      },
      depth,
    )
    return
  }
  visit({ item, shown: undefined }, depth)
  const inner = attributeNameIn(item)
  for (const member of item.value) walk(member, options, depth + 1, inner, isSecret, visit)
}

function node(item: Item, options: DumpOptions, attribute: string | undefined, secret: boolean): DumpNode {
  const isSecret = secret || secretTags.has(item.tag)
  const tag = tagCamelCase(item.tag)
  if (item.type === 'Structure') {
    const inner = attributeNameIn(item)
    return { tag, type: item.type, value: item.value.map(member => node(member, options, inner, isSecret)) }
  }
  return {
    tag,
    type: item.type,
    value: isSecret && options.secrets !== true ? `${hidden} ${sizeOf(item)}` : shownValue(item, attribute),
  }
}

function sizeOf(item: Item): string {
  if (item.type === 'ByteString' || item.type === 'BigInteger') return `${item.value.length} bytes`
  return item.type
}

/** The Attribute Name beside an Attribute Value, which tells whose enumeration its number is from. */
function attributeNameIn(item: Item): string | undefined {
  if (item.type !== 'Structure') return undefined
  const name = item.value.find(member => tagName(member.tag) === 'attributeName')
  return name?.type === 'TextString' ? name.value : undefined
}

function shownValue(
  item: Exclude<Item, { type: 'Structure' }>,
  attribute: string | undefined,
): string | number | boolean {
  const under = tagName(item.tag) === 'attributeValue' ? attribute : undefined
  switch (item.type) {
    case 'Enumeration':
      return enumerationName(item.tag, item.value, under) ?? `0x${item.value.toString(16).padStart(8, '0')}`
    case 'Integer':
      return maskNames(item.tag, item.value, under)?.join('|') ?? item.value
    case 'ByteString':
    case 'BigInteger':
      return Array.from(item.value, byte => byte.toString(16).padStart(2, '0')).join('')
    case 'DateTime':
      return isoDate(item.value)
    case 'LongInteger':
    case 'DateTimeExtended':
      return `0x${BigInt.asUintN(64, item.value).toString(16).padStart(16, '0')}`
    case 'Boolean':
    case 'Interval':
    case 'TextString':
      return item.value
  }
}

const maxDateSeconds = 8_640_000_000_000

const isoDate = (seconds: number): string =>
  Math.abs(seconds) <= maxDateSeconds ? new Date(seconds * 1000).toISOString().replace('.000Z', 'Z') : `${seconds} s`
