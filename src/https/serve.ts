/**
 * The HTTPS side: TLS as on the KMIP port, but that a client certificate is asked for and not demanded; the table of
 * routes; and what is checked of every request before one of them answers.
 *
 * When all places are taken, a newcomer gets that of whoever has waited longest without a request by a known caller having
 * been answered.
 *
 * A request meets these in this order, the cheapest first: limits of size and time, who is calling and how often, the type
 * of the body, the body, the schemas. Nothing is read of a body before it is known whose it is.
 *
 * @module
 */
import { fastify, type FastifyReply, type FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { Server } from 'node:https'
import type { Server as PlainServer, Socket } from 'node:net'
import type { Caller } from '../caller.ts'
import { bindError, type Endpoint, lacksIpv6 } from '../listener/bind.ts'
import { addressOf } from '../listener/peer.ts'
import { keyOf, placesOf } from '../listener/places.ts'
import { type Credentials, secureContext } from '../listener/secure-context.ts'
import type { Limits } from '../listener.ts'
import type { Log } from '../log.ts'
import { type AccessOptions, gatekeeper } from './access.ts'
import { bodyOf, failureOf, failures, type FailureStatus, RequestFailure } from './failure.ts'
import { parsed, pathOf } from './parsing.ts'
import type { Answer, Asking, Route } from './route.ts'

export interface ServeOptions extends AccessOptions, Endpoint {
  readonly credentials: Credentials
  readonly routes: readonly Route[]
  readonly limits: Pick<Limits, 'maxConnections' | 'handshakeMs' | 'messageMs' | 'drainMs'>
  readonly newCorrelation: () => string
  readonly log: Log
}

export interface RunningApi extends Endpoint {
  /** For new connections. @throws ListenError `credentials` */
  readonly replaceCredentials: (credentials: Credentials) => void
  /** Accepts nothing more, answers what has been received, and ends all connections within `drainMs`. */
  readonly close: () => Promise<void>
}

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly route?: Route
  }
  interface FastifyRequest {
    caller: Caller | undefined
    /** For the log. */
    note: string | undefined
  }
}

/** A certificate request is a few KiB; an OCSP request less. */
const maxBodyBytes = 65_536
const maxHeaderBytes = 16_384
const maxParameterCharacters = 8192
const keepAliveMs = 10_000

/** How often connections are looked at whose request does not end. */
const lookMs = 1000

