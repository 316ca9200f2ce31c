/** What the suites share: the engines they run over, folders that go away, and child processes. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { afterAll, onTestFinished } from 'vitest'
import { lmdb, memory, StoreError, type Engine, type StoreErrorCode } from '../../store/index.ts'

/** Every engine, opened empty and closed when the test ends. */
export const engines: readonly (readonly [string, () => Promise<Engine>])[] = [
  ['memory', async () => finally_(memory())],
  ['lmdb', async () => openLmdb(await folder())],
  ['lmdb that another has open', async () => openBeside(await folder())],
]

export async function openLmdb(path: string, stays = false): Promise<Engine> {
  return finally_(await lmdb({ path, stays }))
}

/** Opens the database where it is open already, and stays so: through who has it open. */
export async function openBeside(path: string): Promise<Engine> {
  await openLmdb(path, true)
  return openLmdb(path)
}

function finally_(engine: Engine): Engine {
  onTestFinished(() => engine.close())
  return engine
}

export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kmipd-store-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

export function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text))
}

export async function codeOf(promise: Promise<unknown>): Promise<StoreErrorCode | 'none'> {
  return promise.then(
    () => 'none' as const,
    (error: unknown) => {
      if (error instanceof StoreError) return error.code
      throw error
    },
  )
}

export interface Child {
  readonly process: ChildProcess
  /** All lines printed so far. */
  readonly lines: readonly string[]
  readonly said: (line: string) => Promise<void>
  readonly ended: Promise<number | string>
}

let scripts: string | undefined
afterAll(() => {
  if (scripts !== undefined) rmSync(scripts, { recursive: true })
})

/** Compiles the scripts of the folder `child` beside this file, each with all that it imports: they start at once. */
function compiled(): string {
  const sources = fileURLToPath(new URL('child', import.meta.url))
  const outdir = mkdtempSync(join(tmpdir(), 'kmipd-child-'))
  const outExtension = { '.js': '.mjs' }
  const entryPoints = readdirSync(sources).map(name => join(sources, name))
  buildSync({ entryPoints, outdir, bundle: true, packages: 'external', platform: 'node', format: 'esm', outExtension })
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(outdir, 'node_modules'))
  return outdir
}

/** Runs a script of the folder `child`; `prefix` may be a shell command that ends in `exec "$@"`. */
export function child(script: string, args: readonly string[], prefix: readonly string[] = []): Child {
  scripts ??= compiled()
  const path = join(scripts, `${script}.mjs`)
  const [command = '', ...rest] = [...prefix, process.execPath, path, ...args]
  const started = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void started.kill('SIGKILL'))
  const lines: string[] = []
  const waiting = new Map<string, () => void>()
  const ended = new Promise<number | string>(resolve => {
    started.on('close', (code, signal) => resolve(code ?? signal ?? ''))
  })
  createInterface({ input: started.stdout }).on('line', line => {
    lines.push(line)
    waiting.get(line)?.()
  })
  return {
    process: started,
    lines,
    ended,
    said: line =>
      new Promise((resolve, reject) => {
        if (lines.includes(line)) {
          resolve()
          return
        }
        waiting.set(line, resolve)
        void ended.then(code => reject(new Error(`${script} ended with ${code} and did not say ${line}`)))
      }),
  }
}
