/** The real executable, as a child process. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, onTestFinished } from 'vitest'

export const executable = fileURLToPath(new URL('../../bin/kmipd', import.meta.url))

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd?: string
  readonly input?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
}

/** Nothing of the surroundings but what a shell needs. */
const environment = (env: RunOptions['env'] = {}) => ({ PATH: process.env['PATH'], HOME: '/nonexistent', ...env })

const start = (args: readonly string[], { cwd, env }: RunOptions): ChildProcess =>
  spawn(process.execPath, [executable, ...args], { cwd, env: environment(env), stdio: 'pipe' })

export async function kmipd(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = start(args, options)
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => (output[name] += text))
  child.stdin?.on('error', () => undefined).end(options.input ?? '')
  await once(child, 'close')
  return { status: child.exitCode, ...output }
}

/** Standard output of a command that must succeed. */
export async function done(args: readonly string[], options?: RunOptions): Promise<string> {
  const { status, stdout, stderr } = await kmipd(args, options)
  if (status !== 0) throw new Error(`kmipd ${args.join(' ')} ended with ${status}: ${stderr}`)
  return stdout
}

/** The JSON document of a command that must succeed. */
export const json = async (args: readonly string[], options?: RunOptions): Promise<unknown> =>
  JSON.parse(await done([...args, '--json'], options))

/** What happens on a terminal: `typed` is typed when the question stands there. */
export async function onTerminal(args: readonly string[], typed: string): Promise<Ended> {
  const command = [process.execPath, executable, ...args].map(each => `'${each}'`).join(' ')
  const child = spawn('script', ['-qec', command, '/dev/null'], { env: environment({ TERM: 'xterm' }), stdio: 'pipe' })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    if (text.includes('[y/N]')) child.stdin.write(typed)
  })
  await once(child, 'close')
  return { status: child.exitCode, stdout, stderr: '' }
}

export interface Serving {
  readonly process: ChildProcess
  readonly ready: unknown
  /** All of standard error so far. */
  readonly log: () => string
  /** Sends the signal, and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** A server, once it has said in JSON that it is ready; killed when the test ends. */
export async function serving(args: readonly string[], options: RunOptions = {}): Promise<Serving> {
  const child = start(['serve', ...args, '--json'], options)
  onTestFinished(() => void child.kill('SIGKILL'))
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('no output')
  let log = ''
  stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  const ended = once(child, 'close')
  const line = await Promise.race([once(createInterface(stdout), 'line'), ended.then(() => undefined)])
  if (line === undefined) throw new Error(`the server did not start: ${log}`)
  return {
    process: child,
    ready: JSON.parse(String(line[0])),
    log: () => log,
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      await ended
      return child.exitCode
    },
  }
}

/** A folder that goes when the test ends. */
export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kmipd-cli-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

export interface House {
  /** Goes when the test ends. */
  readonly path: string
  readonly data: string
}

/** A data folder with an authority of its own. */
export async function newHouse(): Promise<House> {
  const path = await folder()
  const data = join(path, 'data')
  await initialised(data)
  return { path, data }
}

/** A data folder, whose authority all the others of a test file have, too. */
export async function house(): Promise<House> {
  const path = await folder()
  const data = join(path, 'data')
  await cp(await (model ??= madeModel()), data, { recursive: true })
  return { path, data }
}

let model: Promise<string> | undefined
afterAll(async () => {
  if (model !== undefined) await rm(await model, { recursive: true })
})

async function madeModel(): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), 'kmipd-cli-'))
  await initialised(data)
  return data
}

const initialised = (data: string): Promise<string> =>
  done(['init', '--data', data, '--host', 'localhost', '--host', '127.0.0.1'])

export const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8)

export function openssl(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** A key and a certificate request, as a cluster makes them; the request's path. */
export function request(path: string, subject = '/C=US/O=Example/CN=cluster'): string {
  const csr = join(path, 'cluster.csr')
  openssl(...`req -new -newkey rsa:2048 -nodes -keyout ${path}/cluster.key -out ${csr} -subj`.split(' '), subject)
  return csr
}
