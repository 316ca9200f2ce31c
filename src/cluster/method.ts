/**
 * How a method of the API is written: its name, its parameters as a schema, and what it does. GetAPI, the checks of
 * parameters and the list of unused ones follow from that.
 *
 * @module
 */
import * as z from 'zod'
import type { Context } from './context.ts'
import { ElementError, invalid } from './failure.ts'

export interface Method {
  readonly name: string
  readonly parameters: readonly string[]
  /** @throws ElementError, KeyServerError */
  call(context: Context, params: Readonly<Record<string, unknown>>): Promise<unknown>
}

export function method<S extends z.ZodRawShape>(
  name: string,
  shape: S,
  run: (context: Context, params: z.infer<z.ZodObject<S>>) => unknown,
): Method {
  const schema = z.object(shape)
  return {
    name,
    parameters: Object.keys(shape),
    async call(context, params) {
      const parsed = schema.safeParse(params, { error: wordsOf })
      if (!parsed.success) throw complaint(parsed.error, params)
      return await run(context, parsed.data)
    },
  }
}

function complaint({ issues }: z.ZodError, params: Readonly<Record<string, unknown>>): ElementError {
  const [issue] = issues
  const name = issue?.path.join('.') ?? ''
  const [top = ''] = issue?.path ?? []
  if (!Object.hasOwn(params, top)) return new ElementError('xMissingParameter', `Missing member=[${name}]`)
  return invalid(`parameter ${name}: ${issue?.message ?? 'is not valid'}`)
}

/** Of what JSON has, and of zod's types. */
const kinds: Readonly<Record<string, string>> = {
  undefined: 'nothing',
  null: 'null',
  array: 'a list',
  object: 'an object',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
}

const kindOf = (value: unknown): string =>
  kinds[value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value] ?? 'something else'

/** Where the schema has no words of its own. */
function wordsOf(issue: z.core.$ZodRawIssue): string {
  const { code, input } = issue
  if (code === 'invalid_type') return `found ${kindOf(input)}, wanted ${kinds[issue.expected] ?? issue.expected}`
  if (code === 'too_small') return `found ${JSON.stringify(input)}, wanted ${String(issue.minimum)} or more`
  if (code === 'too_big') return `found ${JSON.stringify(input)}, wanted ${String(issue.maximum)} or less`
  return `found ${kindOf(input)}, wanted something else`
}

/** Element's documentation writes identifiers as numbers, and as texts in its walk-through; both are taken. */
export const id = z.union(
  [
    z.int().min(0),
    z
      .string()
      .regex(/^\d{1,9}$/)
      .transform(Number),
  ],
  'a whole number is wanted',
)

/** One of some words, without regard to case, as the walk-through has it. */
export const word = <const W extends string>(...words: readonly W[]) =>
  z.string().transform((text, check): W => {
    const found = words.find(each => each.toLowerCase() === text.toLowerCase())
    if (found === undefined) {
      check.addIssue({ code: 'custom', message: `${JSON.stringify(text)} is none of ${words.join(', ')}` })
      return z.NEVER
    }
    return found
  })

/** Null, as some clients send for what they do not give, is nothing. */
export const maybe = <S extends z.ZodType>(schema: S) =>
  schema.nullish().transform((value): z.infer<S> | undefined => value ?? undefined)
