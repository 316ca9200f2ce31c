/**
 * A KMIP client on the same codec as the server: for the shell, for tests, for the cluster's side.
 *
 * ```ts
 * const client = await connect({ host, port, ca, cert, key })
 * const { uniqueIdentifier } = await client.call(Create, { objectType: 'SymmetricKey', attributes })
 * await client.close()
 * ```
 *
 * @module
 */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import {
  checkServerIdentity,
  connect as connectTls,
  type ConnectionOptions,
  type PeerCertificate,
  type TLSSocket,
} from 'node:tls'
import {
  type Call,
  decode,
  encode,
  type Framer,
  framer,
  type Item,
  type Operation,
  readResponse,
  type RequestOptions,
  type ResponseItem,
  type ResponseMessage,
  type Version,
  writeRequest,
} from '../protocol/index.ts'
import { fault } from './diagnosis/faults.ts'

export interface ClientOptions {
  readonly host: string
  /** Default 5696. */
  readonly port?: number | undefined
  /** PEM: the authorities that may have signed the server's certificate. */
  readonly ca: string | readonly string[]
  /** PEM: the client's certificate, and what leads to its authority. */
  readonly cert: string
  readonly key: string
  /** Default 1.4. */
  readonly version?: Version | undefined
  /** For connecting, and for each answer. Default 30,000. */
  readonly timeoutMs?: number | undefined
  /** Default 16 MiB. */
  readonly maxMessageBytes?: number | undefined
  /** A TLS session to resume, as an earlier client gave it. */
  readonly session?: Buffer | undefined
}

/** The server said no: the result's reason and message. */
export class KmipError extends Error {
  override readonly name = 'KmipError'
  readonly status: string
  readonly reason: string

  constructor({ operation, resultStatus, resultReason, resultMessage }: ResponseItem) {
    super(
      `${operation ?? 'the request'}: ${resultReason ?? resultStatus}${resultMessage === undefined ? '' : `: ${resultMessage}`}`,
    )
    this.status = String(resultStatus)
    this.reason = String(resultReason ?? '')
  }
}

/** There is no connection, or no longer one. What the system or TLS complains of is thrown as it comes. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  readonly code: 'closed' | 'identity' | 'timeout'

  constructor(code: ConnectionError['code'], message: string) {
    super(message)
    this.code = code
  }
}

export interface Client {
  readonly version: Version
  /** One operation; its response payload. @throws KmipError */
  call<Q, R>(operation: Operation<Q, R>, payload: Q): Promise<R>
  /** Several operations in one message, each with its result. */
  batch(calls: readonly Call[], options?: RequestOptions): Promise<ResponseMessage>
  /** An item as it is, answered by an item as it is. */
  exchange(message: Item): Promise<Item>
  /** The same client, speaking another version. */
  at(version: Version): Client
  /** What the next client may resume, once the server has sent it. */
  session(): Buffer | undefined
  /** Whether this connection resumed a session. */
  readonly isResumed: boolean
  readonly close: () => Promise<void>
}

/** Connects, with mutual TLS. */
export async function connect(options: ClientOptions): Promise<Client> {
  const { timeoutMs = 30_000, maxMessageBytes = 16 * 1024 * 1024, version = '1.4' } = options
  const socket = await handshake(options, timeoutMs)
  const conversation = converse(socket, framer('response', maxMessageBytes), timeoutMs)
  let ticket: Buffer | undefined
  socket.on('session', session => (ticket = session))

  const exchange = async (message: Item): Promise<Item> => decode(await conversation.ask(encode(message)))
  const clientAt = (spoken: Version): Client => ({
    version: spoken,
    isResumed: socket.isSessionReused(),
    exchange,
    session: () => ticket,
    at: clientAt,
    close: conversation.close,
    batch: async (calls, requestOptions) => readResponse(await exchange(writeRequest(calls, spoken, requestOptions))),
    async call<Q, R>(operation: Operation<Q, R>, payload: Q): Promise<R> {
      const { batchItem } = readResponse(await exchange(writeRequest([{ operation, payload }], spoken)))
      const [item] = batchItem
      if (item?.resultStatus !== 'Success')
        throw new KmipError(item ?? { resultStatus: 'OperationFailed', resultMessage: 'the response is empty' })
      return item.payload as R
    },
  })
  return clientAt(version)
}

function handshake(
  { host, port = 5696, ca, cert, key, session }: ClientOptions,
  timeoutMs: number,
): Promise<TLSSocket> {
  const options: ConnectionOptions = {
    host,
    port,
    ca: [...ca],
    cert,
    key,
    minVersion: 'TLSv1.2',
    checkServerIdentity: checkIdentity,
    ...(session === undefined ? {} : { session }),
    ...(isIP(host) === 0 ? { servername: host } : {}),
  }
  return new Promise((resolve, reject) => {
    const socket = connectTls(typeof ca === 'string' ? { ...options, ca } : options)
    socket.setTimeout(timeoutMs, () =>
      socket.destroy(new ConnectionError('timeout', `no TLS connection with ${host}:${port} within ${timeoutMs} ms`)),
    )
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      socket.setTimeout(0)
      socket.setNoDelay(true)
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

/** Node's own check refuses every IPv6 address (nodejs/node#64144). */
export function checkIdentity(host: string, certificate: PeerCertificate): Error | undefined {
  if (isIP(host) === 0) return checkServerIdentity(host, certificate)
  if (new X509Certificate(certificate.raw).checkIP(host) !== undefined) return undefined
  const names = certificate.subjectaltname ?? 'nothing'
  return new ConnectionError('identity', fault('wrongName', 'server', { name: host, names }).reason)
}

interface Conversation {
  readonly ask: (message: Uint8Array) => Promise<Uint8Array>
  readonly close: () => Promise<void>
}

interface Waiting {
  readonly resolve: (message: Uint8Array) => void
  readonly reject: (error: Error) => void
}

/** Answers come in the order of the questions. */
function converse(socket: TLSSocket, frames: Framer, timeoutMs: number): Conversation {
  const waiting: Waiting[] = []
  let ended: Error | undefined

  const fail = (error: Error): void => {
    ended ??= error
    socket.destroy()
    for (const { reject } of waiting.splice(0)) reject(ended)
  }
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const message of frames.push(chunk)) waiting.shift()?.resolve(message)
      if (waiting.length === 0) socket.setTimeout(0)
    } catch (error) {
      fail(error as Error)
    }
  })
  socket.on('error', fail)
  socket.on('close', () => fail(new ConnectionError('closed', 'the server closed the connection')))
  socket.on('timeout', () => fail(new ConnectionError('timeout', `no answer within ${timeoutMs} ms`)))

  return {
    ask: message =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) {
          reject(ended)
          return
        }
        waiting.push({ resolve, reject })
        socket.setTimeout(timeoutMs)
        socket.write(message)
      }),
    close: () =>
      new Promise(resolve => {
        if (socket.destroyed) {
          resolve()
          return
        }
        socket.once('close', () => resolve())
        socket.end()
        socket.destroySoon()
      }),
  }
}
