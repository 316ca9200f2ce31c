/**
 * A real server with HTTPS in a process of its own, and ways to call it: as an administrator, with a token, as nobody.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { request as send } from 'node:https'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createRequest, generateKeyPair } from '../../certs/index.ts'
import { issueClient } from '../../src/enrollment.ts'
import { type TokenRequest, tokensOf } from '../../src/tokens.ts'
import { executable } from '../cli/kmipd.ts'
import { type Identity, newFolder, removeFolder, within } from '../system/server-process.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
  /** Of JSON; `any`, since tests look at it with matchers. */
  readonly body: Body
}

/** What an answer may have; each test looks for what it expects. */
export type Body = Readonly<Record<string, unknown>> & {
  readonly id: string
  readonly error_code: string
  readonly error_msg: string
  readonly certificate: string
  readonly serialNumber: string
}

export interface CallOptions {
  readonly method?: string
  /** An object is sent as JSON, text and bytes as they are. */
  readonly body?: object | string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly token?: string | undefined
  readonly identity?: Identity | undefined
}

export interface Api {
  readonly data: string
  readonly port: number
  readonly kmipPort: number
  readonly ca: string
  readonly admin: Identity
  readonly call: (path: string, options?: CallOptions) => Promise<Answer>
  /** As the administrator. */
  readonly order: (path: string, body?: object) => Promise<Answer>
  /** Makes a token, and gives its text. */
  readonly token: (request: TokenRequest, now?: number) => Promise<string>
  readonly log: () => Record<string, unknown>[]
  readonly process: () => ChildProcess
  /** Ends the process and starts another on the same folder; ports change. */
  readonly restart: (signal: NodeJS.Signals, environment?: Environment) => Promise<Api>
  readonly end: () => Promise<void>
}

type Environment = Readonly<Record<string, string>>

interface Ready {
  readonly kmip: { readonly port: number }
  readonly https: { readonly port: number }
}

/** @param given a folder that there is already, and its administrator */
export async function startApi(environment: Environment = {}, given?: Pick<Api, 'data' | 'admin'>): Promise<Api> {
  const data = given?.data ?? (await newFolder())
  const logFile = join(data, 'server.log')
  const flags = ['serve', '--json', '--data', data, '--host', '127.0.0.1', '--port', '0', '--https-port', '0']
  const child = spawn(process.execPath, [executable, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], KMIPD_LOG_FILE: logFile, ...environment },
  })
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  const { kmip, https } = await ready(child)
  const ca = readFileSync(join(data, 'ca.pem'), 'utf8')
  const admin = given?.admin ?? (await administrator(data))
  const call = (path: string, options?: CallOptions): Promise<Answer> => fetch({ port: https.port, ca }, path, options)
  return {
    data,
    port: https.port,
    kmipPort: kmip.port,
    ca,
    admin,
    call,
    order: (path, body) => call(path, { method: 'POST', identity: admin, ...(body === undefined ? {} : { body }) }),
    token: (request, now = Date.now()) =>
      within(data, async ({ store }) => (await tokensOf(store).create(request, now)).text),
    log: () =>
      existsSync(logFile)
        ? readFileSync(logFile, 'utf8')
            .split('\n')
            .slice(0, -1)
            .map(line => JSON.parse(line) as Record<string, unknown>)
        : [],
    process: () => child,
    async restart(signal, next) {
      child.kill(signal)
      await ended
      return startApi(next, { data, admin })
    },
    async end() {
      child.kill()
      await ended
      await removeFolder(data)
    },
  }
}

async function ready(child: ReturnType<typeof spawn>): Promise<Ready> {
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('no output')
  let complaint = ''
  stderr.on('data', chunk => (complaint += String(chunk)))
  return new Promise((resolve, reject) => {
    createInterface(stdout).once('line', line => resolve(JSON.parse(line) as Ready))
    child.once('close', code => reject(new Error(`the server ended with ${code ?? 'a signal'}: ${complaint}`)))
  })
}

const administrator = (data: string): Promise<Identity> =>
  within(data, async opened => {
    const { certificate, key } = await issueClient({ name: 'ops', administrator: true }, 'P-256', opened, new Date())
    return { cert: certificate.pem, key }
  })

/** A client's certificate and key, that is no administrator's. */
export const client = (data: string, name: string): Promise<Identity> =>
  within(data, async opened => {
    const { certificate, key } = await issueClient({ name }, 'P-256', opened, new Date())
    return { cert: certificate.pem, key }
  })

function fetch(
  { port, ca }: { readonly port: number; readonly ca: string },
  path: string,
  { body, token, identity, headers = {}, method = body === undefined ? 'GET' : 'POST' }: CallOptions = {},
): Promise<Answer> {
  const isPlain = body === undefined || typeof body === 'string' || body instanceof Uint8Array
  const bytes = isPlain ? body : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const sent = send(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        ca,
        ...identity,
        agent: false,
        headers: {
          ...(bytes === undefined ? {} : { 'content-type': 'application/json', ...lengthOf(bytes, headers) }),
          ...(token === undefined ? {} : { 'x-auth-token': token }),
          ...headers,
        },
      },
      answer => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString('latin1')
          const isJson = answer.headers['content-type']?.startsWith('application/json') === true && text !== ''
          const parsed: unknown = isJson ? JSON.parse(Buffer.from(text, 'latin1').toString()) : {}
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers as Record<string, string>,
            text,
            body: parsed as Body,
          })
        })
      },
    )
    sent.on('error', reject)
    sent.end(bytes)
  })
}

/** Also where Node.js says none, as of a GET. */
const lengthOf = (bytes: string | Uint8Array, headers: object) =>
  'transfer-encoding' in headers ? {} : { 'content-length': Buffer.byteLength(bytes) }

/** A certificate request for a new key, and the key. */
export async function request(commonName: string): Promise<{ readonly csr: string; readonly key: string }> {
  const keyPair = await generateKeyPair('P-256')
  const csr = await createRequest({ subject: { commonName }, keyPair })
  return { csr, key: keyPair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}
