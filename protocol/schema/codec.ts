/**
 * Compiles a shape, for one version, into a reader and a writer.
 *
 * Reading is strict about what stands in a structure and lenient about its order: a field may stand anywhere, but a
 * field that the version does not have, or has only once, is refused. KMIP 2.1 §10.1 asks senders to keep the order, and
 * the writer does.
 *
 * @module
 */
import { SchemaError } from '../errors.ts'
import type { Item, ItemType } from '../item.ts'
import { isTagName, tagNumber, tagWords } from '../names.ts'
import type { Enumeration } from './enumeration.ts'
import type { Cardinality, Field, Fields, Inline, Shape } from './shape.ts'
import { covers, type Version } from './version.ts'

export interface Codec<T> {
  /** @throws SchemaError */
  read(item: Item): T
  write(tag: number, value: T): Item
}

const compiled = new WeakMap<Shape<unknown>, Map<Version, Codec<unknown>>>()

/** The codec of a shape at a version: compiled at first use, then kept. */
export function codec<T>(shape: Shape<T>, version: Version): Codec<T> {
  let byVersion = compiled.get(shape)
  if (byVersion === undefined) compiled.set(shape, (byVersion = new Map<Version, Codec<unknown>>()))
  let found = byVersion.get(version)
  if (found === undefined) byVersion.set(version, (found = compile(shape, version)))
  return found as Codec<T>
}

function compile(shape: Shape<unknown>, version: Version): Codec<unknown> {
  switch (shape.kind) {
    case 'primitive':
      return primitive(shape.type)
    case 'mask':
      return primitive('Integer')
    case 'enumeration':
      return enumerated(shape.table, shape.isOpen === true)
    case 'structure':
      return structured(shape.fields, version)
    case 'any':
      return { read: item => item, write: (tag, value) => ({ ...(value as Item), tag }) }
    case 'mapped': {
      const inner = codec(shape.shape, version)
      const { mapping } = shape
      return {
        read: item => mapping.read(inner.read(item)),
        write: (tag, value) => inner.write(tag, mapping.write(value)),
      }
    }
    case 'either':
      return alternatives(shape.shapes, version)
  }
}

function primitive(type: Exclude<ItemType, 'Structure'>): Codec<unknown> {
  return {
    read(item) {
      if (item.type !== type) throw wrongType(item, [type])
      return item.value
    },
    write: (tag, value) => ({ tag, type, value }) as Item,
  }
}

const extensionBit = 0x8000_0000

function enumerated(table: Enumeration, isOpen: boolean): Codec<unknown> {
  return {
    read(item) {
      if (item.type !== 'Enumeration') throw wrongType(item, ['Enumeration'])
      const name = table.name(item.value)
      if (name !== undefined) return name
      if (isOpen || item.value >= extensionBit) return item.value
      throw new SchemaError('value', `0x${item.value.toString(16).padStart(8, '0')} is not a ${table.words}`)
    },
    write: (tag, value) => ({
      tag,
      type: 'Enumeration',
      value: typeof value === 'number' ? value : table.number(value as string),
    }),
  }
}

function alternatives(shapes: readonly Shape<unknown>[], version: Version): Codec<unknown> {
  const codecs = shapes.map(shape => ({ shape, codec: codec(shape, version) }))
  return {
    read(item) {
      for (const { shape, codec } of codecs) if (typesOf(shape).includes(item.type)) return codec.read(item)
      throw wrongType(item, shapes.flatMap(typesOf))
    },
    write(tag, value) {
      for (const { shape, codec } of codecs) if (holdsValue(shape, value)) return codec.write(tag, value)
      throw new SchemaError('value', `a ${typeof value} cannot be written here`, tagWords(tag))
    },
  }
}

/** The item types that a shape reads. */
function typesOf(shape: Shape<unknown>): ItemType[] {
  switch (shape.kind) {
    case 'primitive':
      return [shape.type]
    case 'enumeration':
      return ['Enumeration']
    case 'mask':
      return ['Integer']
    case 'structure':
      return ['Structure']
    case 'mapped':
      return typesOf(shape.shape)
    case 'either':
      return shape.shapes.flatMap(typesOf)
    case 'any':
      return []
  }
}

const javaScriptType: Record<Exclude<ItemType, 'Structure'>, string> = {
  Integer: 'number',
  LongInteger: 'bigint',
  BigInteger: 'object',
  Enumeration: 'string',
  Boolean: 'boolean',
  TextString: 'string',
  ByteString: 'object',
  DateTime: 'number',
  Interval: 'number',
  DateTimeExtended: 'bigint',
}

function holdsValue(shape: Shape<unknown>, value: unknown): boolean {
  switch (shape.kind) {
    case 'primitive':
      return javaScriptType[shape.type] === typeof value && (typeof value !== 'object' || value instanceof Uint8Array)
    case 'enumeration':
      return typeof value === 'string' || typeof value === 'number'
    case 'mask':
      return typeof value === 'number'
    case 'structure':
      return typeof value === 'object' && !(value instanceof Uint8Array)
    case 'mapped':
      return shape.mapping.is(value)
    case 'either':
      return shape.shapes.some(each => holdsValue(each, value))
    case 'any':
      return typeof value === 'object'
  }
}

