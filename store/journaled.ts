/**
 * Makes commits durable in a journal, and brings them to the database behind it many at a time: one short write in place
 * of the many pages that a database writes for each.
 *
 * * What a journal holds is held in memory, too: reads and guards see it over what the database says.
 * * The first commit of a folder, which has no journals yet, goes to the database itself. Releases that know of none see
 *   what makes a store, or raises it to a format that they refuse.
 * * Rows that are brought to the database again, as after a crash, change nothing: no others came in between.
 *
 * @module
 */
import { setImmediate } from 'node:timers/promises'
import type { Base } from './base.ts'
import type { Change, Guard } from './change.ts'
import { checkKeys, closed, conflict, type Engine, holds } from './engine.ts'
import { storeError } from './error.ts'
import { groupOf, removed } from './journal-format.ts'
import { changeOf, journalPair } from './journal-pair.ts'
import { layeredRange } from './layered-range.ts'
import { nameOf } from './ordered-rows.ts'

interface Waiting {
  readonly guards: readonly Guard[]
  readonly changes: readonly Change[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Commits that are made while others are written share one write.
 *
 * @param path the file of the journals
 * @param base the engine's from now on, unless this fails
 * @throws StoreError `damaged` when the journals cannot be read, `io` when the system refuses
 */
export async function journaled(path: string, base: Base): Promise<Engine> {
  const waiting: Waiting[] = []
  let writing: Promise<void> | undefined
  let closing: Promise<void> | undefined
  let state = {}
  let isDue = false

  const journals = await journalPair(path, base, () => {
    isDue = true
    writing ??= write()
  })

  function check(): void {
    if (closing !== undefined) throw closed()
  }

  async function write(): Promise<void> {
    // What this turn of the event loop brings shares the write.
    await setImmediate()
    let tell = (): void => undefined
    while (waiting.length > 0 || isDue) {
      if (waiting.length > 0) {
        const next = writeGroup(waiting.splice(0, groupLimit))
        // While the next is on its way: to answer takes longer than to begin it.
        tell()
        tell = await next
      }
      if (!isDue) continue
      isDue = false
      tell()
      tell = () => undefined
      await journals.merge()
    }
    tell()
    writing = undefined
  }

  /** @returns what tells those who wait how it went */
  async function writeGroup(waited: readonly Waiting[]): Promise<() => void> {
    try {
      const { changes, broken } = judge(waited)
      if (changes.size > 0) await make(changes).finally(() => (state = {}))
      else await setImmediate()
      return () => {
        waited.forEach(({ resolve, reject }, index) => {
          const guard = broken[index]
          if (guard === undefined) resolve()
          else reject(conflict(guard))
        })
      }
    } catch (cause) {
      const error = storeError(cause, 'the commit failed and nothing was written')
      return () => {
        for (const { reject } of waited) reject(error)
      }
    }
  }

  /** What the commits change together, each seeing those before it, and which guard of each does not hold, if any. */
  function judge(waited: readonly Waiting[]): { changes: Map<string, Uint8Array>; broken: (Guard | undefined)[] } {
    const changes = new Map<string, Uint8Array>()
    const isTrue = (guard: Guard): boolean => {
      const name = nameOf(guard.key)
      const value = changes.get(name) ?? journals.get(name) ?? base.get(guard.key, guard.value)
      return holds(guard, value === removed ? undefined : value)
    }
    const broken = waited.map(commit => {
      const guard = commit.guards.find(guard => !isTrue(guard))
      if (guard === undefined) for (const { key, value } of commit.changes) changes.set(nameOf(key), value ?? removed)
      return guard
    })
    return { changes, broken }
  }

  async function make(changes: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const group = groupOf(changes)
    if (group !== undefined && (await journals.append(group))) return
    await journals.settle()
    await base.write(Array.from(changes, changeOf))
    await journals.begin()
  }

  async function close(): Promise<void> {
    await writing
    await journals.close()
    await base.close()
  }

  return {
    get(key, previous) {
      check()
      const value = journals.get(nameOf(key))
      if (value === undefined) return base.get(key, previous)
      if (value === removed) return undefined
      return previous !== undefined && Buffer.compare(value, previous) === 0 ? previous : new Uint8Array(value)
    },

    state: () => state,

    range(from, to, options) {
      check()
      return layeredRange(base, journals.layers(), from, to, options)
    },

    commit(guards, changes) {
      return new Promise<void>((resolve, reject) => {
        check()
        checkKeys(guards)
        checkKeys(changes)
        waiting.push({ guards, changes, resolve, reject })
        writing ??= write()
      })
    },

    close: () => (closing ??= close()),
  }
}

/** Bounds how long the judging of one group may hold the event loop. */
const groupLimit = 256
