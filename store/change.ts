/**
 * Rows as an engine reads them, and what a commit believes and wants of them.
 *
 * @module
 */

export interface Entry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** The belief that `key` holds exactly `value`, or nothing when `value` is undefined. */
export interface Guard {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}

/** `key` shall hold `value`, or nothing when `value` is undefined; removing what is not there is no error. */
export interface Change {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}
