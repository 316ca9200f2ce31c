/**
 * A managed object's contents in a file, and back.
 *
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type AttributeInstance, enumerations, type ManagedObject, type ObjectType } from '../../protocol/index.ts'
import { CommandError } from './endings.ts'
import { nameIn } from './object-options.ts'

/** How a file holds bytes. */
export const fileFormats = ['raw', 'hex', 'base64', 'pem'] as const
export type FileFormat = (typeof fileFormats)[number]

/** `-` is standard input. */
export async function readInput(path: string): Promise<Buffer> {
  if (path !== '-') return readFile(path)
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** The bytes of a file, as they were before it was written in the format. */
function decoded(content: Buffer, format: FileFormat): Buffer {
  if (format === 'raw') return content
  const text = content.toString('latin1')
  if (format === 'pem') return armoured(text)
  const digits = text.replace(/\s/g, '')
  const isWell =
    format === 'hex' ? /^([0-9a-f]{2})+$/i.test(digits) : digits.length % 4 === 0 && /^[\w+/-]+={0,2}$/.test(digits)
  if (!isWell) throw new CommandError('refused', `the file is not ${format}; name what it is with --format`)
  return Buffer.from(digits, format)
}

const armour = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]+?)-----END \1-----/

function armoured(text: string): Buffer {
  const body = armour.exec(text)?.[2]
  if (body === undefined) throw new CommandError('refused', 'the file is not PEM; name what it is with --format')
  return Buffer.from(body, 'base64')
}

export interface RegisterOptions {
  readonly format?: string
  readonly secretType?: string
}

/** Types that `register` takes; the others come from clients that make them. */
const readers: Partial<
  Record<ObjectType, (bytes: Buffer, instances: Instances, options: RegisterOptions) => ManagedObject>
> = {
  SymmetricKey: (bytes, instances) => symmetricKey(bytes, instances),
  SecretData: (bytes, _, { secretType = 'Password' }) => ({
    objectType: 'SecretData',
    secretDataType: nameIn(enumerations.SecretDataType, secretType),
    keyBlock: { keyFormatType: 'Opaque', keyValue: { keyMaterial: bytes, attributes: [] } },
  }),
  OpaqueObject: bytes => ({ objectType: 'OpaqueObject', opaqueDataType: vendorData, opaqueDataValue: bytes }),
  Certificate: bytes => ({ objectType: 'Certificate', certificateType: 'X_509', certificateValue: bytes }),
  PublicKey: bytes => asymmetricKey('PublicKey', bytes),
  PrivateKey: bytes => asymmetricKey('PrivateKey', bytes),
}

type Instances = readonly AttributeInstance[]

/** Every Opaque Data Type is a vendor's. KMIP 2.1 §11.35 */
const vendorData = 0x80000001

/** The object that a file holds; the format, unless given, is PEM for what is armoured and raw for all else. */
export function objectFrom(
  content: Buffer,
  type: string,
  instances: Instances,
  options: RegisterOptions,
): ManagedObject {
  const objectType = nameIn({ words: 'object type', names: Object.keys(readers) as ObjectType[] }, type)
  const format =
    options.format === undefined
      ? armour.test(content.subarray(0, 65_536).toString('latin1'))
        ? 'pem'
        : 'raw'
      : nameIn({ words: 'format', names: fileFormats }, options.format)
  const bytes = decoded(content, format)
  if (bytes.length === 0) throw new CommandError('refused', 'the file is empty; there is nothing to register')
  const object = readers[objectType]?.(bytes, instances, options)
  if (object === undefined) throw new CommandError('usage', `a ${objectType} is not registered from a file`)
  return object
}

function symmetricKey(bytes: Buffer, instances: Instances): ManagedObject {
  const algorithm = instances.find(({ name }) => name === 'cryptographicAlgorithm')?.value
  if (typeof algorithm !== 'string')
    throw new CommandError('usage', 'a SymmetricKey has an algorithm; name it, such as --algorithm AES')
  const given = instances.find(({ name }) => name === 'cryptographicLength')?.value
  return {
    objectType: 'SymmetricKey',
    keyBlock: {
      keyFormatType: 'Raw',
      keyValue: { keyMaterial: bytes, attributes: [] },
      cryptographicAlgorithm: nameIn(enumerations.CryptographicAlgorithm, algorithm),
      cryptographicLength: typeof given === 'number' ? given : bytes.length * 8,
    },
  }
}

/** Kept as SubjectPublicKeyInfo or PKCS#8, whatever it came as. KMIP 2.1 §11.25 */
function asymmetricKey(objectType: 'PublicKey' | 'PrivateKey', der: Buffer): ManagedObject {
  const key = readKey(objectType, der)
  const keyMaterial =
    objectType === 'PublicKey'
      ? key.export({ type: 'spki', format: 'der' })
      : key.export({ type: 'pkcs8', format: 'der' })
  const [cryptographicAlgorithm, cryptographicLength] = strength(key)
  return {
    objectType,
    keyBlock: {
      keyFormatType: objectType === 'PublicKey' ? 'X_509' : 'PKCS_8',
      keyValue: { keyMaterial, attributes: [] },
      cryptographicAlgorithm,
      cryptographicLength,
    },
  }
}

function readKey(objectType: 'PublicKey' | 'PrivateKey', key: Buffer): KeyObject {
  const attempts =
    objectType === 'PublicKey'
      ? (['spki', 'pkcs1'] as const).map(type => () => createPublicKey({ key, format: 'der', type }))
      : (['pkcs8', 'pkcs1', 'sec1'] as const).map(type => () => createPrivateKey({ key, format: 'der', type }))
  for (const attempt of attempts)
    try {
      return attempt()
    } catch {
      // The next form, then; what OpenSSL says of each is of no use.
    }
  throw new CommandError('refused', `the file holds no ${objectType} that can be read; encrypted ones cannot`)
}

const curveBits: Readonly<Record<string, number>> = {
  prime256v1: 256,
  secp256k1: 256,
  secp384r1: 384,
  secp521r1: 521,
}

function strength({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): readonly [Algorithm, number] {
  if (type === 'rsa' && details?.modulusLength !== undefined) return ['RSA', details.modulusLength]
  if (type === 'ec' && details?.namedCurve !== undefined) return ['EC', curveBits[details.namedCurve] ?? 0]
  if (type === 'ed25519') return ['Ed25519', 256]
  throw new CommandError('refused', `keys of the kind ${type ?? 'unknown'} are not registered; RSA, EC and Ed25519 are`)
}

type Algorithm = (typeof enumerations.CryptographicAlgorithm.names)[number]

/** The bytes that an object is, to be exported. */
export function bytesOf(object: ManagedObject): Uint8Array {
  if (object.objectType === 'Certificate') return object.certificateValue
  if (object.objectType === 'CertificateRequest') return object.certificateRequestValue
  if (object.objectType === 'OpaqueObject') return object.opaqueDataValue
  if ('keyBlock' in object) {
    const { keyValue } = object.keyBlock
    if (keyValue instanceof Uint8Array) return keyValue
    if (keyValue?.keyMaterial instanceof Uint8Array) return keyValue.keyMaterial
    if (keyValue?.keyMaterial.key !== undefined) return keyValue.keyMaterial.key
  }
  throw new CommandError(
    'refused',
    `a ${object.objectType} of this format is not a string of bytes; a KMIP client can Get it`,
  )
}

/** Bytes as a file or a screen shows them. */
export function encoded(bytes: Uint8Array, format: 'raw' | 'hex' | 'base64'): Uint8Array | string {
  return format === 'raw' ? bytes : `${Buffer.from(bytes).toString(format)}\n`
}
