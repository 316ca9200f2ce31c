/**
 * What the suites of the whole system share: a real server in a process of its own, and clients that are enrolled in its
 * data folder from this one, as an administrator's shell does it.
 *
 * @module
 */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../../src/config.ts'
import { issueClient } from '../../src/enrollment.ts'
import { type Opened, openHouse } from '../../src/house.ts'
import { type Client, type ClientOptions, connect } from '../../src/index.ts'

export interface ServerProcess {
  readonly data: string
  readonly port: number
  /** PEM: what its clients trust. */
  readonly ca: string
  readonly process: ChildProcess
  /** The lines of its log so far, each an object. */
  readonly log: () => Record<string, unknown>[]
  readonly connect: (identity: Identity, options?: Partial<ClientOptions>) => Promise<Client>
  /** Ends it, by default politely. Resolves when the process is gone. */
  readonly end: (signal?: NodeJS.Signals) => Promise<void>
}

/** A client's certificate and key, PEM. */
export interface Identity {
  readonly cert: string
  readonly key: string
}

export interface LaunchOptions {
  readonly environment?: Readonly<Record<string, string>>
  /** A shell command that ends in `exec "$@"`. */
  readonly prefix?: readonly string[]
}

/** A folder for a server's data; remove it with `removeFolder`. */
export const newFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'kmipd-system-'))

export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true })

type Child = ChildProcessByStdio<null, Readable, Readable>

const kmipd = fileURLToPath(new URL('../../bin/kmipd', import.meta.url))

/** Starts the server as users do, on any free port of this machine; resolves when it is ready. */
export async function launch(
  data: string,
  { environment = {}, prefix = [] }: LaunchOptions = {},
): Promise<ServerProcess> {
  const logFile = join(data, 'server.log')
  const flags = ['serve', '--json', '--data', data, '--host', '127.0.0.1', '--port', '0']
  const [command = '', ...argument]: readonly string[] = [...prefix, process.execPath, kmipd, ...flags]
  const child: Child = spawn(command, argument, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], KMIPD_LOG_FILE: logFile, ...environment },
  })
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  const port = await ready(child)
  const ca = readFileSync(join(data, 'ca.pem'), 'utf8')
  return {
    data,
    port,
    ca,
    process: child,
    log: () => (existsSync(logFile) ? linesOf(readFileSync(logFile, 'utf8')) : []),
    connect: (identity, options) => connect({ host: '127.0.0.1', port, ca, ...identity, ...options }),
    async end(signal = 'SIGTERM') {
      child.kill(signal)
      await ended
    },
  }
}

/** The port that the server says it listens on. */
function ready(child: Child): Promise<number> {
  let said = ''
  let complained = ''
  child.stderr.on('data', chunk => (complained += String(chunk)))
  return new Promise((resolve, reject) => {
    child.stdout.on('data', chunk => {
      said += String(chunk)
      if (said.includes('\n')) resolve((JSON.parse(said) as { readonly kmip: { readonly port: number } }).kmip.port)
    })
    child.once('close', code => reject(new Error(`the server ended with ${code ?? 'a signal'}: ${complained}`)))
  })
}

const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as Record<string, unknown>)

/** Opens the data folder of a server that runs, from this process. */
export async function within<T>(data: string, use: (opened: Opened) => Promise<T>): Promise<T> {
  const opened = await openHouse(await loadConfig({ data }), {})
  try {
    return await use(opened)
  } finally {
    await opened.store.close()
  }
}

export interface EnrollOptions {
  readonly group?: string
  readonly days?: number
  /** When the certificate is issued. Default now. */
  readonly now?: Date
}

/** Enrolls a client, and gives what it connects with. */
export async function enrolled(
  data: string,
  name: string,
  { group, days, now = new Date() }: EnrollOptions = {},
): Promise<Identity> {
  return within(data, async opened => {
    const { certificate, key } = await issueClient({ name, group, days }, 'P-256', opened, now)
    return { cert: certificate.pem, key }
  })
}

/** Waits until something holds, for as long as the test may take. */
export async function eventually<T>(look: () => T | undefined): Promise<T> {
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
