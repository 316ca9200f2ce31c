/**
 * The description of the API: it is valid, it says what is true, and whoever plays everything that it allows, and more,
 * finds no fault of the server's own.
 *
 * @module
 */
import { Validator } from '@seriousme/openapi-schema-validator'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { type Answer, type Api, startApi } from './server.ts'

/** Of JSON Schema, what our document has. */
interface Schema {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly anyOf?: readonly Schema[]
}

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly required: boolean
  readonly schema: Schema
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
}

interface Operation {
  readonly operationId: string
  readonly security: readonly object[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content & { readonly $ref?: string }>>
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>
    readonly responses: Readonly<Record<string, Content>>
  }
}

let api: Api
let document: Document

beforeAll(async () => {
  api = await startApi({
    KMIPD_HTTPS_ANONYMOUS_PER_MINUTE: '1000000',
    KMIPD_HTTPS_FAILURES_PER_MINUTE: '1000000',
    KMIPD_LOG_LEVEL: 'error',
  })
  document = (await api.call('/openapi.json')).body as unknown as Document
})

afterAll(() => api.end())

/** Follows a reference within the document. */
function resolved<T extends object>(found: T): T {
  const reference = '$ref' in found ? String(found.$ref) : undefined
  if (reference === undefined) return found
  const [, kind = '', name = ''] = /^#\/components\/(schemas|responses)\/(\w+)$/.exec(reference) ?? []
  const all = document.components[kind as 'schemas' | 'responses'] as Readonly<Record<string, T | undefined>>
  return all[name] ?? expect.fail(`${reference} leads nowhere`)
}

const operations = (): [method: string, path: string, operation: Operation][] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, string, Operation] => [
      method.toUpperCase(),
      path,
      operation,
    ]),
  )

describe('/openapi.json', () => {
  test('is a valid OpenAPI 3.1 document', async () => {
    const validator = new Validator()
    const { valid, errors } = await validator.validate({ ...structuredClone(document) })
    expect(errors).toBeUndefined()
    expect([valid, validator.version]).toEqual([true, '3.1'])
  })

  test('names each operation once, and refers to nothing that is not there', () => {
    const names = operations().map(([, , { operationId }]) => operationId)
    expect(new Set(names).size).toBe(names.length)
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
      ([, reference = '']) => reference,
    )
    for (const $ref of new Set(references)) resolved({ $ref })
  })

  test('tells what is refused to whom', async () => {
    for (const [method, path, { security }] of operations()) {
      const { status } = await api.call(path.replace(/\{\w+\}/g, 'x'), { method })
      expect([path, method, status === 401]).toEqual([path, method, security.length > 0])
    }
  })
})

/** Text that is well-formed, and such as people attack with. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    '../..',
    '%00',
    '\u0000',
    '__proto__',
    '🔑',
    'a'.repeat(9000),
    '-----BEGIN CERTIFICATE REQUEST-----',
  ),
)

/** What a schema allows. */
function allowed(given: Schema): fc.Arbitrary<unknown> {
  const schema = resolved(given)
  const { type, enum: values, properties = {}, required = [], minimum = -1000, maximum = 1000, anyOf } = schema
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(allowed))
  if (values !== undefined) return fc.constantFrom(...values)
  if (type === 'integer') return fc.integer({ min: minimum, max: Math.min(maximum, 2000) })
  if (type === 'boolean') return fc.boolean()
  if (type === 'object') {
    const members = Object.entries(properties).map(([name, each]) => [name, allowed(each)] as const)
    return fc.record(Object.fromEntries(members), { requiredKeys: [...required] })
  }
  return text
}

/** What a schema allows, and anything else. */
const anything = (schema: Schema): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 3, arbitrary: allowed(schema) }, { weight: 1, arbitrary: fc.anything() })

interface Attempt {
  readonly path: string
  readonly body: string | Uint8Array | undefined
  readonly type: string | undefined
  readonly isKnown: boolean
}

function attempts(path: string, { parameters = [], requestBody }: Operation): fc.Arbitrary<Attempt> {
  const filled = (where: 'path' | 'query') => {
    const here = parameters.filter(each => each.in === where)
    return fc.record(Object.fromEntries(here.map(({ name, schema }) => [name, allowed(schema).map(String)])), {
      requiredKeys: here.filter(({ required }) => required).map(({ name }) => name),
    })
  }
  const [type, content] = Object.entries(requestBody?.content ?? {})[0] ?? []
  const body: fc.Arbitrary<string | Uint8Array | undefined> =
    content === undefined
      ? fc.constantFrom(undefined, undefined, 'x')
      : fc.oneof(
          anything(content.schema).map(value => JSON.stringify(value) as string | undefined),
          fc.uint8Array({ maxLength: 2000 }),
          fc.string(),
          fc.constant(undefined),
        )
  return fc
    .record({ inPath: filled('path'), query: filled('query'), body, isKnown: fc.boolean(), other: fc.boolean() })
    .map(({ inPath, query, body, isKnown, other }) => {
      const search = new URLSearchParams(query).toString()
      const filledPath = path.replace(/\{(\w+)\}/g, (_, name: string) => safely(inPath[name] ?? ''))
      return {
        path: `${filledPath}${search === '' ? '' : `?${search}`}`,
        body,
        type: other ? 'text/plain' : type,
        isKnown,
      }
    })
}

/** Halves of surrogate pairs have no place in a URL. */
const safely = (value: string): string => encodeURIComponent(value.replace(/\p{Surrogate}/gu, ''))

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0]

/** Whether the document says that there may be such an answer. */
function checkAnswer({ status, headers, body }: Answer, { responses }: Operation): void {
  const found = responses[String(status)]
  // What holds of every request: too long a path or header, a path that leads elsewhere, a body where none is wanted.
  if (found === undefined) {
    expect([400, 404, 405, 413, 414, 415, 431]).toContain(status)
    return
  }
  const { content = {} } = resolved(found)
  const type = headers['content-type']?.split(';')[0] ?? 'none'
  expect(Object.keys(content)).toContain(type)
  const schema = content[type]?.schema
  if (type !== 'application/json' || schema === undefined) return
  const $defs = document.components.schemas
  const local = JSON.parse(
    JSON.stringify({ ...schema, $defs }).replaceAll('#/components/schemas/', '#/$defs/'),
  ) as JsonSchema
  expect(z.fromJSONSchema(local).safeParse(body).error).toBeUndefined()
}

describe('a fuzzer of the description', () => {
  test('finds no fault, and only answers that are described', async () => {
    const strong = await api.token({ name: 'fuzz', scope: ['admin'] })
    // New keys take their time; what is made of valid names is tested elsewhere.
    for (const [method, path, operation] of operations().filter(
      ([, , { operationId }]) => operationId !== 'createTask',
    )) {
      await fc.assert(
        fc.asyncProperty(attempts(path, operation), async ({ path: target, body, type, isKnown }) => {
          const answer = await api.call(target, {
            method,
            ...(body === undefined ? {} : { body }),
            ...(isKnown ? { token: strong } : {}),
            ...(type === undefined ? {} : { headers: { 'content-type': type } }),
          })
          expect([target, answer.status < 500]).toEqual([target, true])
          checkAnswer(answer, operation)
        }),
        { numRuns: 60 },
      )
    }
    expect(api.log().filter(({ level }) => level === 'error')).toEqual([])
  })
})
