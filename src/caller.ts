/**
 * Who asks for a certificate or decides on one: an administrator, a client, the holder of a token.
 *
 * @module
 */
import type { FoundToken, Scope } from './tokens.ts'

export interface Caller {
  /** Tells callers apart for ever: `token 4f0c9a1b7d2e8f31`, `client ops`. */
  readonly id: string
  /** For people: `token backup`. */
  readonly words: string
  readonly scope: readonly Scope[]
  /** Of a caller with a certificate: its name in the register. */
  readonly client?: string
  /** Of a caller with a token. */
  readonly token?: FoundToken
}

/** Whoever owns the data folder. */
export const shell: Caller = { id: 'shell', words: 'shell', scope: ['admin'] }

/** `admin` includes all. */
export const may = ({ scope }: Caller, wanted: Scope): boolean => scope.includes(wanted) || scope.includes('admin')
