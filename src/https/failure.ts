/**
 * How a request fails: the status, and an error body of one form for all.
 *
 * The members are those of the published task interface, `error_code` and `error_msg`; its 403 has more of them. What the
 * caller may not know is in the log alone, under the correlation that the body names.
 *
 * @module
 */
import * as z from 'zod'
import { CertsError } from '../../certs/index.ts'
import { StoreError, type StoreErrorCode } from '../../store/index.ts'
import { EnrollmentError, type EnrollmentErrorCode } from '../enrollment.ts'

/** Statuses of failure, and the code and meaning of each. */
export const failures = {
  400: ['invalid', 'The request is not what is wanted.'],
  401: ['unauthorized', 'No token or client certificate, or one that is not accepted.'],
  403: ['SMS.9004', 'The token or client certificate does not permit this.'],
  404: ['notFound', 'There is no such thing, or the caller may not see it.'],
  405: ['methodNotAllowed', 'The path has other methods.'],
  409: ['conflict', 'What is asked for is somebody else’s, or is in another state.'],
  413: ['tooLarge', 'The body is longer than 64 KiB.'],
  415: ['unsupportedMediaType', 'The body is of another type than wanted.'],
  429: ['tooManyRequests', 'Too many requests, or too much waits already.'],
  500: ['internal', 'A fault of the server; its log tells more.'],
  503: ['unavailable', 'The server cannot do it now.'],
} as const satisfies Record<number, readonly [code: string, meaning: string]>

export type FailureStatus = keyof typeof failures

/** A request's end; the message is for the caller. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure'
  readonly status: FailureStatus
  readonly headers: Readonly<Record<string, string>>
  /** Whether the log has told of others like it just now. */
  readonly isRepeated: boolean

  constructor(
    status: FailureStatus,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    isRepeated = false,
  ) {
    super(message)
    this.status = status
    this.headers = headers
    this.isRepeated = isRepeated
  }
}

/** As every status but 403 has it. */
export const errorSchema = z
  .object({
    error_code: z.string().describe('For programs.'),
    error_msg: z.string().describe('What was found, what was wanted, what to do.'),
  })
  .meta({ id: 'Error' })

export const forbiddenSchema = errorSchema
  .extend({
    encoded_authorization_message: z.string().describe('Under which the server’s log tells more.'),
    error_param: z.array(z.string()).describe('The action, and what it was to be performed on.'),
    details: z.array(errorSchema),
  })
  .meta({ id: 'Forbidden' })

const enrollmentStatus: Record<EnrollmentErrorCode, FailureStatus> = {
  invalid: 400,
  taken: 409,
  forbidden: 403,
  notFound: 404,
  full: 429,
}

/** What the store's trouble means to a caller. The other codes are the server's own affair. */
const storeFailures: Partial<Record<StoreErrorCode, readonly [FailureStatus, string]>> = {
  conflict: [409, 'others are changing the same thing; try again'],
  full: [503, 'the server has no space left to write; try again later'],
  io: [503, 'the server cannot write to its store; try again later'],
}

/** The failure that an error is to the caller; undefined for a fault of our own. */
export function failureOf(error: unknown): RequestFailure | undefined {
  if (error instanceof RequestFailure) return error
  if (error instanceof EnrollmentError) return new RequestFailure(enrollmentStatus[error.code], error.message)
  if (error instanceof CertsError) return new RequestFailure(certsStatus[error.code] ?? 400, error.message)
  if (error instanceof StoreError) {
    const [status, words] = storeFailures[error.code] ?? []
    return status === undefined ? undefined : new RequestFailure(status, words ?? '')
  }
  return undefined
}

/** What is wrong with our authority is not wrong with the request. */
const certsStatus: Partial<Record<CertsError['code'], FailureStatus>> = {
  expired: 503,
  notYetValid: 503,
  notAnAuthority: 503,
}

interface Attempt {
  /** What was tried, on what. */
  readonly action: string
  readonly resource: string
  readonly correlation: string
}

/** The body that tells of a failure. */
export function bodyOf({ status, message }: RequestFailure, { action, resource, correlation }: Attempt) {
  const [error_code] = failures[status]
  if (status !== 403) return { error_code, error_msg: message }
  return {
    error_code,
    error_msg: `The current account does not have the permission to execute policy You do not have permission to perform action ${action} on resource ${resource}.`,
    encoded_authorization_message: correlation,
    error_param: [action, resource],
    details: [{ error_code, error_msg: message }],
  }
}
