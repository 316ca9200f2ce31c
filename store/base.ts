/**
 * What stands behind the journals.
 *
 * @module
 */
import type { Change, Entry } from './change.ts'
import type { RangeOptions } from './engine.ts'

/** Where rows end up. It has every answer at hand. */
export interface Base {
  get(key: Uint8Array, previous?: Uint8Array): Uint8Array | undefined
  range(from: Uint8Array | undefined, to: Uint8Array | undefined, options: RangeOptions): readonly Entry[]
  /** All or none, and durable when it resolves. */
  write(changes: readonly Change[]): Promise<void>
  /** Makes sure of room for so many bytes, whoever else fills the disk. @throws StoreError where there is none */
  reserve(bytes: number): Promise<void>
  /** The number of the last transaction, which only grows. */
  transaction(): Promise<number>
  close(): Promise<void>
}
