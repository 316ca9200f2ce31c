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

const dist = new URL('../../dist/src/index.js', import.meta.url)
const program = `
  import { startServer } from ${JSON.stringify(dist)}
  const server = await startServer({ data: process.env.BENCH_DATA, host: '127.0.0.1', port: 0, environment: process.env })
  process.stdout.write(server.kmip.port + '\\n')
  process.on('SIGTERM', () => server.close().then(() => process.exit()))
`

/** kmipd as it is built, on a data folder. It logs to a file there. */
export async function startKmipd(data: string, nodeArguments: readonly string[] = []): Promise<Server> {
  const from = performance.now()
  const child = spawn(process.execPath, [...nodeArguments, '--input-type=module', '--eval', program], {
    env: { ...process.env, BENCH_DATA: data, KMIPD_LOG_FILE: 'kmipd.log' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  return { ...running(child), port: Number(line), startMs: performance.now() - from }
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

/** Resident memory of a process. */
export function residentMiB(pid: number): number {
  const [, kib = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib) / 1024
}
