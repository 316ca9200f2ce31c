/**
 * What this library refuses, and why.
 *
 * One error class with a closed set of codes: callers branch on `code`, people read `message`, which says what was
 * found, what was wanted and what to do. No message ever carries the content of a private key or a passphrase.
 * @module
 */

/** Why something was refused. */
export type CertsErrorCode =
  /** The input is larger than this library reads. */
  | 'tooLarge'
  /** The bytes are not DER, or not the structure that they claim to be. */
  | 'malformed'
  /** A certificate request was wanted; the message names what was given. */
  | 'notARequest'
  /** A certificate was wanted; the message names what was given. */
  | 'notACertificate'
  /** A certificate revocation list was wanted; the message names what was given. */
  | 'notAList'
  /** A private key was wanted; the message names what was given. */
  | 'notAKey'
  /** The private key is encrypted: the passphrase is missing or wrong. */
  | 'keyEncrypted'
  /** The private key belongs to another certificate. */
  | 'keyMismatch'
  /** The key is of a supported kind, but too weak. */
  | 'weakKey'
  /** The kind of key is not supported. */
  | 'unsupportedKey'
  /** The signature rests on a broken hash, such as SHA-1 or MD5. */
  | 'weakSignature'
  /** The signature algorithm is not supported. */
  | 'unsupportedSignature'
  /** The signature does not verify. */
  | 'badSignature'
  /** The subject is empty, unreadable, or not fit for a certificate. */
  | 'badSubject'
  /** A host name, an address or another alternative name is not valid. */
  | 'badName'
  /** A lifetime or a date is out of range. */
  | 'badLifetime'
  /** The certificate may not sign certificates, or not ones of this profile. */
  | 'notAnAuthority'
  /** A certificate of a chain was not issued by the next one. */
  | 'brokenChain'
  /** A certificate's validity has ended. */
  | 'expired'
  /** A certificate's validity has not begun: clocks may be apart. */
  | 'notYetValid'
  /** What a revocation list is to say contradicts itself, or a delta does not belong to the list. */
  | 'badList'
  /** The revocation list is partial or indirect in a way that cannot be honoured. */
  | 'unsupportedList'
  /** The request is not one that the acceptance policy allows. */
  | 'policy'
  /** The passphrase is too short, or of characters that not every program takes. */
  | 'badPassphrase'
  /** The plan was not made by this authority, or was signed before. */
  | 'badPlan'

/** A refusal of this library: `code` for the program, `message` for people. */
export class CertsError extends Error {
  readonly code: CertsErrorCode

  constructor(code: CertsErrorCode, message: string) {
    super(message)
    this.name = 'CertsError'
    this.code = code
  }
}