/** @throws ListenError */
export async function serveApi(options: ServeOptions): Promise<RunningApi> {
  const { credentials, host, port, routes, limits, newCorrelation, log } = options
  const admitted = gatekeeper(options)
  const app = fastify<Server>({
    https: {
      ...secureContext(credentials),
      requestCert: true,
      // Judged at each request, so that a refusal can be told in words.
      rejectUnauthorized: false,
      handshakeTimeout: limits.handshakeMs,
      headersTimeout: limits.messageMs,
      connectionsCheckingInterval: lookMs,
      maxHeaderSize: maxHeaderBytes,
    },
    bodyLimit: maxBodyBytes,
    requestTimeout: limits.messageMs,
    keepAliveTimeout: keepAliveMs,
    routerOptions: { maxParamLength: maxParameterCharacters, ignoreTrailingSlash: false },
    genReqId: newCorrelation,
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    logger: false,
    clientErrorHandler: refuseUnread,
    frameworkErrors: (error, request, reply) => void fail(error, request, reply),
  })
  const settled = new Set<Socket>()
  const places = placesOf({ maxConnections: limits.maxConnections, settled: () => settled.size, log })
  const plain: PlainServer = app.server
  plain.on('connection', socket => {
    if (!places.take(socket)) return
    const key = keyOf(socket)
    socket.on('close', () => {
      places.leave(key, socket)
      settled.delete(socket)
    })
  })
  app.decorateRequest('caller', undefined).decorateRequest('note', undefined)

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'))
  app.addContentTypeParser('application/ocsp-request', { parseAs: 'buffer' }, (_, body, done) => done(null, body))

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders).header('x-request-id', request.id)
    const { route } = request.routeOptions.config
    request.caller = await admitted(request, route?.access ?? 'anyone')
    if (route !== undefined) checkHeaders(request, route)
  })
  app.addHook('onResponse', async (request, reply) => {
    tell(log, request, reply)
    const socket = request.caller && places.find(request.raw.socket)
    if (socket !== undefined && places.leave(keyOf(socket), socket)) settled.add(socket)
  })
  app.setErrorHandler((error, request, reply) => fail(error, request, reply))
  app.setNotFoundHandler(request => {
    const path = request.url.split('?')[0] ?? ''
    const allowed = routes.filter(each => pathOf(each).pattern.test(path)).flatMap(methodsOf)
    if (allowed.length === 0) throw new RequestFailure(404, `there is no ${path}; /openapi.json shows what there is`)
    throw new RequestFailure(405, `${path} has no method ${request.method}; wanted ${allowed.join(' or ')}`, {
      allow: allowed.join(', '),
    })
  })
  for (const each of routes)
    app.route({
      method: methodsOf(each),
      url: pathOf(each).template,
      config: { route: each },
      handler: (request, reply) => answer(each, request, reply),
    })

  async function fail(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const failure = failureOf(error) ?? frameworkFailure(error)
    const told =
      failure ?? new RequestFailure(500, `internal error; the log of the server tells more, under ${request.id}`)
    const { route } = request.routeOptions.config
    if (failure === undefined) log.error({ correlation: request.id, error }, 'internal error')
    else if (failure.status !== 404)
      log[failure.isRepeated ? 'debug' : 'info'](
        { ...whoOf(request), reason: failure.message, correlation: request.id },
        'https request refused',
      )
    const action = route?.action ?? (route === undefined ? 'kmipd' : `kmipd:${route.tag}:${route.id}`)
    await passOver(request.raw)
    const body = bodyOf(told, { action, resource: 'server *', correlation: request.id })
    return reply
      .status(told.status)
      .headers({ ...securityHeaders, ...told.headers })
      .type(jsonType)
      .send(body)
  }

  const bound = await listen(app, { host, port })
  return {
    ...bound,
    replaceCredentials: next => app.server.setSecureContext(secureContext(next)),
    async close() {
      const last = setTimeout(() => {
        app.server.closeAllConnections()
        places.clear()
      }, limits.drainMs)
      await app.close()
      clearTimeout(last)
    },
  }
}

const jsonType = 'application/json; charset=utf-8'

const mostPassedOverBytes = 33_554_432
const passOverMs = 5_000

/** Takes in what is left of a body, without keeping it: whoever still sends would not read the answer. */
function passOver(request: IncomingMessage): Promise<void> {
  if (request.complete) return Promise.resolve()
  return new Promise(resolve => {
    let left = mostPassedOverBytes
    const timer = setTimeout(end, passOverMs)
    function end(): void {
      clearTimeout(timer)
      resolve()
    }
    request.on('data', (chunk: Buffer) => {
      left -= chunk.length
      if (left < 0) end()
    })
    request.on('end', end).on('error', end).on('close', end).resume()
  })
}

/** A page that got hold of an answer could do nothing with it. */
const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const

const methodsOf = ({ method, isUnsafe = false }: Route): string[] =>
  method === 'GET' && !isUnsafe ? ['GET', 'HEAD'] : [method]

interface Listening {
  readonly server: Server
  listen(endpoint: Endpoint): Promise<string>
}

/** Without IPv6 there is no `::`; every address is then every one of IPv4. */
async function listen(app: Listening, { host, port }: Endpoint): Promise<Endpoint> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    if (host === '::' && lacksIpv6(error)) return listen(app, { host: '0.0.0.0', port })
    throw bindError(error, { host, port }, 'https')
  }
  const address = app.server.address()
  return typeof address === 'object' && address !== null
    ? { host: address.address, port: address.port }
    : { host, port }
}

