/**
 * From what a client brings to an object that can be kept: the attributes it gives, those its contents tell, and those
 * that the server sets. KMIP 2.1 §4
 *
 * @module
 */
import { hash } from 'node:crypto'
import {
  type AttributeInstance,
  attributeRow,
  type Attributes,
  encode,
  isMultiple,
  isStandard,
  keepObject,
  type KeyBlock,
  type ManagedObject,
  masks,
  tagNumber,
} from '../../protocol/index.ts'
import { Failure } from '../failure.ts'
import { asOf, checkDateOrder } from '../lifecycle.ts'
import { fits } from './algorithms.ts'
import { given } from './attribute-changes.ts'
import { certificateAttributes } from './certificate-attributes.ts'
import type { Objects } from './objects.ts'
import { instancesOf, type StoredObject } from './stored-object.ts'

export interface NewObject {
  readonly uniqueIdentifier: string
  readonly object: ManagedObject
  /** What the client gives, templates expanded. */
  readonly instances: readonly AttributeInstance[]
  /** Made here, not brought. */
  readonly isGenerated: boolean
}

/** Seconds. What a lease would be; none is enforced. */
const leaseTime = 3600

/**
 * The object with all its attributes, ready to be created.
 *
 * @throws Failure for attributes that a client may not give, or that contradict the object
 */
export function newObject(
  { uniqueIdentifier, object, instances, isGenerated }: NewObject,
  now: number,
): Omit<StoredObject, 'group' | 'creator'> {
  const { objectType } = object
  const attributes = given([...innerAttributes(object), ...instances])
  if (attributes.objectType !== undefined && attributes.objectType !== objectType)
    throw new Failure(
      'InvalidAttributeValue',
      `the attribute Object Type is ${attributes.objectType}, the object a ${objectType}`,
    )
  const told = contentAttributes(object, attributes)
  checkDateOrder(attributes)
  const set = {
    uniqueIdentifier,
    shortUniqueIdentifier: hash('sha256', uniqueIdentifier, 'buffer'),
    protectionStorageMask: masks.ProtectionStorageMask.bits.Software,
    objectType,
    initialDate: now,
    lastChangeDate: now,
    ...(objectType === 'Template' ? {} : unlessTemplate(attributes)),
    ...(isGenerated ? { originalCreationDate: now, randomNumberGenerator: ownGenerator } : {}),
  }
  // Node.js 20 takes a hundred times as long for an object that begins with a spread.
  return { object: withoutInner(object), attributes: asOf(Object.assign(attributes, told, set), now) }
}

function unlessTemplate({ fresh = true, sensitive = false, extractable = true }: Attributes) {
  return {
    state: 'PreActive',
    leaseTime,
    fresh,
    sensitive,
    alwaysSensitive: sensitive,
    extractable,
    neverExtractable: !extractable,
  } as const
}

/** OpenSSL's default generator, which node:crypto uses. */
const ownGenerator = {
  rngAlgorithm: 'DRBG',
  cryptographicAlgorithm: 'AES',
  cryptographicLength: 256,
  drbgAlgorithm: 'CTR',
} as const

/**
 * Templates replaced by what they hold; what the client itself gives wins over a template. KMIP 1.4 §4.1
 *
 * @throws Failure ObjectNotFound if there is no such template
 */
export async function expanded(
  instances: readonly AttributeInstance[],
  objects: Objects,
): Promise<AttributeInstance[]> {
  const own = instances.filter(({ name }) => name !== 'template')
  const named = new Set(own.flatMap(({ name }) => (name === 'template' || isMultiple(name) ? [] : [name as string])))
  const templates: AttributeInstance[] = []
  // Of two templates that contradict each other, the later one is heeded. KMIP 1.4 §4.1
  for (const instance of instances.toReversed()) {
    if (instance.name !== 'template') continue
    const { attributes } = await objects.template(instance.value)
    for (const inherited of instancesOf(attributes)) {
      if (isInherited(inherited) && !named.has(inherited.name)) {
        templates.push(inherited)
        if (inherited.name !== 'template' && !isMultiple(inherited.name)) named.add(inherited.name)
      }
    }
  }
  return [...templates, ...own]
}

/** A template's own name and type are not what it stands for. */
const isInherited = ({ name }: AttributeInstance): boolean =>
  name !== 'template' &&
  name !== 'name' &&
  name !== 'objectType' &&
  name !== 'fresh' &&
  (!isStandard(name) || attributeRow(name).client.includes('create'))

function keyBlockOf(object: ManagedObject): KeyBlock | undefined {
  return 'keyBlock' in object ? object.keyBlock : undefined
}

/** Attributes that come inside the object: a Template's, or a Key Value's. */
function innerAttributes(object: ManagedObject): readonly AttributeInstance[] {
  if (object.objectType === 'Template') return object.attributes
  const keyValue = keyBlockOf(object)?.keyValue
  return keyValue === undefined || keyValue instanceof Uint8Array ? [] : keyValue.attributes
}

