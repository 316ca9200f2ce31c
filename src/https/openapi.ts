/**
 * `/openapi.json`: what the table of routes says, as OpenAPI 3.1.
 *
 * @module
 */
import * as z from 'zod'
import { errorSchema, failures, type FailureStatus, forbiddenSchema } from './failure.ts'
import type { Access, Reply, Route } from './route.ts'

/** Every schema has a name of its own, by which it is referred to. */
const named = (schema: z.ZodType): string => {
  const name = schema.meta()?.id
  if (name === undefined) throw new TypeError('a schema of the table of routes has no name; give it one with meta')
  return name
}

/** Which failures a route has, beside those of its own. */
function failuresOf({ access, params, query, body, path, failures = [] }: Route): FailureStatus[] {
  return [
    ...((params ?? query ?? body) ? [400 as const] : []),
    ...(access === 'anyone' ? [] : [401 as const]),
    ...(access === 'anyone' || access === 'caller' ? [] : [403 as const]),
    ...(path.includes('{') ? [404 as const] : []),
    ...(body === undefined ? [] : [413 as const, 415 as const]),
    ...failures,
    429,
    500,
    503,
  ]
}

const accessWords: Record<Access, string> = {
  anyone: '',
  caller: 'Any token or client certificate that is accepted.',
  enroll: 'Scope enroll, or an administrator.',
  read: 'Scope read, or an administrator.',
  admin: 'Scope admin, or an administrator’s client certificate.',
}

const schemes = [{ token: [] }, { bearer: [] }, { certificate: [] }]

/** @param version of kmipd */
export function openApi(routes: readonly Route[], version: string) {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route)
  return {
    openapi: '3.1.0',
    info: { title: 'kmipd', version, description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map(name => ({ name })),
    paths,
    components: {
      schemas: schemasOf(routes),
      responses: Object.fromEntries(
        Object.entries(failures).map(([status, [, meaning]]) => [
          `failure${status}`,
          { description: meaning, content: jsonOf(status === '403' ? forbiddenSchema : errorSchema) },
        ]),
      ),
      securitySchemes: {
        token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token', description: 'kmipd token create' },
        bearer: { type: 'http', scheme: 'bearer', description: 'the same token' },
        certificate: { type: 'mutualTLS', description: 'kmipd client issue NAME --administrator' },
      },
    },
  }
}

const description =
  'Enrollment of KMIP clients. Errors are told in one form: error_code for programs, error_msg for people: what was found, what was wanted, what to do.'

function operation(route: Route) {
  const { id, tag, summary, description = '', access, params, query, body, replies } = route
  const words = [description, accessWords[access]].filter(each => each !== '').join('\n\n')
  const parameters = [...parametersOf(params, 'path'), ...parametersOf(query, 'query')]
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(words === '' ? {} : { description: words }),
    security: access === 'anyone' ? [] : schemes,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: requestBody(route, body) }),
    responses: Object.fromEntries<object>([
      ...Object.entries(replies).map(([status, reply]) => [status, replyOf(reply)] as const),
      ...failuresOf(route)
        .filter(status => !(status in replies))
        .map(status => [String(status), { $ref: `#/components/responses/failure${status}` }] as const),
    ]),
  }
}

const requestBody = ({ consumes }: Route, body: z.ZodType) =>
  consumes === undefined
    ? { required: !body.safeParse(undefined).success, content: jsonOf(body) }
    : { required: true, content: { [consumes]: { schema: binary } } }

const replyOf = ({ description, schema, type = [] }: Reply) => ({
  description,
  content: {
    ...(schema === undefined ? {} : jsonOf(schema)),
    ...Object.fromEntries(type.map(each => [each, { schema: binary }])),
  },
})

const binary = { type: 'string', format: 'binary' }

const jsonOf = (schema: z.ZodType) => ({
  'application/json': { schema: { $ref: `#/components/schemas/${named(schema)}` } },
})

function parametersOf(schema: z.ZodObject | undefined, where: 'path' | 'query') {
  if (schema === undefined) return []
  return Object.entries<z.ZodType>(schema.shape as Record<string, z.ZodType>).map(([name, each]) => {
    const { $schema: _, description = '', ...rest } = z.toJSONSchema(each, { io: 'input' }) as Record<string, unknown>
    return {
      name,
      in: where,
      required: where === 'path' || !each.safeParse(undefined).success,
      ...(description === '' ? {} : { description }),
      schema: rest,
    }
  })
}

/** All that is referred to, by name. */
function schemasOf(routes: readonly Route[]): Record<string, unknown> {
  const registry = z.registry<{ id: string }>()
  const bodies = routes.flatMap(({ body, consumes }) => (body === undefined || consumes !== undefined ? [] : [body]))
  const replies = routes.flatMap(({ replies }) => Object.values(replies).flatMap(({ schema }) => schema ?? []))
  for (const schema of new Set([...bodies, ...replies, errorSchema, forbiddenSchema]))
    registry.add(schema, { id: named(schema) })
  const { schemas } = z.toJSONSchema(registry, { io: 'input', uri: id => `#/components/schemas/${id}` })
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema: _, $id: __, id: ___, ...schema }]) => [name, schema]),
  )
}
