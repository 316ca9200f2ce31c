/**
 * What a database must do to keep this store: ordered bytes to bytes, and one kind of write. The contract is small on
 * purpose, so that an embedded file, plain memory and a database server can all keep it honestly:
 *
 * * a read sees every commit that resolved before the read began, whichever process made it;
 * * a range is a page, not a cursor: no snapshot is held between pages, so a long scan neither pins old data nor blocks
 *   the event loop, and whoever scans decides when to go on;
 * * a write states what it believes (guards) and what it wants (changes), and is done as a whole or not at all.
 *
 * @module
 */
import type { Change, Entry, Guard } from './change.ts'
import { StoreError } from './error.ts'

/**
 * Engines that have the answer at hand give it without a promise, and throw at once likewise, so that the hot path need
 * not wait for a turn.
 */
export type Awaitable<T> = T | Promise<T>

/** Goes on with an answer: at once where it is at hand. */
export function when<T, R>(value: Awaitable<T>, use: (value: T) => Awaitable<R>): Awaitable<R> {
  return value instanceof Promise ? value.then(use) : use(value)
}

/** Does work, and afterwards, however it ended, what must be done then. */
export function ending<T>(work: () => Awaitable<T>, end: () => void): Awaitable<T> {
  let result: Awaitable<T>
  try {
    result = work()
  } catch (error) {
    end()
    throw error
  }
  if (result instanceof Promise) return result.finally(end)
  end()
  return result
}

export interface RangeOptions {
  /** At most this many entries: the page. */
  readonly limit: number
  /** From the end downwards. Default false. */
  readonly reverse?: boolean | undefined
}

/**
 * Keys have 1 to {@link maxKeyBytes} bytes and are ordered bytewise; values may be empty. What goes in is not changed and
 * must not be changed by the caller until the call is done; what comes out is a copy and belongs to the caller.
 * Failures are `StoreError`s.
 */
export interface Engine {
  /**
   * The value at `key`. When it is bytewise equal to `previous`, `previous` itself is returned: telling that nothing
   * changed costs no copy.
   */
  get(key: Uint8Array, previous?: Uint8Array): Awaitable<Uint8Array | undefined>

  /**
   * Stands for all rows as they are: as long as the same object is returned, nothing has changed. Undefined where that is not
   * at hand.
   */
  state(): object | undefined

  /** The first entries of `from <= key < to`, in order; an undefined bound is open. */
  range(from: Uint8Array | undefined, to: Uint8Array | undefined, options: RangeOptions): Awaitable<readonly Entry[]>

  /**
   * All or none, atomic among all processes, and durable (on stable storage) when it resolves. Commits made
   * concurrently may share one flush. Guards are judged in order.
   *
   * @throws StoreError `conflict`, with the first `guard` that does not hold; `full` and `io` when the medium fails.
   */
  commit(guards: readonly Guard[], changes: readonly Change[]): Promise<void>

  /** Finishes the commits under way. Afterwards every call fails with `closed`. */
  close(): Promise<void>
}

/** LMDB's limit with pages of 4 KiB. */
export const maxKeyBytes = 1978

/** Engines call it before they touch anything, so that no commit can fail half-way on an argument. */
export function checkKeys(rows: readonly { readonly key: Uint8Array }[]): void {
  for (const { key } of rows) {
    if (key.length === 0 || key.length > maxKeyBytes) {
      throw new StoreError('invalid', `a key of ${key.length} bytes; keys have 1 to ${maxKeyBytes}`)
    }
  }
}

/** @param held what is at the guard's key */
export function holds({ value }: Guard, held: Uint8Array | undefined): boolean {
  return held === undefined || value === undefined ? held === value : Buffer.compare(held, value) === 0
}

/** Says which belief was wrong; the key itself stays out of the message. */
export function conflict(guard: Guard): StoreError {
  const wanted = guard.value === undefined ? 'be absent' : 'be as it was read'
  return new StoreError('conflict', `a row that should ${wanted} is not: read again`, { guard })
}

export function closed(): StoreError {
  return new StoreError('closed', 'the store is closed')
}
