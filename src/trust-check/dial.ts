/**
 * Connections to one address: plain, with the beginning of a handshake, with a whole one.
 *
 * @module
 */
import { lookup } from 'node:dns/promises'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { issuersOf } from '../diagnosis/peer-chain.ts'
import { type Answer, clientHello, flightReader, type TlsVersion } from './hello.ts'

/** One address of a server. */
export interface Target {
  readonly address: string
  readonly port: number
  /** What the server is called in the handshake; absent where it is called by its address. */
  readonly serverName: string | undefined
  readonly timeoutMs: number
}

/** All addresses of a host, as the system gives them. @throws the system's error */
export async function addressesOf(host: string): Promise<string[]> {
  if (isIP(host.replace(/%.*$/, '')) !== 0) return [host]
  return (await lookup(host, { all: true })).map(({ address }) => address)
}

/** @throws the system's error; `ETIMEDOUT` after the time given */
export function reach({ address, port, timeoutMs }: Omit<Target, 'serverName'>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: address, port })
    const timer = setTimeout(() => {
      socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }))
    }, timeoutMs)
    socket.once('error', reject).once('connect', () => {
      clearTimeout(timer)
      socket.off('error', reject).on('error', () => undefined)
      resolve(socket)
    })
    socket.once('close', () => clearTimeout(timer))
  })
}

/** `silent`: no byte in time. `closed`: no byte at all. */
export type Greeting = Answer | { readonly kind: 'silent' | 'closed' }

/** Says hello in one version of TLS, and hears the server out. @throws as `reach` */
export async function greet(target: Target, version: TlsVersion): Promise<Greeting> {
  const socket = await reach(target)
  const read = flightReader()
  try {
    return await new Promise<Greeting>(resolve => {
      socket.setTimeout(target.timeoutMs, () => resolve({ kind: 'silent' }))
      socket.on('close', () => resolve({ kind: 'closed' }))
      socket.on('end', () => resolve({ kind: 'closed' }))
      socket.on('data', (chunk: Buffer) => {
        const answer = read(chunk)
        if (answer !== undefined) resolve(answer)
      })
      socket.write(clientHello(version, target.serverName))
    })
  } finally {
    socket.destroy()
  }
}

export interface Shown {
  /** PEM. */
  readonly cert: string
  readonly key: string
}

/** A handshake as far as it went, and what came of it. */
export interface Handshake {
  readonly socket: TLSSocket
  readonly state: Readonly<State>
  /** OpenSSL's verdict on the chain, unless it is good. */
  readonly verdict: string | undefined
  readonly session:
    { readonly version: string; readonly cipher: string; readonly group: string | undefined } | undefined
  /** Resolves once the state is as wanted, or after so long. */
  readonly until: (isEnough: (state: Readonly<State>) => boolean, ms: number) => Promise<void>
}

interface State {
  /** Whether it was finished on our side; in TLS 1.3 the server may still refuse. */
  isDone: boolean
  /** Whether the server has sent a session ticket, which it does when it has seen all. */
  hasTicket: boolean
  isClosed: boolean
  error: NodeJS.ErrnoException | undefined
  /** What the server has sent since. */
  received: Buffer
  /** The server's certificate, and what was found above it: DER. */
  chain: readonly Uint8Array[]
}

/** Makes a whole handshake, whatever the certificate of the server is. @throws as `reach` */
export async function shakeHands(
  target: Target,
  trusted: readonly string[],
  shown: Shown | undefined,
): Promise<Handshake> {
  const { serverName: servername, timeoutMs } = target
  const socket = connectTls({
    socket: await reach(target),
    // Never absent: node:tls would then trust every public authority.
    ca: [...trusted],
    ...(shown === undefined ? {} : { cert: shown.cert, key: shown.key }),
    ...(servername === undefined ? {} : { servername }),
    minVersion: 'TLSv1.2',
    // What is weak is told of, and not left to a failure.
    ciphers: 'DEFAULT:@SECLEVEL=0',
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  })
  const state: State = {
    isDone: false,
    hasTicket: false,
    isClosed: false,
    error: undefined,
    received: Buffer.alloc(0),
    chain: [],
  }
  const until = watch(socket, state)
  await until(({ isDone, isClosed, error }) => isDone || isClosed || error !== undefined, timeoutMs)
  return {
    socket,
    state,
    until,
    verdict: state.isDone && !socket.authorized ? verdictOf(socket.authorizationError) : undefined,
    session: state.isDone ? sessionOf(socket) : undefined,
  }
}

/** Keeps the state true to what the socket tells, and waits for it. */
function watch(socket: TLSSocket, state: State): Handshake['until'] {
  let wake = (): void => undefined
  const on = (event: string, change: (detail: unknown) => void): void => {
    socket.on(event, (detail: unknown) => {
      change(detail)
      wake()
    })
  }
  on('data', chunk => (state.received = Buffer.concat([state.received, chunk as Buffer])))
  on('session', () => (state.hasTicket = true))
  on('close', () => (state.isClosed = true))
  on('error', error => {
    state.error ??= error as NodeJS.ErrnoException
    if (state.chain.length === 0) state.chain = chainOf(socket)
  })
  on('secureConnect', () => {
    state.isDone = true
    state.chain = chainOf(socket)
  })
  return async (isEnough, ms) => {
    const deadline = performance.now() + ms
    for (let left = ms; left > 0 && !isEnough(state); left = deadline - performance.now())
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left)
        wake = () => {
          clearTimeout(timer)
          // Not at once: what is written while OpenSSL hands over a session ticket is never sent.
          setImmediate(resolve)
        }
      })
  }
}

function chainOf(socket: TLSSocket): Uint8Array[] {
  const leaf = socket.getPeerX509Certificate()
  return leaf === undefined ? [] : [leaf.raw, ...issuersOf(leaf)]
}

/** A string, whatever the type declarations of node:tls say. */
const verdictOf = (verdict: unknown): string => (verdict instanceof Error ? verdict.message : String(verdict))

function sessionOf(socket: TLSSocket): Handshake['session'] {
  const group = socket.getEphemeralKeyInfo() as { readonly name?: string; readonly type?: string } | null
  return {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().name,
    group: group?.name ?? group?.type,
  }
}
