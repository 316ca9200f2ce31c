/**
 * One holder per folder: the server of a data folder, the process that has a database open.
 *
 * The holder listens on a Unix socket in the folder; the lock is held as long as a connection succeeds. The kernel ends it
 * with the process, however that dies, and it works between containers that share a volume on one kernel, where process
 * numbers mean nothing. Whoever connects is told who the holder is, in one line of JSON, and may then be served.
 *
 * A dead holder's socket is never replaced, it is outnumbered: sockets are `server-<n>.lock`, the highest n counts. A
 * contender that finds the highest dead makes the next, by linking a socket that is already listening, so that no socket
 * under such a name was ever not yet alive; then it looks again, and yields to a higher one and to a live one. A release takes the name
 * away before the socket dies, so that a dead socket is always one of a holder that crashed.
 *
 * @module
 */
import { chmod, link, mkdtemp, readdir, rm, stat, symlink, unlink } from 'node:fs/promises'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { randomBytes } from 'node:crypto'
import { StoreError } from './error.ts'
import { giveToOwner, makeFolder } from './folder.ts'

export interface FolderLock {
  /** Gives the folder free. Doing it twice is no error. */
  release(): Promise<void>
}

/** What the holder does for one that connects: by default it takes leave. */
export type Service = (guest: Socket) => void

/**
 * Takes the lock of a folder, which is created (0700) when missing. It does not keep the process alive.
 *
 * @throws StoreError `locked`, saying by which process as far as it tells; `io` when the folder cannot hold a lock.
 */
export async function lockFolder(path: string, serve: Service = guest => guest.end()): Promise<FolderLock> {
  const folder = resolve(path)
  try {
    await makeFolder(folder)
    return await viaShortPath(folder, short => acquire(folder, short, serve))
  } catch (cause) {
    throw lockError(folder, cause)
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
  const { alive, who } = (await atHighest(path, ask)) ?? dead
  return alive ? parse(who) : undefined
}

/** A connection to the holder of a folder's lock, who has introduced itself on it; undefined if nobody holds it. */
export function callHolder(path: string): Promise<Call | undefined> {
  return atHighest(path, call)
}

export interface Call {
  readonly socket: Socket
  /** For messages: which process it is, as far as it tells. */
  readonly who: string
}

/** Undefined where no socket is. */
async function atHighest<T>(path: string, use: (socket: string) => Promise<T>): Promise<T | undefined> {
  const folder = resolve(path)
  try {
    const highest = Math.max(0, ...(await sockets(folder)))
    if (highest === 0) return undefined
    return await viaShortPath(folder, short => use(join(short, name(highest))))
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw lockError(folder, cause)
  }
}

function lockError(folder: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  const why = cause instanceof Error ? cause.message : String(cause)
  return new StoreError('io', `cannot use the folder ${folder}: ${why}${adviceOn(cause)}`, { cause })
}

function adviceOn(cause: unknown): string {
  const isCall = cause instanceof Error && 'syscall' in cause && cause.syscall === 'connect'
  switch (codeOf(cause)) {
    case 'EACCES':
      return isCall
        ? ': another user has it open, or has left a file *.lock behind: run as that user'
        : ': this user may not write in it: run as its owner, or correct its permissions'
    case 'EROFS':
      return ': mount it writable, or work on a copy of it'
    default:
      return ''
  }
}

async function acquire(folder: string, short: string, serve: Service): Promise<FolderLock> {
  const own = `listening-${randomBytes(8).toString('hex')}.lock`
  const listening = await listen(join(short, own), serve)
  try {
    await keepPrivate(join(folder, own), folder)
    for (;;) {
      const highest = Math.max(0, ...(await sockets(folder)))
      const state = highest === 0 ? dead : await ask(join(short, name(highest)))
      if (state.alive) throw locked(folder, nameOf(state.who))
      const mine = highest + 1
      if (!(await linked(join(folder, own), join(folder, name(mine))))) continue
      const others = (await sockets(folder)).filter(number => number !== mine)
      const states = await Promise.all(others.map(number => ask(join(short, name(number)))))
      if (others.every(number => number < mine) && !states.some(({ alive }) => alive)) {
        await Promise.all(others.map(number => rm(join(folder, name(number)), { force: true })))
        return held(listening, join(folder, name(mine)))
      }
      await unlink(join(folder, name(mine)))
    }
  } catch (error) {
    listening.stop()
    throw error
  } finally {
    await rm(join(folder, own), { force: true }).catch(() => undefined)
  }
}

/** In a folder of one's own. Of another's, root leaves the mode as it is: to change it would follow a link put there. */
async function keepPrivate(socket: string, folder: string): Promise<void> {
  if ((await stat(folder)).uid === process.geteuid?.()) await chmod(socket, 0o600)
  else await giveToOwner(socket)
}

function held({ server, stop }: Listening, path: string): FolderLock {
  return {
    async release() {
      if (!server.listening) return
      await rm(path, { force: true })
      stop()
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

interface Listening {
  readonly server: Server
  /** Ends the connections too, once what was written to them is on its way. */
  readonly stop: () => void
}

function listen(path: string, serve: Service): Promise<Listening> {
  const words = JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() })
  const guests = new Set<Socket>()
  const server = createServer(guest => {
    guests.add(guest)
    guest.on('close', () => guests.delete(guest))
    guest.on('error', () => guest.destroy())
    guest.unref().write(`${words}\n`)
    serve(guest)
  }).unref()
  const stop = (): void => {
    server.close()
    for (const guest of guests) guest.destroySoon()
    // One that does not read would keep this process alive.
    setTimeout(() => guests.forEach(guest => guest.destroy()), farewellMs).unref()
  }
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(path, () => resolve({ server, stop }))
  })
}

