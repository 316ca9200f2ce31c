/**
 * Passphrases of key stores.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'

export interface Passphrase {
  readonly text: string
  /** Whether nobody knows it but us: it must be told then. */
  readonly isGenerated: boolean
}

/** 192 bits, as letters, digits, `-` and `_`: no shell, settings file or password prompt takes offence. */
export const newPassphrase = (): Passphrase => ({ text: randomBytes(24).toString('base64url'), isGenerated: true })
