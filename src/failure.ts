/**
 * The one way in which an operation fails, and the one place where other rooms' errors become result reasons.
 *
 * @module
 */
import { CertsError } from '../certs/index.ts'
import { DecodeError, type ResultReasonName, SchemaError, type SchemaErrorCode } from '../protocol/index.ts'
import { StoreError, type StoreErrorCode } from '../store/index.ts'

/** An operation's refusal: the reason, and words that may be sent to the client. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly reason: ResultReasonName

  constructor(reason: ResultReasonName, message: string) {
    super(message)
    this.reason = reason
  }
}

const schemaReasons: Record<SchemaErrorCode, ResultReasonName> = {
  missing: 'InvalidMessage',
  unexpected: 'InvalidField',
  type: 'InvalidField',
  value: 'InvalidField',
  version: 'UnsupportedProtocolVersion',
  operation: 'OperationNotSupported',
}

/** What the store's trouble means to a client. The other codes are the server's own affair. */
const storeReasons: Partial<Record<StoreErrorCode, readonly [ResultReasonName, string]>> = {
  duplicate: ['NonUniqueNameAttribute', 'another object of the group has that name'],
  conflict: ['GeneralFailure', 'the object is being changed by others; try again'],
  full: ['GeneralFailure', 'the key server has no space left to write; reads go on'],
  io: ['GeneralFailure', 'the key server cannot write to its store; reads go on'],
  damaged: ['GeneralFailure', 'the stored object is damaged and is not handed out'],
}

/** The failure that an error is to the client, or undefined if it is none of the client's business. */
export function asFailure(error: unknown): Failure | undefined {
  if (error instanceof Failure) return error
  if (error instanceof SchemaError) return new Failure(schemaReasons[error.code], error.message)
  if (error instanceof DecodeError) return new Failure('InvalidMessage', error.message)
  if (error instanceof CertsError) return new Failure('InvalidAttributeValue', error.message)
  if (error instanceof StoreError) {
    const [reason, message] = storeReasons[error.code] ?? []
    if (reason !== undefined) return new Failure(reason, message ?? '')
  }
  return undefined
}
