/**
 * One server per folder. (Command lines do not take the lock: the engine keeps many writers apart.)
 *
 * The holder listens on a Unix socket in the folder; the lock is held as long as a connection succeeds. The kernel ends it
 * with the process, however that dies, and it works between containers that share a volume on one kernel, where process
 * numbers mean nothing.
 *
 * A dead holder's socket is never replaced, it is outnumbered: sockets are `server-<n>.lock`, the highest n counts. A
 * contender that finds the highest dead makes the next, by linking a socket that is already listening, so that no socket
 * under such a name was ever not yet alive; then it looks again, and yields to a higher one and to a live one. A release takes the name
 * away before the socket dies, so that a dead socket is always one of a holder that crashed.
 *
 * @module
 */
import { link, mkdtemp, readdir, rm, symlink, unlink } from 'node:fs/promises'
import { createConnection, createServer, type Server } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { randomBytes } from 'node:crypto'
import { StoreError } from './error.ts'
import { makeFolder } from './folder.ts'

export interface FolderLock {
  /** Gives the folder free. Doing it twice is no error. */
  release(): Promise<void>
}

/**
 * Takes the lock of a folder, which is created (0700) when missing. It does not keep the process alive.
 *
 * @throws StoreError `locked`, saying by which process as far as it tells; `io` when the folder cannot hold a lock.
 */
export async function lockFolder(path: string): Promise<FolderLock> {
  const folder = resolve(path)
  try {
    await makeFolder(folder)
    return await viaShortPath(folder, short => acquire(folder, short))
  } catch (cause) {
    if (cause instanceof StoreError) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new StoreError('io', `cannot lock the folder ${folder}: ${why}`, { cause })
  }
}

/** Who holds a lock, as far as it tells. */
export interface LockHolder {
  readonly pid?: string
  readonly host?: string
  /** ISO 8601. */
  readonly since?: string
}

/** Who holds the lock of a folder, or undefined if nobody does. It takes nothing and writes nothing that stays. */
export async function lockHolder(path: string): Promise<LockHolder | undefined> {
  const folder = resolve(path)
  try {
    const highest = Math.max(0, ...(await sockets(folder)))
    if (highest === 0) return undefined
    const { alive, who } = await viaShortPath(folder, short => ask(join(short, name(highest))))
    return alive ? parse(who) : undefined
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw new StoreError('io', `cannot look at the lock of ${folder}: ${String(cause)}`, { cause })
  }
}

async function acquire(folder: string, short: string): Promise<FolderLock> {
  const own = `listening-${randomBytes(8).toString('hex')}.lock`
  const server = await listen(join(short, own))
  try {
    for (;;) {
      const highest = Math.max(0, ...(await sockets(folder)))
      const state = highest === 0 ? dead : await ask(join(short, name(highest)))
      if (state.alive) throw locked(folder, state.who)
      const mine = highest + 1
      if (!(await linked(join(folder, own), join(folder, name(mine))))) continue
      const others = (await sockets(folder)).filter(number => number !== mine)
      const states = await Promise.all(others.map(number => ask(join(short, name(number)))))
      if (others.every(number => number < mine) && !states.some(({ alive }) => alive)) {
        await Promise.all(others.map(number => rm(join(folder, name(number)), { force: true })))
        return held(server, join(folder, name(mine)))
      }
      await unlink(join(folder, name(mine)))
    }
  } catch (error) {
    server.close()
    throw error
  } finally {
    await rm(join(folder, own), { force: true })
  }
}

function held(server: Server, path: string): FolderLock {
  return {
    async release() {
      if (!server.listening) return
      await rm(path, { force: true })
      await new Promise(done => server.close(done))
    },
  }
}

function name(number: number): string {
  return `server-${number}.lock`
}

/** Numbers of the sockets in the folder. */
async function sockets(folder: string): Promise<number[]> {
  const names = await readdir(folder)
  return names.flatMap(name => /^server-(\d{1,15})\.lock$/.exec(name)?.[1] ?? []).map(Number)
}

/** False when the name was taken by another contender. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

function listen(path: string): Promise<Server> {
  const words = JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() })
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy())
    socket.unref().end(words)
  }).unref()
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(path, () => resolve(server))
  })
}

interface State {
  readonly alive: boolean
  /** What the holder says of itself, when it does. */
  readonly who: string
}

const dead: State = { alive: false, who: '' }
const answerMs = 500
const answerBytes = 1024

/** A holder too busy to answer is alive: the kernel accepts the connection for it. */
function ask(path: string): Promise<State> {
  return new Promise((resolve, reject) => {
    let who = ''
    const socket = createConnection(path)
    const done = () => {
      socket.destroy()
      resolve({ alive: true, who })
    }
    socket.setEncoding('utf8').setTimeout(answerMs, done)
    socket.on('data', (words: string) => {
      who += words
      if (who.length > answerBytes) done()
    })
    socket.on('end', done)
    socket.on('error', error => {
      const code = codeOf(error)
      // Refused: nobody listens any more. Not there: released or outnumbered meanwhile.
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(dead)
      else if (code === 'EAGAIN' || code === 'ECONNRESET' || code === 'EPIPE') done()
      else reject(error)
    })
  })
}

function locked(folder: string, who: string): StoreError {
  const { pid, host, since } = parse(who)
  const holder = pid === undefined ? 'another server' : `process ${pid} on ${host ?? '?'} since ${since ?? '?'}`
  return new StoreError('locked', `the folder ${folder} is in use by ${holder}: stop it, or use another folder`)
}

/** Only what a well-behaved holder would say gets into a message. */
function parse(who: string): LockHolder {
  const [, pid, host, since] = /^\{"pid":(\d+),"host":"([\w.-]+)","since":"([\w:.-]+)"\}$/.exec(who) ?? []
  return { ...(pid && { pid }), ...(host && { host }), ...(since && { since }) }
}

/**
 * A socket's path has at most 103 bytes (107 on Linux) and longer ones are cut silently; a symbolic link to the folder
 * makes it short while sockets are made and asked.
 */
async function viaShortPath<T>(folder: string, use: (short: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(folder) <= longestFolder) return use(folder)
  const temporary = await mkdtemp(join(tmpdir(), 'lock-'))
  try {
    const short = join(temporary, 'l')
    await symlink(folder, short)
    return await use(short)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

const longestFolder = 103 - '/listening-0123456789abcdef.lock'.length

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
