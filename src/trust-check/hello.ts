/**
 * The beginning of a TLS handshake, by hand: a ClientHello of one version, and what the server says to it in clear.
 *
 * OpenSSL would do, but only for what its own version and security level still know, and it tells neither which suite
 * an old server chose nor whether a client certificate is asked for. No key is agreed on: the connection ends after the
 * server's first flight (RFC 5246 §7.3, RFC 8446 §2).
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { suiteNumbers, tls13Suites } from './suites.ts'

export const tlsVersions = ['TLSv1.3', 'TLSv1.2', 'TLSv1.1', 'TLSv1'] as const
export type TlsVersion = (typeof tlsVersions)[number]

const wire: Readonly<Record<TlsVersion, number>> = {
  'TLSv1.3': 0x0304,
  'TLSv1.2': 0x0303,
  'TLSv1.1': 0x0302,
  TLSv1: 0x0301,
}

/**
 * A ClientHello that offers one version, and all suites of it that were ever in common use, the weak ones last.
 *
 * @param serverName for the server name indication; absent where the server is called by its address
 */
export function clientHello(version: TlsVersion, serverName: string | undefined): Buffer {
  const isNewest = version === 'TLSv1.3'
  const suites = isNewest ? tls13Suites : suiteNumbers
  const body = Buffer.concat([
    uint(isNewest ? wire['TLSv1.2'] : wire[version], 2),
    randomBytes(32),
    // RFC 8446 appendix D.4: what stands between must take it for a session of TLS 1.2.
    vector(1, isNewest ? randomBytes(32) : Buffer.alloc(0)),
    vector(2, ...suites.map(number => uint(number, 2))),
    vector(1, Buffer.of(0)),
    vector(2, ...extensions(version, serverName)),
  ])
  const message = Buffer.concat([Buffer.of(handshakeTypes.clientHello), vector(3, body)])
  return Buffer.concat([Buffer.of(recordTypes.handshake), uint(wire.TLSv1, 2), vector(2, message)])
}

const recordTypes = { alert: 21, handshake: 22 }
const handshakeTypes = {
  clientHello: 1,
  serverHello: 2,
  certificate: 11,
  certificateRequest: 13,
  serverHelloDone: 14,
}

function extensions(version: TlsVersion, serverName: string | undefined): Buffer[] {
  const extension = (type: number, ...part: Buffer[]): Buffer => Buffer.concat([uint(type, 2), vector(2, ...part)])
  return [
    // server_name, RFC 6066 §3
    ...(serverName === undefined
      ? []
      : [extension(0, vector(2, Buffer.of(0), vector(2, Buffer.from(serverName, 'latin1'))))]),
    // supported_groups, RFC 8422 §5.1.1 and RFC 7919 §2: X25519, P-256, P-384, P-521, ffdhe2048, ffdhe3072
    extension(10, vector(2, ...[0x1d, 0x17, 0x18, 0x19, 0x100, 0x101].map(group => uint(group, 2)))),
    // ec_point_formats, RFC 8422 §5.1.2: uncompressed
    extension(11, vector(1, Buffer.of(0))),
    // renegotiation_info, RFC 5746 §3.2: some servers insist on it
    extension(0xff01, Buffer.of(0)),
    // signature_algorithms, RFC 8446 §4.2.3: ECDSA, RSA-PSS, RSA PKCS #1 and EdDSA, then those with SHA-1
    ...(version === 'TLSv1.3' || version === 'TLSv1.2'
      ? [extension(13, vector(2, ...signatures.map(scheme => uint(scheme, 2))))]
      : []),
    ...(version === 'TLSv1.3'
      ? [
          // supported_versions, RFC 8446 §4.2.1
          extension(43, vector(1, uint(wire['TLSv1.3'], 2))),
          // psk_key_exchange_modes, RFC 8446 §4.2.9
          extension(45, vector(1, Buffer.of(1))),
          // key_share, RFC 8446 §4.2.8: of X25519, for which every 32 bytes are a public key
          extension(51, vector(2, uint(0x1d, 2), vector(2, randomBytes(32)))),
        ]
      : []),
  ]
}

const signatures = [
  ...[0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601, 0x0807, 0x0808],
  ...[0x0203, 0x0201],
]

function uint(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntBE(value, 0, bytes)
  return buffer
}

