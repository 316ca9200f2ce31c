/**
 * Two journals in front of a database. While the rows of the one go to the database, the other is filled.
 *
 * A group goes to the database itself, behind all that was before it, when it is larger than a journal, and as long as the
 * database cannot reserve the room for what the journals may hold: what was acknowledged must not be in want of space
 * later.
 *
 * @module
 */
import { rm } from 'node:fs/promises'
import type { Base } from './base.ts'
import type { Change } from './change.ts'
import { StoreError } from './error.ts'
import { type Group, removed } from './journal-format.ts'
import { createJournals, type Journal, type Journals, openJournals } from './journal.ts'
import { keyOf, type OrderedRows } from './ordered-rows.ts'

export interface JournalPair {
  /** What a journal has of a row: `removed` where it is to go, undefined where the database tells. */
  get(name: string): Uint8Array | undefined
  /** What the journals hold, the older first. */
  layers(): OrderedRows[]
  /** Durable when it resolves, or not done: the group is to go to the database itself. One at a time. */
  append(group: Group): Promise<boolean>
  /** Brings all to the database. Afterwards the journals are empty. */
  settle(): Promise<void>
  /** Makes the journals, if there are none. Without them each commit takes longer, and that is all. */
  begin(): Promise<void>
  /** Begins to bring to the database what has waited for it. Not during an append. */
  merge(): Promise<void>
  /** What does not get to the database stays in the journals, for whoever opens them next. */
  close(): Promise<void>
}

/**
 * @param path their file; there are none yet where it is missing
 * @param onDue called when it is time to merge
 * @throws StoreError `damaged` when they cannot be read, or are not those of the database
 */
export async function journalPair(path: string, base: Base, onDue: () => void): Promise<JournalPair> {
  let journals: Journals | undefined
  /** The one that is filled. */
  let current: Journal | undefined
  /** The other, whose rows are on their way to the database until it is empty. */
  let other: Journal | undefined
  let merging = Promise.resolve()
  let isMerging = false
  /** Bytes that the database has reserved, at the least. */
  let room = 0
  let noRoomUntil = 0
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

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

  /** The one that may take the group at once: whoever appends has then begun before anything else goes on. */
  function readyFor(group: Group): Journal | undefined {
    if (current === undefined || other === undefined || !current.hasRoomFor(group)) return undefined
    return roomFor(current, other, group) <= room ? current : undefined
  }

  /** Undefined when the group is to go to the database itself. */
  async function madeReadyFor(group: Group): Promise<Journal | undefined> {
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
    if (isClosed || !isPending) return
    timer ??= setTimeout(() => {
      timer = undefined
      onDue()
    }, mergeAfterMs).unref()
  }

  /** Begins to bring what the current journal holds to the database, and goes on with the other. */
  async function turnOver(): Promise<void> {
    await merging.catch(() => undefined)
    if (current === undefined || other === undefined) return
    await current.clean()
    if (!other.isEmpty) await empty(other)
    if (current.isEmpty) return
    ;[current, other] = [other, current]
    room = 0
    void empty(other)
  }

  function empty(journal: Journal): Promise<void> {
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

  async function settle(): Promise<void> {
    await turnOver()
    await merging
  }

  const opened = await openJournals(path)
  if (opened !== undefined) await useOwn(opened)
  return {
    get: name => current?.rows.get(name) ?? other?.rows.get(name),

    layers: () => [other, current].flatMap(journal => journal?.rows ?? []),

    async append(group) {
      const journal = readyFor(group) ?? (await madeReadyFor(group))
      if (journal === undefined) return false
      await journal.append(group)
      mergeLater()
      return true
    },

    settle,

    async begin() {
      if (journals !== undefined || performance.now() < noRoomUntil) return
      try {
        use(await createJournals(path, await base.transaction()))
      } catch {
        noRoomUntil = performance.now() + retryMs
      }
    },

    async merge() {
      // While the one is on its way, the other need not be soon.
      if (isMerging) mergeLater()
      else await turnOver().catch(mergeLater)
    },

    async close() {
      isClosed = true
      clearTimeout(timer)
      await settle().catch(() => undefined)
      await journals?.close().catch(() => undefined)
    },
  }
}

export function changeOf([name, value]: readonly [string, Uint8Array]): Change {
  return { key: keyOf(name), value: value === removed ? undefined : value }
}

/** Bounds how long the database's own transaction may hold the event loop. */
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
