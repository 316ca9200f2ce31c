/**
 * Rows in memory, found by key and in the order of their keys.
 *
 * A key is a string of one character per byte here: such strings are found and compared as the bytes are.
 *
 * @module
 */

export interface OrderedRows {
  readonly size: number
  get(name: string): Uint8Array | undefined
  /** Keeps the value itself, not a copy. */
  put(name: string, value: Uint8Array): void
  remove(name: string): void
  /** The first names of `from <= name < to`, in order; an undefined bound is open. */
  names(from: string | undefined, to: string | undefined, limit: number, reverse?: boolean): readonly string[]
}

export function orderedRows(): OrderedRows {
  const values = new Map<string, Uint8Array>()
  let order: string[] = []
  /** Names that have not found their place in the order, which is not asked for after each. */
  let fresh: string[] = []

  function settle(): void {
    if (fresh.length > fewNames) order = [...order, ...fresh.sort()].sort()
    else for (const name of fresh) order.splice(position(order, name), 0, name)
    fresh = []
  }

  return {
    get size() {
      return values.size
    },

    get: name => values.get(name),

    put(name, value) {
      if (!values.has(name)) fresh.push(name)
      values.set(name, value)
    },

    remove(name) {
      if (!values.delete(name)) return
      settle()
      order.splice(position(order, name), 1)
    },

    names(from, to, limit, reverse = false) {
      settle()
      const first = from === undefined ? 0 : position(order, from)
      const end = to === undefined ? order.length : position(order, to)
      return reverse
        ? order.slice(Math.max(first, end - limit), end).reverse()
        : order.slice(first, Math.min(end, first + limit))
    },
  }
}

/** Fewer are put in one by one: that moves what is behind them, but compares little. */
const fewNames = 64

export function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}

export function keyOf(name: string): Uint8Array {
  return Buffer.from(name, 'latin1')
}

/** Where `name` stands or would stand. */
function position(order: readonly string[], name: string): number {
  let low = 0
  let high = order.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((order[middle] ?? '') < name) low = middle + 1
    else high = middle
  }
  return low
}
