/**
 * Why a key server cannot be used, and whose side is wrong: in the words that the key server's log has, too.
 *
 * @module
 */
import { isIP } from 'node:net'
import { CertsError, matchesKey, readCertificate, readCertificates } from '../../certs/index.ts'
import { DecodeError, FrameError, SchemaError } from '../../protocol/index.ts'
import { ConnectionError, KmipError } from '../client.ts'
import { alerted, alertOf, isAboutCertificate } from '../diagnosis/alerts.ts'
import { dateFault, nameFault } from '../diagnosis/certificate.ts'
import { climb, readable, verdictFault } from '../diagnosis/chain.ts'
import { connectionFault, isBreak } from '../diagnosis/connection.ts'
import { type Fault, fault, FaultError } from '../diagnosis/faults.ts'
import { shakeHands } from '../trust-check/dial.ts'

/** The three causes that Element's documentation gives for `kmipServerFault`. */
export type Cause = 'connection' | 'authentication' | 'server'

export class KeyServerError extends Error {
  override readonly name = 'KeyServerError'
  readonly kind: Cause
  /** Whether anything may have been done there. */
  readonly wasAsked: boolean
  /** Whether a key is there twice, or is not the right one. */
  readonly isConflict: boolean

  constructor(kind: Cause, message: string, wasAsked = false, isConflict = false) {
    super(message)
    this.kind = kind
    this.wasAsked = wasAsked
    this.isConflict = isConflict
  }
}

/** A key twice, or with another content: nobody but a person can tell which is right. */
export class KeyConflict extends Error {
  override readonly name = 'KeyConflict'
}

/** How one host of a key server is called. */
export interface Call {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
  /** PEM. */
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** What is wrong with the cluster's own certificates, before anybody is called. `now` in milliseconds since 1970. */
export function ownFault({ ca, cert, key }: Pick<Call, 'ca' | 'cert' | 'key'>, now: number): Fault | undefined {
  try {
    readCertificates(ca)
  } catch (error) {
    if (!(error instanceof CertsError)) throw error
    const wanted = 'the certificate of the authority that signed the server certificate (of kmipd: ca.pem)'
    return fault('wrongFile', 'client', { path: 'kmipCaCertificate', words: error.message, wanted })
  }
  try {
    const leaf = readCertificate(cert)
    if (!matchesKey(leaf, key))
      return fault('keyMismatch', 'client', { cert: 'kmipClientCertificate', key: 'the key pair of the cluster' })
    return dateFault(leaf, 'client', now)
  } catch (error) {
    if (error instanceof CertsError) return fault('unreadable', 'client', { words: error.message })
    throw error
  }
}

/** @param error what `connect`, or the first question on the connection, threw */
export async function explain(error: unknown, call: Call, now: number): Promise<KeyServerError> {
  if (error instanceof KeyServerError) return error
  if (error instanceof KeyConflict) return new KeyServerError('server', error.message, true, true)
  if (error instanceof KmipError) return new KeyServerError('server', `the key server says no: ${error.message}`)
  if (error instanceof SchemaError)
    return new KeyServerError('server', `what the key server answers is not as KMIP has it: ${error.message}`, true)
  const found = await faultOf(error as NodeJS.ErrnoException, call, now)
  return new KeyServerError(causeOf(found), wordsOf(found))
}

export const wordsOf = ({ reason, hint, side }: Fault): string => `${reason} (${sides[side]}: ${hint})`

const sides = { client: 'on the cluster', server: 'on the key server', network: 'in between' } as const

/** Faults with which nobody was reached who could refuse. */
const unreached: readonly Fault['code'][] = [
  'noSuchHost',
  'noNameServer',
  'refused',
  'unreachable',
  'noAnswer',
  'silent',
  'closedAtOnce',
  'plainHttp',
  'notTls',
  'noVersion',
  'noCipher',
  'handshakeFailed',
  'nothingFlows',
  'notKmip',
]

const causeOf = ({ code }: Fault): Cause => (unreached.includes(code) ? 'connection' : 'authentication')

async function faultOf(error: NodeJS.ErrnoException, call: Call, now: number): Promise<Fault> {
  const { host, port, timeoutMs } = call
  if (error instanceof FaultError) return error.fault
  if (error instanceof FrameError || error instanceof DecodeError)
    return fault('notKmip', 'server', { answers: 'says something else to' })
  if (error instanceof ConnectionError && error.code === 'timeout')
    return fault('noAnswer', 'server', { host, port, seconds: timeoutMs / 1000 })
  if (error instanceof ConnectionError && error.code === 'closed') return fault('closedAfterwards', 'client', {})
  const way = connectionFault(error, { host, port, timeoutMs })
  if (way !== undefined) return way
  const alert = alertOf(error)
  if (alert !== undefined)
    return isAboutCertificate(alert)
      ? alerted(alert, 'server')
      : fault('handshakeFailed', 'server', { words: error.code ?? error.message })
  if (isBreak(error)) return fault('closedAfterwards', 'client', {})
  return (
    (await lookAtServer(error, call, now)) ?? fault('handshakeFailed', 'server', { words: error.code ?? error.message })
  )
}

/** The certificate of the server, and why it is not believed: OpenSSL alone does not say which one is missing. */
async function lookAtServer(error: NodeJS.ErrnoException, call: Call, now: number): Promise<Fault | undefined> {
  const { host, port, timeoutMs, ca } = call
  const trusted = readCertificates(ca)
  const target = { address: host, port, timeoutMs, serverName: isIP(host) === 0 ? host : undefined }
  const handshake = await shakeHands(
    target,
    trusted.map(({ pem }) => pem),
    call,
  ).catch(() => undefined)
  if (handshake === undefined) return undefined
  handshake.socket.destroy()
  const [leaf, ...sent] = readable(handshake.state.chain)
  if (leaf === undefined) return undefined
  const truster = { trusted, words: 'the cluster (kmipCaCertificate)', store: 'kmipCaCertificate' }
  return (
    dateFault(leaf, 'server', now) ??
    climb(leaf, sent, truster, 'server', now).faults[0] ??
    nameFault(leaf, host) ??
    (error.code === undefined ? undefined : verdictFault(error.code, 'server', truster.store))
  )
}
