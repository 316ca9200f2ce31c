/**
 * Records behind a barrier: every body is sealed before the engine sees it, and found again by terms of which the engine
 * sees only keyed hashes. A record's sealed part lists the hashes of its terms, so that replacing or deleting it removes
 * exactly the index rows it had.
 *
 * A commit states, for every record it changes, the record as it was read; the engine compares the sealed bytes. Since
 * every sealing has a nonce of its own, equal bytes mean that nobody wrote in between.
 *
 * @module
 */
import { setImmediate } from 'node:timers/promises'
import type { Entry } from './change.ts'
import { type Awaitable, type Engine, when } from './engine.ts'
import { keyNumber } from './envelope.ts'
import { StoreError } from './error.ts'
import { storeFormat } from './header.ts'
import type { Keyring } from './keyring.ts'
import { plan, type RecordChange, type RecordGuard } from './plan.ts'
import { damaged, openRecord, type StoredRecord } from './record.ts'
import { bounds, checkPlace, checkTable, indexPrefix, recordKey, recordPrefix, uniqueKey } from './rows.ts'

export interface FindOptions {
  /** Resume beyond this id, which need not exist. */
  readonly after?: string | undefined
  /** Descending ids: newest first when ids are time-ordered. Default false. */
  readonly reverse?: boolean | undefined
  /** Default: all. */
  readonly limit?: number | undefined
}

/** Opened one by one, so that a damaged record does not hide the others. */
export interface FoundRecord {
  readonly id: string
  /** @throws StoreError `damaged`, as `get` does */
  readonly open: () => Awaitable<StoredRecord>
}

/**
 * Tables are words of at most 32 letters, digits and hyphens; ids are text of 1 to 512 bytes; both stand in clear in the
 * database. Terms are any text; a record carries at most 65,535.
 */
export interface Sealed {
  /**
   * The record as of now, whoever wrote it; `previous` itself when it is unchanged since, without unsealing it again.
   *
   * @throws StoreError `damaged`, with table and id, when what is stored there is not what was put there.
   */
  get(table: string, id: string, previous?: StoredRecord): Awaitable<StoredRecord | undefined>

  /**
   * Ids of the records that carry the term, other than as a unique one, in ascending order of their UTF-8 bytes. The cost
   * depends on how many there are and not on the size of the store. It is a scan without a snapshot: what is committed
   * meanwhile may or may not be seen, and a record may be gone when it is read. Index rows are hints; who depends on a
   * term checks the record.
   */
  find(table: string, term: string, options?: FindOptions): AsyncIterable<string>

  /** As {@link find}, for all records of the table. */
  list(table: string, options?: FindOptions): AsyncIterable<string>

  /** As {@link list}, with what each record held when its page was read: whoever reads them all asks less often so. */
  records(table: string, options?: FindOptions): AsyncIterable<FoundRecord>

  /** The id of the one record that carries the unique term; a hint, as from `find`. */
  holder(table: string, uniqueTerm: string): Awaitable<string | undefined>

  /** How many records carry the term, counted up to `limit`: tells which of several terms is the rarest. */
  count(table: string, term: string, limit: number): Awaitable<number>

  /**
   * All or none, durable when it resolves; seen by every read that begins then, in every process.
   *
   * @throws StoreError `conflict` with table and id when a record is not as it was read, or a created one exists;
   *   `duplicate` when another record carries a unique term; `full` or `io` when it could not be written.
   */
  commit(changes: readonly RecordChange[], guards?: readonly RecordGuard[]): Promise<void>

  /** Waits for the commits under way, then closes the engine. */
  close(): Promise<void>
}

/** A barrier round an engine, which is the barrier's from now on. */
export function sealed(engine: Engine, keyring: Keyring): Sealed {
  function open(table: string, id: string, place: Uint8Array, envelope: Uint8Array): Awaitable<StoredRecord> {
    const number = numberOf(table, id, envelope)
    const key = keyring.find(number)
    if (key !== undefined) return openRecord(key, table, id, place, envelope)
    // Another process has added a data key since; or the envelope lies.
    return keyring.reload().then(() => {
      const key = keyring.find(number)
      if (key === undefined) throw damaged(table, id, `there is no data key ${number}`)
      return openRecord(key, table, id, place, envelope)
    })
  }

  async function* scan<T>(
    prefix: Uint8Array,
    { after, reverse = false, limit = Infinity }: FindOptions,
    found: (id: string, row: Entry) => T,
  ): AsyncGenerator<T> {
    let last = after
    for (let left = limit; left > 0; left -= pageRows) {
      const page = Math.min(left, pageRows)
      const rows = await engine.range(...bounds(prefix, last, reverse), { limit: page, reverse })
      for (const row of rows) {
        const { key } = row
        last = Buffer.from(key.buffer, key.byteOffset + prefix.length, key.length - prefix.length).toString()
        yield found(last, row)
      }
      if (rows.length < page) return
      // An engine that answers at once would otherwise keep the event loop to itself until the end of the scan.
      await setImmediate()
    }
  }

  return {
    get(table, id, previous) {
      const known = previous?.table === table && previous.id === id ? previous : undefined
      const state = engine.state()
      if (known === undefined) checkPlace(table, id)
      else if (state !== undefined && known.seen.state === state) return known
      const place = known?.seen.place ?? recordKey(table, id)
      return when(engine.get(place, known?.seen.envelope), envelope => {
        if (envelope === undefined) return undefined
        if (envelope !== known?.seen.envelope) return open(table, id, place, envelope)
        known.seen.state = state
        return known
      })
    },

    find(table, term, options = {}) {
      checkTable(table)
      return scan(indexPrefix(table, keyring.hash(table, term)), options, id => id)
    },

    list(table, options = {}) {
      checkTable(table)
      return scan(recordPrefix(table), options, id => id)
    },

    records(table, options = {}) {
      checkTable(table)
      return scan(recordPrefix(table), options, (id, { key, value }) => ({
        id,
        open: () => open(table, id, key, value),
      }))
    },

    holder(table, uniqueTerm) {
      checkTable(table)
      const row = uniqueKey(table, keyring.hash(table, uniqueTerm))
      return when(engine.get(row), id => id && Buffer.from(id.buffer, id.byteOffset, id.length).toString())
    },

    count(table, term, limit) {
      checkTable(table)
      const [from, to] = bounds(indexPrefix(table, keyring.hash(table, term)), undefined, false)
      return when(engine.range(from, to, { limit }), rows => rows.length)
    },

    async commit(records, beliefs = []) {
      if (keyring.header().format < storeFormat) await keyring.raise()
      const { guards, changes, explain } = plan(keyring, records, beliefs)
      await engine.commit(guards, changes).catch((error: unknown) => {
        throw explain(error)
      })
    },

    close: () => engine.close(),
  }
}

/** Small enough that unsealing a page of records stays within a few milliseconds. */
const pageRows = 128

function numberOf(table: string, id: string, envelope: Uint8Array): number {
  try {
    return keyNumber(envelope)
  } catch (error) {
    throw damaged(table, id, error instanceof StoreError ? error.message : String(error))
  }
}
