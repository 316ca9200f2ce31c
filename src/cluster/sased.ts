/**
 * The conversation of a storage array with self-encrypting drives, in the words of the SASED profile.
 *
 * A reconstruction: which attributes ONTAP sends is seen in its traces; in which order it asks, and how it retries, follows
 * from its documentation and from the profile that it co-wrote. Up to four primary servers hold the same secrets; each secret
 * is registered on all that can be reached; at boot the servers are asked in turn, again and again, for hours if need be.
 *
 * @module
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AttributeInstance,
  Destroy,
  Get,
  GetAttributes,
  Locate,
  Query,
  Register,
  tagNumber,
} from '../../protocol/index.ts'
import { type Client, connect, KmipError } from '../client.ts'

export interface Primary {
  readonly host: string
  readonly port?: number | undefined
}

export interface SasedOptions {
  /** One to four, the preferred one first. */
  readonly primaries: readonly Primary[]
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly drives: number
  /** Object Group. */
  readonly group: string
  /** How long a boot waits for a server, in milliseconds. */
  readonly patienceMs: number
  readonly compression: number
  readonly keep: boolean
  readonly timeoutMs: number
  /** Called after each step. */
  readonly tell: (step: Step) => void
  /** Between registering and booting. */
  readonly pause?: (() => Promise<void>) | undefined
}

export interface Step {
  readonly server: string
  readonly step: 'query' | 'register' | 'boot' | 'destroy' | 'wait'
  readonly drive?: number
  /** `done`, or why not. */
  readonly outcome: string
}

export interface Played {
  readonly registered: number
  readonly unlocked: number
  readonly destroyed: number
}

export const mostPrimaries = 4

/** `notTaken`: no primary takes a secret. `locked`: none gives it in time. */
export class SasedError extends Error {
  override readonly name = 'SasedError'
  readonly code: 'notTaken' | 'locked'

  constructor(code: SasedError['code'], message: string) {
    super(message)
    this.code = code
  }
}

interface Secret {
  readonly drive: number
  readonly keyId: string
  /** Of the secret: what the drive has. */
  readonly digest: string
}

const wordOf = ({ host, port = 5696 }: Primary): string => `${host}:${port}`

/**
 * Whatever fails, secrets that were registered are destroyed as far as servers can be reached, unless they shall be kept.
 *
 * @throws SasedError where no primary takes a secret, or none gives it in time
 */
export async function playSased(options: SasedOptions): Promise<Played> {
  const { drives, keep, pause } = options
  await query(options)
  const secrets: Secret[] = []
  const destroyAll = async (): Promise<number> => {
    let count = 0
    if (!keep) for (const secret of secrets) count += await destroy(options, secret)
    return count
  }
  try {
    for (let drive = 1; drive <= drives; drive++) secrets.push(await register(options, drive))
    await pause?.()
    for (const secret of secrets) await boot(options, secret)
  } catch (error) {
    await destroyAll()
    throw error
  }
  return { registered: secrets.length, unlocked: secrets.length, destroyed: await destroyAll() }
}

