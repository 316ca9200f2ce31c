/**
 * A file where commits are safe before they are in the database: each group of them is one write, which is durable when
 * it returns.
 *
 * The file holds two journals (`journal-format.ts`), and has its size from the beginning, so that writing in it takes no
 * space and changes nothing but what it holds. A journal is filled in rounds: once all of a round is in the database, the
 * next begins at the front again.
 *
 * @module
 */
import { constants, fdatasync, readSync, write } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreError } from './error.ts'
import { giveToOwner, syncFolder } from './folder.ts'
import {
  damaged,
  type Group,
  groupsIn,
  headBytes,
  headOf,
  journalBytes,
  magic,
  pageBytes,
  type Read,
  readHead,
  type RoundStart,
  seal,
} from './journal-format.ts'
import { type OrderedRows, orderedRows } from './ordered-rows.ts'

export interface Journal {
  /** What was appended in this round, by name (`ordered-rows.ts`); `removed` stands for a row that is to go. */
  readonly rows: OrderedRows
  readonly round: number
  readonly isEmpty: boolean
  /** Written in this round. */
  readonly bytes: number
  hasRoomFor(group: Group): boolean
  /** Durable when it resolves. Not to be called again before that. */
  append(group: Group): Promise<void>
  /** Makes sure that nothing of a group that failed is found later. Until it has, nothing else may be acknowledged. */
  clean(): Promise<void>
  /** Forgets all that it holds. */
  beginRound(start: RoundStart): Promise<void>
}

export interface Journals {
  /** In the order of their rounds. */
  readonly both: readonly [Journal, Journal]
  /** The last transaction that the database is known to have seen. */
  readonly transaction: number
  close(): Promise<void>
}

/**
 * Undefined when there is no such file.
 *
 * @throws StoreError `damaged` when something that was acknowledged cannot be read; `format` when it is of another kind
 */
export async function openJournals(path: string): Promise<Journals | undefined> {
  const file = await open(path, flags).catch(passOverMissing)
  if (file === undefined) return undefined
  try {
    return await journals(file, path)
  } catch (error) {
    await file.close()
    throw error
  }
}

/**
 * The file appears as a whole or not at all.
 *
 * @param transaction the last of the database
 */
export async function createJournals(path: string, transaction: number): Promise<Journals> {
  const temporary = `${path}.new`
  const file = await open(temporary, flags | constants.O_CREAT | constants.O_TRUNC, 0o600)
  try {
    await giveToOwner(path, file)
    const content = Buffer.alloc(2 * journalBytes)
    content.set(headOf({ round: 1, transaction }))
    content.set(headOf({ round: 2, transaction }), journalBytes)
    await writeAt(file, content, 0)
    await rename(temporary, path)
    await syncFolder(dirname(path))
    return await journals(file, path)
  } catch (error) {
    await file.close()
    await rm(temporary, { force: true })
    throw error
  }
}

/** Whether a write is durable when it returns. Elsewhere the drive may keep it in its own memory until it is told not to. */
const isDurableAtOnce = process.platform === 'linux'
const flags = constants.O_RDWR | constants.O_NOFOLLOW | (isDurableAtOnce ? constants.O_DSYNC : 0)

function passOverMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

async function journals(file: FileHandle, path: string): Promise<Journals> {
  const read: Read = (buffer, at) => {
    if (readSync(file.fd, buffer, 0, buffer.length, at) < buffer.length) throw damaged(path)
  }
  const bytes = Buffer.alloc(magic.length)
  read(bytes, 0)
  const kind = bytes.toString('latin1')
  if (kind !== magic && kind.startsWith('kmipd journal '))
    throw new StoreError('format', `${path} was written by a newer release: use that, or one that is newer still`)
  if ((await file.stat()).size !== 2 * journalBytes) throw damaged(path)
  const one = openJournal(file, 0, read, path)
  const two = openJournal(file, journalBytes, read, path)
  return {
    both: one.journal.round < two.journal.round ? [one.journal, two.journal] : [two.journal, one.journal],
    transaction: Math.max(one.transaction, two.transaction),
    close: () => file.close(),
  }
}

/** @param start where it begins in the file */
function openJournal(
  file: FileHandle,
  start: number,
  read: Read,
  path: string,
): { journal: Journal; transaction: number } {
  const bytes = Buffer.alloc(headBytes)
  read(bytes, start)
  const head = readHead(bytes)
  if (head === undefined) throw damaged(path)
  const groups = groupsIn((buffer, at) => read(buffer, start + at), head.round, path)
  return { journal: journal(file, start, head.round, groups), transaction: head.transaction }
}

function journal(file: FileHandle, start: number, begun: number, groups: readonly Group[]): Journal {
  let round = begun
  let rows = orderedRows()
  let end = pageBytes
  let count = 0
  /** Whether a group that failed may be found at the end. */
  let isTainted = false

  function hold({ bytes, rows: changes }: Group): void {
    for (const [name, value] of changes) rows.put(name, value)
    end += bytes.length
    count++
  }

  async function clean(): Promise<void> {
    if (isTainted) await writeAt(file, Buffer.alloc(pageBytes), start + end)
    isTainted = false
  }

  groups.forEach(hold)

  return {
    get rows() {
      return rows
    },

    get round() {
      return round
    },

    get isEmpty() {
      return count === 0
    },

    get bytes() {
      return end - pageBytes
    },

    hasRoomFor: ({ bytes }) => end + bytes.length <= journalBytes,

    async append(group) {
      if (isTainted) await clean()
      seal(group.bytes, round, count)
      try {
        await writeAt(file, group.bytes, start + end)
      } catch (error) {
        isTainted = true
        await clean().catch(() => undefined)
        throw error
      }
      hold(group)
    },

    clean,

    async beginRound(next) {
      await writeAt(file, headOf(next), start)
      round = next.round
      rows = orderedRows()
      end = pageBytes
      count = 0
      isTainted = false
    },
  }
}

function writeAt({ fd }: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, 0, bytes.length, at, (error, written) => {
      if (error !== null) reject(error)
      else if (written < bytes.length) reject(new Error(`only ${written} of ${bytes.length} bytes were written`))
      else if (isDurableAtOnce) resolve()
      else fdatasync(fd, error => (error === null ? resolve() : reject(error)))
    })
  })
}
