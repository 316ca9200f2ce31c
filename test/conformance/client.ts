/**
 * A client as plain as can be: one connection over mutual TLS, one message out, one message back.
 *
 * @module
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { framer } from '../../protocol/index.ts'

/** Where a server is, and what it takes to be let in: paths of PEM files. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly ca: string
  readonly cert: string
  readonly key: string
}

export interface Client {
  /** Sends a request and waits for the response. @throws Error if none comes in time. */
  exchange(request: Uint8Array): Promise<Uint8Array>
  close(): void
}

const answerMs = 60_000
const maxMessageBytes = 1 << 24

export async function connect({ host, port, ca, cert, key }: Endpoint): Promise<Client> {
  const socket = connectTls({
    host,
    port,
    ca: readFileSync(ca),
    cert: readFileSync(cert),
    key: readFileSync(key),
  })
  await once(socket, 'secureConnect')
  const frames = framer('response', maxMessageBytes)
  return {
    async exchange(request) {
      const answered = answer(socket, chunk => frames.push(chunk)[0])
      socket.write(request)
      return answered
    },
    close() {
      socket.destroy()
    },
  }
}

const answer = (socket: TLSSocket, push: (chunk: Uint8Array) => Uint8Array | undefined): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer)
      socket.off('data', onData).off('error', onError).off('close', onClose)
    }
    const onData = (chunk: Buffer): void => {
      try {
        const message = push(chunk)
        if (message === undefined) return
        settle()
        resolve(message)
      } catch (error) {
        onError(error instanceof Error ? error : new Error(String(error)))
      }
    }
    const onError = (error: Error): void => {
      settle()
      reject(error)
    }
    const onClose = (): void => {
      onError(new Error('the server closed the connection without an answer'))
    }
    const timer = setTimeout(() => {
      onError(new Error(`no answer in ${answerMs} ms`))
    }, answerMs)
    socket.on('data', onData).on('error', onError).on('close', onClose)
  })
