/**
 * Who is at the other end: what the handshake tells of a client, and why one is turned away.
 *
 * The listener lets every handshake complete and judges afterwards, so that a refusal can be told in plain words and with
 * the certificate's name. It judges resumed sessions as it does new ones: a ticket proves who the client was, not that it
 * is still welcome. TLS 1.3 calls a resumed session without any certificate authorised, so the certificate is asked for
 * before that word is believed.
 *
 * @module
 */
import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

/** A client that has proved to hold the key of its certificate. */
export interface Peer {
  /** DER. */
  readonly certificate: Uint8Array
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string
  /** One line, most specific first, escaped: `CN=a,O=b` (RFC 4514). */
  readonly subject: string
  readonly issuer: string
  /**
   * Present when no trusted authority vouches for the certificate: OpenSSL's name of the last of perhaps several faults.
   * Whatever it says, only a register that knows this very certificate may then admit the client.
   */
  readonly chainError?: string
  readonly address: string
  readonly port: number
  readonly tlsVersion: string
  readonly cipher: string
  /** Whether an earlier session was resumed. The certificate is then that session's. */
  readonly resumed: boolean
}

/** Why a client is not admitted, and what to do about it. */
export interface Refusal {
  readonly reason: string
  readonly hint: string
}

export const isRefusal = (admission: object): admission is Refusal => 'reason' in admission && 'hint' in admission

/** IPv4 as people write it, also where the socket is dual-stack. */
export const addressOf = ({ remoteAddress }: { readonly remoteAddress?: string | undefined }): string =>
  remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '') ?? 'unknown'

export function peerOf(socket: TLSSocket, certificate: X509Certificate): Peer {
  return {
    certificate: certificate.raw,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    ...(socket.authorized ? {} : { chainError: codeOf(socket.authorizationError) }),
    address: addressOf(socket),
    port: socket.remotePort ?? 0,
    tlsVersion: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().name,
    resumed: socket.isSessionReused(),
  }
}

/** node:crypto writes one attribute a line, least specific first. */
const oneLine = (name: string | undefined): string => name?.split('\n').reverse().join(',') ?? ''

/** A string, whatever the type declarations of node:tls say. */
const codeOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Seen when there is no certificate at all. */
export const noCertificate: Refusal = {
  reason: 'the client showed no certificate',
  hint: 'install a client certificate and its key in the client; kmipd client sign makes one from a request',
}

/** Extended key usage of a TLS client. RFC 5280 §4.2.1.12 */
const clientAuth = '1.3.6.1.5.5.7.3.2'

/** What speaks against a certificate whoever knows it: its dates and, if asked for, its usage. */
export function faultOf(certificate: X509Certificate, usage: 'lenient' | 'strict', now: number): Refusal | undefined {
  const { validFrom, validTo } = certificate
  // An unreadable date is neither before nor after now.
  if (!(now <= Date.parse(validTo)))
    return {
      reason: `the client certificate expired on ${dateOf(validTo)}; it is ${dateOf(now)} here`,
      hint: 'give the client a new certificate; kmipd client sign makes one from a request',
    }
  if (!(now >= Date.parse(validFrom)))
    return {
      reason: `the client certificate is not valid before ${dateOf(validFrom)}; it is ${dateOf(now)} here`,
      hint: 'compare the clocks of client and server',
    }
  if (usage === 'strict' && !isForClients(certificate))
    return {
      reason: 'the client certificate is not for clients: its extended key usage lacks clientAuth',
      hint: 'give the client a certificate with clientAuth, or set tls.clientUsage to "lenient"',
    }
  return undefined
}

/** A certificate without the extension has no list, whatever the type declarations say. */
const isForClients = ({ keyUsage }: { readonly keyUsage?: readonly string[] }): boolean =>
  keyUsage?.includes(clientAuth) ?? false

function dateOf(date: string | number): string {
  const ms = typeof date === 'string' ? Date.parse(date) : date
  return Number.isNaN(ms) ? 'a date that cannot be read' : new Date(ms).toISOString()
}

const selfSigned = 'the client certificate is self-signed'
const untrusted = 'the issuer of the client certificate is not trusted here'
const chainWords: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `${untrusted}, or the client does not send its intermediate certificates`,
  CERT_SIGNATURE_FAILURE: 'the client certificate was not signed by its issuer',
  CERT_HAS_EXPIRED: 'an issuer of the client certificate has expired',
  CERT_NOT_YET_VALID: 'an issuer of the client certificate is not valid yet',
  INVALID_PURPOSE: 'the client certificate is not for clients: its usage lacks clientAuth',
}

/** The register's refusal, together with what is wrong with the chain: either alone may mislead. */
export function refusalOf({ chainError, subject, issuer }: Peer, refusal: Refusal): Refusal {
  if (chainError === undefined) return refusal
  // OpenSSL names the last fault that it finds; this is the one that explains the others.
  const words =
    subject === issuer
      ? selfSigned
      : (chainWords[chainError] ?? `the client certificate cannot be verified (${chainError})`)
  return { reason: `${words}; ${refusal.reason}`, hint: refusal.hint }
}
