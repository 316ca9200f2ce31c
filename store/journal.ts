/**
 * A file where commits are safe before they are in the database: each group of them is one write, which is durable when
 * it returns.
 *
 * The file holds two journals, and has its size from the beginning, so that writing in it takes no space and changes
 * nothing but what it holds. A journal is filled in rounds: once all of a round is in the database, the next begins at
 * the front again. Numbers are big-endian.
 *
 * | page | bytes | |
 * |---|--:|---|
 * | first | 16 | `kmipd journal 1` and a line feed |
 * | | 8 | round, counted over both journals |
 * | | 8 | the database's last transaction when the round began: an older database is not the one that this goes on from |
 * | | 32 | SHA-256 of the above |
 * | others | 32 | SHA-256 of what follows |
 * | | 8 | round |
 * | | 4 | number of the group in its round, from 0 |
 * | | 4 | bytes of its rows |
 * | | … | rows: length of the key (2), length of the value and one, or 0 where the row is removed (4), key, value |
 *
 * A group begins at the begin of a page, so that no page is written twice in a round. The next is written when the last
 * is durable: only the last may be torn, and was never acknowledged then. A group that cannot be read and has others
 * behind it is damage.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { constants, fdatasync, write } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreError } from './error.ts'
import { giveToOwner, syncFolder } from './folder.ts'
import { type OrderedRows, orderedRows } from './ordered-rows.ts'

export interface Journal {
  /** What was appended in this round, by name (`ordered-rows.ts`); {@link removed} stands for a row that is to go. */
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

export interface RoundStart {
  readonly round: number
  /** The last transaction of the database. */
  readonly transaction: number
}

export interface Journals {
  /** In the order of their rounds. */
  readonly both: readonly [Journal, Journal]
  /** The last transaction that the database is known to have seen. */
  readonly transaction: number
  close(): Promise<void>
}

/** Changes that are made together, as they are written. */
export interface Group {
  readonly bytes: Buffer
  /** Their values lie in the bytes. */
  readonly rows: readonly (readonly [name: string, value: Uint8Array])[]
}

/** The value of a row that is to go: this array and no other. */
export const removed = new Uint8Array()

/** @returns undefined when it is larger than a journal */
export function groupOf(changes: ReadonlyMap<string, Uint8Array>): Group | undefined {
  let length = groupHeadBytes
  for (const [name, value] of changes) length += rowHeadBytes + name.length + value.length
  if (length > journalBytes - pageBytes) return undefined
  const bytes = Buffer.alloc(Math.ceil(length / pageBytes) * pageBytes)
  bytes.writeUInt32BE(length - groupHeadBytes, lengthAt)
  const rows: [string, Uint8Array][] = []
  let at = groupHeadBytes
  for (const [name, value] of changes) {
    at = bytes.writeUInt16BE(name.length, at)
    at = bytes.writeUInt32BE(value === removed ? 0 : value.length + 1, at)
    at += bytes.write(name, at, 'latin1')
    bytes.set(value, at)
    rows.push([name, value === removed ? removed : bytes.subarray(at, at + value.length)])
    at += value.length
  }
  return { bytes, rows }
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
    return journals(file, await file.readFile(), path)
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
    return journals(file, content, path)
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

function damaged(path: string): StoreError {
  return new StoreError('damaged', `${path} is damaged: it may hold keys that are nowhere else, so restore a backup`)
}

function journals(file: FileHandle, content: Buffer, path: string): Journals {
  const kind = content.toString('latin1', 0, magic.length)
  if (kind !== magic && kind.startsWith('kmipd journal '))
    throw new StoreError('format', `${path} was written by a newer release: use that, or one that is newer still`)
  if (content.length !== 2 * journalBytes) throw damaged(path)
  const heads = [0, journalBytes].map(start => readHead(content.subarray(start, start + headBytes)))
  const [one, two] = heads
  if (one === undefined || two === undefined) throw damaged(path)
  const first = journal(file, 0, one.round, groupsIn(content.subarray(0, journalBytes), one.round, path))
  const second = journal(file, journalBytes, two.round, groupsIn(content.subarray(journalBytes), two.round, path))
  return {
    both: one.round < two.round ? [first, second] : [second, first],
    transaction: Math.max(one.transaction, two.transaction),
    close: () => file.close(),
  }
}

/** @param start where it begins in the file */
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
      await clean()
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

const magic = 'kmipd journal 1\n'
const pageBytes = 4096
const journalBytes = 256 * pageBytes
const hashBytes = 32
const transactionAt = magic.length + 8
const headHashAt = transactionAt + 8
const headBytes = headHashAt + hashBytes
const roundAt = hashBytes
const numberAt = roundAt + 8
const lengthAt = numberAt + 4
const groupHeadBytes = lengthAt + 4
const rowHeadBytes = 2 + 4

/** Within one sector: it is written as a whole, or the old one stays. */
function headOf({ round, transaction }: RoundStart): Buffer {
  const head = Buffer.alloc(headBytes)
  head.write(magic, 'latin1')
  head.writeBigUInt64BE(BigInt(round), magic.length)
  head.writeBigUInt64BE(BigInt(transaction), transactionAt)
  head.set(hash(head.subarray(0, headHashAt)), headHashAt)
  return head
}

/** Undefined when it is none. */
function readHead(head: Buffer): RoundStart | undefined {
  if (!head.subarray(headHashAt).equals(hash(head.subarray(0, headHashAt)))) return undefined
  if (head.toString('latin1', 0, magic.length) !== magic) return undefined
  return {
    round: Number(head.readBigUInt64BE(magic.length)),
    transaction: Number(head.readBigUInt64BE(transactionAt)),
  }
}

function seal(bytes: Buffer, round: number, number: number): void {
  bytes.writeBigUInt64BE(BigInt(round), roundAt)
  bytes.writeUInt32BE(number, numberAt)
  bytes.set(hash(bytes.subarray(hashBytes, groupHeadBytes + bytes.readUInt32BE(lengthAt))))
}

function hash(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function groupsIn(content: Buffer, round: number, path: string): Group[] {
  const groups: Group[] = []
  let at = pageBytes
  for (;;) {
    const group = groupAt(content, at, round)
    if (group?.number !== groups.length) break
    groups.push(group)
    at += group.bytes.length
  }
  for (let behind = at; behind < journalBytes; behind += pageBytes) {
    if (groupAt(content, behind, round) !== undefined) throw damaged(path)
  }
  return groups
}

/** What is whole, and of the round. */
function groupAt(content: Buffer, at: number, round: number): (Group & { readonly number: number }) | undefined {
  if (at >= journalBytes || content.readBigUInt64BE(at + roundAt) !== BigInt(round)) return undefined
  const end = at + groupHeadBytes + content.readUInt32BE(at + lengthAt)
  if (end > journalBytes) return undefined
  if (!hash(content.subarray(at + hashBytes, end)).equals(content.subarray(at, at + hashBytes))) return undefined
  const rows: [string, Uint8Array][] = []
  for (let row = at + groupHeadBytes; row < end;) {
    const key = row + rowHeadBytes
    const value = key + content.readUInt16BE(row)
    const length = content.readUInt32BE(row + 2)
    const next = value + Math.max(0, length - 1)
    rows.push([content.toString('latin1', key, value), length === 0 ? removed : content.subarray(value, next)])
    row = next
  }
  const bytes = content.subarray(at, at + Math.ceil((end - at) / pageBytes) * pageBytes)
  return { bytes, rows, number: content.readUInt32BE(at + numberAt) }
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
