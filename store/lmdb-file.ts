/**
 * Looks at a database file before the driver maps it: the driver crashes the process on what is not its own, and a page
 * that a mapped file no longer has is a bus error when it is touched.
 *
 * Read here is the layout of LMDB's data version 2, little-endian, as far as it tells which pages are in use:
 *
 * * page: number (8), transaction (8), pad (2), flags (2), twice the number of nodes (2), upper (2), then offsets of nodes
 *   (2 each, counted from byte 24);
 * * meta page (0 and 1), from byte 24: magic (4), version (4), address (8), map size (8), two trees (free pages, data) of
 *   48 bytes each, of which the first 4 are the page size and the last 8 the root, last page (8), transaction (8);
 * * node: child page in the first 6 bytes (branch), or 4 bytes of size, flags (2), size of key (2), key, data (leaf), where
 *   data too large for a page is: first page (8), transaction (8), number of pages (8).
 *
 * A file may rightly be shorter than its last page says, when the last pages are free. Only then is every page looked
 * for, by walking both trees.
 *
 * @module
 */
import { readSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { StoreError } from './error.ts'

/**
 * @throws StoreError `format` when the file is no such database; `damaged` when it is empty or cut short. An absent file
 *   is fine.
 */
export async function checkDatabaseFile(path: string): Promise<void> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return
  try {
    await check(file, path)
  } finally {
    await file.close()
  }
}

/**
 * Lengthens the file, so that the database has room for `bytes` behind the last page that it uses. To be called while
 * nothing writes to it.
 */
export async function reserveRoom(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const { pageBytes, lastPage } = newestMeta(file, path)
    const { size } = await file.stat()
    const used = (lastPage + 1) * pageBytes
    if (size - used >= bytes) return
    const zeros = Buffer.alloc(Math.min(used + bytes - size, zerosBytes))
    try {
      for (let at = size; at < used + bytes; at += zeros.length) {
        const { bytesWritten } = await file.write(zeros, 0, zeros.length, at)
        if (bytesWritten < zeros.length) throw new StoreError('full', 'no space is left')
      }
    } catch (error) {
      await file.truncate(size)
      throw error
    }
  } finally {
    await file.close()
  }
}

/** Written at once. */
const zerosBytes = 1024 * 1024

/** The number of the last transaction. */
export async function lastTransaction(path: string): Promise<number> {
  const file = await open(path, 'r')
  try {
    return Number(newestMeta(file, path).transaction)
  } finally {
    await file.close()
  }
}

interface Meta {
  readonly pageBytes: number
  readonly roots: readonly number[]
  readonly lastPage: number
  readonly transaction: bigint
}

async function check(file: FileHandle, path: string): Promise<void> {
  await begun(file, path)
  for (;;) {
    const meta = newestMeta(file, path)
    // Taken after the meta page: a file only grows.
    const { size } = await file.stat()
    const pages = Math.floor(size / meta.pageBytes)
    if (pages > meta.lastPage) return
    if (meta.roots.every(root => isWhole(file, meta.pageBytes, pages, root))) return
    // Unless another process wrote meanwhile, what was seen is true.
    if (newestMeta(file, path).transaction === meta.transaction) {
      throw new StoreError(
        'damaged',
        `${path} is cut short: it has ${pages} pages of ${meta.lastPage + 1} and lacks some in use; restore a backup`,
      )
    }
  }
}

/** Another process may be making the file just now; it is empty for a moment then. */
async function begun(file: FileHandle, path: string): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    if ((await file.stat()).size > 0) return
    await setTimeout(25)
  }
  throw new StoreError('damaged', `${path} is empty: restore a backup, or delete its folder to begin a new store`)
}

const magic = 0xbeefc0de
const version = 2
const headBytes = 24
const metaBytes = 160
const noPage = 0xffff_ffff_ffff_ffffn

function newestMeta(file: FileHandle, path: string): Meta {
  const first = meta(file, 0, path)
  const second = meta(file, first.pageBytes, path)
  return first.transaction > second.transaction ? first : second
}

function meta(file: FileHandle, at: number, path: string): Meta {
  const page = read(file, at, metaBytes)
  if (page === undefined || page.readUInt32LE(24) !== magic) {
    throw new StoreError('format', `${path} is not an LMDB file; it was left as it is`)
  }
  if ((page.readUInt32LE(28) & 0xffff) !== version) {
    throw new StoreError('format', `${path} is an LMDB file of another version than ${version}; it was left as it is`)
  }
  const pageBytes = page.readUInt32LE(48)
  if (pageBytes < 512 || pageBytes > 65536) throw new StoreError('damaged', `${path} is damaged: restore a backup`)
  return {
    pageBytes,
    roots: [page.readBigUInt64LE(88), page.readBigUInt64LE(136)].filter(root => root !== noPage).map(Number),
    lastPage: Number(page.readBigUInt64LE(144)),
    transaction: page.readBigUInt64LE(152),
  }
}

const branch = 0x01
const leaf = 0x02
const onOwnPages = 0x01

/** Whether the file has all pages of the tree. */
function isWhole(file: FileHandle, pageBytes: number, pages: number, root: number): boolean {
  const left = [root]
  for (let number = left.pop(); number !== undefined; number = left.pop()) {
    const page = number < pages ? read(file, number * pageBytes, pageBytes) : undefined
    if (page === undefined || Number(page.readBigUInt64LE(0)) !== number) return false
    const flags = page.readUInt16LE(18)
    for (let at = headBytes; at < headBytes + page.readUInt16LE(20); at += 2) {
      const node = headBytes + page.readUInt16LE(at)
      if (node + 8 > pageBytes) return false
      if (flags & branch) left.push(page.readUIntLE(node, 6))
      if (!(flags & leaf) || !(page.readUInt16LE(node + 4) & onOwnPages)) continue
      const data = node + 8 + page.readUInt16LE(node + 6)
      if (data + 24 > pageBytes) return false
      if (Number(page.readBigUInt64LE(data) + page.readBigUInt64LE(data + 16)) > pages) return false
    }
  }
  return true
}

/** At once: a promise for each of many thousand pages would take seconds. */
function read({ fd }: FileHandle, at: number, length: number): Buffer | undefined {
  const buffer = Buffer.allocUnsafe(length)
  return readSync(fd, buffer, 0, length, at) === length ? buffer : undefined
}
