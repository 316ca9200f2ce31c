/**
 * Enumerations and masks: numbers on the wire, the specification's names in memory.
 *
 * @module
 */
import { type Version, versions } from './version.ts'

type Groups = Partial<Record<Version, Readonly<Record<string, number>>>>
type NamesOf<G extends Groups> = { [V in keyof G]: keyof G[V] }[keyof G] & string

/** One enumeration of the specification. `N` is the union of its values' names. */
export interface Enumeration<N extends string = string> {
  readonly words: string
  readonly names: readonly N[]
  /** The number of a name. */
  number(name: N): number
  /** The name of a number, or undefined for an extension or a value of a later specification. */
  name(number: number): N | undefined
  /** The first version whose table lists the name. */
  since(name: N): Version
  has(name: string): name is N
}

export type NameOf<E> = E extends Enumeration<infer N> ? N : never

/** Builds an enumeration from its values, grouped by the version that introduced them. */
export function enumeration<const G extends Groups>(words: string, groups: G): Enumeration<NamesOf<G>> {
  type N = NamesOf<G>
  const numbers = new Map<string, number>()
  const names = new Map<number, N>()
  const introduced = new Map<string, Version>()
  for (const version of versions)
    for (const [name, number] of Object.entries(groups[version] ?? {})) {
      numbers.set(name, number)
      names.set(number, name as N)
      introduced.set(name, version)
    }
  return {
    words,
    names: [...names.values()],
    number: name => numbers.get(name) ?? 0,
    name: number => names.get(number),
    since: name => introduced.get(name) ?? '1.0',
    has: (name): name is N => numbers.has(name),
  }
}

/** One bit mask of the specification: the bits by name. */
export interface Mask<N extends string = string> {
  readonly words: string
  readonly bits: Readonly<Record<N, number>>
  /** The names of the bits that are set, in the order of the bits. */
  names(mask: number): N[]
}

export function mask<const B extends Readonly<Record<string, number>>>(words: string, bits: B): Mask<keyof B & string> {
  type N = keyof B & string
  return {
    words,
    bits,
    names: value => Object.entries(bits).flatMap(([name, bit]) => ((value & bit) === 0 ? [] : [name as N])),
  }
}
