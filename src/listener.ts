/**
 * The socket side: TLS, who may come in, how much and how long; everything that ends a connection is decided here.
 *
 * Connections are accepted by a plain server and handed to a TLS server, so that one that is over the limit costs nothing,
 * and one that never finishes its handshake can be found and dropped. When all places are taken, a newcomer gets the place
 * of whoever has waited longest without being admitted: half-open connections never keep clients out.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { type Certificate, readCertificates } from '../certs/index.ts'
import type { Awaitable } from '../store/index.ts'
import { brokenOff, handshakeComplaint, isBreak } from './diagnosis/connection.ts'
import { fault, type Refusal } from './diagnosis/faults.ts'
import { bind } from './listener/bind.ts'
import { converse, type Conversation, type Terms } from './listener/conversation.ts'
import { outbox } from './listener/outbox.ts'
import { addressOf, faultOf, isRefusal, type Peer, peerOf, refusalOf } from './listener/peer.ts'
import { keyOf, placesOf, plainOf } from './listener/places.ts'
import { type Credentials, secureContext } from './listener/secure-context.ts'
import { shownReader } from './listener/shown.ts'
import type { Fields, Log } from './log.ts'

export { ListenError } from './listener/error.ts'
export type { Refusal } from './diagnosis/faults.ts'
export type { Peer } from './listener/peer.ts'
export type { Credentials } from './listener/secure-context.ts'

/** Times in milliseconds. */
export interface Limits {
  /** The longest message, header included. */
  readonly maxMessageBytes: number
  /** Open at a time, handshakes included. */
  readonly maxConnections: number
  /** From the first packet to the end of the handshake. */
  readonly handshakeMs: number
  /** From the first byte of a message to its last; also for reading a response. */
  readonly messageMs: number
  /** Between messages. Clients hold connections for hours, so this only finds the dead. */
  readonly idleMs: number
  /** How long `close` waits for what is in progress. */
  readonly drainMs: number
}

export const defaultLimits: Limits = Object.freeze({
  maxMessageBytes: 1_048_576,
  maxConnections: 1000,
  handshakeMs: 10_000,
  messageMs: 30_000,
  idleMs: 43_200_000,
  drainMs: 10_000,
})

export interface ListenOptions<S extends object> extends Credentials {
  /** `::` is every address, of IPv4 alone where IPv6 is missing. */
  readonly host: string
  /** 0 is any free one. */
  readonly port: number
  /** Whether a certificate must say clientAuth (`strict`) or may leave it open. Default `lenient`. */
  readonly clientUsage?: 'lenient' | 'strict'
  /** Default `defaultLimits`, each. */
  readonly limits?: Partial<Limits>
  /** Asked once per connection, resumed or not, when the certificate is within its dates. Must heed `chainError`. */
  readonly admit: (peer: Peer) => Promise<S | Refusal>
  /** Answers a message. Owns its bytes; gives up those of the response. */
  readonly exchange: (message: Uint8Array, session: S, isGone: () => boolean) => Awaitable<Uint8Array>
  readonly log: Log
  /** Milliseconds since 1970. Default the system's clock. */
  readonly now?: () => number
}

export interface Listener {
  readonly host: string
  readonly port: number
  /** Admitted clients that are connected. */
  readonly connections: number
  /**
   * For new connections. Sessions from before can be resumed, and are judged again, unless an authority is trusted no
   * longer: then all clients begin anew. Throws `ListenError` `credentials`.
   */
  readonly replaceCredentials: (credentials: Credentials) => void
  /** Accepts nothing more, answers what has been received, and ends all connections within `drainMs`. */
  readonly close: () => Promise<void>
}

