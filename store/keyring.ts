/**
 * The keys of a store, and the two rows that keep them: the header, in clear, and the keyring, sealed under the master key
 * with the header as part of its place, so that neither can be exchanged without the other. Both change in one commit.
 *
 * * Data keys seal records. The newest seals; the older ones only open. When the newest is older than 90 days, opening the
 *   store adds one: at 500 writes a second that stays below the 2^32 that random nonces allow.
 * * The index key hashes terms (HMAC-SHA-256, first 16 bytes) and never changes.
 * * The master key stays in memory: another process may add a data key, which this one then has to unwrap.
 *
 * @module
 */
import { createHmac, createSecretKey, randomFillSync, randomUUID, type KeyObject } from 'node:crypto'
import type { Engine } from './engine.ts'
import { keyNumber, nonces, seal, unseal, type SealingKey } from './envelope.ts'
import { StoreError } from './error.ts'
import { isMasterKey, parseHeader, storeFormat, writeHeader, type Header } from './header.ts'
import type { Kdf, MasterKey } from './master-key.ts'
import { hashBytes, headerKey, keyringKey } from './rows.ts'

export interface Keyring {
  header(): Header
  /** The key that seals. */
  current(): SealingKey
  /** A key that opens; undefined when it is not known here (see `reload`). */
  find(number: number): KeyObject | undefined
  /** Takes up the keys that another process added. */
  reload(): Promise<void>
  /** The keyed hash of a term, one character per byte; the same term hashes differently in another table. */
  hash(table: string, term: string): string
  /** Makes the store one of this release's format: older releases do not open it from then on. */
  raise(): Promise<void>
  /** Adds a data key, with which everything is sealed from now on. */
  rotate(): Promise<void>
  /** Wraps the keys under another master key, in one commit. */
  rewrap(masterKey: MasterKey): Promise<void>
}

/**
 * Opens the keyring of a store; in an empty engine, makes one if it may.
 *
 * @throws StoreError `format`, `masterKey` or `damaged`; nothing was changed then.
 */
export async function openKeyring(engine: Engine, { masterKey, create, now }: KeyringOptions): Promise<Keyring> {
  const found = await readRows(engine)
  if (found === undefined && !create) throw new StoreError('format', 'there is no store here: create one first')
  const rows = found ?? (await createRows(engine, masterKey, now()))
  const master = await unlockFor(parseHeader(rows.header), masterKey)
  let state = open(rows, master)
  /** The index key never changes, and most terms are the same few. */
  const hashes = new Map<string, string>()

  /** Re-reads, edits and replaces; someone else's edit in between is a conflict. */
  async function edit(change: (keys: Buffer) => Edited): Promise<void> {
    await keyring.reload()
    const { rows, master } = state
    const edited = change(openRows(rows, master))
    try {
      const next = sealRows(edited.header, edited.master, edited.keys)
      await replaceRows(engine, rows, next)
      state = open(next, edited.master)
    } finally {
      for (const key of edited.keys) key.fill(0)
    }
  }

  const keyring: Keyring = {
    header: () => state.header,
    current: () => state.newest,
    find: number => state.data.get(number),

    async reload() {
      const rows = await readRows(engine)
      if (rows === undefined) throw new StoreError('damaged', 'the store has lost its header: restore a backup')
      state = open(rows, state.master)
    },

    hash(table, term) {
      const place = `${table}\0${term}`
      const known = hashes.get(place)
      if (known !== undefined) return known
      const hash = createHmac('sha256', state.index).update(place).digest().toString('latin1', 0, hashBytes)
      if (hashes.size >= maxHashes) hashes.clear()
      hashes.set(place, hash)
      return hash
    },

    async raise() {
      while (state.header.format < storeFormat)
        await edit(keys => {
          const { id, created, kdf } = state.header
          const header = writeHeader({ format: storeFormat, id, created, kdf }, state.master)
          return { header, master: state.master, keys: [keys] }
        }).catch(passOverRace)
    },

    async rotate() {
      await keyring.raise()
      await edit(keys => ({
        header: state.rows.header,
        master: state.master,
        keys: [keys, newEntry(purposes.data, state.newest.number + 1, now())],
      }))
    },

    async rewrap(masterKey) {
      await keyring.raise()
      const { master, kdf } = await unlock(masterKey)
      await edit(keys => {
        const { format, id, created } = state.header
        return { header: writeHeader({ format, id, created, kdf }, master), master, keys: [keys] }
      })
    },
  }

  if (now() - state.newest.created > maxAgeMs) await keyring.rotate().catch(passOverRace)
  return keyring
}

/** Another process has just done the same. */
function passOverRace(error: unknown): void {
  if (!(error instanceof StoreError && error.code === 'conflict')) throw error
}

export interface KeyringOptions {
  readonly masterKey: MasterKey
  readonly create: boolean
  /** Milliseconds since 1970, for what is recorded. */
  readonly now: () => number
}

const maxHashes = 1000

const maxAgeMs = 90 * 24 * 60 * 60 * 1000

interface Rows {
  readonly header: Uint8Array
  readonly keyring: Uint8Array
}

interface DataKey extends SealingKey {
  readonly created: number
}

interface Edited {
  readonly header: Uint8Array
  readonly master: KeyObject
  /** In clear; wiped once they are sealed. */
  readonly keys: readonly Buffer[]
}

