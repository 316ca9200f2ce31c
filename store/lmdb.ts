/**
 * The engine of one machine: one memory-mapped file. Only this and `lmdb-addon.ts` know the driver.
 *
 * * One process at a time has the file open, and others ask it (`shared.ts`). The driver would let them all open it, but
 *   its opening sets the number of the last transaction back to the one that was the last when the opening began: where a
 *   commit came in between, the next one overwrites it.
 * * What is committed is safe in a journal at first, which brings it here (`journaled.ts`).
 * * At most one transaction is under way, which keeps the driver on its simplest path when the medium fails; its flush
 *   runs off the event loop.
 * * Removed values stay in the file's free pages until they are overwritten: only sealed values belong here.
 *
 * @module
 */
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import type { Base } from './base.ts'
import type { Change, Entry } from './change.ts'
import type { Engine } from './engine.ts'
import { codeOf, storeError, type StoreError } from './error.ts'
import { giveToOwner, makeFolder, syncFolder } from './folder.ts'
import { journaled } from './journaled.ts'
import { checkDatabaseFile, lastTransaction, reserveRoom } from './lmdb-file.ts'
import { shared } from './shared.ts'

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
    await checkDatabaseFile(join(path, databaseFile))
    const database = await openDatabase(path)
    const opened = engine(path, database, syncFolder(path))
    try {
      for (const name of [databaseFile, 'lock.mdb']) await giveToOwner(join(path, name))
      return await journaled(join(path, 'journal'), opened)
    } catch (cause) {
      await opened.close()
      throw cause
    }
  } catch (cause) {
    throw storeError(cause, `cannot open the database in ${path}`)
  }
}

type Database = RootDatabase<Uint8Array, Uint8Array>

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

/** @param synced when the files are sure to be found again: nothing is written before, and nothing at all if that fails */
function engine(path: string, opened: Database, synced: Promise<void>): Base {
  synced.catch(() => undefined)
  let db = opened
  let last: Promise<unknown> = Promise.resolve()

  function read<T>(use: () => T): T {
    try {
      return use()
    } catch (cause) {
      throw storeError(cause, 'the database could not be read')
    }
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work)
    last = done.catch(() => undefined)
    return done
  }

  async function write(changes: readonly Change[]): Promise<void> {
    try {
      await synced
      await db.transaction(() => {
        for (const { key, value } of changes) {
          if (value === undefined) db.removeSync(key)
          else db.putSync(key, value)
        }
      })
      // The driver keeps a read snapshot for a while; the next read is to see this commit.
      db.resetReadTxn()
    } catch (cause) {
      const error = await writeError(await reason(cause), path)
      await revive().catch(() => undefined)
      throw error
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

    write: changes => inTurn(() => write(changes)),

    transaction: () => inTurn(() => lastTransaction(join(path, databaseFile))),

    reserve: bytes => inTurn(() => synced.then(() => reserveRoom(join(path, databaseFile), bytes))),

    async close() {
      await last
      await db.close()
    },
  }
}

const databaseFile = 'data.mdb'
const lowest = Uint8Array.of(0)

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

const EIO = 5

/** The driver reports a write that was cut short as EIO, whatever cut it. */
async function isFull(path: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(path).catch(() => ({ bavail: Infinity, bsize: 1 }))
  return bavail * bsize < nearlyFullBytes
}

/** More than a group of commits usually writes. */
const nearlyFullBytes = 4 * 1024 * 1024
