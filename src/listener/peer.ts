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
import type { TLSSocket } from 'node:tls'
import type { Certificate } from '../../certs/index.ts'
import { dateFault, listed, purposes, strengthFaults, usageFaults } from '../diagnosis/certificate.ts'
import { climb, readable, verdictFault } from '../diagnosis/chain.ts'
import { type Fault, fault, type Refusal } from '../diagnosis/faults.ts'
import { plainOf } from './places.ts'
import { sentIssuers, type Shown } from './shown.ts'

/** A client that has proved to hold the key of its certificate. */
export interface Peer extends Pick<Shown, 'certificate' | 'fingerprint' | 'subject' | 'issuer'> {
  /**
   * Present when no trusted authority vouches for the certificate: OpenSSL's name of the last of perhaps several faults.
   * Whatever it says, only a register that knows this very certificate may then admit the client.
   */
  readonly chainError?: string
  /**
   * The certificates of the issuers that it sent, vouched for or not, the nearest first: DER. None when resumed, or when
   * first asked for after the connection has ended.
   */
  readonly issuers: () => readonly Uint8Array[]
  readonly address: string
  readonly port: number
  readonly tlsVersion: string
  /** Whether an earlier session was resumed. The certificate is then that session's. */
  readonly resumed: boolean
}

export const isRefusal = (admission: object): admission is Refusal => 'reason' in admission && 'hint' in admission

/** IPv4 as people write it, also where the socket is dual-stack. */
export const addressOf = ({ remoteAddress }: { readonly remoteAddress?: string | undefined }): string =>
  remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '') ?? 'unknown'

export function peerOf(socket: TLSSocket, { certificate, fingerprint, subject, issuer }: Shown): Peer {
  const plain = plainOf(socket)
  return {
    certificate,
    fingerprint,
    subject,
    issuer,
    ...(socket.authorized ? {} : { chainError: codeOf(socket.authorizationError) }),
    issuers: () => sentIssuers(socket),
    address: addressOf(plain),
    port: plain.remotePort ?? 0,
    tlsVersion: socket.getProtocol() ?? 'unknown',
    resumed: socket.isSessionReused(),
  }
}

/** A string, whatever the type declarations of node:tls say. */
const codeOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** What speaks against a certificate whoever knows it: its dates and, if asked for, its usage. */
export function faultOf(shown: Shown, usage: 'lenient' | 'strict', now: number): Fault | undefined {
  const fault = dateFault(shown, 'client', now)
  if (fault !== undefined || usage === 'lenient') return fault
  const { keyUsage } = shown
  return keyUsage?.includes(clientAuth) === true ? undefined : notForClients(keyUsage)
}

/** Extended key usage of a TLS client. RFC 5280 §4.2.1.12 */
const clientAuth = '1.3.6.1.5.5.7.3.2'

const notForClients = (found: readonly string[] | undefined): Fault =>
  fault('notForIt', 'client', { purpose: purposes.client, found: found === undefined ? 'none' : listed(found) })

/** Refusals of the register that say no more than that it does not know the certificate. */
const isUnknown = ({ code }: Refusal): boolean => code === undefined || code === 'unknownClient'

/**
 * The register's refusal, together with what is wrong with the chain: either alone may mislead.
 *
 * @param trusted the authorities whose clients may come in
 */
export function refusalOf(
  { chainError, certificate, issuers }: Peer,
  refusal: Refusal,
  trusted: readonly Certificate[],
  now: number,
): Refusal {
  const [leaf] = chainError === undefined ? [] : readable([certificate])
  if (chainError === undefined || leaf === undefined) return refusal
  const here = { trusted, words: 'this server', store: 'kmipd.toml' }
  const [chain = verdictFault(chainError, 'client', here.store)] = [
    ...climb(leaf, readable(issuers()), here, 'client', now).faults,
    ...usageFaults(leaf, 'client'),
    ...strengthFaults(leaf, 'client'),
  ]
  const { code, hint } = isUnknown(refusal) ? chain : refusal
  return { ...(code === undefined ? {} : { code }), reason: `${chain.reason}; ${refusal.reason}`, hint }
}