type Values = Record<string, unknown>

interface Slot {
  readonly name: string
  readonly cardinality: Cardinality
  readonly codec: Codec<unknown>
  readonly tag: number
  readonly inline?: undefined
}

interface InlineSlot {
  readonly name: string
  readonly cardinality: Cardinality
  readonly inline: Inline<unknown>
  readonly claims: readonly number[]
}

function structured(fields: Fields, version: Version): Codec<unknown> {
  const slots = Object.entries(fields).flatMap(([name, field]) => slotOf(name, field, version))
  const byTag = new Map<number, Slot | InlineSlot>()
  /** What the members alone do not settle. */
  const incomplete = slots.filter(slot => slot.inline !== undefined || slot.cardinality !== 'optional')
  for (const slot of slots) for (const tag of slot.inline === undefined ? [slot.tag] : slot.claims) byTag.set(tag, slot)

  return {
    read(item) {
      if (item.type !== 'Structure') throw wrongType(item, ['Structure'])
      const values: Values = {}
      let gathered: Map<InlineSlot, Item[]> | undefined
      for (const member of item.value) {
        const slot = byTag.get(member.tag)
        if (slot === undefined)
          throw new SchemaError(
            'unexpected',
            `${tagWords(member.tag)} is no field of ${tagWords(item.tag)} in KMIP ${version}`,
          )
        if (slot.inline === undefined) readField(values, slot, member)
        else gather((gathered ??= new Map<InlineSlot, Item[]>()), slot, member)
      }
      for (const slot of incomplete) complete(values, slot, gathered, item, version)
      return values
    },
    write(tag, value) {
      const items: Item[] = []
      const values = value as Values
      for (const slot of slots) writeField(items, slot, values[slot.name], version)
      return { tag, type: 'Structure', value: items }
    },
  }
}

function slotOf(name: string, field: Fields[string], version: Version): (Slot | InlineSlot)[] {
  if (field.kind === 'inline') {
    const claims = field.claims(version)
    return claims.length === 0 ? [] : [{ name, cardinality: field.cardinality, inline: field, claims }]
  }
  const {
    shape,
    cardinality,
    range,
    tag,
  }: Pick<Field<unknown>, 'shape' | 'cardinality' | 'range' | 'tag'> = field.kind === 'field'
    ? field
    : { shape: field, cardinality: 'one', range: undefined, tag: undefined }
  if (!covers(range, version)) return []
  const tagged = tag ?? name
  if (!isTagName(tagged)) throw new TypeError(`${tagged} is not the name of a tag`)
  return [{ name, cardinality, codec: codec(shape, version), tag: tagNumber(tagged) }]
}

function readField(values: Values, slot: Slot, item: Item): void {
  const value = readWithin(slot.codec, item)
  if (slot.cardinality === 'many') {
    const present = values[slot.name] as unknown[] | undefined
    if (present === undefined) values[slot.name] = [value]
    else present.push(value)
  } else if (values[slot.name] === undefined) values[slot.name] = value
  else throw new SchemaError('unexpected', 'stands twice where it may stand once', tagWords(item.tag))
}

/** Reads, and tells in an error where it happened. */
export function readWithin<T>(codec: Codec<T>, item: Item): T {
  try {
    return codec.read(item)
  } catch (error) {
    throw error instanceof SchemaError ? error.within(tagWords(item.tag)) : error
  }
}

function gather(gathered: Map<InlineSlot, Item[]>, slot: InlineSlot, item: Item): void {
  const present = gathered.get(slot)
  if (present === undefined) gathered.set(slot, [item])
  else present.push(item)
}

function complete(
  values: Values,
  slot: Slot | InlineSlot,
  gathered: Map<InlineSlot, Item[]> | undefined,
  item: Item,
  version: Version,
): void {
  if (slot.inline !== undefined) {
    const value = slot.inline.read(gathered?.get(slot) ?? [], version)
    if (value !== undefined) values[slot.name] = value
  } else if (slot.cardinality === 'many') values[slot.name] ??= []
  if (slot.cardinality === 'one' && values[slot.name] === undefined) {
    const wanted = slot.inline === undefined ? tagWords(slot.tag) : slot.claims.map(tagWords).join(' or ')
    throw new SchemaError('missing', `${wanted} is missing from ${tagWords(item.tag)}`)
  }
}

function writeField(items: Item[], slot: Slot | InlineSlot, value: unknown, version: Version): void {
  if (value === undefined) return
  if (slot.inline !== undefined) items.push(...slot.inline.write(value, version))
  else if (slot.cardinality === 'many')
    for (const each of value as readonly unknown[]) items.push(slot.codec.write(slot.tag, each))
  else items.push(slot.codec.write(slot.tag, value))
}

const wrongType = (item: Item, wanted: readonly ItemType[]): SchemaError =>
  new SchemaError('type', `a ${item.type} where ${wanted.join(' or ')} is wanted`)
