/**
 * KMIP values as JSON and as words for people, by the shapes that describe them; never the contents of an object.
 *
 * Dates become ISO 8601, masks the names of their bits, bytes hexadecimal.
 *
 * @module
 */
import {
  type AttributeInstance,
  type AttributeName,
  attributeRow,
  type Attributes,
  attributeWords,
  dumpJson,
  isMultiple,
  isStandard,
  type Item,
  type ManagedObject,
  type Shape,
} from '../../protocol/index.ts'
import { instancesOf } from '../objects/stored-object.ts'
import { printable } from './screen.ts'

/** A value as JSON has it. */
export function plain(shape: Shape<unknown> | undefined, value: unknown): unknown {
  switch (shape?.kind) {
    case 'primitive':
      return shape.type === 'DateTime' ? date(value as number) : byType(value)
    case 'enumeration':
      return typeof value === 'number' ? `0x${value.toString(16).padStart(8, '0')}` : value
    case 'mask':
      return shape.table.names(value as number)
    case 'structure':
      return Object.fromEntries(
        Object.entries(value as object).flatMap(([name, member]: [string, unknown]) =>
          member === undefined ? [] : [[name, plainMember(shape.fields[name], member)]],
        ),
      )
    case 'either':
    case 'mapped':
    case 'any':
    case undefined:
      return byType(value)
  }
}

type Members = Extract<Shape<unknown>, { kind: 'structure' }>['fields']

function plainMember(field: Members[string] | undefined, value: unknown): unknown {
  if (field === undefined || field.kind === 'inline') return plainInline(value)
  const shape = field.kind === 'field' ? field.shape : field
  return Array.isArray(value) ? value.map(each => plain(shape, each)) : plain(shape, value)
}

/** What stands in a payload by itself: attributes, names of attributes, or an object, which is hidden. */
function plainInline(value: unknown): unknown {
  if (Array.isArray(value)) {
    const instances = value.filter((each): each is AttributeInstance => typeof each === 'object')
    return instances.length === value.length ? plainInstances(instances) : value
  }
  return isObject(value) ? plainObject(value) : byType(value)
}

const isObject = (value: unknown): value is ManagedObject =>
  typeof value === 'object' && value !== null && 'objectType' in value

const date = (seconds: number): string =>
  Math.abs(seconds) <= 8_640_000_000_000 ? new Date(seconds * 1000).toISOString().replace('.000Z', 'Z') : 'never'

function byType(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return value
}

const plainItem = (item: Item): unknown =>
  item.type === 'Structure' ? dumpJson(item) : item.type === 'DateTime' ? date(item.value) : byType(item.value)

const plainInstance = ({ name, value }: AttributeInstance): unknown =>
  name === 'template' || !isStandard(name) ? plainItem(value as Item) : plain(attributeRow(name).shape, value)

/** Attributes by name; those that may have several instances as lists. */
export function plainInstances(instances: readonly AttributeInstance[]): Record<string, unknown> {
  const attributes: Record<string, unknown> = {}
  for (const instance of instances) {
    const { name } = instance
    const value = plainInstance(instance)
    if (name === 'template' || !isMultiple(name)) attributes[name] = value
    else attributes[name] = [...((attributes[name] as unknown[] | undefined) ?? []), value]
  }
  return attributes
}

export const plainAttributes = (attributes: Attributes): Record<string, unknown> =>
  plainInstances(instancesOf(attributes))

/** How an object's contents are kept, without them. */
export function plainObject(object: ManagedObject): Record<string, unknown> {
  const { objectType } = object
  if (!('keyBlock' in object)) return { objectType }
  const { keyFormatType, cryptographicAlgorithm, cryptographicLength, keyWrappingData } = object.keyBlock
  return {
    objectType,
    keyFormatType,
    ...(cryptographicAlgorithm === undefined ? {} : { cryptographicAlgorithm }),
    ...(cryptographicLength === undefined ? {} : { cryptographicLength }),
    ...(keyWrappingData === undefined ? {} : { isWrapped: true }),
  }
}

/** A plain value on one line; only the values of a structure, since its attribute says what they are. */
export function lineOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(lineOf).join(', ')
  if (typeof value === 'object' && value !== null) return Object.values(value).map(lineOf).filter(Boolean).join(' ')
  return printable(String(value))
}

/** A name is all that people want to read of a Name. */
const words: Partial<Record<AttributeName | 'template', (value: never) => string>> = {
  name: ({ nameValue }: { readonly nameValue: string }) => printable(nameValue),
  alternativeName: ({ alternativeNameValue }: { readonly alternativeNameValue: string }) =>
    printable(alternativeNameValue),
}

/** The specification's words and the value, one pair an instance. */
export const attributePairs = (instances: readonly AttributeInstance[]): (readonly [string, string])[] =>
  instances.map(instance => [
    printable(attributeWords(instance.name)),
    words[instance.name]?.(instance.value as never) ?? lineOf(plainInstance(instance)),
  ])