/** @throws ListenError */
export async function listen<S extends object>(options: ListenOptions<S>): Promise<Listener> {
  const { admit, exchange, log, now = Date.now, clientUsage = 'lenient' } = options
  const limits: Limits = { ...defaultLimits, ...options.limits }
  const sweepMs = Math.min(1000, Math.max(10, Math.min(limits.messageMs, limits.idleMs) / 4))
  const sweeps = (ms: number): number => Math.ceil(ms / sweepMs)
  const clock = { sweep: 0 }
  const terms: Terms<S> = {
    exchange,
    maxMessageBytes: limits.maxMessageBytes,
    patience: {
      idle: sweeps(limits.idleMs),
      receiving: sweeps(limits.messageMs),
      exchanging: Infinity,
      sending: sweeps(limits.messageMs),
    },
    clock,
    outbox: outbox(),
    log,
  }
  const shownBy = shownReader()
  const conversations = new Set<Conversation>()
  /** Those wait who are not admitted yet. */
  const places = placesOf({ maxConnections: limits.maxConnections, settled: () => conversations.size, log })
  let closing: Promise<void> | undefined
  let { clientCa } = options
  let lastEnded = -Infinity

  const tlsServer = createTlsServer({
    ...secureContext(options),
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: limits.handshakeMs,
  })
  const server = createServer({ noDelay: true }, accept)
  let trusted = trustedBy(options)
  const { host, port } = await bind(server, options)
  const timer = setInterval(sweep, sweepMs).unref()
  server.on('error', error => log.error({ error }, 'a connection could not be accepted'))
  tlsServer.on('tlsClientError', complain)
  tlsServer.on('secureConnection', socket => void welcome(socket))

  function accept(socket: Socket): void {
    socket.on('error', () => undefined)
    if (!places.take(socket)) return
    const key = keyOf(socket)
    const where = whereOf(socket)
    socket.on('close', () => {
      letGo(socket)
      if (!places.leave(key, socket)) return
      const bytes = socket.bytesRead
      // Monitoring and load balancers connect and say nothing, every few seconds.
      if (bytes === 0) log.debug({ ...where, bytes }, 'connection closed before its handshake')
      else log.info({ ...where, bytes, ...told(brokenOff) }, 'connection closed before its handshake was complete')
    })
    tlsServer.emit('connection', socket)
  }

  /** What broke off or never said a word is told of when its socket closes. */
  function complain(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const key = keyOf(socket)
    const newcomer = places.find(socket)
    if (!isBreak(error) && newcomer?.bytesRead !== 0) {
      places.leave(key, newcomer)
      log.warn({ ...whereOf(socket), ...told(handshakeComplaint(error)) }, 'connection refused')
    }
    socket.destroy()
  }

  async function welcome(socket: TLSSocket): Promise<void> {
    const plain = plainOf(socket)
    const key = keyOf(plain)
    const newcomer = places.find(plain)
    const where = whereOf(plain)
    socket.on('error', error => log.debug({ ...where, error }, 'connection broken'))
    const admission = await judge(socket, where).catch((error: unknown) =>
      log.error({ ...where, error }, 'connection refused: internal error'),
    )
    places.leave(key, newcomer)
    if (!admission || closing !== undefined) socket.destroy()
    if (!admission || socket.destroyed) return
    const conversation = converse(socket, admission.session, admission.who, terms)
    conversations.add(conversation)
    socket.on('close', () => {
      conversations.delete(conversation)
      letGo(socket)
    })
  }

  /** The register is not asked about a certificate that is at fault itself. */
  async function judge(socket: TLSSocket, where: Where): Promise<{ session: S; who: Fields } | undefined> {
    const shown = shownBy(socket)
    if (shown === undefined) {
      log.warn({ ...where, ...told(fault('noCertificate', 'client', {})) }, 'connection refused')
      return undefined
    }
    const peer = peerOf(socket, shown)
    const { subject, fingerprint, issuer, tlsVersion, resumed } = peer
    const who = { address: where.address, port: where.port, subject, fingerprint }
    const own = faultOf(shown, clientUsage, now())
    const admission = own ?? (await admit(peer))
    if (!isRefusal(admission)) return { session: admission, who }
    const refusal = own ?? refusalOf(peer, admission, trusted(), now())
    if (refusal.code === 'newHandshake') endSessions()
    log.warn({ ...who, issuer, tlsVersion, resumed, ...told(refusal) }, 'connection refused')
    return undefined
  }

  /** A client that resumes its session again and again would never show its certificates. */
  function endSessions(): void {
    if (clock.sweep - lastEnded <= sweeps(endAgainMs)) return
    lastEnded = clock.sweep
    tlsServer.setTicketKeys(randomBytes(ticketKeyBytes))
  }

  function sweep(): void {
    clock.sweep++
    for (const conversation of conversations) conversation.sweep()
  }

  async function drain(): Promise<void> {
    const closed = new Promise(resolve => server.close(resolve))
    places.clear()
    for (const conversation of conversations) conversation.finish()
    const last = setTimeout(() => {
      log.warn({ connections: conversations.size }, 'connections cut that did not end in time')
      for (const conversation of conversations) conversation.destroy()
    }, limits.drainMs)
    await closed
    clearTimeout(last)
    clearInterval(timer)
    conversations.clear()
  }

  return {
    host,
    port,
    get connections() {
      return conversations.size
    },
    replaceCredentials(credentials) {
      // A session says that its client was vouched for when it began.
      const isKept = clientCa.every(authority => credentials.clientCa.includes(authority))
      const ticketKeys = isKept ? tlsServer.getTicketKeys() : randomBytes(ticketKeyBytes)
      tlsServer.setSecureContext({ ...secureContext(credentials), ticketKeys })
      clientCa = credentials.clientCa
      trusted = trustedBy(credentials)
    },
    close: () => (closing ??= drain()),
  }
}

/** Sockets under TLS outlive the cheap collections of garbage: what listened to one that is closed need not. */
const letGo = (socket: Socket): void => void socket.removeAllListeners().on('error', ignore)

/** Of a closed socket; were there one, nobody else would listen. */
const ignore = (): void => undefined

/** As node:tls wants them. */
const ticketKeyBytes = 48

/** All sessions end together, and whoever has one from before the last end has a new one by then. */
const endAgainMs = 10_000

interface Where {
  readonly address: string
  readonly port: number
}

const whereOf = (socket: Socket): Where => ({ address: addressOf(socket), port: socket.remotePort ?? 0 })

/** Read when the first client is refused. */
function trustedBy({ clientCa }: Credentials): () => readonly Certificate[] {
  let trusted: readonly Certificate[] | undefined
  return () => (trusted ??= clientCa.flatMap(pem => readCertificates(pem)))
}

/** A refusal as the log has it. */
const told = ({ code, reason, hint }: Refusal): Fields => ({
  ...(code === undefined ? {} : { fault: code }),
  reason,
  hint,
})
