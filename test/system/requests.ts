/**
 * The requests that the suites of the whole system make over and over.
 *
 * @module
 */
import {
  type AttributeInstance,
  type Call,
  type Client,
  Create,
  Get,
  KmipError,
  Locate,
  type Operation,
  tagNumber,
} from '../../src/index.ts'

/** One operation of a batch. */
export const call = <Q, R>(operation: Operation<Q, R>, payload: Q): Call => ({ operation, payload })

export const named = (name: string): AttributeInstance => ({
  name: 'name',
  value: { nameValue: name, nameType: 'UninterpretedTextString' },
})

/** A custom attribute of type Text String. */
export const custom = (name: `x-${string}`, text: string): AttributeInstance => ({
  name,
  value: { tag: tagNumber('attributeValue'), type: 'TextString', value: text },
})

const aes: readonly AttributeInstance[] = [
  { name: 'cryptographicAlgorithm', value: 'AES' },
  { name: 'cryptographicLength', value: 256 },
  { name: 'cryptographicUsageMask', value: 12 },
]

/** The payload of a Create: AES 256. */
export const aesKey = (...attributes: AttributeInstance[]) => ({
  objectType: 'SymmetricKey' as const,
  attributes: [...aes, ...attributes],
})

/** The payload of a Register: an AES key that the client brings. */
export const ownKey = (keyMaterial: Uint8Array, ...attributes: AttributeInstance[]) => ({
  ...aesKey(...attributes),
  object: {
    objectType: 'SymmetricKey' as const,
    keyBlock: {
      keyFormatType: 'Raw' as const,
      keyValue: { keyMaterial, attributes: [] },
      cryptographicAlgorithm: 'AES' as const,
      cryptographicLength: keyMaterial.length * 8,
    },
  },
})

/** Makes a key, and gives its Unique Identifier. */
export const create = async (client: Client, ...attributes: AttributeInstance[]): Promise<string> =>
  (await client.call(Create, aesKey(...attributes))).uniqueIdentifier

export const locate = async (client: Client, ...attributes: AttributeInstance[]): Promise<readonly string[]> =>
  (await client.call(Locate, { attributes })).uniqueIdentifier

/** The bytes of a key, in hexadecimal. */
export async function materialOf(client: Client, uniqueIdentifier: string): Promise<string> {
  const { object } = await client.call(Get, { uniqueIdentifier })
  const keyValue = 'keyBlock' in object ? object.keyBlock.keyValue : undefined
  if (keyValue === undefined || keyValue instanceof Uint8Array || !(keyValue.keyMaterial instanceof Uint8Array))
    throw new Error(`${uniqueIdentifier} is no key that can be read`)
  return Buffer.from(keyValue.keyMaterial).toString('hex')
}

/** Why the server refused, or `done`. Anything but a refusal is thrown. */
export async function outcomeOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked
    return 'done'
  } catch (error) {
    if (error instanceof KmipError) return error.reason
    throw error
  }
}