interface State {
  readonly rows: Rows
  readonly header: Header
  readonly master: KeyObject
  readonly data: ReadonlyMap<number, KeyObject>
  readonly newest: DataKey
  readonly index: KeyObject
}

async function readRows(engine: Engine): Promise<Rows | undefined> {
  const [first, second] = await engine.range(undefined, undefined, { limit: 2 })
  if (first === undefined) return undefined
  if (Buffer.compare(first.key, headerKey) !== 0) {
    throw new StoreError('format', 'the database is not empty and does not begin with a header: it is not a store')
  }
  // Before the keyring is asked for: a newer format may keep it elsewhere.
  parseHeader(first.value)
  if (second === undefined || Buffer.compare(second.key, keyringKey) !== 0) {
    throw new StoreError('damaged', 'the store has lost its keyring: restore a backup')
  }
  return { header: first.value, keyring: second.value }
}

async function createRows(engine: Engine, masterKey: MasterKey, now: number): Promise<Rows> {
  const { master, kdf } = await unlock(masterKey)
  const header = { format: storeFormat, id: randomUUID(), created: new Date(now).toISOString(), kdf }
  const keys = [newEntry(purposes.data, 1, now), newEntry(purposes.index, 1, now)]
  const rows = sealRows(writeHeader(header, master), master, keys)
  for (const key of keys) key.fill(0)
  try {
    await replaceRows(engine, undefined, rows)
    return rows
  } catch (error) {
    // Another process was faster: its store it is.
    const made = error instanceof StoreError && error.code === 'conflict' ? await readRows(engine) : undefined
    if (made === undefined) throw error
    return made
  }
}

async function replaceRows(engine: Engine, seen: Rows | undefined, next: Rows): Promise<void> {
  await engine.commit(
    [
      { key: headerKey, value: seen?.header },
      { key: keyringKey, value: seen?.keyring },
    ],
    [
      { key: headerKey, value: next.header },
      { key: keyringKey, value: next.keyring },
    ],
  )
}

async function unlock(masterKey: MasterKey, kdf?: Kdf): Promise<{ master: KeyObject; kdf: Kdf | undefined }> {
  const unlocked = await masterKey.unlock(kdf)
  const master = createSecretKey(unlocked.key)
  unlocked.key.fill(0)
  return { master, kdf: unlocked.kdf }
}

async function unlockFor(header: Header, masterKey: MasterKey): Promise<KeyObject> {
  const wanted = header.kdf === undefined ? 'a key' : 'a passphrase'
  if ((masterKey.source === 'passphrase') !== (header.kdf !== undefined)) {
    throw new StoreError('masterKey', `the store is locked with ${wanted}; the master key given is of another kind`)
  }
  const { master } = await unlock(masterKey, header.kdf)
  if (!isMasterKey(header, master)) {
    throw new StoreError('masterKey', `the master key (${masterKey.source}) is not the one of store ${header.id}`)
  }
  return master
}

function masterPlace(header: Uint8Array): Uint8Array {
  return Buffer.concat([keyringKey, header])
}

function sealRows(header: Uint8Array, master: KeyObject, keys: readonly Uint8Array[]): Rows {
  return { header, keyring: seal({ number: 0, key: master, nonce: nonces() }, masterPlace(header), keys) }
}

/** @returns the entries in clear; whoever asked wipes them */
function openRows({ header, keyring }: Rows, master: KeyObject): Buffer {
  keyNumber(keyring)
  const keys = unseal(master, masterPlace(header), keyring)
  if (keys === undefined || keys.length % entryBytes !== 0) {
    throw new StoreError('damaged', 'the header or the keyring is damaged: restore a backup')
  }
  return keys
}

function open(rows: Rows, master: KeyObject): State {
  const header = parseHeader(rows.header)
  if (!isMasterKey(header, master)) {
    throw new StoreError('masterKey', 'the master key was changed by another process: start again with the new one')
  }
  const keys = openRows(rows, master)
  const data = new Map<number, KeyObject>()
  let newest: DataKey | undefined
  let index: KeyObject | undefined
  for (let at = 0; at < keys.length; at += entryBytes) {
    const number = keys.readUInt32BE(at + 1)
    const key = createSecretKey(keys.subarray(at + entryBytes - 32, at + entryBytes))
    if (keys[at] === purposes.index) index = key
    if (keys[at] !== purposes.data) continue
    data.set(number, key)
    if (newest === undefined || number > newest.number)
      newest = { number, key, nonce: nonces(), created: keys.readDoubleBE(at + 5) }
  }
  keys.fill(0)
  if (newest === undefined || index === undefined) throw new StoreError('damaged', 'the keyring lacks a key')
  return { rows, header, master, data, newest, index }
}

// An entry is the purpose (1), the number (4), the time of creation in ms as a double (8) and the key (32).
const purposes = { data: 1, index: 2 }
const entryBytes = 45

function newEntry(purpose: number, number: number, created: number): Buffer {
  const entry = Buffer.alloc(entryBytes)
  entry.writeUInt8(purpose)
  entry.writeUInt32BE(number, 1)
  entry.writeDoubleBE(created, 5)
  return randomFillSync(entry, entryBytes - 32)
}
