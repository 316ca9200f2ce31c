/**
 * The engine that keeps nothing: for tests, trials and ephemeral servers. It is also the plainest statement of what the
 * others must do.
 *
 * @module
 */
import { checkKeys, closed, conflict, holds, type Engine } from './engine.ts'
import { keyOf, nameOf, orderedRows } from './ordered-rows.ts'

/** Rows live until the process ends or the engine is closed. */
export function memory(): Engine {
  let rows = orderedRows()
  let state = {}
  let open = true

  function check(): void {
    if (!open) throw closed()
  }

  return {
    get(key, previous) {
      check()
      const value = rows.get(nameOf(key))
      if (value === undefined) return undefined
      return previous !== undefined && Buffer.compare(value, previous) === 0 ? previous : new Uint8Array(value)
    },

    state: () => (open ? state : undefined),

    range(from, to, { limit, reverse }) {
      check()
      const names = rows.names(from && nameOf(from), to && nameOf(to), limit, reverse)
      return names.map(name => ({ key: new Uint8Array(keyOf(name)), value: new Uint8Array(rows.get(name) ?? []) }))
    },

    async commit(guards, changes) {
      check()
      checkKeys(guards)
      checkKeys(changes)
      const broken = guards.find(guard => !holds(guard, rows.get(nameOf(guard.key))))
      if (broken !== undefined) throw conflict(broken)
      state = {}
      for (const { key, value } of changes) {
        if (value === undefined) rows.remove(nameOf(key))
        else rows.put(nameOf(key), new Uint8Array(value))
      }
    },

    async close() {
      open = false
      rows = orderedRows()
    },
  }
}
