/**
 * The engine that keeps nothing: for tests, trials and ephemeral servers. It is also the plainest statement of what the
 * others must do.
 *
 * @module
 */
import type { Guard } from './change.ts'
import { checkKeys, closed, conflict, type Engine } from './engine.ts'

/** Rows live until the process ends or the engine is closed. */
export function memory(): Engine {
  const values = new Map<string, Uint8Array>()
  const order: string[] = []
  let open = true

  function check(): void {
    if (!open) throw closed()
  }

  function holds({ key, value }: Guard): boolean {
    const held = values.get(text(key))
    return held === undefined || value === undefined ? held === value : Buffer.compare(held, value) === 0
  }

  function put(name: string, value: Uint8Array): void {
    if (!values.has(name)) order.splice(position(order, name), 0, name)
    values.set(name, value.slice())
  }

  function remove(name: string): void {
    if (values.delete(name)) order.splice(position(order, name), 1)
  }

  return {
    get(key, previous) {
      check()
      const value = values.get(text(key))
      if (value === undefined) return undefined
      return previous !== undefined && Buffer.compare(value, previous) === 0 ? previous : value.slice()
    },

    range(from, to, { limit, reverse }) {
      check()
      const first = from === undefined ? 0 : position(order, text(from))
      const end = to === undefined ? order.length : position(order, text(to))
      const names = reverse
        ? order.slice(Math.max(first, end - limit), end).reverse()
        : order.slice(first, Math.min(end, first + limit))
      return names.map(name => ({ key: bytes(name), value: values.get(name)?.slice() ?? new Uint8Array() }))
    },

    async commit(guards, changes) {
      check()
      checkKeys(guards)
      checkKeys(changes)
      const broken = guards.find(guard => !holds(guard))
      if (broken !== undefined) throw conflict(broken)
      for (const { key, value } of changes) {
        if (value === undefined) remove(text(key))
        else put(text(key), value)
      }
    },

    async close() {
      open = false
      values.clear()
      order.length = 0
    },
  }
}

// One character per byte: strings of these compare as the bytes do.
function text(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}

function bytes(name: string): Uint8Array {
  return Uint8Array.from(Buffer.from(name, 'latin1'))
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
