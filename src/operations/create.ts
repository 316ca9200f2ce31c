import { type AttributeInstance, Create, type ManagedObject } from '../../protocol/index.ts'
import { Failure } from '../failure.ts'
import { anyBytes, makeKey } from '../objects/algorithms.ts'
import { expanded, newObject } from '../objects/new-object.ts'
import { gather } from '../objects/stored-object.ts'
import { type Context, handle } from './handle.ts'

/** A new symmetric key or secret data, made here. KMIP 2.1 §6.1.8 */
export const create = handle(Create, async ({ objectType, attributes }, context) => {
  const { objects, now } = context
  const instances = await expanded(attributes, objects)
  const uniqueIdentifier = context.newIdentifier()
  const object = make(objectType, instances, context)
  await objects.create(newObject({ uniqueIdentifier, object, instances, isGenerated: true }, now))
  return { objectType, uniqueIdentifier }
})

function make(
  objectType: string | number,
  instances: readonly AttributeInstance[],
  { random }: Context,
): ManagedObject {
  const {
    cryptographicAlgorithm: algorithm,
    cryptographicLength: bits,
    cryptographicUsageMask,
    keyFormatType: format = 'Raw',
  } = gather(instances)
  if (objectType === 'SecretData') return madeSecret(bits, random)
  if (objectType !== 'SymmetricKey')
    throw new Failure('InvalidObjectType', `a ${objectType} is not made by Create; Symmetric Key and Secret Data are`)
  if (algorithm === undefined) throw new Failure('InvalidMessage', 'the attribute Cryptographic Algorithm is missing')
  if (cryptographicUsageMask === undefined)
    throw new Failure('InvalidMessage', 'the attribute Cryptographic Usage Mask is missing')
  if (format !== 'Raw' && format !== 'TransparentSymmetricKey')
    throw new Failure('KeyFormatTypeNotSupported', `a symmetric key is not made in the format ${format}`)
  const key = makeKey(algorithm, bits, random)
  return {
    objectType,
    keyBlock: {
      keyFormatType: format,
      keyValue: { keyMaterial: format === 'Raw' ? key.material : { key: key.material }, attributes: [] },
      cryptographicAlgorithm: algorithm,
      cryptographicLength: key.bits,
    },
  }
}

/** Random bytes, as a password that nobody has to type. */
function madeSecret(bits: number | undefined, random: Context['random']): ManagedObject {
  const bytes = bits === undefined ? undefined : anyBytes(bits)
  if (bytes === undefined)
    throw new Failure(
      'InvalidAttributeValue',
      `a Cryptographic Length of ${bits ?? 'nothing'}; Secret Data takes a multiple of 8`,
    )
  return {
    objectType: 'SecretData',
    secretDataType: 'Password',
    keyBlock: { keyFormatType: 'Opaque', keyValue: { keyMaterial: random(bytes), attributes: [] } },
  }
}