/** Refuses a body that is too long, or of another type than wanted, or not wanted at all. */
function checkHeaders({ headers }: FastifyRequest, { body, consumes = 'application/json' }: Route): void {
  if (Number(headers['content-length'] ?? 0) > maxBodyBytes) throw tooLong()
  const hasBody = (headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined
  if (!hasBody) return
  const found = headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? 'none'
  const wanted = body === undefined ? 'no body' : `the header content-type: ${consumes}`
  if (body === undefined ? found !== 'application/json' : found !== consumes)
    throw new RequestFailure(415, `the body is of the type ${found}; wanted ${wanted}`)
}

async function answer(route: Route, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const asking: Asking<unknown, unknown, unknown> = {
    params: parsed(route.params, pathOf(route).parameters(request.params), 'the path'),
    query: parsed(route.query, request.query, 'the query'),
    body: parsed(route.body, request.body, 'the body'),
    caller: request.caller,
    correlation: request.id,
  }
  const { status, body, headers = {}, ...rest }: Answer = await route.answer(asking as Asking<never, never, never>)
  if (rest.note !== undefined) request.note = rest.note
  reply.status(status).headers(headers)
  if ('type' in rest) return reply.type(rest.type).send(body instanceof Uint8Array ? Buffer.from(body) : body)
  return reply.type(jsonType).send(JSON.stringify(body))
}

/** What is not even HTTP, or does not end: the status by the code of node:http. */
const unreadable: Readonly<Record<string, readonly [status: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', `headers are at most ${maxHeaderBytes} bytes long`],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'the request did not arrive in time'],
}

/** There is no request to answer yet. */
function refuseUnread(error: NodeJS.ErrnoException, socket: Socket): void {
  const [status, error_msg] = unreadable[error.code ?? ''] ?? ['400 Bad Request', 'this is no request of HTTP/1.1']
  const body = JSON.stringify({ error_code: 'invalid', error_msg })
  const headers = { ...securityHeaders, 'content-type': jsonType, 'content-length': body.length, connection: 'close' }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  if (socket.writable) socket.write(`HTTP/1.1 ${[status, ...lines].join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}

const tooLong = (): RequestFailure =>
  new RequestFailure(413, `the body is too long; wanted at most ${maxBodyBytes} bytes`)

/** What fastify and node:http complain of, by status. */
function frameworkFailure(error: unknown): RequestFailure | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  const { statusCode } = error
  if (statusCode === 413) return tooLong()
  if (statusCode === 415) return new RequestFailure(415, 'the body is of another type; wanted application/json')
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode >= 500) return undefined
  const status: FailureStatus = statusCode in failures ? (statusCode as FailureStatus) : 400
  return new RequestFailure(status, error.message)
}

const whoOf = ({ caller, raw, method, routeOptions }: FastifyRequest) => ({
  address: addressOf(raw.socket),
  client: caller?.words,
  operation: `${method} ${routeOptions.config.route?.path ?? 'unknown path'}`,
})

/** One line per request, without its contents; monitoring's is for debugging, and so is what was told as a refusal. */
function tell(log: Log, request: FastifyRequest, reply: FastifyReply): void {
  const { route } = request.routeOptions.config
  const params = request.params as Readonly<Record<string, string>> | undefined
  const line = {
    ...whoOf(request),
    uniqueIdentifier: route?.hasRest === true ? undefined : Object.values(params ?? {})[0],
    result: reply.statusCode,
    durationMs: Math.round(reply.elapsedTime * 1000) / 1000,
    correlation: request.id,
    ...(request.note === undefined ? {} : { note: request.note }),
  }
  const isToldOf = request.caller === undefined && [401, 429].includes(reply.statusCode)
  const isQuiet = isToldOf || route?.isQuiet === true || route?.access === 'anyone'
  log[isQuiet ? 'debug' : 'info'](line, 'https request')
}
