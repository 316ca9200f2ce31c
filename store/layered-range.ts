/**
 * A range of rows of which some lie over others.
 *
 * @module
 */
import type { Entry } from './change.ts'
import type { RangeOptions } from './engine.ts'
import { removed } from './journal-format.ts'
import { keyOf, nameOf, type OrderedRows } from './ordered-rows.ts'

type Bound = Uint8Array | undefined

interface Lowest {
  range(from: Bound, to: Bound, options: RangeOptions): readonly Entry[]
}

/** @param layers over the lowest, each over those before it; in them {@link removed} hides what is below */
export function layeredRange(
  lowest: Lowest,
  layers: readonly OrderedRows[],
  from: Bound,
  to: Bound,
  { limit, reverse = false }: RangeOptions,
): readonly Entry[] {
  const found: Entry[] = []
  let [low, high] = [from, to]
  while (found.length < limit) {
    const wanted = limit - found.length
    const page = lowest.range(low, high, { limit: wanted, reverse })
    const [lowName, highName] = [low && nameOf(low), high && nameOf(high)]
    const over = layers
      .map(rows => ({ rows, names: rows.names(lowName, highName, wanted, reverse) }))
      .filter(({ names }) => names.length > 0)
    if (over.length === 0) return [...found, ...page]
    const lists = [page.map(({ key }) => nameOf(key)), ...over.map(({ names }) => names)]
    const end = reachOf(lists, wanted, reverse)
    const values = new Map(page.map(({ key, value }) => [nameOf(key), value]))
    for (const { rows, names } of over) for (const name of names) values.set(name, rows.get(name) ?? removed)
    const isWithin = (name: string): boolean => end === undefined || (reverse ? name >= end : name <= end)
    const inOrder = [...values.keys()].filter(isWithin).sort()
    for (const name of reverse ? inOrder.reverse() : inOrder) {
      const value = values.get(name)
      if (value !== undefined && value !== removed)
        found.push({ key: new Uint8Array(keyOf(name)), value: new Uint8Array(value) })
    }
    if (end === undefined) break
    if (reverse) high = keyOf(end)
    else low = keyOf(`${end}\0`)
  }
  return found.slice(0, limit)
}

/** How far all lists are known: to the nearest end of one that was cut. Undefined when none was. */
function reachOf(lists: readonly (readonly string[])[], wanted: number, reverse: boolean): string | undefined {
  const ends = lists.filter(names => names.length === wanted).flatMap(names => names.at(-1) ?? [])
  ends.sort()
  return reverse ? ends.at(-1) : ends[0]
}
