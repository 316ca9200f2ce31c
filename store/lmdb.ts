/**
 * The engine of one machine: one memory-mapped file that several processes (a server and its command line) read and
 * write at the same time. The only file that knows the driver.
 *
 * * Guards are judged inside the write transaction, on the bytes themselves, so they hold among processes too.
 * * Whatever commits are waiting when the write transaction opens share it and its flush; the flush runs off the event
 *   loop. At most one transaction is under way, which keeps the driver on its simplest path when the medium fails.
 * * The driver keeps a read snapshot for a while; here every read starts a new one, so that a commit of another process
 *   is seen by the next read and not by one a few milliseconds later.
 * * Removed values stay in the file's free pages until they are overwritten: only sealed values belong here.
 *
 * @module
 */
import { mkdir } from 'node:fs/promises'
import { open, type RootDatabase } from 'lmdb'
import { checkKeys, closed, conflict, type Change, type Engine, type Entry, type Guard } from './engine.ts'
import { StoreError, type StoreErrorCode } from './error.ts'

export interface LmdbOptions {
  /** A folder, created (0700) when missing. The files in it are created 0600. */
  readonly path: string
}

/**
 * Opens or creates the database in a folder of a local disk (not NFS).
 *
 * @throws StoreError `format` when the file there is no database of this kind; `damaged` when it is cut short;
 *   `io` when the system refuses. Nothing is changed then.
 */
export async function lmdb({ path }: LmdbOptions): Promise<Engine> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    return engine(openDatabase(path))
  } catch (cause) {
    throw storeError(cause, `cannot open the store at ${path}`)
  }
}

type Database = RootDatabase<Uint8Array, Uint8Array>

interface Waiting {
  readonly guards: readonly Guard[]
  readonly changes: readonly Change[]
  readonly resolve: () => void
  readonly reject: (error: StoreError) => void
}

function openDatabase(path: string): Database {
  return open<Uint8Array, Uint8Array>({
    path,
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'binary',
    // The promise of a transaction then follows its flush.
    overlappingSync: false,
    ...permissions,
  })
}

// Understood by the driver, missing from its types.
const permissions: object = { permissionsMode: 0o600 }

/** Bounds how long one group of commits may hold the event loop. */
const groupLimit = 256

function engine(db: Database): Engine {
  const waiting: Waiting[] = []
  let writing: Promise<void> | undefined
  let isOpen = true

  function check(): void {
    if (!isOpen) throw closed()
  }

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      let group: Waiting[] = []
      try {
        const broken = await db.transaction(() => {
          group = waiting.splice(0, groupLimit)
          return group.map(({ guards, changes }) => apply(db, guards, changes))
        })
        group.forEach(({ resolve, reject }, index) => {
          const guard = broken[index]
          if (guard === undefined) resolve()
          else reject(conflict(guard))
        })
      } catch (cause) {
        if (group.length === 0) group = waiting.splice(0)
        const error = storeError(await reason(cause), 'the commit failed and nothing was written')
        for (const { reject } of group) reject(error)
      }
    }
    writing = undefined
  }

  return {
    get(key, previous) {
      check()
      db.resetReadTxn()
      const value = db.getBinaryFast(key)
      if (value === undefined) return undefined
      // The driver lends its own buffer, valid until the next read.
      const lent = Buffer.from(value.buffer, value.byteOffset, value.length)
      return previous !== undefined && lent.equals(previous) ? previous : new Uint8Array(lent)
    },

    range(from, to, { limit, reverse = false }) {
      check()
      db.resetReadTxn()
      const low = from === undefined || from.length === 0 ? lowest : from
      const options = reverse
        ? { end: low, inclusiveEnd: true, ...(to && { start: to, exclusiveStart: true }) }
        : { start: low, ...(to && { end: to }) }
      return Array.from<Entry>(db.getRange({ ...options, reverse, limit }))
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

    async close() {
      if (!isOpen) return
      isOpen = false
      await writing
      await db.close()
    },
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
  const held = db.getBinaryFast(key)
  if (held === undefined || value === undefined) return held === value
  return Buffer.from(held.buffer, held.byteOffset, held.length).equals(value)
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

function storeError(cause: unknown, what: string): StoreError {
  if (cause instanceof StoreError) return cause
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const [kind, why] = meanings.get(code) ?? ['io', cause instanceof Error ? cause.message : String(cause)]
  return new StoreError(kind, `${what}: ${why}`, { cause })
}

const meanings = new Map<unknown, readonly [StoreErrorCode, string]>([
  [28, ['full', 'no space is left on the disk: make space, writes then work again']],
])
