/**
 * Attributes as fields of messages: several, one, or only their names. What each looks like in a version is the
 * spelling's.
 *
 * @module
 */
import { SchemaError } from '../errors.ts'
import { type Item, structureItem } from '../item.ts'
import { tagWords } from '../names.ts'
import type { Cardinality, Inline } from '../schema/shape.ts'
import type { Version } from '../schema/version.ts'
import type { AttributeInstance, AttributeName } from './names.ts'
import { existsIn } from './names.ts'
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

/** Attributes wrapped together with a key; in 2.x, too, nothing if there are none. KMIP 2.1 §3.2 */
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

const readAll = (item: Item, version: Version, reading: Reading = 'whole'): AttributeInstance[] =>
  members(item).map(member => readItem(member, version, () => readSecond(member, version, reading)))

const writeAll = (instances: readonly AttributeInstance[], version: Version): Item[] =>
  instances.filter(writable(version)).map(instance => writeSecond(instance, version))
