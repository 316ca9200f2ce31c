/**
 * What a client may do to attributes, and how it is done: pure functions from attributes to attributes.
 *
 * @module
 */
import {
  type AttributeInstance,
  type AttributeName,
  attributeRow,
  type Attributes,
  attributeWords,
  type ClientRight,
  encode,
  isMultiple,
  isStandard,
  type Item,
} from '../../protocol/index.ts'
import { Failure } from '../failure.ts'
import { gather } from './stored-object.ts'

const customPattern = /^[A-Za-z0-9_.]+-./
const serverVendor = 'y-'

/** @throws Failure if a client may not do so. KMIP 2.1 §4, `Modifiable by client` and the like; §4.60 for vendor attributes. */
function permit(name: AttributeName, right: ClientRight): void {
  if (isStandard(name)) {
    if (!attributeRow(name).client.includes(right))
      throw new Failure(
        right === 'add' ? 'ReadOnlyAttribute' : 'AttributeReadOnly',
        `a client may not ${right} the attribute ${attributeWords(name)}`,
      )
  } else if (name.startsWith(serverVendor)) {
    throw new Failure('AttributeReadOnly', `${name} is an attribute that only the server sets`)
  } else if (!customPattern.test(name)) {
    throw new Failure(
      'InvalidAttribute',
      `there is no attribute ${attributeWords(name)}; a custom attribute's name begins with x-`,
    )
  }
}

/**
 * The attributes that a client gives a new object.
 *
 * @throws Failure AttributeReadOnly, AttributeSingleValued or InvalidAttribute
 */
export function given(instances: readonly AttributeInstance[]): Attributes {
  const seen = new Set<string>()
  for (const { name } of instances) {
    if (name === 'template') continue
    permit(name, 'create')
    if (seen.has(name) && !isMultiple(name))
      throw new Failure('AttributeSingleValued', `${attributeWords(name)} is given twice and may have one value`)
    seen.add(name)
  }
  return gather(instances)
}

/** Which instance is meant: by its value now, by its index, or the only one. */
export interface Selection {
  readonly current?: AttributeInstance | undefined
  readonly index?: number | undefined
}

type Values = readonly unknown[]

const valuesOf = (attributes: Attributes, name: AttributeName): Values => {
  const value: unknown = attributes[name]
  if (value === undefined) return []
  return isMultiple(name) ? (value as Values) : [value]
}

const withValues = <A extends Attributes>(attributes: A, name: AttributeName, values: Values): A => {
  const kept = trimmed(values)
  const value = isMultiple(name) && kept.length > 0 ? kept : kept[0]
  return { ...attributes, [name]: value }
}

/** Without the empty places at the end, which nothing follows. */
function trimmed(values: Values): Values {
  const last = values.findLastIndex(value => value !== undefined)
  return values.slice(0, last + 1)
}

/** An attribute set, and the instance as it now is. */
export interface Changed<A> {
  readonly attributes: A
  readonly instance: AttributeInstance
}

/** Adds an instance. KMIP 2.1 §6.1.2 */
export function add<A extends Attributes>(attributes: A, { name, value }: AttributeInstance): Changed<A> {
  if (name === 'template') throw new Failure('InvalidAttribute', 'a template is no attribute')
  permit(name, 'add')
  const values = valuesOf(attributes, name)
  if (!isMultiple(name) && values.length > 0)
    throw new Failure('AttributeSingleValued', `${attributeWords(name)} already has a value, and may have one`)
  return changed(withValues(attributes, name, [...values, value]), name, value, values.length)
}

/** Replaces an instance. KMIP 2.1 §6.1.34 */
export function modify<A extends Attributes>(
  attributes: A,
  { name, value, index }: AttributeInstance,
  selection: Selection,
): Changed<A> {
  if (name === 'template') throw new Failure('InvalidAttribute', 'a template is no attribute')
  if (selection.current !== undefined && selection.current.name !== name)
    throw new Failure(
      'InvalidAttribute',
      `the current attribute is ${attributeWords(selection.current.name)}, the new one ${attributeWords(name)}`,
    )
  permit(name, 'modify')
  const values = valuesOf(attributes, name)
  const at = select(values, name, { ...selection, index: selection.index ?? index })
  return changed(withValues(attributes, name, values.with(at, value)), name, value, at)
}

/** Adds the attribute, or replaces its only instance. KMIP 2.1 §6.1.51 */
export function set<A extends Attributes>(attributes: A, instance: AttributeInstance): Changed<A> {
  if (instance.name === 'template') throw new Failure('InvalidAttribute', 'a template is no attribute')
  const count = valuesOf(attributes, instance.name).filter(value => value !== undefined).length
  if (count > 1)
    throw new Failure(
      'MultiValuedAttribute',
      `${attributeWords(instance.name)} has ${count} values; say which to modify`,
    )
  return count === 0 ? add(attributes, instance) : modify(attributes, instance, {})
}

/** Deletes an instance, or all of them if none is selected. KMIP 2.1 §6.1.13 */
export function remove<A extends Attributes>(attributes: A, name: AttributeName, selection: Selection): Changed<A> {
  permit(name, 'delete')
  const values = valuesOf(attributes, name)
  if (selection.current === undefined && selection.index === undefined) {
    const [first] = values.filter(value => value !== undefined)
    if (first === undefined) throw notFound(name)
    return changed(withValues(attributes, name, []), name, first, 0)
  }
  const at = select(values, name, selection)
  return changed(withValues(attributes, name, values.with(at, undefined)), name, values[at], at)
}

const changed = <A>(attributes: A, name: AttributeName, value: unknown, index: number): Changed<A> => ({
  attributes,
  instance: { name, value, index } as AttributeInstance,
})

const notFound = (name: AttributeName): Failure =>
  new Failure('AttributeNotFound', `the object has no attribute ${attributeWords(name)}`)

function select(values: Values, name: AttributeName, { current, index }: Selection): number {
  const present = values.flatMap((value, at) => (value === undefined ? [] : [at]))
  const [only, another] = present
  if (only === undefined) throw notFound(name)
  if (current !== undefined) {
    const at = values.findIndex(value => value !== undefined && isSame(value, current.value))
    if (at < 0) throw new Failure('AttributeInstanceNotFound', `${attributeWords(name)} has no such value now`)
    return at
  }
  if (index !== undefined) {
    if (values[index] === undefined)
      throw new Failure('AttributeInstanceNotFound', `${attributeWords(name)} has no instance ${index}`)
    return index
  }
  if (another !== undefined)
    throw new Failure('MultiValuedAttribute', `${attributeWords(name)} has ${present.length} values; say which`)
  return only
}

/** Once not sensitive, never again always sensitive; once extractable, never again never extractable. KMIP 2.1 §4.3, §4.33 */
export const remembered = <A extends Attributes>(attributes: A): A => ({
  ...attributes,
  ...(attributes.sensitive === false ? { alwaysSensitive: false } : {}),
  ...(attributes.extractable === true ? { neverExtractable: false } : {}),
})

/** Whether two values are the same, whatever their kind. */
export function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other) === 0
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (isItem(one) && isItem(other))
    return Buffer.compare(encode({ ...one, tag: 0 }), encode({ ...other, tag: 0 })) === 0
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])]
  return keys.every(key => isSame(one[key as keyof typeof one], other[key as keyof typeof other]))
}

export const isItem = (value: object): value is Item => 'tag' in value && 'type' in value && 'value' in value
