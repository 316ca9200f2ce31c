/**
 * The processes of a run: the servers, and the clients' side.
 *
 * @module
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { BareOptions } from './bare.ts'
import type { Job, Result } from './load.ts'

/** A server under load. */
export interface Server {
  readonly pid: number
  readonly port: number
  /** From its start to its ready line. */
  readonly startMs: number
  readonly close: () => Promise<void>
}

/** Without what this machine may have every Node.js process read at its start. */
const environment = { ...process.env, NODE_EXTRA_CA_CERTS: undefined }

const kmipd = fileURLToPath(new URL('../../bin/kmipd', import.meta.url))

/** kmipd as it is built, on a data folder. It logs to a file there. */
export async function startKmipd(data: string, nodeArguments: readonly string[] = []): Promise<Server> {
  const from = performance.now()
  const command = [kmipd, 'serve', '--data', data, '--host', '127.0.0.1', '--port', '0', '--json']
  const child = spawn(process.execPath, [...nodeArguments, ...command], {
    env: { ...environment, KMIPD_LOG_FILE: 'kmipd.log' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const { kmip } = JSON.parse(line) as { readonly kmip: { readonly port: number } }
  return { ...running(child), port: kmip.port, startMs: performance.now() - from }
}

/** How long Node.js takes to start and end. */
export async function nodeMs(): Promise<number> {
  const from = performance.now()
  await once(spawn(process.execPath, ['--eval', ''], { env: environment }), 'exit')
  return performance.now() - from
}

export async function startBare(options: BareOptions): Promise<Server> {
  const from = performance.now()
  const child = forked('bare.ts')
  return { ...running(child), port: await answerOf<number>(child, options), startMs: performance.now() - from }
}

export interface Clients {
  readonly run: (job: Job) => Promise<Result>
  readonly close: () => Promise<void>
}

export function startClients(): Clients {
  const child = forked('load.ts')
  return { run: job => answerOf<Result>(child, job), close: running(child).close }
}

const forked = (file: string): ChildProcess => fork(fileURLToPath(new URL(file, import.meta.url)))

function running(child: ChildProcess): Pick<Server, 'pid' | 'close'> {
  return {
    pid: child.pid ?? 0,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      await exit
    },
  }
}

async function answerOf<T>(child: ChildProcess, question: object): Promise<T> {
  const answer = once(child, 'message')
  child.send(question)
  const [{ result, error }] = (await answer) as [{ readonly result?: T; readonly error?: string }]
  if (result === undefined) throw new Error(error ?? 'no answer')
  return result
}

/** Resident memory of a process, and how much of it are pages of the database, which the system takes back as it likes. */
export function residentMiB(pid: number): { readonly all: number; readonly database: number } {
  const mappings = readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  const sum = (some: readonly string[]) =>
    some.reduce((kib, mapping) => kib + Number(/^Rss:\s+(\d+) kB$/m.exec(mapping)?.[1]), 0) / 1024
  return { all: sum(mappings), database: sum(mappings.filter(mapping => /^.*\.mdb$/m.test(mapping))) }
}
