/**
 * What the cluster asks of a key server, in KMIP.
 *
 * What Element itself sends is not public but for one thing: its keys carry `x-SolidFire-KeyID-<keyID>`. All else here is
 * our own assumption: KMIP 1.4; AES keys of 256 bits, made by Create on one server and brought to others by Register; that
 * text as the *name* of a custom attribute, whose value is the identifier again, by which Locate finds the key; a Name, an
 * Object Group and a usage mask beside it.
 *
 * Doubt is a failure: no key, two keys, another kind of key, or one that is not the right one, are told apart and never
 * handed on.
 *
 * @module
 */
import { randomUUID } from 'node:crypto'
import {
  Activate,
  type AttributeInstance,
  Create,
  Destroy,
  Get,
  GetAttributes,
  Locate,
  Register,
  Revoke,
  tagNumber,
} from '../../protocol/index.ts'
import type { Client } from '../client.ts'
import { KeyConflict, KeyServerError } from './diagnosis.ts'
import { isKey } from './drives.ts'
import type { ClusterKey, Frozen, Purpose } from './shapes.ts'

type Known = Pick<Frozen<ClusterKey>, 'keyID' | 'purpose' | 'check'>

const lookupName = (keyID: string) => `x-SolidFire-KeyID-${keyID}` as const

const lookup = (keyID: string): AttributeInstance => ({
  name: lookupName(keyID),
  value: { tag: tagNumber('attributeValue'), type: 'TextString', value: keyID },
})

const bits = 256

/** Encrypt and Decrypt; Wrap Key and Unwrap Key. KMIP 1.4 §9.1.3.3.1 */
const usage: Readonly<Record<Purpose, number>> = { authentication: 0x0c, master: 0x30 }

const attributesOf = ({ keyID, purpose }: Known, cluster: string): AttributeInstance[] => [
  { name: 'cryptographicAlgorithm', value: 'AES' },
  { name: 'cryptographicLength', value: bits },
  { name: 'cryptographicUsageMask', value: usage[purpose] },
  { name: 'name', value: { nameValue: `${cluster} ${purpose} key ${keyID}`, nameType: 'UninterpretedTextString' } },
  { name: 'objectGroup', value: cluster },
  lookup(keyID),
]

interface Found {
  readonly uniqueIdentifier: string
  readonly state: string
}

/** Destroyed keys may be found, and do not count. */
async function find(client: Client, keyID: string): Promise<Found[]> {
  const { uniqueIdentifier: found } = await client.call(Locate, { attributes: [lookup(keyID)], maximumItems: few })
  const all = await Promise.all(
    found.map(async uniqueIdentifier => {
      const { attributes } = await client.call(GetAttributes, { uniqueIdentifier, attributeReference: ['state'] })
      const state = attributes.find(({ name }) => name === 'state')?.value
      return { uniqueIdentifier, state: typeof state === 'string' ? state : 'none' }
    }),
  )
  return all.filter(({ state }) => !state.startsWith('Destroyed'))
}

/** Two are too many already. */
const few = 4

async function findOne(client: Client, { keyID }: Known): Promise<Found | undefined> {
  const found = await find(client, keyID)
  if (found.length > 1)
    throw new KeyConflict(
      `${found.length} keys carry ${lookupName(keyID)} (${found.map(({ uniqueIdentifier }) => uniqueIdentifier).join(', ')}); none is used (on the key server: find out which is right, and destroy the others)`,
    )
  return found[0]
}

/**
 * The bytes of the one key with this identifier; whoever asked wipes them.
 *
 * @returns undefined where there is none
 * @throws KeyConflict, KeyServerError, KmipError
 */
export async function obtain(client: Client, key: Known): Promise<Buffer | undefined> {
  const found = await findOne(client, key)
  if (found === undefined) return undefined
  return read(client, found.uniqueIdentifier, key)
}

async function read(client: Client, uniqueIdentifier: string, key: Known): Promise<Buffer> {
  const { object } = await client.call(Get, { uniqueIdentifier })
  const value = object.objectType === 'SymmetricKey' ? object.keyBlock.keyValue : undefined
  const material = value === undefined || value instanceof Uint8Array ? undefined : value.keyMaterial
  if (!(material instanceof Uint8Array) || material.length * 8 !== bits)
    throw new KeyConflict(`what carries ${lookupName(key.keyID)} is no key of ${bits} bits; it is not used`)
  const bytes = Buffer.from(material)
  if (key.check !== undefined && !isKey(key, bytes)) {
    bytes.fill(0)
    throw new KeyConflict(
      `the key that carries ${lookupName(key.keyID)} is not the one that was made; no drive is tried with it (on the key server: restore the right one)`,
    )
  }
  return bytes
}

/** Makes the key, unless it is there already; active, and read back. */
export async function make(client: Client, key: Known, cluster: string): Promise<Buffer> {
  const found = await findOne(client, key)
  const { uniqueIdentifier, state } = found ?? {
    ...(await client.call(Create, { objectType: 'SymmetricKey', attributes: attributesOf(key, cluster) })),
    state: 'PreActive',
  }
  if (state === 'PreActive') await client.call(Activate, { uniqueIdentifier })
  return read(client, uniqueIdentifier, key)
}

/** Brings a key that another server has, unless it is there already. @throws KeyConflict if another key is in its place */
export async function copyTo(client: Client, key: Known, bytes: Uint8Array, cluster: string): Promise<void> {
  const found = await findOne(client, key)
  if (found !== undefined) {
    ;(await read(client, found.uniqueIdentifier, key)).fill(0)
    if (found.state === 'PreActive') await client.call(Activate, found)
    return
  }
  const { uniqueIdentifier } = await client.call(Register, {
    objectType: 'SymmetricKey',
    attributes: attributesOf(key, cluster),
    object: {
      objectType: 'SymmetricKey',
      keyBlock: {
        keyFormatType: 'Raw',
        keyValue: { keyMaterial: bytes, attributes: [] },
        cryptographicAlgorithm: 'AES',
        cryptographicLength: bits,
      },
    },
  })
  await client.call(Activate, { uniqueIdentifier })
}

/** Destroys every key with this identifier: nothing is locked with any of them. */
export async function remove(client: Client, { keyID }: Known): Promise<void> {
  for (const { uniqueIdentifier, state } of await find(client, keyID)) {
    if (state === 'Active')
      await client.call(Revoke, {
        uniqueIdentifier,
        revocationReason: { revocationReasonCode: 'CessationOfOperation', revocationMessage: 'decommissioned' },
      })
    await client.call(Destroy, { uniqueIdentifier })
  }
}

/** A round trip: a key is made, found, read and destroyed again. */
export async function roundTrip(client: Client, cluster: string): Promise<void> {
  const key: Known = { keyID: randomUUID(), purpose: 'authentication' }
  try {
    const made = await make(client, key, cluster)
    const found = await obtain(client, key)
    if (found === undefined || !made.equals(found))
      throw new KeyServerError('server', 'a key that was just made is not found again, or is another one')
  } finally {
    await remove(client, key)
  }
}