/** Attributes are kept beside the object, so that a Get returns the Key Value without them. */
function withoutInner(object: ManagedObject): ManagedObject {
  const keyBlock = keyBlockOf(object)
  if (
    keyBlock?.keyValue === undefined ||
    keyBlock.keyValue instanceof Uint8Array ||
    keyBlock.keyValue.attributes.length === 0
  )
    return object
  return { ...object, keyBlock: { ...keyBlock, keyValue: { ...keyBlock.keyValue, attributes: [] } } } as ManagedObject
}

/** What the contents tell, checked against what the client says of them. */
function contentAttributes(object: ManagedObject, claimed: Attributes): Attributes {
  if (object.objectType === 'Template') return {}
  if (object.objectType === 'Certificate') return { digest: digests(object), ...certificateAttributes(object, claimed) }
  if (object.objectType === 'OpaqueObject') return { digest: digests(object), opaqueDataType: object.opaqueDataType }
  const keyBlock = keyBlockOf(object)
  if (keyBlock === undefined) return { digest: digests(object) }
  const cryptographicAlgorithm = agreed(
    'Cryptographic Algorithm',
    keyBlock.cryptographicAlgorithm,
    claimed.cryptographicAlgorithm,
  )
  const cryptographicLength = agreed('Cryptographic Length', keyBlock.cryptographicLength, claimed.cryptographicLength)
  checkMaterial(object, keyBlock, cryptographicAlgorithm, cryptographicLength)
  return {
    digest: digests(object),
    keyFormatType: keyBlock.keyFormatType,
    keyValuePresent: keyBlock.keyValue !== undefined,
    ...(cryptographicAlgorithm === undefined ? {} : { cryptographicAlgorithm }),
    ...(cryptographicLength === undefined ? {} : { cryptographicLength }),
  }
}

function agreed<T>(words: string, found: T | undefined, claimed: T | undefined): T | undefined {
  if (found !== undefined && claimed !== undefined && found !== claimed)
    throw new Failure(
      'InvalidAttributeValue',
      `the attribute ${words} is ${String(claimed)}, the Key Block says ${String(found)}`,
    )
  return found ?? claimed
}

/** A key that is shorter or longer than it says would unlock nothing. */
function checkMaterial(
  object: ManagedObject,
  keyBlock: KeyBlock,
  algorithm: string | number | undefined,
  bits: number | undefined,
): void {
  const { keyValue, keyFormatType, keyWrappingData } = keyBlock
  if (keyValue === undefined) return
  if (keyValue instanceof Uint8Array) {
    if (keyWrappingData === undefined)
      throw new Failure(
        'InvalidMessage',
        'a Key Value that is a byte string is wrapped, and Key Wrapping Data is missing',
      )
    return
  }
  const { keyMaterial } = keyValue
  const isTransparent = String(keyFormatType).startsWith('Transparent')
  if (isTransparent === keyMaterial instanceof Uint8Array)
    throw new Failure(
      'InvalidField',
      `Key Material of format ${keyFormatType} is a ${isTransparent ? 'structure' : 'byte string'}`,
    )
  const raw = keyMaterial instanceof Uint8Array ? keyMaterial : keyMaterial.key
  if (
    object.objectType !== 'SymmetricKey' ||
    raw === undefined ||
    algorithm === undefined ||
    bits === undefined ||
    keyWrappingData !== undefined
  )
    return
  if (!fits(algorithm, bits, raw.length))
    throw new Failure(
      'InvalidAttributeValue',
      `${raw.length} bytes of Key Material for ${algorithm} of Cryptographic Length ${bits}`,
    )
}

/** KMIP 2.1 §4.21: SHA-256 over the Key Material, the Certificate Value or the Opaque Data Value. */
function digests(object: ManagedObject): NonNullable<Attributes['digest']> {
  const keyBlock = keyBlockOf(object)
  const bytes = digested(object)
  if (bytes === undefined) return []
  const digestValue = hash('sha256', bytes, 'buffer')
  return [
    {
      hashingAlgorithm: 'SHA_256',
      digestValue,
      ...(keyBlock === undefined ? {} : { keyFormatType: keyBlock.keyFormatType }),
    },
  ]
}

const keyMaterialTag = tagNumber('keyMaterial')

function digested(object: ManagedObject): Uint8Array | undefined {
  switch (object.objectType) {
    case 'Certificate':
      return object.certificateValue
    case 'CertificateRequest':
      return object.certificateRequestValue
    case 'OpaqueObject':
      return object.opaqueDataValue
    case 'Template':
      return undefined
    case 'SymmetricKey':
    case 'PublicKey':
    case 'PrivateKey':
    case 'SplitKey':
    case 'SecretData':
    case 'PGPKey': {
      const { keyValue } = object.keyBlock
      if (keyValue === undefined || keyValue instanceof Uint8Array) return undefined
      return keyValue.keyMaterial instanceof Uint8Array ? keyValue.keyMaterial : encodedMaterial(object)
    }
  }
}

/** The TTLV of a transparent Key Material, found inside the TTLV of its object. */
function encodedMaterial(object: ManagedObject): Uint8Array | undefined {
  const search = (item: ReturnType<typeof keepObject>): ReturnType<typeof keepObject> | undefined => {
    if (item.tag === keyMaterialTag) return item
    return item.type === 'Structure' ? item.value.map(search).find(found => found !== undefined) : undefined
  }
  const material = search(keepObject(object))
  return material && encode(material)
}
