/**
 * Objects that were read lately, kept open: at boot every node of a cluster asks for the same keys within seconds, and
 * to unseal and read an object is most of what a Get costs. One that is asked for once is not kept, only noted: whoever
 * asks for all objects in turn would else fill the memory, and what is kept outlives the cheap collections of garbage.
 *
 * What is kept here is only ever used after the store has said that it has not changed since. It is cleared when nobody
 * has asked for it for a few seconds, and never while a message uses it: what is cleared is a key of nothing but zeros.
 *
 * @module
 */
import type { StoredRecord } from '../../store/index.ts'
import { readRecord, type StoredObject } from './stored-object.ts'

/** An object in use. Never changed, only replaced: several messages may use it at a time. */
export interface Opened {
  readonly record: StoredRecord
  /** Its byte strings are views of the record's bytes. */
  readonly object: StoredObject
}

export interface Recent {
  /** What is kept of the object, perhaps outdated; to be released. */
  take(uniqueIdentifier: string): Opened | undefined
  /** Reads a record, and keeps it if the object was asked for before; to be released. @throws StoreError `damaged` */
  open(record: StoredRecord): Opened
  /** Once for every time that it was taken or opened. It may be cleared from now on. */
  release(opened: Opened): void
}

/** Cleared when it was not asked for in a whole period. */
const periodMs = 5000

/** A period ends earlier when so many objects were asked for, or so many bytes of their records kept in it. */
const maxObjects = 1024
const maxBytes = 1_048_576

interface Kept extends Opened {
  users: number
  isKept: boolean
}

export function recent(): Recent {
  /** Asked for in this period, and in the one before; undefined when for the first time. */
  let now = new Map<string, Kept | undefined>()
  let before = new Map<string, Kept | undefined>()
  let bytes = 0
  let timer: NodeJS.Timeout | undefined

  function turn(): void {
    for (const kept of before.values()) if (kept !== undefined) drop(kept)
    before = now
    now = new Map()
    bytes = 0
    timer = before.size > 0 ? setTimeout(turn, periodMs).unref() : undefined
  }

  function note(uniqueIdentifier: string, kept?: Kept): void {
    now.set(uniqueIdentifier, kept)
    bytes += kept?.record.body.length ?? 0
    timer ??= setTimeout(turn, periodMs).unref()
    if (now.size < maxObjects && bytes < maxBytes) return
    clearTimeout(timer)
    turn()
  }

  function drop(kept: Kept): void {
    kept.isKept = false
    if (kept.users === 0) kept.record.body.fill(0)
  }

  return {
    take(uniqueIdentifier) {
      const kept = now.get(uniqueIdentifier) ?? before.get(uniqueIdentifier)
      if (kept === undefined) return undefined
      kept.users++
      if (before.delete(uniqueIdentifier)) note(uniqueIdentifier, kept)
      return kept
    },

    open(record) {
      const { id, body } = record
      const isKept = now.has(id) || before.has(id)
      const opened: Kept = { record, object: readRecord(body), users: 1, isKept }
      const outdated = now.get(id) ?? before.get(id)
      before.delete(id)
      if (outdated !== undefined) drop(outdated)
      note(id, isKept ? opened : undefined)
      return opened
    },

    release(opened) {
      const kept = opened as Kept
      if (--kept.users === 0 && !kept.isKept) kept.record.body.fill(0)
    },
  }
}
