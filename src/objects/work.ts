/**
 * All that one message does to the store: read as it goes, written at once or not at all.
 *
 * A request message is one store transaction. Its items see what the earlier ones did; a failed item's changes are taken
 * back to the savepoint before it, and a batch with Undo that fails is taken back whole. Nothing is in the store until
 * `commit`, and what is acknowledged is durable.
 *
 * @module
 */
import type { Store, StoredRecord } from '../../store/index.ts'
import { readRecord, type StoredObject, writeRecord } from './stored-object.ts'
import { termsOf, uniqueTermsOf } from './terms.ts'

export const objectTable = 'object'

/** What changed in a message, object by object. */
type Changes = ReadonlyMap<string, StoredObject>

export interface Work {
  /** The object as this message sees it, or undefined. Byte strings are views of bytes that `wipe` clears. */
  read(uniqueIdentifier: string): Promise<StoredObject | undefined>
  /** Creates the object, or replaces what was read of it. */
  write(object: StoredObject): void
  /** Notes by the way: written with the changes, or alone, and then a failure to do so is nobody's failure. */
  mark(object: StoredObject): void
  /** What this message has written so far. */
  written(): Iterable<StoredObject>
  savepoint(): Changes
  rollback(savepoint: Changes): void
  /**
   * Writes all changes, durably.
   *
   * @throws StoreError `conflict` or `duplicate` if another writer was faster: do the message again
   */
  commit(): Promise<void>
  /** Clears the key material that was read. */
  wipe(): void
}

export function beginWork(store: Store): Work {
  const records = new Map<string, StoredRecord>()
  let changes: Changes = new Map()
  const marks = new Map<string, StoredObject>()

  async function write(objects: ReadonlyMap<string, StoredObject>): Promise<void> {
    const rows = [...objects].map(([id, object]) => ({
      table: objectTable,
      id,
      previous: records.get(id),
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
    async read(uniqueIdentifier) {
      const changed = changes.get(uniqueIdentifier) ?? marks.get(uniqueIdentifier)
      if (changed !== undefined) return changed
      const known = records.get(uniqueIdentifier)
      const found = known ?? (await store.get(objectTable, uniqueIdentifier))
      if (found === undefined) return undefined
      records.set(uniqueIdentifier, found)
      return readRecord(found.body)
    },
    write(object) {
      changes = new Map(changes).set(object.attributes.uniqueIdentifier, object)
    },
    mark(object) {
      marks.set(object.attributes.uniqueIdentifier, object)
    },
    written: () => changes.values(),
    savepoint: () => changes,
    rollback(savepoint) {
      changes = savepoint
    },
    async commit() {
      if (changes.size > 0) await write(new Map([...marks, ...changes]))
      else if (marks.size > 0) await write(marks).catch(() => undefined)
    },
    wipe() {
      for (const { body } of records.values()) body.fill(0)
      records.clear()
    },
  }
}
