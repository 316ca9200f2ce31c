/**
 * Managed objects and what they are made of. KMIP 2.1 §2 and §3.
 *
 * @module
 */
import { AttributeList, KeyAttributes } from '../attributes/fields.ts'
import { SchemaError } from '../errors.ts'
import type { Item } from '../item.ts'
import { type TagName, tagName, tagNumber, tagWords } from '../names.ts'
import { codec, readWithin } from '../schema/codec.ts'
import {
  BigInteger,
  Bytes,
  either,
  type Inline,
  Integer,
  named,
  optional,
  type Shape,
  structure,
  Text,
  type ValueOf,
} from '../schema/shape.ts'
import { covers, type Range, type Version } from '../schema/version.ts'
import * as enumerations from '../tables/enumerations.ts'
import { CryptographicParameters } from './attribute-values.ts'

/** Every transparent key's numbers, in the one order that all of them keep. KMIP 2.1 §3.4 to §3.12. */
export const TransparentKeyMaterial = structure({
  modulus: optional(BigInteger),
  privateExponent: optional(BigInteger),
  publicExponent: optional(BigInteger),
  p: optional(BigInteger),
  q: optional(BigInteger),
  primeExponentP: optional(BigInteger),
  primeExponentQ: optional(BigInteger),
  crtCoefficient: optional(BigInteger),
  g: optional(BigInteger),
  j: optional(BigInteger),
  x: optional(BigInteger),
  y: optional(BigInteger),
  recommendedCurve: optional(named(enumerations.RecommendedCurve)),
  d: optional(BigInteger),
  qString: optional(Bytes),
  key: optional(Bytes),
})

/** Key Material is a byte string, or a structure if the Key Format Type is transparent. KMIP 2.1 §3.2 */
export const KeyValue = structure({ keyMaterial: either(Bytes, TransparentKeyMaterial), attributes: KeyAttributes })

/** KMIP 2.1 §3.3 */
const KeyInformation = structure({ uniqueIdentifier: Text, cryptographicParameters: optional(CryptographicParameters) })

const wrapping = {
  wrappingMethod: named(enumerations.WrappingMethod),
  encryptionKeyInformation: optional(KeyInformation),
  macSignatureKeyInformation: optional(KeyInformation),
}

/** How a key was wrapped. KMIP 2.1 §3.3 */
export const KeyWrappingData = structure({
  ...wrapping,
  macSignature: optional(Bytes),
  ivCounterNonce: optional(Bytes),
  encodingOption: optional(named(enumerations.EncodingOption), '1.1..'),
})

/** How a client wants a key wrapped. KMIP 2.1 §7.18 */
export const KeyWrappingSpecification = structure({
  ...wrapping,
  attributeName: optional(Text),
  encodingOption: optional(named(enumerations.EncodingOption), '1.1..'),
})

/** Key Value is a byte string if the key is wrapped. KMIP 2.1 §3.1 */
export const KeyBlock = structure({
  keyFormatType: named(enumerations.KeyFormatType),
  keyCompressionType: optional(named(enumerations.KeyCompressionType)),
  keyValue: optional(either(Bytes, KeyValue)),
  cryptographicAlgorithm: optional(named(enumerations.CryptographicAlgorithm)),
  cryptographicLength: optional(Integer),
  keyWrappingData: optional(KeyWrappingData),
})
export type KeyBlock = ValueOf<typeof KeyBlock>

const keyed = { keyBlock: KeyBlock }

