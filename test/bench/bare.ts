/**
 * What to compare with: a TLS server of Node.js that cuts the stream into messages and answers each with the same bytes.
 * With a journal it first appends the message to a file and waits for the disk: the simplest durable server there is.
 *
 * @module
 */
import { fdatasyncSync, openSync, writeSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { type Credentials, secureContext } from '../../src/listener/secure-context.ts'

export interface BareOptions extends Credentials {
  /** The length of an answer, which is otherwise empty. */
  readonly answerBytes: number
  /** A file to append to. */
  readonly journal?: string
}

const headerBytes = 8
const responseMessage = 0x42007b
const structure = 1

function serve({ answerBytes, journal, ...credentials }: BareOptions): void {
  const bytes = Buffer.alloc(answerBytes)
  bytes.writeUInt32BE((responseMessage << 8) | structure)
  bytes.writeUInt32BE(answerBytes - headerBytes, 4)
  const file = journal === undefined ? undefined : openSync(journal, 'a')
  const server = createServer(
    { ...secureContext(credentials), requestCert: true, rejectUnauthorized: false, noDelay: true },
    socket => {
      let pending: Buffer = Buffer.alloc(0)
      socket.on('error', () => undefined)
      socket.on('data', (chunk: Buffer) => {
        pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
        while (pending.length >= headerBytes) {
          const length = headerBytes + pending.readUInt32BE(4)
          if (pending.length < length) break
          if (file !== undefined) {
            writeSync(file, pending, 0, length)
            fdatasyncSync(file)
          }
          pending = pending.subarray(length)
          socket.write(bytes)
        }
      })
    },
  )
  server.listen(0, '127.0.0.1', () => process.send?.({ result: (server.address() as AddressInfo).port }))
}

process.on('disconnect', () => process.exit())
process.on('message', serve)
