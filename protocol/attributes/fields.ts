/**
 * Attributes as fields of messages: several, one, or only their names. What each looks like in a version is the
 * spelling's.
 *
 * An attribute that the version does not have is left out of what a server tells of an object. Of a request it is
 * refused: a search would find more without it, and an object would be made another one.
 *
 * @module
 */
import { SchemaError } from '../errors.ts'
import { type Item, structureItem } from '../item.ts'
import { tagWords } from '../names.ts'
import type { Cardinality, Inline } from '../schema/shape.ts'
import type { Version } from '../schema/version.ts'
import type { AttributeInstance, AttributeName } from './names.ts'
import { attributeWords, existsIn } from './names.ts'
import {
  isFirst,
  members,
  type Reading,
  readFirst,
  readItem,
  readReference,
  readSecond,
  readTemplateMember,
  tag,
  writable,
  writeFirst,
  writeReference,
  writeSecond,
  writeTemplateMember,
} from './spelling.ts'

const inline = <T, C extends Cardinality>(
  cardinality: C,
  field: Omit<Inline<T>, 'kind' | 'cardinality'>,
): Inline<T> & { readonly cardinality: C } => ({
  kind: 'inline',
  cardinality,
  ...field,
})

const attributeList = (empty: 'written' | 'omitted') =>
  inline<readonly AttributeInstance[], 'many'>('many', {
    claims: version => [isFirst(version) ? tag.attribute : tag.attributes],
    read: (items, version) =>
      isFirst(version)
        ? items.map(item => readItem(item, version, readFirst))
        : items.flatMap(item => readAll(item, version)),
    write(instances, version) {
      if (!isFirst(version) && empty === 'omitted' && instances.length === 0) return []
      const told = instances.filter(({ name }) => writable(name, version))
      return isFirst(version)
        ? told.map(instance => writeFirst(instance, version))
        : [structureItem(tag.attributes, writeAll(told, version))]
    },
  })

/** Some attributes of an object, in order: `Attribute` repeated in 1.x, one `Attributes` in 2.x. */
export const AttributeList = attributeList('written')

/** Attributes wrapped together with a key; in 2.x, too, nothing if there are none. KMIP 2.1 §3.2 */
export const KeyAttributes = attributeList('omitted')

/**
 * What to search for. An attribute may stand twice, and a structure may leave fields out. KMIP 2.1 §6.1.28
 *
 * There are 1.x clients that wrap what they search for in a Template-Attribute: without it they would find everything.
 */
export const Criteria = inline<readonly AttributeInstance[], 'many'>('many', {
  claims: version => (isFirst(version) ? [tag.attribute, tag.templateAttribute] : [tag.attributes]),
  read: (items, version) => items.flatMap(item => readCriteria(item, version)),
  write(instances, version) {
    demandAll(instances, version)
    return isFirst(version)
      ? instances.map(instance =>
          instance.name === 'template'
            ? structureItem(tag.templateAttribute, [writeTemplateMember(instance, version)])
            : writeFirst(instance, version),
        )
      : [structureItem(tag.attributes, writeAll(instances, version))]
  },
})

function readCriteria(item: Item, version: Version): AttributeInstance[] {
  if (!isFirst(version)) return readAll(item, version, 'criterion')
  return readItem(item, version, () =>
    item.tag === tag.templateAttribute
      ? members(item).map(member => readTemplateMember(member, version, 'criterion'))
      : [readFirst(item, version, 'criterion')],
  )
}

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
  write(instances, version) {
    demandAll(instances, version)
    return isFirst(version)
      ? [
          structureItem(
            tag.templateAttribute,
            instances.map(instance => writeTemplateMember(instance, version)),
          ),
        ]
      : [structureItem(tag.attributes, writeAll(instances, version))]
  },
})

/** Exactly one instance: `Attribute` in 1.x, a structure of one member, such as `New Attribute`, in 2.x. */
const singleAttribute = <C extends 'one' | 'optional'>(
  side: 'request' | 'response',
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
    write(instance, version) {
      if (side === 'request') demand(instance.name, version)
      else if (!writable(instance.name, version)) return []
      return isFirst(version)
        ? first.map(() => writeFirst(instance, version))
        : second.map(as => structureItem(as, [writeSecond(instance, version)]))
    },
  })

export const NewAttribute = singleAttribute('request', 'one', [tag.newAttribute], [tag.attribute])

/** As `NewAttribute`, for an instance that is there: in 1.x the first, unless an index says another. KMIP 1.4 §4.15 */
export const ModifiedAttribute: typeof NewAttribute = {
  ...NewAttribute,
  read(items, version) {
    const instance = NewAttribute.read(items, version)
    return instance === undefined || !isFirst(version) ? instance : { ...instance, index: instance.index ?? 0 }
  },
}

/** Which instance: in 1.x the first unless it says another; 2.x has no indexes. KMIP 1.4 §4.16 */
export const AttributeIndex = inline<number, 'optional'>('optional', {
  claims: version => (isFirst(version) ? [tag.attributeIndex] : []),
  read([item]) {
    if (item !== undefined && item.type !== 'Integer')
      throw new SchemaError('type', `a ${item.type} where Integer is wanted`, tagWords(item.tag))
    return item?.value ?? 0
  },
  write: index => [{ tag: tag.attributeIndex, type: 'Integer', value: index }],
})

export const CurrentAttribute = singleAttribute('request', 'optional', [tag.currentAttribute], [])
/** The attribute that a 1.x response repeats; 2.x responses do not. */
export const EchoedAttribute = singleAttribute('response', 'optional', [], [tag.attribute])

/** The names of the attributes that an object has: `Attribute Name` in 1.x, `Attribute Reference` in 2.x. */
export const AttributeNames = inline<readonly AttributeName[], 'many'>('many', {
  claims: referenceTags,
  read: (items, version) => items.map(item => readItem(item, version, readReference)),
  write: (names, version) => names.filter(name => existsIn(name, version)).map(name => writeReference(name, version)),
})

/** As `AttributeNames`, of the attributes that are asked for. */
export const AttributeReferences: typeof AttributeNames = {
  ...AttributeNames,
  write: (names, version) => names.map(name => writeDemanded(name, version)),
}

export const AttributeReference = inline<AttributeName, 'optional'>('optional', {
  claims: referenceTags,
  read: (items, version) => {
    const [only, again] = items
    if (again !== undefined)
      throw new SchemaError('unexpected', 'stands twice where it may stand once', tagWords(again.tag))
    return only === undefined ? undefined : readItem(only, version, readReference)
  },
  write: (name, version) => [writeDemanded(name, version)],
})

function writeDemanded(name: AttributeName, version: Version): Item {
  demand(name, version)
  return writeReference(name, version)
}

function referenceTags(version: Version): number[] {
  return [isFirst(version) ? tag.attributeName : tag.attributeReference]
}

const readAll = (item: Item, version: Version, reading: Reading = 'whole'): AttributeInstance[] =>
  members(item).map(member => readItem(member, version, () => readSecond(member, version, reading)))

const writeAll = (instances: readonly AttributeInstance[], version: Version): Item[] =>
  instances.map(instance => writeSecond(instance, version))

/** @throws SchemaError if the version does not have the attribute. */
function demand(name: AttributeInstance['name'], version: Version): void {
  if (!writable(name, version))
    throw new SchemaError('unexpected', `${attributeWords(name)} does not exist in KMIP ${version}`)
}

function demandAll(instances: readonly AttributeInstance[], version: Version): void {
  for (const { name } of instances) demand(name, version)
}