async function at<T>(options: SasedOptions, { host, port }: Primary, use: (client: Client) => Promise<T>): Promise<T> {
  const { ca, cert, key, timeoutMs } = options
  const client = await connect({ host, port, ca, cert, key, timeoutMs })
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

const why = (error: unknown): string =>
  error instanceof KmipError || error instanceof Error ? error.message : String(error)

/** What the profile demands of a server. */
const wanted = ['Query', 'Locate', 'Destroy', 'Get', 'Register', 'GetAttributes', 'GetAttributeList', 'AddAttribute']

async function query(options: SasedOptions): Promise<void> {
  for (const primary of options.primaries) {
    const outcome = await at(options, primary, async client => {
      const { operation } = await client.call(Query, {
        queryFunction: ['QueryOperations', 'QueryObjects', 'QueryServerInformation'],
      })
      const lacking = wanted.filter(each => !operation.some(offered => offered === each))
      return lacking.length === 0 ? 'done' : `lacks ${lacking.join(', ')}`
    }).catch(why)
    options.tell({ server: wordOf(primary), step: 'query', outcome })
  }
}

const text = (name: string, value: string): AttributeInstance => ({
  name: `x-NETAPP-${name}`,
  value: { tag: tagNumber('attributeValue'), type: 'TextString', value },
})

const attributesOf = ({ group }: SasedOptions, drive: number, keyId: string): AttributeInstance[] => [
  { name: 'objectGroup', value: group },
  { name: 'name', value: { nameValue: `${group}-${drive}-${keyId}`, nameType: 'UninterpretedTextString' } },
  text('ClusterName', group),
  text('ClusterId', createHash('sha256').update(group).digest('hex').slice(0, 36)),
  text('NodeName', `${group}-01`),
  text('NodeId', '1'),
  text('Product', 'Data ONTAP'),
  text('Version', '9.14.1'),
  text('KeyUsage', 'AK'),
  text('KeyType', 'NSE-AK'),
  text('KeyId', keyId),
  text('Tag', `drive ${drive}`),
]

const passwordBytes = 32

async function register(options: SasedOptions, drive: number): Promise<Secret> {
  const keyId = randomUUID()
  const password = randomBytes(passwordBytes)
  let taken = 0
  for (const primary of options.primaries) {
    const outcome = await at(options, primary, async client => {
      await client.call(Register, {
        objectType: 'SecretData',
        attributes: attributesOf(options, drive, keyId),
        object: {
          objectType: 'SecretData',
          secretDataType: 'Password',
          keyBlock: { keyFormatType: 'Opaque', keyValue: { keyMaterial: password, attributes: [] } },
        },
      })
      taken += 1
      return 'done'
    }).catch(why)
    options.tell({ server: wordOf(primary), step: 'register', drive, outcome })
  }
  if (taken === 0)
    throw new SasedError('notTaken', `no server took the secret of drive ${drive}; nothing was locked with it`)
  const digest = digestOf(password)
  password.fill(0)
  return { drive, keyId, digest }
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const locate = async ({ group }: SasedOptions, client: Client, { keyId }: Secret): Promise<readonly string[]> => {
  const attributes: AttributeInstance[] = [
    { name: 'objectGroup', value: group },
    { name: 'objectType', value: 'SecretData' },
    text('KeyId', keyId),
  ]
  return (await client.call(Locate, { attributes })).uniqueIdentifier
}

const firstMs = 1_000
const longestMs = 60_000

async function boot(options: SasedOptions, secret: Secret): Promise<void> {
  const { primaries, patienceMs, compression, tell } = options
  const { drive } = secret
  const until = performance.now() + patienceMs / compression
  for (let attempt = 0; ; attempt++) {
    for (const primary of primaries) {
      const outcome = await at(options, primary, client => unlock(options, client, secret)).catch(why)
      tell({ server: wordOf(primary), step: 'boot', drive, outcome })
      if (outcome === 'done') return
    }
    if (performance.now() >= until)
      throw new SasedError('locked', `drive ${drive} stays locked: no server gave its secret in time`)
    const ms = Math.min(longestMs, firstMs * 2 ** attempt)
    tell({ server: '', step: 'wait', drive, outcome: `${ms / 1000} s` })
    await sleep(ms / compression)
  }
}

/** A secret that is not the drive's own is not tried. */
async function unlock(options: SasedOptions, client: Client, secret: Secret): Promise<string> {
  const [uniqueIdentifier, second] = await locate(options, client, secret)
  if (uniqueIdentifier === undefined) return 'no such secret'
  if (second !== undefined) return 'two secrets; none is tried'
  await client.call(GetAttributes, { uniqueIdentifier, attributeReference: ['x-NETAPP-KeyId'] })
  const { object } = await client.call(Get, { uniqueIdentifier })
  const value = object.objectType === 'SecretData' ? object.keyBlock.keyValue : undefined
  const material = value === undefined || value instanceof Uint8Array ? undefined : value.keyMaterial
  return material instanceof Uint8Array && digestOf(material) === secret.digest
    ? 'done'
    : 'another secret; it is not tried'
}

/** @returns on how many servers */
async function destroy(options: SasedOptions, secret: Secret): Promise<number> {
  let count = 0
  for (const primary of options.primaries) {
    const outcome = await at(options, primary, async client => {
      // Straight from Pre-Active, as the profile has it.
      for (const uniqueIdentifier of await locate(options, client, secret)) {
        await client.call(Destroy, { uniqueIdentifier })
        count += 1
      }
      return 'done'
    }).catch(why)
    options.tell({ server: wordOf(primary), step: 'destroy', drive: secret.drive, outcome })
  }
  return count
}
