/**
 * HTTPS in front of the API: POST to `/json-rpc/<version>`, Basic authentication, any content type.
 *
 * @module
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface Credentials {
  readonly user: string
  readonly password: string
}

export interface HttpsOptions {
  /** PEM: what the cluster shows. */
  readonly cert: string
  readonly key: string
  readonly host: string
  /** 0 for any. */
  readonly port: number
  readonly credentials: Credentials
  /** @returns what is written as JSON */
  readonly answer: (version: string, body: string) => Promise<unknown>
}

export interface Listening {
  readonly host: string
  readonly port: number
  close(): Promise<void>
}

/** Larger bodies are refused. */
const maxBodyBytes = 1_048_576
const requestMs = 30_000

/** @throws the system's error, if the address cannot be listened on */
export async function listenHttps(options: HttpsOptions): Promise<Listening> {
  const { cert, key, host, port } = options
  const server = createServer({ cert, key, minVersion: 'TLSv1.2', requestTimeout: requestMs }, (request, response) => {
    handle(request, response, options).catch(() => response.destroy())
  })
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address() as AddressInfo
  return { host: address.address, port: address.port, close: () => close(server) }
}

const close = (server: Server): Promise<void> =>
  new Promise(resolve => {
    server.close(() => resolve())
    server.closeIdleConnections()
    setTimeout(() => server.closeAllConnections(), drainMs).unref()
  })

const drainMs = 2_000

async function handle(request: IncomingMessage, response: ServerResponse, options: HttpsOptions): Promise<unknown> {
  const refuse = (status: number, words: string, headers: Readonly<Record<string, string>> = {}) => {
    // What is left of the body is not read.
    response.writeHead(status, { 'content-type': 'text/plain', connection: 'close', ...headers })
    return response.end(`${words}\n`)
  }
  if (!isAdmitted(request.headers.authorization, options.credentials))
    return refuse(401, 'user name and password are wanted', { 'www-authenticate': 'Basic realm="Element"' })
  const version = /^\/json-rpc\/(\d{1,3}\.\d{1,3})\/?(?:\?.*)?$/.exec(request.url ?? '')?.[1]
  if (version === undefined) return refuse(404, 'the API is at /json-rpc/<version>')
  if (request.method !== 'POST') return refuse(405, 'POST a request', { allow: 'POST' })
  const body = await read(request)
  if (body === undefined) return refuse(413, `a request has at most ${maxBodyBytes} bytes`)
  const text = JSON.stringify(await options.answer(version, body))
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  return response.end(text)
}

/** In the same time, whatever is wrong. */
function isAdmitted(authorization: string | undefined, { user, password }: Credentials): boolean {
  const given = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(authorization ?? '')?.[1] ?? ''
  return timingSafeEqual(digest(Buffer.from(given, 'base64')), digest(Buffer.from(`${user}:${password}`)))
}

const digest = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

/** Undefined if it is too long. */
async function read(request: IncomingMessage): Promise<string | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) return undefined
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBodyBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
