/**
 * The clients, in a process of their own: each connection asks, waits for the whole answer and asks again.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { type Framer, framer } from '../../protocol/index.ts'
import { createOf } from './requests.ts'
import type { Credentials } from './seed.ts'

/** What to ask, of whom, how long. */
export interface Job {
  readonly port: number
  /** The server's process, whose CPU time is counted. */
  readonly pid: number
  readonly client: Credentials
  readonly connections: number
  readonly ms: number
  /** Asked in turn, in base64; absent, a Create of a new name each time. */
  readonly requests?: readonly string[]
  /** A connection for every request: with a full handshake, or a resumed session. Default: connections are kept. */
  readonly handshake?: 'full' | 'resumed'
}

export interface Result {
  readonly messages: number
  readonly seconds: number
  /** The server's, user and system. */
  readonly cpuSeconds: number
  /** The longest that an answer took. */
  readonly maxMs: number
  readonly answerBytes: number
  /** Connections that resumed a session. */
  readonly resumed: number
}

const maxAnswerBytes = 64 * 1024 * 1024
/** Of `/proc/PID/stat`, which counts in hundredths of a second. */
const ticksPerSecond = 100

function cpuSeconds(pid: number): number {
  // The second field is the command, in brackets, and may hold anything.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

interface Connection {
  readonly socket: TLSSocket
  readonly ask: (request: Uint8Array) => Promise<Uint8Array>
}

function open({ port }: Job, secureContext: SecureContext, session?: Buffer): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      secureContext,
      checkServerIdentity: () => undefined,
      ...(session === undefined ? {} : { session }),
    })
    const frames: Framer = framer('response', maxAnswerBytes)
    let waiting: { resolve: (answer: Uint8Array) => void; reject: (error: Error) => void } | undefined
    const fail = (error: Error) => (waiting ?? { reject }).reject(error)
    socket.setNoDelay(true)
    socket.on('error', fail)
    socket.on('close', () => fail(new Error('the server closed the connection')))
    socket.on('data', (chunk: Buffer) => {
      for (const answer of frames.push(chunk)) waiting?.resolve(answer)
    })
    const ask = (request: Uint8Array): Promise<Uint8Array> =>
      new Promise((answered, refused) => {
        waiting = { resolve: answered, reject: refused }
        socket.write(request)
      })
    socket.once('secureConnect', () => resolve({ socket, ask }))
  })
}

let created = 0

async function run(job: Job): Promise<Result> {
  const { connections, ms, pid, handshake } = job
  const secureContext = createSecureContext({ ...job.client, minVersion: 'TLSv1.2' })
  const given = job.requests?.map(request => Buffer.from(request, 'base64'))
  let asked = 0
  const next = (): Uint8Array =>
    given?.[asked++ % given.length] ?? createOf(`new ${process.pid} ${(created++).toString().padStart(9, '0')}`)
  let messages = 0
  let maxMs = 0
  let answerBytes = 0
  let resumed = 0

  async function askOn({ ask }: Connection): Promise<void> {
    const request = next()
    const from = performance.now()
    answerBytes = (await ask(request)).length
    maxMs = Math.max(maxMs, performance.now() - from)
    messages++
  }

  let isOver = false
  // Of many clients one is always awake; a few in one process would have to be woken, at the cost of the server. While a
  // server waits for its disk the clients sleep: they would else take the core of what writes there.
  const stayAwake = (): void => {
    if (!isOver) setImmediate(stayAwake)
  }

  const kept = handshake === undefined ? await openAll(job, secureContext) : []
  const session = handshake === 'resumed' ? await sessionOf(job, secureContext, next()) : undefined
  const cpuBefore = cpuSeconds(pid)
  const from = performance.now()
  const until = from + ms

  async function converse(connection: Connection): Promise<void> {
    while (performance.now() < until) await askOn(connection)
  }

  async function storm(): Promise<void> {
    while (performance.now() < until) {
      const connection = await open(job, secureContext, session)
      if (connection.socket.isSessionReused()) resumed++
      await askOn(connection)
      connection.socket.destroy()
    }
  }

  if (connections > 1 && given !== undefined) stayAwake()
  await Promise.all(Array.from({ length: connections }, (_, index) => (kept[index] ? converse(kept[index]) : storm())))
  isOver = true
  const seconds = (performance.now() - from) / 1000
  const cpu = cpuSeconds(pid) - cpuBefore
  for (const { socket } of kept) socket.destroy()
  return { messages, seconds, cpuSeconds: cpu, maxMs, answerBytes, resumed }
}

const openAll = (job: Job, secureContext: SecureContext): Promise<Connection[]> =>
  Promise.all(Array.from({ length: job.connections }, () => open(job, secureContext)))

/** TLS 1.3 gives tickets after the handshake. */
async function sessionOf(job: Job, secureContext: SecureContext, request: Uint8Array): Promise<Buffer> {
  const { socket, ask } = await open(job, secureContext)
  const ticket = new Promise<Buffer>(resolve => socket.once('session', resolve))
  await ask(request)
  const session = await ticket
  socket.destroy()
  return session
}

process.on('disconnect', () => process.exit())
process.on('message', (job: Job) => {
  run(job).then(
    result => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  )
})