/** Undefined where nobody listens any more, or the socket was released or outnumbered meanwhile, or just ends. */
function call(path: string): Promise<Call | undefined> {
  return new Promise((resolve, reject) => {
    let words = ''
    const socket = createConnection(path)
    const silent = (): void => {
      reject(new Error('the process that holds it does not answer: let it go on, or end it (fuser tells which it is)'))
      socket.destroy()
    }
    const listening = (chunk: Buffer): void => {
      words += chunk.toString()
      if (!words.includes('\n') && words.length <= answerBytes) return
      socket.off('data', listening).pause().setTimeout(0, silent)
      resolve({ socket, who: nameOf(words) })
    }
    socket.on('data', listening)
    socket.on('close', () => resolve(undefined))
    socket.on('error', error => {
      if (!isNobody(error) && !isBusy(error)) reject(error)
    })
    socket.setTimeout(callMs, silent)
  })
}

const callMs = 10_000
const farewellMs = 1000

function isNobody(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ECONNREFUSED' || code === 'ENOENT'
}

/** Or about to end. */
function isBusy(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'EAGAIN' || code === 'ECONNRESET' || code === 'EPIPE'
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
      if (words.includes('\n') || who.length > answerBytes) done()
    })
    socket.on('end', done)
    socket.on('error', error => {
      if (isNobody(error)) resolve(dead)
      else if (isBusy(error)) done()
      else reject(error)
    })
  })
}

function nameOf(words: string): string {
  const { pid, host, since } = parse(words)
  return pid === undefined ? 'another process' : `process ${pid} on ${host ?? '?'} since ${since ?? '?'}`
}

/** @param who which process it is */
export function locked(folder: string, who: string): StoreError {
  return new StoreError('locked', `the folder ${folder} is in use by ${who}: stop it, or use another folder`)
}

/** Only what a well-behaved holder would say gets into a message. */
function parse(who: string): LockHolder {
  const [, pid, host, since] = /^\{"pid":(\d+),"host":"([\w.-]+)","since":"([\w:.-]+)"\}$/.exec(who.trimEnd()) ?? []
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
