/**
 * Why there is no listener.
 *
 * @module
 */

/**
 * Why there is no listener: the address is in use, is none of this machine, or may not be used by this user; or key and
 * certificates cannot be used.
 */
export type ListenErrorCode = 'inUse' | 'noAddress' | 'notPermitted' | 'credentials' | 'failed'

export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code: ListenErrorCode

  constructor(code: ListenErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

export const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
