/**
 * Paths and parts of requests, by the table of routes.
 *
 * @module
 */
import type * as z from 'zod'
import { RequestFailure } from './failure.ts'
import type { Route } from './route.ts'

interface Path {
  /** As the router writes it: `/v1/enrollments/:id`. */
  readonly template: string
  /** What such a path looks like. */
  readonly pattern: RegExp
  /** From the router's names to ours. */
  readonly parameters: (found: unknown) => unknown
}

const parameter = /\{(\w+)\}/g

export function pathOf({ path, hasRest = false }: Route): Path {
  const [last = ''] = [...path.matchAll(parameter)].slice(-1).map(([, name = '']) => name)
  return {
    template: hasRest ? path.replace(/\{\w+\}$/, '*') : path.replace(parameter, ':$1'),
    pattern: new RegExp(`^${(hasRest ? path.replace(/\{\w+\}$/, '.+') : path).replace(parameter, '[^/]+')}$`),
    parameters: found => (hasRest ? { [last]: (found as Readonly<Record<string, unknown>>)['*'] } : found),
  }
}

/** How many faults are told at once. */
const mostFaults = 5

/** A part of the request as its schema reads it. @throws RequestFailure 400 that says what was found and wanted */
export function parsed(schema: z.ZodType | undefined, found: unknown, where: string): unknown {
  if (schema === undefined) return undefined
  const result = schema.safeParse(found ?? undefined)
  if (result.success) return result.data
  const faults = result.error.issues.slice(0, mostFaults).map(({ path, message }) => {
    const name = path.map(String).join('.')
    return `${name === '' ? where : `${name} in ${where}`}: ${message.replace(/^Invalid input: /, '')}`
  })
  throw new RequestFailure(400, `${faults.join('; ')}; /openapi.json shows what is wanted`)
}