/** With its length in front, in so many bytes. */
function vector(bytes: number, ...part: Buffer[]): Buffer {
  const content = Buffer.concat(part)
  return Buffer.concat([uint(content.length, bytes), content])
}

/** What the server says in clear to a ClientHello. */
export interface ServerFlight {
  readonly version: number
  readonly suite: number
  /** Whether a client certificate is asked for, and of which authorities: Names in DER. Not known of TLS 1.3. */
  readonly request?: { readonly authorities: readonly Uint8Array[] }
}

export type Answer =
  | { readonly kind: 'spoken'; readonly flight: ServerFlight }
  | { readonly kind: 'alert'; readonly alert: number }
  /** The first bytes, of what is not TLS. */
  | { readonly kind: 'plain'; readonly bytes: Buffer }

/** A server that sends more than this before the end of its flight is not listened to. */
const maxBytes = 262_144

/** Reads a server's answer, which may come in pieces. */
export function flightReader(): (chunk: Buffer) => Answer | undefined {
  let received = Buffer.alloc(0)
  return chunk => {
    received = Buffer.concat([received, chunk])
    const [type, major] = received
    if ((type !== recordTypes.alert && type !== recordTypes.handshake) || (major !== undefined && major !== 3))
      return { kind: 'plain', bytes: received }
    if (received.length > maxBytes) return { kind: 'plain', bytes: received.subarray(0, 64) }
    try {
      return answerIn(received)
    } catch (error) {
      if (error instanceof RangeError) return { kind: 'plain', bytes: received.subarray(0, 64) }
      throw error
    }
  }
}

/** Undefined while it is not complete. */
function answerIn(received: Buffer): Answer | undefined {
  const handshake: Buffer[] = []
  for (let at = 0; at + 5 <= received.length;) {
    const length = received.readUInt16BE(at + 3)
    const content = received.subarray(at + 5, at + 5 + length)
    if (content.length < length) break
    const type = received[at]
    if (type === recordTypes.alert) return { kind: 'alert', alert: content.readUInt8(1) }
    // Whatever follows the ServerHello of TLS 1.3 is encrypted.
    if (type !== recordTypes.handshake) break
    handshake.push(content)
    at += 5 + length
  }
  const flight = flightIn(Buffer.concat(handshake))
  return flight && { kind: 'spoken', flight }
}

/** Undefined while it is not complete. */
function flightIn(handshake: Buffer): ServerFlight | undefined {
  let hello: { readonly version: number; readonly suite: number } | undefined
  let authorities: readonly Uint8Array[] | undefined
  for (let at = 0; at + 4 <= handshake.length;) {
    const type = handshake[at]
    const length = handshake.readUIntBE(at + 1, 3)
    const body = handshake.subarray(at + 4, at + 4 + length)
    if (body.length < length) return undefined
    if (type === handshakeTypes.serverHello) hello = helloIn(body)
    if (type === handshakeTypes.certificateRequest && hello !== undefined)
      authorities = authoritiesIn(body, hello.version)
    if (hello !== undefined && (type === handshakeTypes.serverHelloDone || hello.version === wire['TLSv1.3']))
      return { ...hello, ...(authorities === undefined ? {} : { request: { authorities } }) }
    at += 4 + length
  }
  return undefined
}

/** RFC 8446 §4.1.3. A request to say hello again is of the same form, and tells the same. */
function helloIn(body: Buffer): { version: number; suite: number } {
  const afterSession = 35 + body.readUInt8(34)
  const suite = body.readUInt16BE(afterSession)
  let version = body.readUInt16BE(0)
  for (let at = afterSession + 5; at + 4 <= body.length; at += 4 + body.readUInt16BE(at + 2))
    if (body.readUInt16BE(at) === 43) version = body.readUInt16BE(at + 4)
  return { version, suite }
}

/** RFC 5246 §7.4.4; without signature algorithms before TLS 1.2. */
function authoritiesIn(body: Buffer, version: number): Uint8Array[] {
  let at = 1 + body.readUInt8(0)
  if (version === wire['TLSv1.2']) at += 2 + body.readUInt16BE(at)
  const names: Uint8Array[] = []
  for (at += 2; at + 2 <= body.length; at += 2 + body.readUInt16BE(at))
    names.push(body.subarray(at + 2, at + 2 + body.readUInt16BE(at)))
  return names
}

/** The version that the number in a ServerHello means. */
export const versionOf = (number: number): TlsVersion | undefined => tlsVersions.find(each => wire[each] === number)
