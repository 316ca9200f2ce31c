/**
 * The one place where KMIP 1.x and 2.x spell attributes differently.
 *
 * 1.x writes each attribute as `Attribute {Attribute Name, Attribute Index, Attribute Value}`, custom ones under a name
 * that starts with `x-`. 2.x writes it as itself inside an `Attributes` structure, and a vendor's own as `Attribute
 * {Vendor Identification, Attribute Name, Attribute Value}`. In memory both are an instance: a name, a value, and in 1.x
 * perhaps an index.
 *
 * @module
 */
import { SchemaError } from '../errors.ts'
import { type Item, structureItem } from '../item.ts'
import { tagName, tagNumber, tagWords } from '../names.ts'
import { type Codec, codec, readWithin } from '../schema/codec.ts'
import { partial, type Shape } from '../schema/shape.ts'
import { covers, type Version } from '../schema/version.ts'
import { Name } from '../structures/attribute-values.ts'
import {
  type AttributeInstance,
  type AttributeName,
  attributeRow,
  attributeWords,
  type CustomName,
  existsIn,
  isStandard,
  type StandardName,
  standardNames,
} from './names.ts'

export const tag = {
  attribute: tagNumber('attribute'),
  attributeIndex: tagNumber('attributeIndex'),
  attributeName: tagNumber('attributeName'),
  attributeReference: tagNumber('attributeReference'),
  attributeValue: tagNumber('attributeValue'),
  attributes: tagNumber('attributes'),
  currentAttribute: tagNumber('currentAttribute'),
  name: tagNumber('name'),
  newAttribute: tagNumber('newAttribute'),
  templateAttribute: tagNumber('templateAttribute'),
  vendorIdentification: tagNumber('vendorIdentification'),
}

export const isFirst = (version: Version): boolean => covers('..1.4', version)

const byWords = new Map<string, StandardName>(standardNames.map(name => [attributeWords(name), name]))

/** A name as KMIP 1.x writes it. One that the version does not know is nobody's: it is read as custom and matches nothing. */
function nameFromWords(words: string, version: Version): AttributeName {
  const standard = byWords.get(words)
  if (standard !== undefined && existsIn(standard, version)) return standard
  return words.indexOf('-') > 0 ? (words as CustomName) : `-${words}`
}

/** Whose values are read: an object's own, whole, or a search's, whose structures may leave fields out. */
export type Reading = 'whole' | 'criterion'

const criterionShapes = new Map<StandardName, Shape<unknown>>(
  standardNames.map(name => [name, partial(attributeRow(name).shape)]),
)

function valueCodec(name: AttributeName, version: Version, reading: Reading = 'whole'): Codec<unknown> | undefined {
  if (!isStandard(name)) return undefined
  const shape = reading === 'whole' ? attributeRow(name).shape : criterionShapes.get(name)
  return shape && codec(shape, version)
}

const readValue = (name: AttributeName, item: Item, version: Version, reading: Reading): unknown => {
  const found = valueCodec(name, version, reading)
  if (found === undefined) return { ...item, tag: tag.attributeValue }
  try {
    return found.read(item)
  } catch (error) {
    throw error instanceof SchemaError ? error.within(attributeWords(name)) : error
  }
}

const writeValue = (as: number, instance: AttributeInstance, version: Version): Item =>
  valueCodec(instance.name as AttributeName, version)?.write(as, instance.value) ?? {
    ...(instance.value as Item),
    tag: as,
  }

const instanceOf = (name: string, value: unknown, index?: number): AttributeInstance =>
  (index === undefined ? { name, value } : { name, value, index }) as AttributeInstance

export function members(item: Item): readonly Item[] {
  if (item.type !== 'Structure') throw new SchemaError('type', `a ${item.type} where Structure is wanted`)
  return item.value
}

function readText(item: Item): string {
  if (item.type !== 'TextString')
    throw new SchemaError('type', `a ${item.type} where TextString is wanted`, tagWords(item.tag))
  return item.value
}

const text = (tag: number, value: string): Item => ({ tag, type: 'TextString', value })

/** Reads `Attribute {Attribute Name, Attribute Index?, Attribute Value}`. KMIP 1.4 §2.1.1. */
export function readFirst(item: Item, version: Version, reading: Reading = 'whole'): AttributeInstance {
  let name: AttributeName | undefined
  let index: number | undefined
  let value: Item | undefined
  for (const member of members(item)) {
    if (member.tag === tag.attributeName) name = nameFromWords(readText(member), version)
    else if (member.tag === tag.attributeIndex && member.type === 'Integer') index = member.value
    else if (member.tag === tag.attributeValue) value = member
    else
      throw new SchemaError(
        'unexpected',
        `${tagWords(member.tag)} of type ${member.type} is no field of Attribute in KMIP ${version}`,
      )
  }
  if (name === undefined) throw new SchemaError('missing', 'Attribute Name is missing from Attribute')
  if (value === undefined)
    throw new SchemaError('missing', `Attribute Value is missing from Attribute ${attributeWords(name)}`)
  return instanceOf(name, readValue(name, value, version, reading), index)
}

export function writeFirst(instance: AttributeInstance, version: Version): Item {
  const { name, index } = instance
  const items = [text(tag.attributeName, attributeWords(name))]
  if (index !== undefined && index !== 0) items.push({ tag: tag.attributeIndex, type: 'Integer', value: index })
  items.push(writeValue(tag.attributeValue, instance, version))
  return structureItem(tag.attribute, items)
}

