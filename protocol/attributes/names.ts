/**
 * What attributes are called and what they hold in memory.
 *
 * A custom attribute's name in memory is `vendor-name`: in KMIP 1.x that is its very name, and in 2.x no vendor
 * identification may hold a hyphen, so the first one splits the two again. KMIP 2.1 §4.60. A name without a vendor,
 * `-Foo`, is something that no version calls an attribute: nothing has it.
 *
 * A 1.x Template-Attribute may also name templates; each is an instance named `template`.
 *
 * @module
 */
import type { Item } from '../item.ts'
import { isTagName, tagNumber, tagWords } from '../names.ts'
import type { ValueOf } from '../schema/shape.ts'
import { covers, type Version } from '../schema/version.ts'
import type { Name } from '../structures/attribute-values.ts'
import { type AttributeRow, attributes as rows } from '../tables/attributes.ts'

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
