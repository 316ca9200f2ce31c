/**
 * One batch item: find the operation, perform it, and say how it went. It never throws.
 *
 * @module
 */
import type { RequestItem, ResponseItem, UniqueIdentifier } from '../protocol/index.ts'
import type { Awaitable } from '../store/index.ts'
import { asFailure, Failure } from './failure.ts'
import { handlers } from './operations/index.ts'
import type { Context } from './operations/handle.ts'
import type { Placeholder } from './placeholder.ts'

/** How an item went: what the client is told, and what only the log is. */
export interface Outcome {
  readonly response: ResponseItem
  /** The object it was about, as far as it got. */
  readonly uniqueIdentifier?: string | undefined
  /** What broke, if it is none of the client's business. */
  readonly error?: unknown
}

/** The pair that ties an internal error's log line to what the client was told. */
export interface Correlation {
  readonly correlation: string
}

/** At once, if what the operation needs is at hand. */
export function perform(
  item: RequestItem,
  context: Context & Correlation,
  placeholder: Placeholder,
): Awaitable<Outcome> {
  const { operation, uniqueBatchItemID } = item
  let uniqueIdentifier: string | undefined

  function succeeded(payload: unknown): Outcome {
    placeholder.note(operation, payload)
    return {
      response: { operation, uniqueBatchItemID, resultStatus: 'Success', payload },
      uniqueIdentifier: uniqueIdentifier ?? identifierIn(payload),
    }
  }

  function broke(error: unknown): Outcome {
    placeholder.fail(operation)
    return {
      response: failed(item, error, context.correlation),
      uniqueIdentifier,
      ...(asFailure(error) === undefined ? { error } : {}),
    }
  }

  try {
    refuseExtensions(item)
    const handler = typeof operation === 'string' ? handlers.get(operation) : undefined
    if (item.problem !== undefined) throw item.problem
    if (handler === undefined) throw new Failure('OperationNotSupported', `the operation ${operation} is not supported`)
    const request = item.payload as { readonly uniqueIdentifier?: UniqueIdentifier | undefined }
    if (handler.isIdentified) uniqueIdentifier = placeholder.resolve(request.uniqueIdentifier)
    const isResolved = !handler.isIdentified || request.uniqueIdentifier === uniqueIdentifier
    const payload = handler.execute(isResolved ? request : { ...request, uniqueIdentifier }, context)
    return payload instanceof Promise ? payload.then(succeeded).catch(broke) : succeeded(payload)
  } catch (error) {
    return broke(error)
  }
}

/** What a client is told of an error: the failure it is, or that something failed, with words to find it in the log. */
export function failed(
  { operation, uniqueBatchItemID }: Pick<ResponseItem, 'operation' | 'uniqueBatchItemID'>,
  error: unknown,
  correlation: string,
): ResponseItem {
  const failure =
    asFailure(error) ??
    new Failure('GeneralFailure', `internal error; the server's log tells more under ${correlation}`)
  return {
    operation,
    uniqueBatchItemID,
    resultStatus: 'OperationFailed',
    resultReason: failure.reason,
    resultMessage: failure.message,
  }
}

/** KMIP 2.1 §9.13: whoever does not understand a critical extension refuses. */
function refuseExtensions({ messageExtension }: RequestItem): void {
  const critical = messageExtension.find(extension => extension.criticalityIndicator)
  if (critical !== undefined)
    throw new Failure(
      'UnknownMessageExtension',
      `the critical extension of ${JSON.stringify(critical.vendorIdentification)} is not understood`,
    )
}

function identifierIn(payload: unknown): string | undefined {
  const { uniqueIdentifier } = payload as { readonly uniqueIdentifier?: unknown }
  return typeof uniqueIdentifier === 'string' ? uniqueIdentifier : undefined
}
