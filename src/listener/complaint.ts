/**
 * Handshakes that failed, in plain words: what OpenSSL's code means for the one who connects the two machines.
 *
 * @module
 */
import type { Refusal } from './peer.ts'

const row = (reason: string, hint: string): Refusal => ({ reason, hint })

const trustServer = 'install the certificate of the server authority (ca.pem) in the client, and check its clock'
const badServer = (words: string): Refusal => row(`the client ${words}`, trustServer)

/** By OpenSSL's reason. `ALERT_…` is what the client complained of; its prefix differs between OpenSSL's versions. */
const complaints: Readonly<Record<string, Refusal>> = {
  HTTP_REQUEST: row('HTTP on the KMIP port', 'KMIP clients connect to this port with TLS; a browser or a probe cannot'),
  HTTPS_PROXY_REQUEST: row('a request to an HTTP proxy on the KMIP port', 'connect to this port without a proxy'),
  WRONG_VERSION_NUMBER: row('the bytes are not TLS', 'enable TLS in the client'),
  PACKET_LENGTH_TOO_LONG: row('the bytes are not TLS', 'enable TLS in the client'),
  UNSUPPORTED_PROTOCOL: row('the client speaks no TLS 1.2 or 1.3', 'enable TLS 1.2 in the client'),
  VERSION_TOO_LOW: row('the client speaks no TLS 1.2 or 1.3', 'enable TLS 1.2 in the client'),
  NO_SHARED_CIPHER: row(
    'no cipher in common: only suites with forward secrecy and authenticated encryption are spoken',
    'enable ECDHE suites with AES-GCM in the client; its suites must also fit the type of the server key',
  ),
  NO_SHARED_SIGNATURE_ALGORITHMS: row('no signature algorithm in common', 'update the client'),
  NO_SUITABLE_SIGNATURE_ALGORITHM: row(
    'the client accepts no signature that the server key makes',
    'make an RSA server certificate: set tls.serverKey',
  ),
  UNEXPECTED_MESSAGE: row('the handshake was out of order', 'update the client'),
  ALERT_UNKNOWN_CA: badServer('does not trust the authority of this server'),
  ALERT_CERTIFICATE_UNKNOWN: badServer('does not accept the server certificate'),
  ALERT_BAD_CERTIFICATE: badServer('does not accept the server certificate'),
  ALERT_UNSUPPORTED_CERTIFICATE: badServer('does not accept this type of server certificate'),
  ALERT_CERTIFICATE_EXPIRED: badServer('finds the server certificate expired'),
  ALERT_PROTOCOL_VERSION: row('the client wants another version of TLS', 'enable TLS 1.2 or 1.3 in the client'),
  ALERT_HANDSHAKE_FAILURE: row('the client gave up the handshake', 'see the log of the client'),
  ERR_TLS_HANDSHAKE_TIMEOUT: row(
    'the handshake took too long',
    'look for a network that drops packets, or raise limits.handshakeMs',
  ),
}

/** Words for an error of a handshake. */
export function complaintOf({ code = 'unknown' }: NodeJS.ErrnoException): Refusal {
  const reason = code.replace(/^ERR_SSL_/, '').replace(/^(SSLV3|TLSV1|TLSV13|SSL\/TLS)_ALERT_/, 'ALERT_')
  return complaints[reason] ?? row(`the handshake failed (${code})`, 'see the log of the client')
}

/** Nothing is known but that the client went away. */
export const broken: Refusal = row('the client broke off the handshake', `see the log of the client; ${trustServer}`)

/** The connection broke; there is nobody left to complain about. */
export const isBreak = ({ code = '' }: NodeJS.ErrnoException): boolean => ['ECONNRESET', 'EPIPE'].includes(code)
