/**
 * Requests put together octet by octet, as no library would: for what must be refused, and for what must be copied.
 * @module
 */
import { createPublicKey, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** The bytes of the first PEM block. */
export const derOf = (pem: string): Buffer => Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')

export const pemOf = (label: string, der: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END ${label}-----\n`

/** One DER value, by hand. */
export function tlv(tag: number, ...part: Uint8Array[]): Buffer {
  const content = Buffer.concat(part)
  const octets = Buffer.from(
    content.length
      .toString(16)
      .padStart(8, '0')
      .replace(/^(00)+/, ''),
    'hex',
  )
  const length =
    content.length < 0x80 ? Buffer.of(content.length) : Buffer.concat([Buffer.of(0x80 | octets.length), octets])
  return Buffer.concat([Buffer.of(tag), length, content])
}

/** A Name of one common name; the default tag is UTF8String. */
export const nameOf = (value: string | Uint8Array, tag = 0x0c): Buffer =>
  tlv(0x30, tlv(0x31, tlv(0x30, Buffer.from('0603550403', 'hex'), tlv(tag, Buffer.from(value)))))

/** The AlgorithmIdentifiers of the usual signatures. */
export const identifiers = {
  rsaSha256: Buffer.from('300d06092a864886f70d01010b0500', 'hex'),
  ecdsaSha256: Buffer.from('300a06082a8648ce3d040302', 'hex'),
}

interface Parts {
  readonly version?: Uint8Array
  readonly subject?: Uint8Array
  readonly publicKey?: Uint8Array
  readonly attributes?: Uint8Array
  readonly algorithm?: Uint8Array
}

/** A request in DER, signed with SHA-256; every part can be replaced by an encoding. */
export function handmadeRequest(privateKey: KeyObject, parts: Parts = {}): Buffer {
  const {
    version = Buffer.of(2, 1, 0),
    subject = nameOf('handmade'),
    publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    attributes = tlv(0xa0),
    algorithm = privateKey.asymmetricKeyType === 'rsa' ? identifiers.rsaSha256 : identifiers.ecdsaSha256,
  } = parts
  const body = tlv(0x30, version, subject, publicKey, attributes)
  return tlv(0x30, body, algorithm, tlv(0x03, Buffer.of(0), sign('sha256', body, privateKey)))
}
