/**
 * The server itself: what it is, how it does, and what can be asked of it.
 *
 * @module
 */
import * as z from 'zod'
import { RequestFailure } from '../failure.ts'
import { type Measures, metricsText } from '../metrics.ts'
import { openApi } from '../openapi.ts'
import { bytes, json, route, type Route } from '../route.ts'

const tag = 'server'

const serverSchema = z
  .object({
    version: z.string(),
    kmip: z.object({
      host: z.string().describe('The address that is listened on.'),
      port: z.int(),
      versions: z.array(z.string()),
      names: z.array(z.string()).describe('Names and addresses in the server certificate.'),
    }),
    ca: z.object({
      subject: z.string(),
      fingerprint: z.string().describe('SHA-256 of the certificate.'),
      notAfter: z.iso.datetime(),
    }),
  })
  .meta({ id: 'Server' })

export type ServerFacts = z.output<typeof serverSchema>

const stateSchema = z.object({ status: z.literal('ok') }).meta({ id: 'State' })

const documentSchema = z.looseObject({ openapi: z.string() }).meta({ id: 'Document' })

export interface ServerRoutesOptions {
  readonly facts: () => ServerFacts
  readonly measures: () => Promise<Measures>
  /** Whether requests can be served: throws otherwise. */
  readonly checkReady: () => Promise<void>
  /** All routes, of which these are some. */
  readonly all: () => readonly Route[]
}

export function serverRoutes({ facts, measures, checkReady, all }: ServerRoutesOptions): Route[] {
  const ok = { status: 'ok' } as const
  let document: z.output<typeof documentSchema> | undefined
  return [
    route({
      method: 'GET',
      path: '/v1/server',
      id: 'getServer',
      tag,
      summary: 'what the server is, and where it speaks KMIP',
      access: 'caller',
      replies: { 200: { description: 'The server.', schema: serverSchema } },
      answer: async () => json(200, facts()),
    }),
    route({
      method: 'GET',
      path: '/healthz',
      id: 'getHealth',
      tag,
      summary: 'whether the process is alive',
      access: 'anyone',
      replies: { 200: { description: 'It is.', schema: stateSchema } },
      isQuiet: true,
      answer: async () => json(200, ok),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      id: 'getReadiness',
      tag,
      summary: 'whether requests can be served: the store is open and the server is not about to end',
      access: 'anyone',
      replies: { 200: { description: 'They can.', schema: stateSchema } },
      isQuiet: true,
      answer: async () => {
        await checkReady().catch((error: unknown) => {
          throw new RequestFailure(503, `not ready: ${error instanceof Error ? error.message : String(error)}`)
        })
        return json(200, ok)
      },
    }),
    route({
      method: 'GET',
      path: '/metrics',
      id: 'getMetrics',
      tag,
      summary: 'connections, operations, expiries, for Prometheus',
      access: 'read',
      replies: { 200: { description: 'Text format 0.0.4.', type: ['text/plain'] } },
      isQuiet: true,
      answer: async () => bytes(200, metricsText(await measures()), 'text/plain; version=0.0.4; charset=utf-8'),
    }),
    route({
      method: 'GET',
      path: '/openapi.json',
      id: 'getDescription',
      tag,
      summary: 'this description',
      access: 'anyone',
      replies: { 200: { description: 'OpenAPI 3.1.', schema: documentSchema } },
      answer: async () => json(200, (document ??= openApi(all(), facts().version))),
    }),
  ]
}