/** Reads the member of an `Attributes`, `New Attribute` or `Current Attribute` structure. */
export function readSecond(item: Item, version: Version, reading: Reading = 'whole'): AttributeInstance {
  if (item.tag === tag.attribute) {
    const fields = new Map(members(item).map(member => [member.tag, member]))
    const name = readVendorName(fields)
    const value = fields.get(tag.attributeValue)
    if (value === undefined) throw new SchemaError('missing', `Attribute Value is missing from Attribute ${name}`)
    return instanceOf(name, value)
  }
  const name = tagName(item.tag)
  if (name === undefined || !isStandard(name) || !existsIn(name, version))
    throw new SchemaError('unexpected', `${tagWords(item.tag)} is no attribute in KMIP ${version}`)
  return instanceOf(name, readValue(name, item, version, reading))
}

/** A 1.x name may have anything before its first hyphen, and is kept as what 2.x calls a vendor: only a hyphen is refused. */
function readVendorName(fields: ReadonlyMap<number, Item>): CustomName {
  const vendor = fields.get(tag.vendorIdentification)
  const name = fields.get(tag.attributeName)
  if (vendor === undefined || name === undefined)
    throw new SchemaError('missing', `${vendor === undefined ? 'Vendor Identification' : 'Attribute Name'} is missing`)
  const identification = readText(vendor)
  if (identification.includes('-'))
    throw new SchemaError('value', 'a hyphen where none is allowed', tagWords(tag.vendorIdentification))
  return `${identification}-${readText(name)}`
}

export function writeSecond(instance: AttributeInstance, version: Version): Item {
  const { name } = instance
  if (isStandard(name)) return writeValue(tagNumber(name), instance, version)
  if (name === 'template') throw new SchemaError('value', `templates do not exist in KMIP ${version}`)
  return structureItem(tag.attribute, [...vendorName(name), writeValue(tag.attributeValue, instance, version)])
}

function vendorName(name: CustomName): Item[] {
  const hyphen = name.indexOf('-')
  return [text(tag.vendorIdentification, name.slice(0, hyphen)), text(tag.attributeName, name.slice(hyphen + 1))]
}

/** Whether the version has such an attribute; templates are for `writeSecond` to refuse. */
export const writable = (name: AttributeInstance['name'], version: Version): boolean =>
  name === 'template' || existsIn(name, version)

/** A reference to something that is no attribute at this version matches nothing; it is not an error. */
export function readReference(item: Item, version: Version): AttributeName {
  if (isFirst(version)) return nameFromWords(readText(item), version)
  if (item.type === 'Structure') return readVendorName(new Map(item.value.map(member => [member.tag, member])))
  if (item.type !== 'Enumeration')
    throw new SchemaError('type', `a ${item.type} where Enumeration or Structure is wanted`)
  const name = tagName(item.value)
  return name !== undefined && isStandard(name) && existsIn(name, version) ? name : `-${tagWords(item.value)}`
}

export function writeReference(name: AttributeName, version: Version): Item {
  if (isFirst(version)) return text(tag.attributeName, attributeWords(name))
  if (isStandard(name)) return { tag: tag.attributeReference, type: 'Enumeration', value: tagNumber(name) }
  return structureItem(tag.attributeReference, vendorName(name))
}

const nameCodec = (version: Version): Codec<Name> => codec(Name, version)

export function readTemplateMember(item: Item, version: Version, reading: Reading = 'whole'): AttributeInstance {
  if (item.tag === tag.name) return { name: 'template', value: readWithin(nameCodec(version), item) }
  if (item.tag === tag.attribute) return readItem(item, version, () => readFirst(item, version, reading))
  throw new SchemaError('unexpected', `${tagWords(item.tag)} is no field of Template-Attribute`)
}

export const writeTemplateMember = (instance: AttributeInstance, version: Version): Item =>
  instance.name === 'template' ? nameCodec(version).write(tag.name, instance.value) : writeFirst(instance, version)

/** The version in which attributes are kept. */
const kept = '2.1'

/** An `Attributes` item that holds the attributes of every version, for keeping them. */
export const keepAttributes = (instances: readonly AttributeInstance[]): Item =>
  structureItem(
    tag.attributes,
    instances.map(instance => writeSecond(instance, kept)),
  )

/** Reads what `keepAttributes` wrote. */
export const keptAttributes = (item: Item): AttributeInstance[] =>
  members(item).map(member => {
    const found = keptReader(member.tag)
    return found === undefined ? readSecond(member, kept) : instanceOf(found.name, found.read(member))
  })

interface KeptReader {
  readonly name: StandardName
  readonly read: (item: Item) => unknown
}

const keptReaders = new Map<number, KeptReader>()

/** Every object that is touched is read whole, so what to do with a tag is found out once. */
function keptReader(number: number): KeptReader | undefined {
  const known = keptReaders.get(number)
  if (known !== undefined) return known
  const name = tagName(number)
  if (name === undefined || !isStandard(name)) return undefined
  const { shape } = attributeRow(name)
  const reader = { name, read: (item: Item) => readWithin(codec(shape, kept), item) }
  keptReaders.set(number, reader)
  return reader
}

export function readItem<T>(item: Item, version: Version, read: (item: Item, version: Version) => T): T {
  try {
    return read(item, version)
  } catch (error) {
    throw error instanceof SchemaError ? error.within(tagWords(item.tag)) : error
  }
}