/** Each kind of object: its tag's name and its structure. KMIP 2.1 §2; Template KMIP 1.4 §2.2.6. */
const kinds = {
  Certificate: [
    'certificate',
    structure({ certificateType: named(enumerations.CertificateType), certificateValue: Bytes }),
    undefined,
  ],
  CertificateRequest: [
    'certificateRequest',
    structure({ certificateRequestType: named(enumerations.CertificateRequestType), certificateRequestValue: Bytes }),
    '2.0..',
  ],
  SymmetricKey: ['symmetricKey', structure(keyed), undefined],
  PublicKey: ['publicKey', structure(keyed), undefined],
  PrivateKey: ['privateKey', structure(keyed), undefined],
  SplitKey: [
    'splitKey',
    structure({
      splitKeyParts: Integer,
      keyPartIdentifier: Integer,
      splitKeyThreshold: Integer,
      splitKeyMethod: named(enumerations.SplitKeyMethod),
      primeFieldSize: optional(BigInteger),
      ...keyed,
    }),
    undefined,
  ],
  Template: ['template', structure({ attributes: AttributeList }), '..1.4'],
  SecretData: ['secretData', structure({ secretDataType: named(enumerations.SecretDataType), ...keyed }), undefined],
  OpaqueObject: [
    'opaqueObject',
    structure({ opaqueDataType: named(enumerations.OpaqueDataType), opaqueDataValue: Bytes }),
    undefined,
  ],
  PGPKey: ['pgpKey', structure({ pgpKeyVersion: Integer, ...keyed }), '1.2..'],
} as const satisfies Record<string, readonly [tag: TagName, shape: Shape<unknown>, range: Range | undefined]>

type Kinds = typeof kinds

/** The kinds of object that can be stored. */
export type ObjectType = keyof Kinds

/** An object's own contents, without the attributes that are kept beside it. */
export type ManagedObject = { [K in ObjectType]: { readonly objectType: K } & ValueOf<Kinds[K][1]> }[ObjectType]

export const objectTypes = Object.keys(kinds) as ObjectType[]

const kindOfTag = new Map<number, ObjectType>(objectTypes.map(kind => [tagNumber(kinds[kind][0]), kind]))

/** Whether messages of the version may carry such an object. */
export const objectExistsIn = (objectType: ObjectType, version: Version): boolean =>
  covers(kinds[objectType][2], version)

/** Any object, under the tag of its kind. KMIP 2.1 §6.1.43, `Any Object`. */
const anyObject = <C extends 'one' | 'optional'>(
  cardinality: C,
): Inline<ManagedObject> & { readonly cardinality: C } => ({
  kind: 'inline',
  cardinality,
  claims: version => objectTypes.filter(kind => objectExistsIn(kind, version)).map(kind => tagNumber(kinds[kind][0])),
  read: (items, version) => {
    const [only, again] = items
    if (again !== undefined) throw new SchemaError('unexpected', 'stands beside another object', tagName(again.tag))
    return only === undefined ? undefined : readObject(only, version)
  },
  write: (object, version) => [writeObject(object, version)],
})

export const AnyObject = anyObject('one')
export const OptionalObject = anyObject('optional')

function readObject(item: Item, version: Version): ManagedObject {
  const objectType = kindOfTag.get(item.tag)
  if (objectType === undefined) throw new SchemaError('unexpected', 'is no managed object')
  const contents = readWithin(codec(kinds[objectType][1] as Shape<object>, version), item)
  return { objectType, ...contents } as ManagedObject
}

/** The version in which an object is kept: the last that has its kind. */
const keptIn = (objectType: ObjectType): Version => (objectExistsIn(objectType, '2.1') ? '2.1' : '1.4')

/** An item that holds the object, for keeping it. */
export const keepObject = (object: ManagedObject): Item => writeObject(object, keptIn(object.objectType))

/** Reads what `keepObject` wrote; undefined for an item that is no object. */
export function keptObject(item: Item): ManagedObject | undefined {
  const objectType = kindOfTag.get(item.tag)
  return objectType && readObject(item, keptIn(objectType))
}

/** @throws SchemaError if the version does not have such objects. */
function writeObject(object: ManagedObject, version: Version): Item {
  const [tag, shape] = kinds[object.objectType]
  if (!objectExistsIn(object.objectType, version))
    throw new SchemaError('value', `${tagWords(tagNumber(tag))} does not exist in KMIP ${version}`)
  return codec(shape as Shape<unknown>, version).write(tagNumber(tag), object)
}
