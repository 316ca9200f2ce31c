import { Get, type KeyBlock, type ManagedObject, type RequestOf } from '../../protocol/index.ts'
import { when } from '../../store/index.ts'
import { Failure } from '../failure.ts'
import { handle } from './handle.ts'

/** The object itself; at once where it is at hand, for boots when all ask for theirs. KMIP 2.1 §6.1.19 */
export const get = handle(Get, (wanted, { objects, capabilities }) =>
  when(objects.get(wanted.uniqueIdentifier), stored => {
    const { attributes, object } = stored
    if (object === undefined) throw new Failure('ObjectDestroyed', 'the object is destroyed')
    const { objectType } = object
    if (!capabilities.objectTypes.includes(objectType))
      throw new Failure('InvalidObjectType', `a ${objectType} cannot be told in this version of KMIP`)
    if (attributes.sensitive === true)
      throw new Failure(
        'Sensitive',
        'the object is sensitive: it leaves the server only wrapped, which is not supported',
      )
    if (attributes.extractable === false)
      throw new Failure('NotExtractable', 'the object is not extractable: it never leaves the server')
    const found = asWanted(object, wanted)
    objects.served(stored)
    return { objectType, uniqueIdentifier: wanted.uniqueIdentifier, object: found }
  }),
)

type Wanted = Omit<RequestOf<typeof Get>, 'uniqueIdentifier'>

function asWanted(
  object: ManagedObject,
  { keyFormatType, keyWrapType, keyCompressionType, keyWrappingSpecification }: Wanted,
): ManagedObject {
  if (keyWrappingSpecification !== undefined)
    throw new Failure('FeatureNotSupported', 'keys are not wrapped by this server')
  if (!('keyBlock' in object)) {
    const isCertificate = object.objectType === 'Certificate' && object.certificateType === keyFormatType
    if (keyFormatType !== undefined && !isCertificate)
      throw new Failure('KeyFormatTypeNotSupported', `a ${object.objectType} has no Key Format Type`)
    return object
  }
  const { keyBlock } = object
  if (keyWrapType === 'NotWrapped' && keyBlock.keyWrappingData !== undefined)
    throw new Failure('KeyWrapTypeNotSupported', 'the key was registered wrapped and cannot be unwrapped')
  if (keyCompressionType !== undefined && keyCompressionType !== keyBlock.keyCompressionType)
    throw new Failure(
      'KeyCompressionTypeNotSupported',
      `the key is not kept with the Key Compression Type ${keyCompressionType}`,
    )
  if (keyFormatType === undefined || keyFormatType === keyBlock.keyFormatType) return object
  // Of a key whose value is kept elsewhere there is only what describes it. KMIP 2.1 §4.28
  if (keyBlock.keyValue === undefined)
    throw new Failure(
      'KeyValueNotPresent',
      'the Key Value is not kept on this server; its Key Value Location tells where it is',
    )
  const converted = object.objectType === 'SymmetricKey' ? symmetric(keyBlock, keyFormatType) : undefined
  if (converted === undefined)
    throw new Failure(
      'KeyFormatTypeNotSupported',
      `the key is kept as ${keyBlock.keyFormatType} and cannot be given as ${keyFormatType}`,
    )
  return { objectType: 'SymmetricKey', keyBlock: converted }
}

/** A symmetric key is the same bytes, raw or transparent. KMIP 2.1 §3.4 */
function symmetric(keyBlock: KeyBlock, keyFormatType: string | number): KeyBlock | undefined {
  const { keyValue } = keyBlock
  if (keyValue === undefined || keyValue instanceof Uint8Array) return undefined
  const material = keyValue.keyMaterial instanceof Uint8Array ? keyValue.keyMaterial : keyValue.keyMaterial.key
  if (material === undefined) return undefined
  if (keyFormatType === 'Raw')
    return { ...keyBlock, keyFormatType, keyValue: { keyMaterial: material, attributes: [] } }
  if (keyFormatType === 'TransparentSymmetricKey')
    return { ...keyBlock, keyFormatType, keyValue: { keyMaterial: { key: material }, attributes: [] } }
  return undefined
}
