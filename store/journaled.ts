/**
 * Makes commits durable in a journal, and brings them to the database behind it many at a time: one short write in place
 * of the many pages that a database writes for each.
 *
 * * There are two journals. While the rows of the one go to the database, the other is filled.
 * * What a journal holds is held in memory, too: reads and guards see it over what the database says.
 * * A group of commits that is larger than a journal goes to the database itself, behind all that was before it. So does
 *   every group as long as the database cannot reserve the room for what the journals may hold: what was acknowledged
 *   must not be in want of space later.
 * * So does the first of a folder, which has no journals yet. Releases that know of none see what makes a store, or
 *   raises it to a format that they refuse.
 * * Rows that are brought to the database again, as after a crash, change nothing: no others came in between.
 *
 * @module
 */
import { rm } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import type { Change, Entry, Guard } from './change.ts'
import { checkKeys, closed, conflict, type Engine, holds, type RangeOptions } from './engine.ts'
import { StoreError, storeError } from './error.ts'
import { type Group, groupOf, removed } from './journal-format.ts'
import { createJournals, type Journal, type Journals, openJournals } from './journal.ts'
import { layeredRange } from './layered-range.ts'
import { keyOf, nameOf } from './ordered-rows.ts'

/** Where rows end up. It has every answer at hand. */
export interface Base {
  get(key: Uint8Array, previous?: Uint8Array): Uint8Array | undefined
  range(from: Uint8Array | undefined, to: Uint8Array | undefined, options: RangeOptions): readonly Entry[]
  /** All or none, and durable when it resolves. */
  write(changes: readonly Change[]): Promise<void>
  /** Makes sure of room for so many bytes, whoever else fills the disk. @throws StoreError where there is none */
  reserve(bytes: number): Promise<void>
  /** The number of the last transaction, which only grows. */
  transaction(): Promise<number>
  close(): Promise<void>
}

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
  /** Bytes that the database has reserved, at the least. */
  let room = 0
  let noRoomUntil = 0
  let timer: NodeJS.Timeout | undefined
  let isDue = false

  let journals: Journals | undefined
  /** The one that is filled. */
  let current: Journal | undefined
  /** The other, whose rows are on their way to the database until it is empty. */
  let other: Journal | undefined
  let merging = Promise.resolve()
  let isMerging = false

  function use(opened: Journals): void {
    const [older, newer] = opened.both
    journals = opened
    // An empty one has been emptied since the other was begun, which may have room yet.
    ;[current, other] = newer.isEmpty ? [older, newer] : [newer, older]
    mergeLater()
  }

  /** Journals that go on from a later state of the database are not its own, and are only passed over when they are empty. */
  async function useOwn(opened: Journals): Promise<void> {
    if (opened.transaction <= (await base.transaction())) {
      use(opened)
      return
    }
    await opened.close()
    if (opened.both.some(({ isEmpty }) => !isEmpty))
      throw new StoreError('damaged', `${path} belongs to a later state of the database: restore the whole folder`)
    await rm(path)
  }

  function check(): void {
    if (closing !== undefined) throw closed()
  }

  function pending(name: string): Uint8Array | undefined {
    return current?.rows.get(name) ?? other?.rows.get(name)
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
      // While the one is on its way, the other need not be soon.
      if (isMerging) mergeLater()
      else await turnOver().catch(mergeLater)
    }
    tell()
    writing = undefined
  }

  /** @returns what tells those who wait how it went */
  async function writeGroup(waited: readonly Waiting[]): Promise<() => void> {
    try {
      const { changes, broken } = judge(waited)
      if (changes.size > 0) await make(changes).finally(() => (state = {}))
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
      const value = changes.get(name) ?? pending(name) ?? base.get(guard.key, guard.value)
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
    const journal = group && (isReadyFor(group) ? current : await journalFor(group))
    if (group !== undefined && journal !== undefined) {
      await journal.append(group)
      mergeLater()
      return
    }
    await settle()
    await base.write(Array.from(changes, changeOf))
    if (journals === undefined) await beginJournals()
  }

  /** Without journals each commit takes longer, and that is all. */
  async function beginJournals(): Promise<void> {
    if (performance.now() < noRoomUntil) return
    try {
      use(await createJournals(path, await base.transaction()))
    } catch {
      noRoomUntil = performance.now() + retryMs
    }
  }

  function isReadyFor(group: Group): boolean {
    if (current === undefined || other === undefined) return false
    return current.hasRoomFor(group) && roomFor(current, other, group) <= room
  }

  /** Undefined when the group is to go to the database itself. */
  async function journalFor(group: Group): Promise<Journal | undefined> {
    if (current === undefined || other === undefined) return undefined
    if (!current.hasRoomFor(group)) await turnOver()
    return (await hasRoom(roomFor(current, other, group))) ? current : undefined
  }

  async function hasRoom(bytes: number): Promise<boolean> {
    if (bytes <= room) return true
    if (performance.now() < noRoomUntil) return false
    try {
      await base.reserve(2 * bytes)
      room = 2 * bytes
      return true
    } catch {
      noRoomUntil = performance.now() + retryMs
      return false
    }
  }

  function mergeLater(): void {
    const isPending = [current, other].some(journal => journal?.isEmpty === false)
    if (closing !== undefined || !isPending) return
    timer ??= setTimeout(() => {
      timer = undefined
      isDue = true
      writing ??= write()
    }, mergeAfterMs).unref()
  }

  /** Begins to bring what the current journal holds to the database, and goes on with the other. */
  async function turnOver(): Promise<void> {
    await merging.catch(() => undefined)
    if (current === undefined || other === undefined) return
    await current.clean()
    if (!other.isEmpty) await merge(other)
    if (current.isEmpty) return
    ;[current, other] = [other, current]
    room = 0
    void merge(other)
  }

  function merge(journal: Journal): Promise<void> {
    isMerging = true
    merging = bringOver(journal).finally(() => (isMerging = false))
    merging.catch(mergeLater)
    return merging
  }

  async function bringOver(journal: Journal): Promise<void> {
    const { rows } = journal
    const names = rows.names(undefined, undefined, Infinity)
    for (let at = 0; at < names.length; at += mergedRows) {
      const some = names.slice(at, at + mergedRows)
      await base.write(some.map(name => changeOf([name, rows.get(name) ?? removed])))
    }
    const round = Math.max(journal.round, current?.round ?? 0) + 1
    await journal.beginRound({ round, transaction: await base.transaction() })
  }

  /** Afterwards the journals are empty. */
  async function settle(): Promise<void> {
    await turnOver()
    await merging
  }

  async function close(): Promise<void> {
    await writing
    clearTimeout(timer)
    // What does not get there stays in the journal, for whoever opens it next.
    await settle().catch(() => undefined)
    await journals?.close().catch(() => undefined)
    await base.close()
  }

  const opened = await openJournals(path)
  if (opened !== undefined) await useOwn(opened)
  return {
    get(key, previous) {
      check()
      const value = pending(nameOf(key))
      if (value === undefined) return base.get(key, previous)
      if (value === removed) return undefined
      return previous !== undefined && Buffer.compare(value, previous) === 0 ? previous : new Uint8Array(value)
    },

    state: () => state,

    range(from, to, options) {
      check()
      const layers = [other, current].flatMap(journal => journal?.rows ?? [])
      return layeredRange(base, layers, from, to, options)
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

function changeOf([name, value]: readonly [string, Uint8Array]): Change {
  return { key: keyOf(name), value: value === removed ? undefined : value }
}

/** Bounds how long the judging of one group may hold the event loop. */
const groupLimit = 256
/** Bounds how long the database's own transaction may hold it. */
const mergedRows = 512
const mergeAfterMs = 1000
const retryMs = 1000

/** What the database may need: pages may be half-full, and three transactions' worth of pages wait to be used again. */
function roomFor(current: Journal, other: Journal, group: Group): number {
  const bytes = current.bytes + other.bytes + group.bytes.length
  const rows = current.rows.size + other.rows.size + group.rows.length
  return 2 * bytes + Math.min(rows, 3 * mergedRows) * rowPageBytes
}

/** A row's own leaf, and what becomes of the pages above. */
const rowPageBytes = 2 * 4096
