/**
 * What stands in the file of the journals (`journal.ts`), which holds two of them. Numbers are big-endian.
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
import { StoreError } from './error.ts'

export interface RoundStart {
  readonly round: number
  /** The last transaction of the database. */
  readonly transaction: number
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

export function damaged(path: string): StoreError {
  return new StoreError('damaged', `${path} is damaged: it may hold keys that are nowhere else, so restore a backup`)
}

export const magic = 'kmipd journal 1\n'
export const pageBytes = 4096
export const journalBytes = 256 * pageBytes
const hashBytes = 32
const transactionAt = magic.length + 8
const headHashAt = transactionAt + 8
export const headBytes = headHashAt + hashBytes
const roundAt = hashBytes
const numberAt = roundAt + 8
const lengthAt = numberAt + 4
const groupHeadBytes = lengthAt + 4
const rowHeadBytes = 2 + 4

/** Within one sector: it is written as a whole, or the old one stays. */
export function headOf({ round, transaction }: RoundStart): Buffer {
  const head = Buffer.alloc(headBytes)
  head.write(magic, 'latin1')
  head.writeBigUInt64BE(BigInt(round), magic.length)
  head.writeBigUInt64BE(BigInt(transaction), transactionAt)
  head.set(hash(head.subarray(0, headHashAt)), headHashAt)
  return head
}

/** Undefined when it is none. */
export function readHead(head: Buffer): RoundStart | undefined {
  if (!head.subarray(headHashAt).equals(hash(head.subarray(0, headHashAt)))) return undefined
  if (head.toString('latin1', 0, magic.length) !== magic) return undefined
  return {
    round: Number(head.readBigUInt64BE(magic.length)),
    transaction: Number(head.readBigUInt64BE(transactionAt)),
  }
}

export function seal(bytes: Buffer, round: number, number: number): void {
  bytes.writeBigUInt64BE(BigInt(round), roundAt)
  bytes.writeUInt32BE(number, numberAt)
  bytes.set(hash(bytes.subarray(hashBytes, groupHeadBytes + bytes.readUInt32BE(lengthAt))))
}

function hash(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

/** Fills a buffer with what stands in the journal from there on. */
export type Read = (buffer: Buffer, at: number) => void

export function groupsIn(read: Read, round: number, path: string): Group[] {
  const groups: Group[] = []
  let at = pageBytes
  for (;;) {
    const group = groupAt(read, at, round)
    if (group?.number !== groups.length) break
    groups.push(group)
    at += group.bytes.length
  }
  // In parts: to touch new memory takes longer than the reading.
  const part = Buffer.alloc(16 * pageBytes)
  for (; at < journalBytes; at += part.length) {
    const pages = part.subarray(0, journalBytes - at)
    read(pages, at)
    for (let page = 0; page < pages.length; page += pageBytes) {
      if (roundIn(pages, page) === round && groupAt(read, at + page, round) !== undefined) throw damaged(path)
    }
  }
  return groups
}

/** What is whole, and of the round. */
function groupAt(read: Read, at: number, round: number): (Group & { readonly number: number }) | undefined {
  if (at >= journalBytes) return undefined
  const head = Buffer.alloc(groupHeadBytes)
  read(head, at)
  const end = groupHeadBytes + head.readUInt32BE(lengthAt)
  if (roundIn(head, 0) !== round || at + end > journalBytes) return undefined
  const bytes = Buffer.alloc(Math.ceil(end / pageBytes) * pageBytes)
  read(bytes, at)
  if (!hash(bytes.subarray(hashBytes, end)).equals(bytes.subarray(0, hashBytes))) return undefined
  const rows: [string, Uint8Array][] = []
  for (let row = groupHeadBytes; row < end;) {
    const key = row + rowHeadBytes
    const value = key + bytes.readUInt16BE(row)
    const length = bytes.readUInt32BE(row + 2)
    const next = value + Math.max(0, length - 1)
    rows.push([bytes.toString('latin1', key, value), length === 0 ? removed : bytes.subarray(value, next)])
    row = next
  }
  return { bytes, rows, number: bytes.readUInt32BE(numberAt) }
}

/** Of a group that begins there. */
function roundIn(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at + roundAt) * 2 ** 32 + bytes.readUInt32BE(at + roundAt + 4)
}
