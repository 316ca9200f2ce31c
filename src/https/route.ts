/**
 * What a route is: one entry of a table, from which follow what is accepted, who may ask, and what `/openapi.json` says.
 *
 * @module
 */
import type * as z from 'zod'
import type { Caller } from '../caller.ts'
import type { Scope } from '../tokens.ts'
import type { FailureStatus } from './failure.ts'

/** Who may ask: `anyone`, any known `caller`, or one with a scope. */
export type Access = 'anyone' | 'caller' | Scope

/** What may be answered with a status: JSON by a schema, or bytes of other types. */
export interface Reply {
  readonly description: string
  readonly schema?: z.ZodType
  readonly type?: readonly string[]
}

type Replies = Readonly<Record<number, Reply>>

/** JSON that fits the schema of its status, or bytes of a type. */
export type Answer<R extends Replies = Replies> = {
  [S in keyof R & number]: {
    readonly status: S
    readonly headers?: Readonly<Record<string, string>>
    /** For the log. */
    readonly note?: string
  } & (R[S] extends { readonly schema: infer T extends z.ZodType }
    ? { readonly body: z.output<T> }
    : { readonly body: Uint8Array | string; readonly type: string })
}[keyof R & number]

/** A request whose parts fit the route's schemas. */
export interface Asking<P, Q, B> {
  readonly params: P
  readonly query: Q
  readonly body: B
  /** Absent where anyone may ask. */
  readonly caller: Caller | undefined
  /** Ties what is answered to the log. */
  readonly correlation: string
}

export interface Route {
  readonly method: 'GET' | 'POST'
  /** As OpenAPI writes it: `/v1/enrollments/{id}`. */
  readonly path: string
  /** What the operation is called in programs. */
  readonly id: string
  readonly tag: string
  readonly summary: string
  readonly description?: string | undefined
  readonly access: Access
  /** What a refusal calls it. Default `kmipd:TAG:ID`. */
  readonly action?: string | undefined
  readonly params?: z.ZodObject | undefined
  readonly query?: z.ZodObject | undefined
  readonly body?: z.ZodType | undefined
  /** The type of the body. Default JSON. */
  readonly consumes?: string | undefined
  readonly replies: Replies
  /** Beside those that follow from the rest. */
  readonly failures?: readonly FailureStatus[] | undefined
  /** Whether asking changes something, so that even HEAD is not answered. Default: unless it is a GET. */
  readonly isUnsafe?: boolean | undefined
  /** Whether the last parameter is the rest of the path, slashes included. Default false. */
  readonly hasRest?: boolean | undefined
  /** Whether monitoring asks all the time. Default false. */
  readonly isQuiet?: boolean | undefined
  readonly answer: (asking: Asking<never, never, never>) => Promise<Answer>
}

type Parsed<T extends z.ZodType | undefined> = T extends z.ZodType ? z.output<T> : undefined

type Typed<
  A extends Access,
  P extends z.ZodObject | undefined,
  Q extends z.ZodObject | undefined,
  B extends z.ZodType | undefined,
  R extends Replies,
> = Omit<Route, 'access' | 'params' | 'query' | 'body' | 'replies' | 'answer'> & {
  readonly access: A
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  readonly replies: R
  readonly answer: (
    asking: Asking<Parsed<P>, Parsed<Q>, Parsed<B>> & (A extends 'anyone' ? object : { readonly caller: Caller }),
  ) => Promise<Answer<R>>
}

/** An entry of the table; its answers are checked against its schemas when it is compiled. */
export const route = <
  const A extends Access,
  const R extends Replies,
  P extends z.ZodObject | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(
  entry: Typed<A, P, Q, B, R>,
): Route => entry as unknown as Route

interface More {
  readonly headers?: Readonly<Record<string, string>>
  readonly note?: string
}

/** An answer in JSON. */
export const json = <S extends number, B>(status: S, body: B, more: More = {}) => ({ status, body, ...more })

/** An answer of another type. */
export const bytes = <S extends number>(status: S, body: Uint8Array | string, type: string, more: More = {}) => ({
  status,
  body,
  type,
  ...more,
})
