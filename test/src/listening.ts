/**
 * A listener with a log that is kept, certificates of two authorities, and clients of every temper.
 *
 * @module
 */
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach } from 'vitest'
import {
  type Authority,
  clientProfile,
  createAuthority,
  exportPrivateKey,
  generateKeyPair,
  type KeyType,
  openAuthority,
  serverProfile,
} from '../../certs/index.ts'
import { listen, type Listener, type ListenOptions, type Peer } from '../../src/listener.ts'
import type { Fields, Log, LogLevel } from '../../src/log.ts'

const dayMs = 86_400_000
const now = Date.now()
const past = new Date(now - 1000 * dayMs)

/** Both began long ago, so that they can have issued what has expired. */
export const trusted = openAuthority(await createAuthority({ subject: { commonName: 'trusted' }, now: past }))
export const stranger = openAuthority(await createAuthority({ subject: { commonName: 'stranger' }, now: past }))

export interface Identity {
  readonly cert: string
  readonly key: string
}

export async function serverIdentity(keyType: KeyType): Promise<Identity> {
  const { publicKey, privateKey } = await generateKeyPair(keyType)
  const profile = serverProfile({ names: ['localhost', '127.0.0.1'] })
  const { pem } = await trusted.sign(trusted.plan(publicKey, profile, new Date(now)))
  return { cert: pem, key: exportPrivateKey(privateKey) }
}

/** @param beginsInDays of a certificate that is valid for 30 days */
export async function clientIdentity(commonName: string, authority: Authority, beginsInDays = -1): Promise<Identity> {
  const { publicKey, privateKey } = await generateKeyPair()
  const begins = new Date(now + beginsInDays * dayMs)
  const { pem } = await authority.sign(authority.plan(publicKey, clientProfile({ commonName, days: 30 }), begins))
  return { cert: pem, key: exportPrivateKey(privateKey) }
}

export const server = await serverIdentity('P-256')
export const alice = await clientIdentity('alice', trusted)

export interface Line extends Fields {
  readonly level: LogLevel
  readonly text: string
}

export interface Running extends Listener {
  readonly lines: readonly Line[]
  /** All but debug. */
  readonly told: () => Line[]
  /** The first line that has the words in its text or reason, once there is one. */
  readonly line: (words: string) => Promise<Line>
  readonly peers: readonly Peer[]
}

interface Session {
  readonly name: string
}

const running: Listener[] = []
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(running.splice(0).map(each => each.close()))
})

/** Answers every message with itself and admits whom the authority vouches for, unless told otherwise. */
export async function start(options: Partial<ListenOptions<Session>> = {}): Promise<Running> {
  const lines: Line[] = []
  const peers: Peer[] = []
  const writer = (level: LogLevel) => (fields: Fields, text: string) => void lines.push({ ...fields, level, text })
  const log: Log = { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') }
  const listener = await listen<Session>({
    host: '127.0.0.1',
    port: 0,
    key: server.key,
    certificate: server.cert,
    clientCa: [trusted.certificate.pem],
    exchange: message => Promise.resolve(Uint8Array.from(message)),
    log,
    ...options,
    admit: async peer => {
      peers.push(peer)
      if (options.admit) return options.admit(peer)
      return peer.chainError === undefined ? { name: peer.subject } : { reason: 'not in the register', hint: 'sign it' }
    },
  })
  running.push(listener)
  return Object.assign(Object.create(listener) as Listener, {
    lines,
    peers,
    told: () => lines.filter(({ level }) => level !== 'debug'),
    line: (words: string) =>
      until(() => lines.find(line => `${line.text} ${line.reason ?? ''}`.includes(words)), `a line with "${words}"`),
  })
}

/** What is found within a minute, where a moment will do. */
export async function until<T>(find: () => T | undefined | false, words: string): Promise<T> {
  for (let tries = 0; tries < 6000; tries++) {
    const found = find()
    if (found !== undefined && found !== false) return found
    await delay(10)
  }
  throw new Error(`waited for ${words} in vain`)
}

/** One Request Message (KMIP 2.1 §10.1) of so many bytes, header included, that all have the same value. */
export function message(bytes = 16, value = 0): Buffer {
  const built = Buffer.alloc(bytes, value)
  built.writeUInt32BE(0x42007801)
  built.writeUInt32BE(bytes - 8, 4)
  return built
}

/** A client that keeps what it received. */
export interface Client {
  readonly socket: TLSSocket
  readonly received: () => Buffer
  /** Resolves when so many bytes have come in all. */
  readonly receives: (bytes: number) => Promise<Buffer>
  readonly closed: Promise<unknown>
  /** The newest session, to be resumed. */
  readonly session: () => Buffer | undefined
}

export async function connect({ port }: { port: number }, options: ConnectionOptions = {}): Promise<Client> {
  const ca = trusted.certificate.pem
  const socket = connectTls({ host: '127.0.0.1', port, ca, ...alice, ...options })
  sockets.push(socket)
  const chunks: Buffer[] = []
  let session: Buffer | undefined
  socket.on('data', (chunk: Buffer) => void chunks.push(chunk))
  socket.on('session', (given: Buffer) => (session = given))
  socket.on('error', () => undefined)
  const closed = new Promise(resolve => socket.on('close', resolve))
  await Promise.race([new Promise(resolve => socket.once('secureConnect', resolve)), closed])
  const received = () => Buffer.concat(chunks)
  return {
    socket,
    received,
    receives: bytes => until(() => received().length >= bytes && received(), `${bytes} bytes`),
    closed,
    session: () => session ?? socket.getSession(),
  }
}

/** A client that speaks no TLS. */
export async function connectPlain({ port }: { port: number }): Promise<{ socket: Socket; closed: Promise<unknown> }> {
  const socket = connectTcp({ host: '127.0.0.1', port })
  sockets.push(socket)
  socket.on('error', () => undefined)
  socket.resume()
  const closed = new Promise(resolve => socket.on('close', resolve))
  await once(socket, 'connect')
  return { socket, closed }
}
