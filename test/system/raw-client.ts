/**
 * A client that sends whatever bytes it likes, when it likes, after a handshake that is in order.
 *
 * @module
 */
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { decode, framer, readResponse, type ResponseMessage } from '../../src/index.ts'
import type { Identity, ServerProcess } from './server-process.ts'

export interface RawClient {
  readonly socket: TLSSocket
  /** So many answers, fewer if the connection is closed before. */
  readonly answers: (count: number) => Promise<ResponseMessage[]>
  /** Resolves when the server has closed the connection. */
  readonly closed: Promise<void>
}

export async function connectRaw({ port, ca }: ServerProcess, identity: Identity): Promise<RawClient> {
  const socket = connect({ host: '127.0.0.1', port, ca, ...identity }).setNoDelay()
  await once(socket, 'secureConnect')
  socket.on('error', () => undefined)
  const frames = framer('response', 16 * 1024 * 1024)
  const received: ResponseMessage[] = []
  let isClosed = false
  let wake = (): void => undefined
  socket.on('data', (chunk: Buffer) => {
    for (const message of frames.push(chunk)) received.push(readResponse(decode(message)))
    wake()
  })
  const closed = new Promise<void>(resolve =>
    socket.once('close', () => {
      isClosed = true
      wake()
      resolve()
    }),
  )
  return {
    socket,
    closed,
    async answers(count) {
      while (received.length < count && !isClosed) await new Promise<void>(resolve => (wake = resolve))
      return received.splice(0, count)
    },
  }
}
