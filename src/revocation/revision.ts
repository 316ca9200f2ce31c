/**
 * Tells that something was revoked: a record that changes in one commit with every revocation, so that whoever publishes
 * lists needs to look at one record, not at all.
 *
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { Awaitable, RecordChange, Store, StoredRecord } from '../../store/index.ts'

export const listTable = 'revocationList'
const id = 'revision'

/** The record; itself again as long as nothing was revoked since. */
export const revision = (store: Store, previous?: StoredRecord): Awaitable<StoredRecord | undefined> =>
  store.get(listTable, id, previous)

/** To be committed together with a revocation. Of two at once, one is a conflict, and is to be tried again. */
export async function revised(store: Store): Promise<RecordChange> {
  const previous = await revision(store)
  return { table: listTable, id, previous, body: Buffer.from(randomUUID()) }
}
