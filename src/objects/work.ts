/**
 * All that one message does to the store: read as it goes, written at once or not at all.
 *
 * A request message is one store transaction. Its items see what the earlier ones did; a failed item's changes are taken
 * back to the savepoint before it, and a batch with Undo that fails is taken back whole. Nothing is in the store until
 * `commit`, and what is acknowledged is durable.
 *
 * @module
 */
import { type Awaitable, type Store, StoreError, when } from '../../store/index.ts'
import type { Opened, Recent } from './recent.ts'
import { readRecord, type StoredObject, writeRecord } from './stored-object.ts'
import { termsOf, uniqueTermsOf } from './terms.ts'

export const objectTable = 'object'

/** What a message has done so far. Never changed, only replaced, so that a savepoint is the thing itself. */
export interface Savepoint {
  readonly changes: ReadonlyMap<string, StoredObject>
  /** Objects that were handed out, and so are fresh no longer. */
  readonly served: ReadonlySet<string>
}

export interface Work {
  /** The object as this message sees it, or undefined. Byte strings are views of bytes that last until `end`. */
  read(uniqueIdentifier: string): Awaitable<StoredObject | undefined>
  /**
   * Reads an object that is likely to be asked for next, so that it stays for this message as it is now; undefined also
   * where the message has read or written it before.
   */
  readAhead(uniqueIdentifier: string): Promise<StoredObject | undefined>
  /** Looks at an object as it is in the store, and keeps nothing of it. False if there is none. */
  glance(uniqueIdentifier: string, look: (object: StoredObject) => boolean): Promise<boolean>
  /** Creates the object, or replaces what was read of it. */
  write(object: StoredObject): void
  /** The object was handed out: it is fresh no longer. KMIP 2.1 §4.24 */
  serve(uniqueIdentifier: string): void
  /** What this message has written so far. */
  written(): Iterable<StoredObject>
  savepoint(): Savepoint
  rollback(savepoint: Savepoint): void
  /** Bytes of records that have been read, each as often as it was: the answer can hardly be larger. */
  bytesRead(): number
  /** Whether there is anything to commit. */
  hasChanges(): boolean
  /**
   * Writes all changes, durably. That objects were handed out is written along; alone, where there is no space for it, it
   * is left: a key must be had from a full disk, too.
   *
   * @throws StoreError `conflict` or `duplicate` if another writer was faster: do the message again
   */
  commit(): Promise<void>
  /** Gives up what was read: it may be cleared. */
  end(): void
}

const nothing: Savepoint = { changes: new Map(), served: new Set() }

/** What the store takes as an identifier. */
const maxIdentifierBytes = 512
const isIdentifier = (text: string): boolean => text !== '' && Buffer.byteLength(text) <= maxIdentifierBytes

/** @param recent of this store */
export function beginWork(store: Store, recent: Recent): Work {
  const opened = new Map<string, Opened>()
  /** To be released. */
  const held: Opened[] = []
  let done = nothing
  let bytesRead = 0

  /** As it is once what was handed out is not fresh. */
  const settled = (object: StoredObject): StoredObject =>
    done.served.has(object.attributes.uniqueIdentifier)
      ? { ...object, attributes: { ...object.attributes, fresh: false } }
      : object

  function read(uniqueIdentifier: string): Awaitable<StoredObject | undefined> {
    const changed = done.changes.get(uniqueIdentifier)
    if (changed !== undefined) return settled(changed)
    return when(opened.get(uniqueIdentifier) ?? open(uniqueIdentifier), found => {
      if (found === undefined) return undefined
      bytesRead += found.record.body.length
      return settled(found.object)
    })
  }

  function open(uniqueIdentifier: string): Awaitable<Opened | undefined> {
    if (!isIdentifier(uniqueIdentifier)) return undefined
    const kept = recent.take(uniqueIdentifier)
    if (kept !== undefined) held.push(kept)
    return when(store.get(objectTable, uniqueIdentifier, kept?.record), record => {
      if (record === undefined) return undefined
      if (record === kept?.record) return noted(kept)
      const found = recent.open(record)
      held.push(found)
      return noted(found)
    })
  }

  function noted(found: Opened): Opened {
    opened.set(found.record.id, found)
    return found
  }

  async function glance(uniqueIdentifier: string, look: (object: StoredObject) => boolean): Promise<boolean> {
    if (!isIdentifier(uniqueIdentifier)) return false
    const kept = recent.take(uniqueIdentifier)
    try {
      const record = await store.get(objectTable, uniqueIdentifier, kept?.record)
      if (record === undefined) return false
      if (record === kept?.record) return look(kept.object)
      const isMet = look(readRecord(record.body))
      record.body.fill(0)
      return isMet
    } finally {
      if (kept !== undefined) recent.release(kept)
    }
  }

  async function write(objects: readonly StoredObject[]): Promise<void> {
    const rows = objects.map(object => ({
      table: objectTable,
      id: object.attributes.uniqueIdentifier,
      previous: opened.get(object.attributes.uniqueIdentifier)?.record,
      body: writeRecord(object),
      terms: termsOf(object),
      uniqueTerms: uniqueTermsOf(object),
    }))
    try {
      await store.commit(rows)
    } finally {
      for (const { body } of rows) body.fill(0)
    }
  }

  return {
    read,
    async readAhead(uniqueIdentifier) {
      if (done.changes.has(uniqueIdentifier) || opened.has(uniqueIdentifier)) return undefined
      return (await open(uniqueIdentifier))?.object
    },
    glance,
    write(object) {
      done = { ...done, changes: new Map(done.changes).set(object.attributes.uniqueIdentifier, object) }
    },
    serve(uniqueIdentifier) {
      done = { ...done, served: new Set(done.served).add(uniqueIdentifier) }
    },
    written: () => [...done.changes.values()].map(settled),
    savepoint: () => done,
    rollback(savepoint) {
      done = savepoint
    },
    bytesRead: () => bytesRead,
    hasChanges: () => done.changes.size > 0 || done.served.size > 0,
    async commit() {
      const { changes, served } = done
      if (changes.size === 0 && served.size === 0) return
      const others = await Promise.all([...served].filter(id => !changes.has(id)).map(async id => read(id)))
      const objects = [...changes.values()].map(settled).concat(others.filter(object => object !== undefined))
      try {
        await write(objects)
      } catch (error) {
        const isNote =
          changes.size === 0 && error instanceof StoreError && (error.code === 'full' || error.code === 'io')
        if (!isNote) throw error
      }
    },
    end() {
      for (const each of held) recent.release(each)
      held.length = 0
      opened.clear()
    },
  }
}
