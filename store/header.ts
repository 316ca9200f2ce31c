/**
 * The header row: plain JSON that says what this is and how to come to its master key, before any key is at hand. It is
 * authenticated by the keyring, whose place includes it.
 *
 * @module
 */
import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto'
import { StoreError } from './error.ts'
import type { Kdf } from './master-key.ts'

/**
 * Counts up when the rows, where they are, or what is found by them, change in a way that an older release would misread. Older formats are
 * read as they are, and raised to this one before anything is written.
 *
 * | format | what changed |
 * |--:|---|
 * | 1 | at first, unique terms had an index row, too; that of 0.1 |
 * | 2 | objects have no index row for what their own row, or that of their unique name, tells as well |
 * | 3 | what was committed last may stand in the journal beside the database, and nowhere else |
 */
export const storeFormat = 3

export interface Header {
  readonly format: number
  /** UUID of the store, for people and backups. */
  readonly id: string
  /** ISO 8601. */
  readonly created: string
  /** Present when the master key is a passphrase. */
  readonly kdf?: Kdf | undefined
  /** Tells the right master key from a wrong one, so that a wrong one is not taken for damage. */
  readonly check: string
}

/** @throws StoreError `format` when a newer release wrote it; `damaged` when it is no header. */
export function parseHeader(bytes: Uint8Array): Header {
  const { format, id, created, kdf, check } = parseObject(bytes)
  if (typeof format !== 'number') throw damaged()
  if (format < 1 || format > storeFormat || !Number.isInteger(format)) {
    throw new StoreError(
      'format',
      `the store has format ${format}, this release knows ${storeFormat}: use the release that wrote it, or a newer one`,
    )
  }
  if (typeof id !== 'string' || typeof created !== 'string' || typeof check !== 'string') throw damaged()
  return { format, id, created, kdf: parseKdf(kdf), check }
}

export function writeHeader(header: Omit<Header, 'check'>, master: KeyObject): Uint8Array {
  return Buffer.from(JSON.stringify({ ...header, check: checkValue(header.id, master).toString('base64') }))
}

export function isMasterKey(header: Header, master: KeyObject): boolean {
  const wanted = Buffer.from(header.check, 'base64')
  const found = checkValue(header.id, master)
  return wanted.length === found.length && timingSafeEqual(wanted, found)
}

function checkValue(id: string, master: KeyObject): Buffer {
  return createHmac('sha256', master).update(`master key check\0${id}`).digest().subarray(0, 16)
}

function parseObject(bytes: Uint8Array): { readonly [name: string]: unknown } {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString())
    if (typeof value === 'object' && value !== null) return { ...value }
  } catch {
    // Told below.
  }
  throw damaged()
}

/** Bounded, so that a header made by someone else cannot ask for all the memory there is. */
function parseKdf(value: unknown): Kdf | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'object' || value === null) throw damaged()
  const { name, N, r, p, salt }: { readonly [name: string]: unknown } = { ...value }
  if (name !== 'scrypt' || typeof salt !== 'string') throw damaged()
  return { name, N: within(N, 2 ** 20), r: within(r, 32), p: within(p, 16), salt }
}

function within(value: unknown, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > most) throw damaged()
  return value
}

function damaged(): StoreError {
  return new StoreError('damaged', 'the header row cannot be read: restore a backup')
}
