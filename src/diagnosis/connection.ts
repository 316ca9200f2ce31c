/**
 * Errors of the operating system and of TLS, as faults: of a client that connects, and of a server that is connected to.
 *
 * @module
 */
import { alerted, alertOf } from './alerts.ts'
import { type Fault, fault } from './faults.ts'

/** Where a client connects to. */
export interface Place {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
}

/** Why there is no connection, by the system's code. */
const byCode: Readonly<Record<string, (place: Place, code: string) => Fault>> = {
  ENOTFOUND: ({ host }) => fault('noSuchHost', 'server', { host }),
  EAI_AGAIN: ({ host }) => fault('noNameServer', 'server', { host }),
  EAI_FAIL: ({ host }) => fault('noNameServer', 'server', { host }),
  ECONNREFUSED: ({ host, port }) => fault('refused', 'server', { host, port }),
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  EADDRNOTAVAIL: unreachable,
  EACCES: unreachable,
  EINVAL: unreachable,
  ETIMEDOUT: ({ host, port, timeoutMs }) => fault('noAnswer', 'server', { host, port, seconds: timeoutMs / 1000 }),
}

function unreachable({ host, port }: Place, code: string): Fault {
  return fault('unreachable', 'server', { host, port, code })
}

/** Undefined for what is no fault of the way there. */
export const connectionFault = ({ code = '' }: NodeJS.ErrnoException, place: Place): Fault | undefined =>
  byCode[code]?.(place, code)

/** The connection broke; there is nobody left to complain about. */
export const isBreak = ({ code = '' }: NodeJS.ErrnoException): boolean => ['ECONNRESET', 'EPIPE'].includes(code)

/** By OpenSSL's reason: what a server finds wrong with a handshake before it knows anything of the client. */
const byReason: Readonly<Record<string, () => Fault>> = {
  HTTP_REQUEST: () => fault('plainHttpHere', 'client', {}),
  HTTPS_PROXY_REQUEST: () => fault('proxyHere', 'client', {}),
  WRONG_VERSION_NUMBER: () => fault('notTlsHere', 'client', {}),
  PACKET_LENGTH_TOO_LONG: () => fault('notTlsHere', 'client', {}),
  UNSUPPORTED_PROTOCOL: () => fault('oldClient', 'client', {}),
  VERSION_TOO_LOW: () => fault('oldClient', 'client', {}),
  NO_SHARED_CIPHER: () => fault('noCipherHere', 'client', {}),
  NO_SHARED_SIGNATURE_ALGORITHMS: () => fault('noSignatureHere', 'client', {}),
  NO_SUITABLE_SIGNATURE_ALGORITHM: () => fault('noSignatureHere', 'client', {}),
  NO_SUITABLE_KEY_SHARE: () => fault('noGroupHere', 'client', {}),
  NO_SUITABLE_GROUPS: () => fault('noGroupHere', 'client', {}),
  UNEXPECTED_MESSAGE: () => fault('outOfOrder', 'client', {}),
}

/** Why a handshake failed that a server had with a client. */
export function handshakeComplaint(error: NodeJS.ErrnoException): Fault {
  const { code = 'unknown' } = error
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return fault('tooSlow', 'client', {})
  const alert = alertOf(error)
  if (alert !== undefined) return alerted(alert, 'client')
  return byReason[code.replace(/^ERR_SSL_/, '')]?.() ?? fault('clientFailed', 'client', { words: code })
}

/** Nothing is known but that the client went away. */
export const brokenOff: Fault = fault('brokenOff', 'client', {})
