/**
 * From what a caller wants of records to what an engine does with rows.
 *
 * A record that keeps a unique term needs no guard for it: its own row's guard says that it still carries the term. A
 * term may pass from one record to another within one commit.
 *
 * @module
 */
import type { Change, Guard } from './change.ts'
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
  /** All that only this record of the table may carry, and that `holder` shall find it by. */
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

/** A guard, and what it means when it does not hold. */
interface Expectation extends Guard {
  readonly table: string
  readonly id: string
  /** Whether it is a term that is expected to be free, and not the record to be as it was read. */
  readonly isTerm: boolean
}

/** Who holds a unique term before and after. */
interface Holder {
  readonly table: string
  readonly hash: string
  before?: string
  after?: string
}

/** @throws StoreError `invalid` when a change makes no sense; `duplicate` when two of them claim one unique term. */
export function plan(keyring: Keyring, records: readonly RecordChange[], beliefs: readonly RecordGuard[]): Plan {
  const guards: Expectation[] = []
  const changes: Change[] = []
  const holders = new Map<string, Holder>()
  const places = new Set<string>()

  function expectRecord(key: Uint8Array, { table, id, record }: RecordGuard): void {
    if (record !== undefined && (record.table !== table || record.id !== id)) {
      throw new StoreError('invalid', `record ${record.id} of ${record.table} was given as ${id} of ${table}`)
    }
    guards.push({ key, value: record?.seen.envelope, table, id, isTerm: false })
  }

  function changeRecord({ table, id, previous, body, terms = [], uniqueTerms = [] }: RecordChange): void {
    const key = placeOf(table, id)
    const place = `${table}\0${id}`
    if (places.has(place)) throw new StoreError('invalid', `record ${id} of ${table} is changed twice`, { table, id })
    places.add(place)
    if (body === undefined && previous === undefined) {
      throw new StoreError('invalid', `record ${id} of ${table} cannot be deleted unread`, { table, id })
    }
    expectRecord(key, { table, id, record: previous })
    const before = termsOf(previous)
    const after = body === undefined ? noTerms : hashes(keyring, table, terms, uniqueTerms)
    changes.push({ key, value: body && sealRecord(keyring.current(), key, after, body) })
    const idBytes = Buffer.from(id)
    for (const hash of after.others) {
      if (!before.others.has(hash)) changes.push({ key: indexKey(table, hash, idBytes), value: nothing })
    }
    for (const hash of before.others) {
      if (!after.others.has(hash)) changes.push({ key: indexKey(table, hash, idBytes), value: undefined })
    }
    for (const hash of after.unique) {
      if (before.unique.has(hash)) continue
      const held = holder(table, hash)
      if (held.after !== undefined) throw duplicate(table, id)
      held.after = id
    }
    for (const hash of before.unique) {
      if (after.unique.has(hash)) continue
      holder(table, hash).before = id
      // Releases until 0.1 wrote an index row for unique terms, too.
      if (!after.others.has(hash)) changes.push({ key: indexKey(table, hash, idBytes), value: undefined })
    }
  }

  function holder(table: string, hash: string): Holder {
    const name = `${table}\0${hash}`
    const known = holders.get(name) ?? { table, hash }
    holders.set(name, known)
    return known
  }

  for (const record of records) changeRecord(record)
  for (const belief of beliefs) expectRecord(placeOf(belief.table, belief.id), belief)
  for (const { table, hash, before, after } of holders.values()) {
    const key = uniqueKey(table, hash)
    if (after !== undefined) guards.push({ key, value: bytes(before), table, id: after, isTerm: true })
    changes.push({ key, value: bytes(after) })
  }
  return {
    guards,
    changes,
    explain(error) {
      const broken = error instanceof StoreError ? guards.find(guard => guard === error.guard) : undefined
      return broken === undefined ? error : meaning(broken)
    },
  }
}

const nothing = new Uint8Array()

function placeOf(table: string, id: string): Buffer {
  checkPlace(table, id)
  return recordKey(table, id)
}

function bytes(id: string | undefined): Buffer | undefined {
  return id === undefined ? undefined : Buffer.from(id)
}

function hashes(keyring: Keyring, table: string, terms: readonly string[], uniqueTerms: readonly string[]): Terms {
  const hash = (term: string): string => keyring.hash(table, term)
  return { unique: new Set(uniqueTerms.map(hash)), others: new Set(terms.map(hash)) }
}

function meaning({ table, id, value, isTerm }: Expectation): StoreError {
  if (isTerm) return duplicate(table, id)
  const found = value === undefined ? 'exists already' : 'was changed or deleted since it was read'
  return new StoreError('conflict', `record ${id} of ${table} ${found}`, { table, id })
}

function duplicate(table: string, id: string): StoreError {
  return new StoreError('duplicate', `another record of ${table} carries a unique term of ${id}`, { table, id })
}
