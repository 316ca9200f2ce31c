/**
 * An object as it is kept: its attributes, its contents, and whose it is.
 *
 * The record is TTLV: a structure of our own extension tags round the specification's `Attributes` and object.
 *
 * @module
 */
import {
  type AttributeInstance,
  type AttributeName,
  type Attributes,
  decode,
  DecodeError,
  encode,
  isMultiple,
  type Item,
  keepAttributes,
  keepObject,
  keptAttributes,
  keptObject,
  type ManagedObject,
  type ObjectType,
  SchemaError,
  type Structure,
  structureItem,
  tagNumber,
} from '../../protocol/index.ts'
import { StoreError } from '../../store/index.ts'

/** The attributes that every object has. KMIP 2.1 §4 */
export type ObjectAttributes = Attributes & {
  readonly uniqueIdentifier: string
  readonly objectType: ObjectType
  readonly initialDate: number
}

export interface StoredObject {
  /** Whose it is: the clients of this group see it, nobody else. */
  readonly group: string
  /** The client that made it. */
  readonly creator: string
  readonly attributes: ObjectAttributes
  /** Absent once it is destroyed. */
  readonly object?: ManagedObject | undefined
}

/** The numbers are the disk format. Extensions: KMIP 2.1 §11.56. */
const tag = {
  record: 0x540001,
  format: 0x540002,
  group: 0x540003,
  creator: 0x540004,
  vacant: 0x540005,
  attributes: tagNumber('attributes'),
  attributeName: tagNumber('attributeName'),
  attributeIndex: tagNumber('attributeIndex'),
}

const format = 1

const text = (tag: number, value: string): Item => ({ tag, type: 'TextString', value })
const integer = (tag: number, value: number): Item => ({ tag, type: 'Integer', value })

/** The record's bytes; the caller's own, to wipe. */
export function writeRecord({ group, creator, attributes, object }: StoredObject): Uint8Array {
  return encode(
    structureItem(tag.record, [
      integer(tag.format, format),
      text(tag.group, group),
      text(tag.creator, creator),
      keepAttributes(instancesOf(attributes)),
      ...vacancies(attributes),
      ...(object === undefined ? [] : [keepObject(object)]),
    ]),
  )
}

/**
 * Reads a record; its byte strings are views of `bytes`, which must live as long as the object.
 *
 * @throws StoreError `damaged` if it is not one
 */
export function readRecord(bytes: Uint8Array): StoredObject {
  try {
    return read(bytes)
  } catch (error) {
    if (error instanceof DecodeError || error instanceof SchemaError)
      throw new StoreError('damaged', `a stored object cannot be read: ${error.message}`, { cause: error })
    throw error
  }
}

function read(bytes: Uint8Array): StoredObject {
  const items = contents(decode(bytes))
  const instances = items.find(item => item.tag === tag.attributes)
  return {
    group: textOf(items, tag.group),
    creator: textOf(items, tag.creator),
    attributes: gather(instances === undefined ? [] : keptAttributes(instances), vacant(items)) as ObjectAttributes,
    object: objectIn(items),
  }
}

function objectIn(items: readonly Item[]): ManagedObject | undefined {
  for (const item of items) {
    const object = keptObject(item)
    if (object !== undefined) return object
  }
  return undefined
}

function contents(record: Item): readonly Item[] {
  const items = record.type === 'Structure' && record.tag === tag.record ? record.value : []
  const [first] = items
  if (first?.tag !== tag.format || first.value !== format) {
    const found = first?.type === 'Integer' ? first.value : 'unknown'
    throw new StoreError(
      'damaged',
      `a stored object has format ${found}, where this version of kmipd reads format ${format}`,
    )
  }
  return items
}

function textOf(items: readonly Item[], tag: number): string {
  const item = items.find(item => item.tag === tag)
  return item?.type === 'TextString' ? item.value : ''
}

/** Places in multi-instance attributes that a deletion left empty, so that the others keep their index. */
function vacancies(attributes: Attributes): Item[] {
  return Object.entries(attributes).flatMap(([name, value]) =>
    Array.isArray(value)
      ? value.flatMap((each, index) =>
          each === undefined
            ? [structureItem(tag.vacant, [text(tag.attributeName, name), integer(tag.attributeIndex, index)])]
            : [],
        )
      : [],
  )
}

function vacant(items: readonly Item[]): ReadonlySet<string> {
  const places = items.filter((item): item is Structure => item.tag === tag.vacant && item.type === 'Structure')
  if (places.length === 0) return none
  return new Set(
    places.map(({ value }) =>
      value.map(({ type, value }) => (type === 'TextString' || type === 'Integer' ? value : '')).join('#'),
    ),
  )
}

const none: ReadonlySet<string> = new Set()

/**
 * The instances as attributes. A single-instance attribute given twice keeps the last value; whoever takes instances from
 * a client checks first.
 */
export function gather(instances: readonly AttributeInstance[], vacant: ReadonlySet<string> = none): Attributes {
  const attributes: Record<string, unknown> = {}
  for (const { name, value } of instances) {
    if (name === 'template') continue
    if (!isMultiple(name)) {
      attributes[name] = value
      continue
    }
    const values = (attributes[name] ??= []) as unknown[]
    while (vacant.size > 0 && vacant.has(`${name}#${values.length}`)) values.push(undefined)
    values.push(value)
  }
  return attributes as Attributes
}

/** The attributes as instances, with their indexes; all of them, or those named. */
export function instancesOf(attributes: Attributes, names?: readonly AttributeName[]): AttributeInstance[] {
  const instances: AttributeInstance[] = []
  for (const name of names ?? (Object.keys(attributes) as AttributeName[])) {
    const value: unknown = Object.hasOwn(attributes, name) ? attributes[name] : undefined
    if (Array.isArray(value) && isMultiple(name)) {
      for (const [index, each] of value.entries())
        if (each !== undefined) instances.push({ name, value: each as unknown, index } as AttributeInstance)
    } else if (value !== undefined) instances.push({ name, value } as AttributeInstance)
  }
  return instances
}

/** The names of the attributes that have a value. */
export const namesOf = (attributes: Attributes): AttributeName[] =>
  Object.entries(attributes as Readonly<Record<string, unknown>>)
    .filter(([, value]) => (Array.isArray(value) ? value.some(each => each !== undefined) : value !== undefined))
    .map(([name]) => name as AttributeName)
