/**
 * From what a caller wants of records to what an engine does with rows.
 *
 * A record that keeps a unique term needs no guard for it: its own row's guard says that it still carries the term. A
 * term may pass from one record to another within one commit.
 *
 * @module
 */
import type { Change, Guard } from './engine.ts'
import { StoreError } from './error.ts'
import type { Keyring } from './keyring.ts'
import { noTerms, sealRecord, termsOf, type StoredRecord, type Terms } from './record.ts'
import { checkPlace, indexKey, recordKey, uniqueKey } from './rows.ts'

/** One record's part in a commit: create (no `previous`), replace, or delete (no `body`). */
export interface RecordChange {
  readonly table: string
  readonly id: string
  /** The record as read; absent to create one that must not exist yet. */
  readonly previous?: StoredRecord | undefined
  /** Opaque bytes, kept sealed; absent to delete. Stays the caller's, to wipe once `commit` has returned its promise. */
  readonly body?: Uint8Array | undefined
  /** All that `find` shall find the record by, not only what is new. */
  readonly terms?: readonly string[] | undefined
  /** Terms that `find` finds, too, and that only one record of the table may carry. */
  readonly uniqueTerms?: readonly string[] | undefined
}

/** The belief that a record is as it was read, or does not exist when `record` is undefined. */
export interface RecordGuard {
  readonly table: string
  readonly id: string
  readonly record: StoredRecord | undefined
}

export interface Plan {
  readonly guards: readonly Guard[]
  readonly changes: readonly Change[]
  /** What a guard that did not hold means in terms of records. */
  readonly explain: (error: unknown) => unknown
}

/** Who holds a unique term before and after. */
interface Holder {
  readonly table: string
  readonly key: Uint8Array
  before?: string
  after?: string
}

/** @throws StoreError `invalid` when a change makes no sense; `duplicate` when two of them claim one unique term. */
export function plan(keyring: Keyring, records: readonly RecordChange[], beliefs: readonly RecordGuard[]): Plan {
  const guards: Guard[] = []
  const changes: Change[] = []
  const meanings = new Map<Guard, () => StoreError>()
  const holders = new Map<string, Holder>()
  const places = new Set<string>()

  function expect(guard: Guard, otherwise: () => StoreError): void {
    guards.push(guard)
    meanings.set(guard, otherwise)
  }

  function expectRecord({ table, id, record }: RecordGuard): void {
    checkPlace(table, id)
    if (record !== undefined && (record.table !== table || record.id !== id)) {
      throw new StoreError('invalid', `record ${record.id} of ${record.table} was given as ${id} of ${table}`)
    }
    const found = record === undefined ? 'exists already' : 'was changed or deleted since it was read'
    expect(
      { key: recordKey(table, id), value: record?.seen.envelope },
      () => new StoreError('conflict', `record ${id} of ${table} ${found}`, { table, id }),
    )
  }

  function changeRecord({ table, id, previous, body, terms = [], uniqueTerms = [] }: RecordChange): void {
    const key = recordKey(table, id)
    const place = key.toString()
    if (places.has(place)) throw new StoreError('invalid', `record ${id} of ${table} is changed twice`, { table, id })
    places.add(place)
    if (body === undefined && previous === undefined) {
      throw new StoreError('invalid', `record ${id} of ${table} cannot be deleted unread`, { table, id })
    }
    const before = termsOf(previous)
    const after = body === undefined ? noTerms : hashes(keyring, table, terms, uniqueTerms)
    changes.push({ key, value: body && sealRecord(keyring.current(), table, id, after, body) })
    for (const hash of without(all(before), all(after))) {
      changes.push({ key: indexKey(table, bytes(hash), id), value: undefined })
    }
    for (const hash of without(all(after), all(before))) {
      changes.push({ key: indexKey(table, bytes(hash), id), value: nothing })
    }
    for (const hash of without(before.unique, after.unique)) holder(table, hash).before = id
    for (const hash of without(after.unique, before.unique)) {
      const held = holder(table, hash)
      if (held.after !== undefined) throw duplicate(table, id)
      held.after = id
    }
  }

  function holder(table: string, hash: string): Holder {
    const name = `${table}\0${hash}`
    const known = holders.get(name) ?? { table, key: uniqueKey(table, bytes(hash)) }
    holders.set(name, known)
    return known
  }

  for (const { table, id, previous } of records) expectRecord({ table, id, record: previous })
  for (const belief of beliefs) expectRecord(belief)
  for (const record of records) changeRecord(record)
  for (const { table, key, before, after } of holders.values()) {
    if (after !== undefined)
      expect({ key, value: before === undefined ? undefined : Buffer.from(before) }, () => duplicate(table, after))
    changes.push({ key, value: after === undefined ? undefined : Buffer.from(after) })
  }
  return {
    guards,
    changes,
    explain: error => (error instanceof StoreError && error.guard && meanings.get(error.guard)?.()) ?? error,
  }
}

const nothing = new Uint8Array()

function hashes(keyring: Keyring, table: string, terms: readonly string[], uniqueTerms: readonly string[]): Terms {
  const hash = (term: string) => keyring.hash(table, term).toString('latin1')
  const unique = new Set(uniqueTerms.map(hash))
  return { unique, others: without(new Set(terms.map(hash)), unique) }
}

function all({ unique, others }: Terms): ReadonlySet<string> {
  return new Set([...unique, ...others])
}

function without(set: ReadonlySet<string>, less: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...set].filter(element => !less.has(element)))
}

function bytes(hash: string): Buffer {
  return Buffer.from(hash, 'latin1')
}

function duplicate(table: string, id: string): StoreError {
  return new StoreError('duplicate', `another record of ${table} carries a unique term of ${id}`, { table, id })
}
