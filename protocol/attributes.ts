/**
 * Attributes, and the one place where KMIP 1.x and 2.x spell them differently.
 *
 * 1.x writes each attribute as `Attribute {Attribute Name, Attribute Index, Attribute Value}`, custom ones under a name
 * that starts with `x-`. 2.x writes it as itself inside an `Attributes` structure, and a vendor's own as `Attribute
 * {Vendor Identification, Attribute Name, Attribute Value}`. In memory both are an instance: a name, a value, and in 1.x
 * perhaps an index. A custom attribute's name in memory is `vendor-name`: in 1.x that is its very name, and in 2.x no
 * vendor identification may hold a hyphen, so the first one splits the two again. KMIP 2.1 §4.60.
 *
 * A 1.x Template-Attribute may also name templates; each is an instance named `template`.
 *
 * @module
 */
import { SchemaError } from './errors.ts'
import { type Item, structureItem } from './item.ts'
import { isTagName, tagName, tagNumber, tagWords } from './names.ts'
import { type Codec, codec, readWithin } from './schema/codec.ts'
import { type Cardinality, type Inline, partial, type Shape, type ValueOf } from './schema/shape.ts'
import { covers, type Version } from './schema/version.ts'
import { Name } from './structures/attribute-values.ts'
import { type AttributeRow, attributes as rows } from './tables/attributes.ts'

type Rows = typeof rows

/** An attribute that the specification defines. */
export type StandardName = keyof Rows
/** `x-Barcode`: vendor identification, hyphen, name. */
export type CustomName = `${string}-${string}`
export type AttributeName = StandardName | CustomName

/** The value of one instance. A custom attribute's is an item, since any type goes. */
export type AttributeValue<N extends AttributeName = AttributeName> = N extends StandardName
  ? ValueOf<Rows[N]['shape']>
  : N extends CustomName
    ? Item
    : never

/** One instance of one attribute, as a message carries it. `index` is KMIP 1.x's and absent where it was not given. */
export type AttributeInstance =
  | {
      [N in StandardName]: { readonly name: N; readonly value: AttributeValue<N>; readonly index?: number }
    }[StandardName]
  | { readonly name: CustomName; readonly value: Item; readonly index?: number }
  | { readonly name: 'template'; readonly value: Name; readonly index?: number }

type SingleName = { [N in StandardName]: Rows[N]['multiple'] extends true ? never : N }[StandardName]
type MultipleName = Exclude<StandardName, SingleName>

/**
 * The attributes of an object. A multi-instance attribute is an array whose positions are KMIP 1.x's Attribute Index;
 * a deleted instance leaves `undefined` behind, since the others keep their index. KMIP 1.4 §2.1.1.
 */
export type Attributes = { readonly [N in SingleName]?: AttributeValue<N> } & {
  readonly [N in MultipleName]?: readonly (AttributeValue<N> | undefined)[]
} & { readonly [custom: CustomName]: readonly (Item | undefined)[] }

export const isStandard = (name: string): name is StandardName => Object.hasOwn(rows, name)

/** The table's row of a standard attribute. */
export const attributeRow = (name: StandardName): AttributeRow<unknown> => rows[name]

export const standardNames = Object.keys(rows) as StandardName[]

/** Whether messages of the version may carry the attribute. */
export const existsIn = (name: AttributeName, version: Version): boolean =>
  !isStandard(name) || covers(attributeRow(name).range, version)

/** Several instances may exist side by side. Custom attributes may. KMIP 1.4 §3.39. */
export const isMultiple = (name: AttributeName): boolean => !isStandard(name) || attributeRow(name).multiple

/** As the specification writes it, for people: `Object Group`, `x-Barcode`. */
export const attributeWords = (name: AttributeName | 'template'): string =>
  isStandard(name) && isTagName(name) ? tagWords(tagNumber(name)) : name.startsWith('-') ? name.slice(1) : name

