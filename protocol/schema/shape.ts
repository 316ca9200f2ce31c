/**
 * The words in which a structure is written down, so that reading, writing, checking, the TypeScript type and the
 * generator of property tests all follow from the one description.
 *
 * A **shape** tells what one item holds. A **field** tells how often a shape stands in a structure, under which tag and
 * in which versions. An **inline** field is spelled over several items, or differently from version to version.
 *
 * @module
 */
import type { Item, ItemType, ItemValues } from '../item.ts'
import type { TagName } from '../names.ts'
import type { Enumeration, Mask } from './enumeration.ts'
import type { Range, Version } from './version.ts'

/** What one item holds; `T` is its value in memory, and `~holds` stands in the type alone. */
export type Shape<T> = { readonly '~holds'?: T } & (
  | { readonly kind: 'primitive'; readonly type: Exclude<ItemType, 'Structure'> }
  | { readonly kind: 'enumeration'; readonly table: Enumeration; readonly isOpen?: true }
  | { readonly kind: 'mask'; readonly table: Mask }
  | { readonly kind: 'structure'; readonly fields: Fields }
  | { readonly kind: 'either'; readonly shapes: readonly Shape<unknown>[] }
  | { readonly kind: 'mapped'; readonly shape: Shape<unknown>; readonly mapping: Mapping<unknown, unknown> }
  | { readonly kind: 'any' }
)

/** Another memory shape for what a shape reads. */
export interface Mapping<A, B> {
  read(value: A): B
  write(value: B): A
  /** Whether a value in memory is of this kind, for `either`. */
  is(value: unknown): value is B
}

export type ValueOf<S> = S extends Shape<infer T> ? T : never

export type Cardinality = 'one' | 'optional' | 'many'

/** How a shape stands in a structure. */
export interface Field<T> {
  readonly '~holds'?: T
  readonly kind: 'field'
  readonly shape: Shape<unknown>
  readonly cardinality: Cardinality
  readonly range: Range | undefined
  readonly tag: TagName | undefined
}

/** A field that is spelled over several items, or by another tag in another version. */
export interface Inline<T> {
  readonly '~holds'?: T
  readonly kind: 'inline'
  readonly cardinality: Cardinality
  /** The tags that are this field's at a version. */
  claims(version: Version): readonly number[]
  /** Reads the items that carry claimed tags, in order; there may be none. Undefined if the field is absent. */
  read(items: readonly Item[], version: Version): T | undefined
  write(value: T, version: Version): readonly Item[]
}

export interface Fields {
  readonly [name: string]: Shape<unknown> | Field<unknown> | Inline<unknown>
}

type Plain<T> = T extends Shape<infer V> ? V : never
type Required<F> = F extends { readonly kind: 'field' | 'inline'; readonly cardinality: 'optional' } ? false : true
type FieldValue<F> = F extends Field<infer T> ? T : F extends Inline<infer T> ? T : Plain<F>
type Simplify<T> = { [K in keyof T]: T[K] }

/** The memory shape of a structure's fields. */
export type StructureOf<F extends Fields> = Simplify<
  { readonly [K in keyof F as Required<F[K]> extends true ? K : never]: FieldValue<F[K]> } & {
    readonly [K in keyof F as Required<F[K]> extends true ? never : K]?: FieldValue<F[K]> | undefined
  }
>

const primitive = <T extends Exclude<ItemType, 'Structure'>>(type: T): Shape<ItemValues[T]> => ({
  kind: 'primitive',
  type,
})

export const Integer = primitive('Integer')
export const LongInteger = primitive('LongInteger')
export const BigInteger = primitive('BigInteger')
export const Boolean = primitive('Boolean')
export const Text = primitive('TextString')
export const Bytes = primitive('ByteString')
export const DateTime = primitive('DateTime')
export const Interval = primitive('Interval')
export const DateTimeExtended = primitive('DateTimeExtended')

/** Any item whatever, kept as it is. */
export const AnyItem: Shape<Item> = { kind: 'any' }

/** In memory the value's name; an extension, `8XXXXXXX`, stays a number. KMIP 2.1 §11. */
export const named = <N extends string>(table: Enumeration<N>): Shape<N | number> => ({
  kind: 'enumeration',
  table: table as unknown as Enumeration,
})

/** As `named`; a number that the table does not have stays a number as well, for whoever reads it to refuse. */
export const nameable = <N extends string>(table: Enumeration<N>): Shape<N | number> => ({
  kind: 'enumeration',
  table: table as unknown as Enumeration,
  isOpen: true,
})

/** In memory the number; the table names its bits. */
export const bits = (table: Mask): Shape<number> => ({ kind: 'mask', table })

/** One of several shapes, told apart by their item types on the wire and by their JavaScript types in memory. */
export const either = <S extends readonly Shape<unknown>[]>(...shapes: S): Shape<ValueOf<S[number]>> => ({
  kind: 'either',
  shapes,
})

export const mapped = <A, B>(shape: Shape<A>, mapping: Mapping<A, B>): Shape<B> => ({
  kind: 'mapped',
  shape,
  mapping: mapping,
})

/** A structure as the specification tabulates it: the order of the keys is the order on the wire. */
export const structure = <const F extends Fields>(
  fields: F,
): Shape<StructureOf<F>> & { readonly kind: 'structure' } => ({ kind: 'structure', fields })

/** A field that may be absent, and exists in a range of versions only. */
export const optional = <T>(
  shape: Shape<T>,
  range?: Range,
  tag?: TagName,
): Field<T> & { readonly cardinality: 'optional' } => ({
  kind: 'field',
  shape,
  cardinality: 'optional',
  range,
  tag,
})

/** A field that may be repeated: an array, empty when absent. */
export const many = <T>(
  shape: Shape<T>,
  range?: Range,
  tag?: TagName,
): Field<readonly T[]> & { readonly cardinality: 'many' } => ({
  kind: 'field',
  shape,
  cardinality: 'many',
  range,
  tag,
})

/** The same structure with every field optional; another kind of shape as it is. */
export function partial(shape: Shape<unknown>): Shape<unknown> {
  if (shape.kind !== 'structure') return shape
  const fields = Object.entries(shape.fields).map(([name, field]) => {
    if (field.kind === 'inline' || (field.kind === 'field' && field.cardinality === 'many')) return [name, field]
    return [name, field.kind === 'field' ? { ...field, cardinality: 'optional' } : optional(field)]
  })
  return { kind: 'structure', fields: Object.fromEntries(fields) as Fields }
}
