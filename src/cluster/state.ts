/**
 * What a cluster remembers, and how: one document, sealed in a store of its own.
 *
 * Every change is one commit of the whole document, on stable storage before anybody hears of it, so that a crash leaves
 * the state before a change or the state after it. It is small (some 400 bytes a drive), which makes that cheap.
 *
 * Not remembered is what a real cluster forgets without power: which drives are unlocked, and keys of a key server.
 *
 * @module
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  createMasterKeyFile,
  lmdb,
  lockFolder,
  makeFolder,
  masterKeyFile,
  masterKeyText,
  memory,
  openStore,
  type Store,
  type StoredRecord,
} from '../../store/index.ts'
import type { ClusterState, Frozen } from './shapes.ts'

export interface Memory {
  /** As of now; never changed in place. */
  readonly state: Frozen<ClusterState>
  /**
   * Changes are made one after another. What `edit` throws, nothing changes.
   *
   * @param edit gets a copy to change
   */
  change<T>(edit: (draft: ClusterState) => T): Promise<T>
  close(): Promise<void>
}

/** @param make the document of a new cluster */
export async function openMemory(folder: string | undefined, make: () => ClusterState): Promise<Memory> {
  const { store, release } = await (folder === undefined ? openEphemeral() : openKept(folder))
  try {
    return await remember(store, make, release)
  } catch (error) {
    await store.close()
    await release()
    throw error
  }
}

interface Place {
  readonly store: Store
  readonly release: () => Promise<void>
}

async function openEphemeral(): Promise<Place> {
  const masterKey = masterKeyText(randomBytes(32).toString('base64'))
  return { store: await openStore({ engine: memory(), masterKey }), release: async () => undefined }
}

async function openKept(folder: string): Promise<Place> {
  await makeFolder(folder)
  const lock = await lockFolder(folder)
  try {
    const key = join(folder, 'master.key')
    if (!existsSync(key)) await createMasterKeyFile(key)
    const engine = await lmdb({ path: join(folder, 'store'), stays: true })
    try {
      return { store: await openStore({ engine, masterKey: masterKeyFile(key) }), release: () => lock.release() }
    } catch (error) {
      await engine.close()
      throw error
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

const place = { table: 'cluster', id: 'state' } as const

async function remember(store: Store, make: () => ClusterState, release: () => Promise<void>): Promise<Memory> {
  let record: StoredRecord | undefined = await store.get(place.table, place.id)
  let state = record === undefined ? make() : (JSON.parse(Buffer.from(record.body).toString()) as ClusterState)
  let last: Promise<unknown> = Promise.resolve()

  async function save(next: ClusterState): Promise<void> {
    const body = Buffer.from(JSON.stringify(next))
    const promise = store.commit([{ ...place, previous: record, body }])
    body.fill(0)
    await promise
    record = await store.get(place.table, place.id)
    state = next
  }

  if (record === undefined) await save(state)
  return {
    get state() {
      return state
    },
    change<T>(edit: (draft: ClusterState) => T): Promise<T> {
      const changed = last.then(async () => {
        const draft = structuredClone(state)
        const result = edit(draft)
        await save(draft)
        return result
      })
      last = changed.catch(() => undefined)
      return changed
    },
    async close() {
      await last
      await store.close()
      await release()
    },
  }
}

/** A cluster that was just made: its data is encrypted in software, with an internal key, and its drives have no lock. */
export interface NewCluster {
  readonly name: string
  readonly drives: number
  readonly nodes: number
}

/** The part of a new cluster that has no secrets; see `makeCluster`. */
export const emptyState = ({ name }: NewCluster): ClusterState => ({
  format: 1,
  name,
  uuid: randomUUID(),
  uniqueID: randomBytes(2).toString('hex'),
  lastID: { server: 0, provider: 0, async: 0, fault: 0, drive: 0 },
  servers: [],
  providers: [],
  keys: [],
  drives: [],
  hardware: { state: 'disabled' },
  software: { state: 'enabled', version: 1, keyID: '' },
  results: [],
  faults: [],
})