const tag = {
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

const isFirst = (version: Version): boolean => covers('..1.4', version)

const byWords = new Map<string, StandardName>(standardNames.map(name => [attributeWords(name), name]))

/** A name as KMIP 1.x writes it. One that the version does not know is nobody's: it is read as custom and matches nothing. */
function nameFromWords(words: string, version: Version): AttributeName {
  const standard = byWords.get(words)
  if (standard !== undefined && existsIn(standard, version)) return standard
  return words.indexOf('-') > 0 ? (words as CustomName) : `-${words}`
}

/** Whose values are read: an object's own, whole, or a search's, whose structures may leave fields out. */
type Reading = 'whole' | 'criterion'

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

function members(item: Item): readonly Item[] {
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
function readFirst(item: Item, version: Version, reading: Reading = 'whole'): AttributeInstance {
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

function writeFirst(instance: AttributeInstance, version: Version): Item {
  const { name, index } = instance
  const items = [text(tag.attributeName, attributeWords(name))]
  if (index !== undefined && index !== 0) items.push({ tag: tag.attributeIndex, type: 'Integer', value: index })
  items.push(writeValue(tag.attributeValue, instance, version))
  return structureItem(tag.attribute, items)
}

/** Reads the member of an `Attributes`, `New Attribute` or `Current Attribute` structure. */
function readSecond(item: Item, version: Version, reading: Reading = 'whole'): AttributeInstance {
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

function writeSecond(instance: AttributeInstance, version: Version): Item {
  const { name } = instance
  if (isStandard(name)) return writeValue(tagNumber(name), instance, version)
  if (name === 'template') throw new SchemaError('value', `templates do not exist in KMIP ${version}`)
  return structureItem(tag.attribute, [...vendorName(name), writeValue(tag.attributeValue, instance, version)])
}

function vendorName(name: CustomName): Item[] {
  const hyphen = name.indexOf('-')
  return [text(tag.vendorIdentification, name.slice(0, hyphen)), text(tag.attributeName, name.slice(hyphen + 1))]
}

const writable = (version: Version) => (instance: AttributeInstance) =>
  instance.name === 'template' || existsIn(instance.name, version)

const inline = <T, C extends Cardinality>(
  cardinality: C,
  field: Omit<Inline<T>, 'kind' | 'cardinality'>,
): Inline<T> & { readonly cardinality: C } => ({
  kind: 'inline',
  cardinality,
  ...field,
})

const attributeList = (reading: Reading, empty: 'written' | 'omitted' = 'written') =>
  inline<readonly AttributeInstance[], 'many'>('many', {
    claims: version => [isFirst(version) ? tag.attribute : tag.attributes],
    read: (items, version) =>
      isFirst(version)
        ? items.map(item => readItem(item, version, () => readFirst(item, version, reading)))
        : items.flatMap(item => readAll(item, version, reading)),
    write: (instances, version) =>
      isFirst(version)
        ? instances.filter(writable(version)).map(instance => writeFirst(instance, version))
        : empty === 'omitted' && instances.length === 0
          ? []
          : [structureItem(tag.attributes, writeAll(instances, version))],
  })

/** Some attributes of an object, in order: `Attribute` repeated in 1.x, one `Attributes` in 2.x. */
export const AttributeList = attributeList('whole')

/** Attributes wrapped together with a key; in 2.x, too, nothing if there are none. KMIP 2.1 §3.1.2 */
export const KeyAttributes = attributeList('whole', 'omitted')

/** What to search for. An attribute may stand twice, and a structure may leave fields out. KMIP 2.1 §6.1.28 */
export const Criteria = attributeList('criterion')

/** The attributes of an object to be made: a Template-Attribute in 1.x, `Attributes` in 2.x. */
export const NewAttributes = inline<readonly AttributeInstance[], 'one'>('one', {
  claims: version => [isFirst(version) ? tag.templateAttribute : tag.attributes],
  read(items, version) {
    const [only, second] = items
    if (only === undefined) return undefined
    if (second !== undefined)
      throw new SchemaError('unexpected', 'stands twice where it may stand once', tagWords(second.tag))
    return isFirst(version) ? members(only).map(item => readTemplateMember(item, version)) : readAll(only, version)
  },
  write: (instances, version) =>
    isFirst(version)
      ? [
          structureItem(
            tag.templateAttribute,
            instances.filter(writable(version)).map(instance => writeTemplateMember(instance, version)),
          ),
        ]
      : [structureItem(tag.attributes, writeAll(instances, version))],
})

/** Exactly one instance: `Attribute` in 1.x, a structure of one member, such as `New Attribute`, in 2.x. */
const singleAttribute = <C extends 'one' | 'optional'>(
  cardinality: C,
  second: readonly number[],
  first: readonly number[],
) =>
  inline<AttributeInstance, C>(cardinality, {
    claims: version => (isFirst(version) ? first : second),
    read(items, version) {
      const [only, again] = items
      if (only === undefined) return undefined
      if (again !== undefined)
        throw new SchemaError('unexpected', 'stands twice where it may stand once', tagWords(again.tag))
      if (isFirst(version)) return readItem(only, version, readFirst)
      const [instance, more] = readAll(only, version)
      if (instance === undefined || more !== undefined)
        throw new SchemaError('value', 'exactly one attribute is wanted', tagWords(only.tag))
      return instance
    },
    write: (instance, version) =>
      isFirst(version)
        ? first.filter(() => writable(version)(instance)).map(() => writeFirst(instance, version))
        : second.map(as => structureItem(as, [writeSecond(instance, version)])),
  })

export const NewAttribute = singleAttribute('one', [tag.newAttribute], [tag.attribute])
export const CurrentAttribute = singleAttribute('optional', [tag.currentAttribute], [])
/** The attribute that a 1.x response repeats; 2.x responses do not. */
export const EchoedAttribute = singleAttribute('optional', [], [tag.attribute])

/** Names of attributes: `Attribute Name` in 1.x, `Attribute Reference` in 2.x. */
export const AttributeReferences = inline<readonly AttributeName[], 'many'>('many', {
  claims: referenceTags,
  read: (items, version) => items.map(item => readItem(item, version, readReference)),
  write: (names, version) => names.filter(name => existsIn(name, version)).map(name => writeReference(name, version)),
})

export const AttributeReference = inline<AttributeName, 'optional'>('optional', {
  claims: referenceTags,
  read: (items, version) => {
    const [only, again] = items
    if (again !== undefined)
      throw new SchemaError('unexpected', 'stands twice where it may stand once', tagWords(again.tag))
    return only === undefined ? undefined : readItem(only, version, readReference)
  },
  write: (name, version) => [writeReference(name, version)],
})

function referenceTags(version: Version): number[] {
  return [isFirst(version) ? tag.attributeName : tag.attributeReference]
}

/** A reference to something that is no attribute at this version matches nothing; it is not an error. */
function readReference(item: Item, version: Version): AttributeName {
  if (isFirst(version)) return nameFromWords(readText(item), version)
  if (item.type === 'Structure') return readVendorName(new Map(item.value.map(member => [member.tag, member])))
  if (item.type !== 'Enumeration')
    throw new SchemaError('type', `a ${item.type} where Enumeration or Structure is wanted`)
  const name = tagName(item.value)
  return name !== undefined && isStandard(name) && existsIn(name, version) ? name : `-${tagWords(item.value)}`
}

function writeReference(name: AttributeName, version: Version): Item {
  if (isFirst(version)) return text(tag.attributeName, attributeWords(name))
  if (isStandard(name)) return { tag: tag.attributeReference, type: 'Enumeration', value: tagNumber(name) }
  return structureItem(tag.attributeReference, vendorName(name))
}

const readAll = (item: Item, version: Version, reading: Reading = 'whole'): AttributeInstance[] =>
  members(item).map(member => readItem(member, version, () => readSecond(member, version, reading)))

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
    const name = tagName(member.tag)
    return name !== undefined && isStandard(name)
      ? instanceOf(name, readValue(name, member, kept, 'whole'))
      : readSecond(member, kept)
  })

const writeAll = (instances: readonly AttributeInstance[], version: Version): Item[] =>
  instances.filter(writable(version)).map(instance => writeSecond(instance, version))

const nameCodec = (version: Version): Codec<Name> => codec(Name, version)

function readTemplateMember(item: Item, version: Version): AttributeInstance {
  if (item.tag === tag.name) return { name: 'template', value: readWithin(nameCodec(version), item) }
  if (item.tag === tag.attribute) return readItem(item, version, readFirst)
  throw new SchemaError('unexpected', `${tagWords(item.tag)} is no field of Template-Attribute`)
}

const writeTemplateMember = (instance: AttributeInstance, version: Version): Item =>
  instance.name === 'template' ? nameCodec(version).write(tag.name, instance.value) : writeFirst(instance, version)

function readItem<T>(item: Item, version: Version, read: (item: Item, version: Version) => T): T {
  try {
    return read(item, version)
  } catch (error) {
    throw error instanceof SchemaError ? error.within(tagWords(item.tag)) : error
  }
}
