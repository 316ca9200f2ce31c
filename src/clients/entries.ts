/**
 * The entries of the client register in the store: where each stands, and how it changes.
 *
 * @module
 */
import type { Certificate } from '../../certs/index.ts'
import { type RecordChange, type RecordGuard, type Store, StoreError, type StoredRecord } from '../../store/index.ts'
import { revised } from '../revocation/revision.ts'
import { type ClientEntry, isKeyLost, isOfLostKey, numberOf, parse, sha256 } from './entry.ts'

export const clientTable = 'client'
const table = clientTable
const everyTerm = 'every'

export interface Found {
  readonly id: string
  readonly record: StoredRecord
  readonly entry: ClientEntry
}

/** What `Clients` promises of single entries, and how they are found. */
export interface Entries {
  readonly read: (id: string) => Promise<Found | undefined>
  /** The entry of the very certificate. */
  readonly locate: (certificate: Certificate) => Promise<Found | undefined>
  readonly list: () => Promise<ClientEntry[]>
  readonly ofSameKeys: (given: readonly Pick<ClientEntry, 'keyFingerprint'>[]) => Promise<ClientEntry[]>
  readonly plan: (entry: ClientEntry, beside?: readonly RecordChange[]) => Promise<void>
  readonly complete: (entry: ClientEntry, beside?: readonly RecordChange[]) => Promise<void>
  readonly enter: (entry: ClientEntry) => Promise<void>
  readonly revoke: (entry: ClientEntry, revoked: NonNullable<ClientEntry['revoked']>) => Promise<void>
  readonly retire: (issuer: string, now: number) => Promise<void>
}

export function entriesIn(store: Store): Entries {
  async function read(id: string): Promise<Found | undefined> {
    const record = await store.get(table, id)
    return record && { id, record, entry: parse(record) }
  }

  /** The entry of the very certificate; of a plan, whatever has become of it. */
  async function locate(wanted: Pick<ClientEntry, 'fingerprint' | 'issuer' | 'serialNumber'>) {
    const { fingerprint } = wanted
    if (fingerprint === '') return read(numberOf(wanted))
    const found = (await read(fingerprint)) ?? (await read(numberOf(wanted)))
    return found?.entry.fingerprint === fingerprint ? found : undefined
  }

  /** Without `previous`, there must be nothing in its place. */
  async function put(
    id: string,
    entry: ClientEntry,
    previous?: StoredRecord,
    beside: readonly RecordChange[] = [],
    guards: readonly RecordGuard[] = [],
  ): Promise<void> {
    const body = Buffer.from(JSON.stringify(entry))
    const { keyFingerprint: key } = entry
    const terms = [everyTerm, ...(key === undefined ? [] : [keyTerm(key)])]
    const change = { table, id, ...(previous === undefined ? {} : { previous }), body, terms }
    await store.commit([change, ...beside], guards)
  }

  /** That an authority still signs, by the time of the commit: another process may have retired it since it was read here. */
  async function unretired(issuer: string): Promise<RecordGuard> {
    const place = { table: retiredTable, id: sha256(issuer) }
    const record = await store.get(place.table, place.id)
    if (record === undefined) return { ...place, record }
    const words = `the authority ${issuer} was retired; the one that follows it signs within seconds: sign the request again`
    throw new StoreError('conflict', words, place)
  }

  async function revokeOnce(entry: ClientEntry, revoked: NonNullable<ClientEntry['revoked']>): Promise<void> {
    const found = await locate(entry)
    const latest = found?.entry ?? entry
    const { revoked: before } = latest
    if (before !== undefined && (isKeyLost(latest) || !isOfLostKey(revoked.reason))) return
    const id = found?.id ?? entry.fingerprint
    const told = { date: before?.date ?? revoked.date, reason: revoked.reason }
    await put(id, { ...latest, revoked: told }, found?.record, [await revised(store)])
  }

  return {
    read,
    locate: ({ fingerprint, serialNumber, issuer }) => locate({ fingerprint, serialNumber, issuer: issuer.text }),

    async list() {
      const entries: ClientEntry[] = []
      for await (const id of store.find(table, everyTerm)) {
        const found = await read(id)
        if (found !== undefined) entries.push(found.entry)
      }
      return entries.sort((one, other) => one.issued - other.issued)
    },

    async ofSameKeys(given) {
      const keys = new Set(given.flatMap(({ keyFingerprint = [] }) => keyFingerprint))
      const entries: ClientEntry[] = []
      for (const key of keys)
        for await (const id of store.find(table, keyTerm(key))) {
          const found = await read(id)
          if (found?.entry.keyFingerprint === key) entries.push(found.entry)
        }
      return entries
    },

    async plan(entry, beside) {
      const guard = await unretired(entry.issuer)
      await put(numberOf(entry), { ...entry, fingerprint: '' }, undefined, beside, [guard])
    },

    async complete(entry, beside) {
      const id = numberOf(entry)
      const planned = await read(id)
      if (planned?.entry.name !== entry.name || planned.entry.fingerprint !== '')
        throw new StoreError('conflict', `the register has no plan ${id} for ${entry.name}; sign the request again`, {
          table,
          id,
        })
      const guard = await unretired(entry.issuer)
      await put(id, { ...planned.entry, fingerprint: entry.fingerprint }, planned.record, beside, [guard])
    },

    enter: entry => put(entry.fingerprint, entry),
    revoke: (entry, revoked) => again(() => revokeOnce(entry, revoked)),

    async retire(issuer, now) {
      const id = sha256(issuer)
      if ((await store.get(retiredTable, id)) !== undefined) return
      await store.commit([{ table: retiredTable, id, body: Buffer.from(JSON.stringify({ issuer, retired: now })) }])
    },
  }
}

/** Names of authorities that sign nothing more. */
const retiredTable = 'retired'

const keyTerm = (fingerprint: string): string => `key:${fingerprint}`

/** Revocations are counted in one record, so that two at once are a conflict that means nothing. */
async function again(work: () => Promise<void>, most = 20): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'conflict' || most === 0) throw error
    await again(work, most - 1)
  }
}
