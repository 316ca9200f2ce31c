/**
 * What an operation is here: its description and what it does.
 *
 * @module
 */
import type { ObjectType, Operation, OperationName } from '../../protocol/index.ts'
import type { Awaitable } from '../../store/index.ts'
import type { Objects } from '../objects/objects.ts'

/** What a handler is given: no version, no session, no raw store, no logger. */
export interface Context {
  readonly objects: Objects
  /** Seconds since 1970, the same for the whole message. */
  readonly now: number
  /** So many random bytes. */
  readonly random: (count: number) => Uint8Array
  /** A new Unique Identifier, later ones greater. */
  readonly newIdentifier: () => string
  /** What this server can do in the version of the message. */
  readonly capabilities: Capabilities
  /** Puts a client's words into the log. KMIP 2.1 §6.1.29 */
  readonly note: (message: string) => void
}

/** What Query tells of operations and objects. */
export interface Capabilities {
  readonly operations: readonly OperationName[]
  readonly objectTypes: readonly ObjectType[]
}

/** The request with its Unique Identifier found: the given one, or the ID Placeholder's. */
export type Resolved<Q> = Q extends { readonly uniqueIdentifier?: unknown }
  ? Omit<Q, 'uniqueIdentifier'> & { readonly uniqueIdentifier: string }
  : Q

export interface Handler {
  readonly operation: Operation<unknown, unknown>
  /** Whether an absent Unique Identifier means the ID Placeholder. */
  readonly isIdentified: boolean
  execute(request: unknown, context: Context): Awaitable<unknown>
}

export function handle<Q, R>(
  operation: Operation<Q, R>,
  execute: (request: Resolved<Q>, context: Context) => Awaitable<R>,
): Handler {
  const { request } = operation
  return {
    operation,
    isIdentified: request.kind === 'structure' && 'uniqueIdentifier' in request.fields,
    execute: (resolved, context) => execute(resolved as Resolved<Q>, context),
  }
}
