/**
 * The one error of this library. What a failure means to the caller is its `code`; the message is for people.
 *
 * @module
 */
import type { Guard } from './change.ts'

/**
 * | code | what happened | what is left |
 * |---|---|---|
 * | `conflict` | a record or row is no longer as it was seen | nothing was written: read again, decide again |
 * | `duplicate` | another record already holds a term that must be unique | nothing was written |
 * | `damaged` | stored bytes do not open: bit rot, truncation or tampering | everything else stays readable |
 * | `format` | not a store, or one written by a newer release | nothing was touched |
 * | `masterKey` | the master key is missing, malformed, unsafe or not this store's | nothing was touched |
 * | `locked` | another process serves this folder, or has it open and does not let go | nothing was touched |
 * | `full` | no space is left for a write | nothing was written; reads go on, and writes once there is space |
 * | `io` | the operating system refused a read or a write, or another process did not answer | nothing was written, unless the message says that it may be |
 * | `closed` | the store was closed | |
 * | `invalid` | an argument is outside the documented limits | nothing was written |
 */
export type StoreErrorCode = (typeof storeErrorCodes)[number]

export const storeErrorCodes = [
  'conflict',
  'duplicate',
  'damaged',
  'format',
  'masterKey',
  'locked',
  'full',
  'io',
  'closed',
  'invalid',
] as const

export interface StoreErrorDetail {
  readonly cause?: unknown
  /** The record concerned. */
  readonly table?: string | undefined
  readonly id?: string | undefined
  /** Engines only: the guard that did not hold. */
  readonly guard?: Guard
}

/** Never carries key material, bodies or terms. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode
  readonly table: string | undefined
  readonly id: string | undefined
  readonly guard: Guard | undefined

  constructor(code: StoreErrorCode, message: string, detail: StoreErrorDetail = {}) {
    super(message, 'cause' in detail ? { cause: detail.cause } : undefined)
    this.code = code
    this.table = detail.table
    this.id = detail.id
    this.guard = detail.guard
  }
}

/** What the system or the driver says, as an error of this library. */
export function storeError(cause: unknown, what: string, code = meanings.get(codeOf(cause)) ?? 'io'): StoreError {
  if (cause instanceof StoreError) return cause
  const why = cause instanceof Error ? cause.message : String(cause)
  return new StoreError(code, `${what}: ${why}`, { cause })
}

export function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined
}

/** Codes of Node.js, of Linux and of the driver. */
const meanings = new Map<unknown, StoreErrorCode>([
  ['ENOSPC', 'full'],
  ['EDQUOT', 'full'],
  [28, 'full'], // ENOSPC
  [122, 'full'], // EDQUOT
  [-30796, 'damaged'], // MDB_CORRUPTED
  [-30797, 'damaged'], // MDB_PAGE_NOTFOUND
])
