/**
 * The engine of one machine: one memory-mapped file. The only file that knows the driver.
 *
 * * One process at a time has the file open, and others ask it (`shared.ts`). The driver would let them all open it, but
 *   its opening sets the number of the last transaction back to the one that was the last when the opening began: where a
 *   commit came in between, the next one overwrites it.
 * * Guards are judged inside the write transaction, on the bytes themselves.
 * * Whatever commits are waiting when the write transaction opens share it and its flush; the flush runs off the event
 *   loop. At most one transaction is under way, which keeps the driver on its simplest path when the medium fails.
 * * Removed values stay in the file's free pages until they are overwritten: only sealed values belong here.
 *
 * @module
 */
import { statfs } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type * as driver from 'lmdb'
import type { Change, Entry, Guard } from './change.ts'
import { checkKeys, closed, conflict, type Engine } from './engine.ts'
import { StoreError, type StoreErrorCode } from './error.ts'
import { giveToOwner, makeFolder, syncFolder } from './folder.ts'
import { checkDatabaseFile } from './lmdb-file.ts'
import { shared } from './shared.ts'

const require = createRequire(import.meta.url)

// As CommonJS the driver is few files instead of many and loads in two thirds of the time, but it takes its path for a URL.
const isPlain = !/[#%?]/.test(require.resolve('lmdb'))
const { open } = isPlain ? (require('lmdb') as typeof driver) : await import('lmdb')

export interface LmdbOptions {
  /** A folder, created (0700) when missing. The files in it are created 0600. */
  readonly path: string
  /**
   * Whether this process has the file open itself, and keeps it so until it closes the engine, as a server should. One
   * process may; others go through it. Default false.
   */
  readonly stays?: boolean | undefined
}

/**
 * Opens or creates the database in a folder of a local disk (not NFS), which many processes of one machine may use at the
 * same time.
 *
 * @throws StoreError `format` when the file there is no database of this kind; `damaged` when it is cut short;
 *   `locked` when another process stays too; `io` when the system refuses, or the process that has the file open does not
 *   answer. Nothing is changed then.
 */
export function lmdb({ path, stays = false }: LmdbOptions): Promise<Engine> {
  return shared({ path, stays, open: () => openAlone(path) })
}

/** While no other process has it open. */
async function openAlone(path: string): Promise<Engine> {
  try {
    await makeFolder(path)
    await checkDatabaseFile(join(path, 'data.mdb'))
    const opened = engine(path, await openDatabase(path))
    try {
      for (const name of ['data.mdb', 'lock.mdb']) await giveToOwner(join(path, name))
      await syncFolder(path)
      return opened
    } catch (cause) {
      await opened.close()
      throw cause
    }
  } catch (cause) {
    throw storeError(cause, `cannot open the database in ${path}`)
  }
}

type Database = driver.RootDatabase<Uint8Array, Uint8Array>

interface Waiting {
  readonly guards: readonly Guard[]
  readonly changes: readonly Change[]
  readonly resolve: () => void
  readonly reject: (error: StoreError) => void
}

async function openDatabase(path: string): Promise<Database> {
  const db = open<Uint8Array, Uint8Array>({
    path,
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'binary',
    // The promise of a transaction then follows its flush.
    overlappingSync: false,
    // Otherwise the driver makes promises of its own, whose rejection nobody could handle.
    eventTurnBatching: false,
    ...permissions,
  })
  try {
    probe(db)
    return db
  } catch (cause) {
    await db.close()
    throw cause
  }
}

/** A first read: once it works, others do. */
function probe(db: Database): void {
  db.resetReadTxn()
  db.doesExist(lowest)
}

// Understood by the driver, missing from its types.
const permissions: object = { permissionsMode: 0o600 }

/** Bounds how long one group of commits may hold the event loop. */
const groupLimit = 256

function engine(path: string, opened: Database): Engine {
  let db = opened
  const waiting: Waiting[] = []
  let writing: Promise<void> | undefined
  let closing: Promise<void> | undefined

  function check(): void {
    if (closing !== undefined) throw closed()
  }

  function read<T>(use: () => T): T {
    check()
    try {
      return use()
    } catch (cause) {
      throw storeError(cause, 'the database could not be read')
    }
  }

  async function write(): Promise<void> {
    while (waiting.length > 0) await writeGroup()
    writing = undefined
  }

  /** As long as each turn of the event loop brings more commits, the next turn may: together they take one flush. */
  async function gather(): Promise<void> {
    let seen = 0
    while (waiting.length > seen && waiting.length < groupLimit) {
      seen = waiting.length
      await setImmediate()
    }
  }

  async function writeGroup(): Promise<void> {
    let group: Waiting[] = []
    await gather()
    try {
      const broken = await db.transaction(() => {
        group = waiting.splice(0, groupLimit)
        return group.map(({ guards, changes }) => apply(db, guards, changes))
      })
      // The driver keeps a read snapshot for a while; the next read is to see this commit.
      db.resetReadTxn()
      group.forEach(({ resolve, reject }, index) => {
        const guard = broken[index]
        if (guard === undefined) resolve()
        else reject(conflict(guard))
      })
    } catch (cause) {
      if (group.length === 0) group = waiting.splice(0)
      const error = await writeError(await reason(cause), path)
      await revive().catch(() => undefined)
      for (const { reject } of group) reject(error)
    }
  }

  /**
   * A failure while the root is written leaves the driver refusing everything, reads too, until it is opened anew. Where
   * that fails, the next commit fails and tries again.
   */
  async function revive(): Promise<void> {
    try {
      probe(db)
    } catch {
      await db.close()
      db = await openDatabase(path)
    }
  }

  async function close(): Promise<void> {
    await writing
    await db.close()
  }

  return {
    get(key, previous) {
      return read(() => {
        const lent = lend(db, key)
        if (lent === undefined) return undefined
        return previous !== undefined && lent.equals(previous) ? previous : new Uint8Array(lent)
      })
    },

    range(from, to, { limit, reverse = false }) {
      const low = from === undefined || from.length === 0 ? lowest : from
      const options = reverse
        ? { end: low, inclusiveEnd: true, ...(to && { start: to, exclusiveStart: true }) }
        : { start: low, ...(to && { end: to }) }
      return read(() => Array.from<Entry>(db.getRange({ ...options, reverse, limit })))
    },

    commit(guards, changes) {
      return new Promise<void>((resolve, reject) => {
        check()
        checkKeys(guards)
        checkKeys(changes)
        waiting.push({ guards, changes, resolve, reject })
        writing ??= write()
      })
    },

    close: () => (closing ??= close()),
  }
}

const lowest = Uint8Array.of(0)

/** Runs inside the write transaction. Returns the guard that does not hold, having changed nothing. */
function apply(db: Database, guards: readonly Guard[], changes: readonly Change[]): Guard | undefined {
  const broken = guards.find(guard => !holds(db, guard))
  if (broken !== undefined) return broken
  for (const { key, value } of changes) {
    if (value === undefined) db.removeSync(key)
    else db.putSync(key, value)
  }
  return undefined
}

function holds(db: Database, { key, value }: Guard): boolean {
  const held = lend(db, key)
  return held === undefined || value === undefined ? held === value : held.equals(value)
}

/** The value where the driver put it: valid until the next read, and not to be changed. */
function lend(db: Database, key: Uint8Array): Buffer | undefined {
  const value = db.getBinaryFast(key)
  return value && Buffer.from(value.buffer, value.byteOffset, value.length)
}

/** A rejected transaction carries the true reason as a promise. */
async function reason(cause: unknown): Promise<unknown> {
  if (!(cause instanceof Error && 'commitError' in cause)) return cause
  try {
    await cause.commitError
    return cause
  } catch (error) {
    return error
  }
}

async function writeError(cause: unknown, path: string): Promise<StoreError> {
  const full = codeOf(cause) === EIO && (await isFull(path))
  return full
    ? storeError(new Error('no space is left', { cause }), nothingWritten, 'full')
    : storeError(cause, nothingWritten)
}

const nothingWritten = 'the commit failed and nothing was written'

function storeError(cause: unknown, what: string, code = meanings.get(codeOf(cause)) ?? 'io'): StoreError {
  if (cause instanceof StoreError) return cause
  const why = cause instanceof Error ? cause.message : String(cause)
  return new StoreError(code, `${what}: ${why}`, { cause })
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined
}

const EIO = 5

/** Codes of Linux and of the driver. */
const meanings = new Map<unknown, StoreErrorCode>([
  [28, 'full'], // ENOSPC
  [122, 'full'], // EDQUOT
  [-30796, 'damaged'], // MDB_CORRUPTED
  [-30797, 'damaged'], // MDB_PAGE_NOTFOUND
])

/** The driver reports a write that was cut short as EIO, whatever cut it. */
async function isFull(path: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(path).catch(() => ({ bavail: Infinity, bsize: 1 }))
  return bavail * bsize < nearlyFullBytes
}

/** More than a group of commits usually writes. */
const nearlyFullBytes = 4 * 1024 * 1024
