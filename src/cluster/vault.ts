/**
 * The cluster's keys, wherever they are: inside, or on the key servers of a provider.
 *
 * A key's life here: it is noted before a key server is asked for it (`making`), so that none is forgotten that a crash
 * leaves behind; it is used only once it was read back and noted with its check value (`inUse`); and it is destroyed only
 * after a commit that says that nothing needs it any longer (`leaving`). Whatever was being made when the cluster ended is
 * leaving when it starts.
 *
 * @module
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { type Context, isoTime } from './context.ts'
import { KeyServerError } from './diagnosis.ts'
import { checkOf } from './drives.ts'
import { noSuch, notPermitted } from './failure.ts'
import { aboutServer, raiseServerFault, resolve } from './faults.ts'
import { copyTo, make, obtain, remove } from './key-objects.ts'
import { visit } from './key-server.ts'
import type { ClusterKey, ClusterState, Frozen, KeyManagementType, KeyServer, KeySource, Purpose } from './shapes.ts'

export const serversOf = ({ servers }: Frozen<ClusterState>, keyProviderID: number | undefined): Frozen<KeyServer>[] =>
  servers.filter(each => each.keyProviderID === keyProviderID)

/** A provider is active until all keys that it made are gone. */
export const isActive = ({ keys }: Frozen<ClusterState>, keyProviderID: number): boolean =>
  keys.some(key => key.keyProviderID === keyProviderID)

export function keyOf({ keys }: Frozen<ClusterState>, keyID: string): Frozen<ClusterKey> {
  const key = keys.find(each => each.keyID === keyID)
  if (key === undefined) throw new Error(`there is no key ${keyID}`)
  return key
}

/**
 * A new key, safe before it is adopted.
 *
 * @param adopt notes in the same commit what the key is for; if it throws, the key is given up
 * @throws KeyServerError of the first server, if none of them makes one; ElementError if there is none, or of `adopt`
 */
export async function createKey(
  context: Context,
  purpose: Purpose,
  source: Frozen<KeySource>,
  adopt: (draft: ClusterState, keyID: string) => void,
): Promise<Buffer> {
  if (source.keyManagementType === 'Internal') {
    const bytes = randomBytes(32)
    try {
      await context.memory.change(draft => {
        const key = newKey(context, purpose, 'Internal')
        const check = checkOf(key.keyID, bytes)
        draft.keys.push({ ...key, status: 'inUse', check, material: bytes.toString('base64') })
        adopt(draft, key.keyID)
      })
      return bytes
    } catch (error) {
      bytes.fill(0)
      throw error
    }
  }
  const { keyProviderID } = source
  const servers = serversOf(context.memory.state, keyProviderID)
  const failures: KeyServerError[] = []
  for (const server of servers)
    try {
      return await createOn(context, server, { ...newKey(context, purpose, 'External'), keyProviderID }, adopt)
    } catch (error) {
      if (!(error instanceof KeyServerError)) throw error
      failures.push(error)
    }
  throw (
    failures[0] ?? notPermitted(`key provider ${keyProviderID} has no key server; AddKeyServerToProviderKmip adds one`)
  )
}

const newKey = (context: Context, purpose: Purpose, keyManagementType: KeyManagementType): ClusterKey => ({
  keyID: randomUUID(),
  purpose,
  keyManagementType,
  status: 'making',
  created: isoTime(context),
})

async function createOn(
  context: Context,
  server: Frozen<KeyServer>,
  key: ClusterKey,
  adopt: (draft: ClusterState, keyID: string) => void,
): Promise<Buffer> {
  const { memory } = context
  const { keyID } = key
  await memory.change(draft => {
    demandPlace(draft, server)
    draft.keys.push({ ...key, keyServerID: server.keyServerID })
  })
  let bytes: Buffer | undefined
  try {
    const fresh = (bytes = await visit(server, context.caller(), client => make(client, key, memory.state.name)))
    await memory.change(draft => {
      // Else nobody would ask that server for it: it may be the only one that has it.
      demandPlace(draft, server, true)
      const made = draft.keys.find(each => each.keyID === keyID)
      if (made !== undefined) Object.assign(made, { status: 'inUse', check: checkOf(keyID, fresh) })
      adopt(draft, keyID)
    })
    await copyToOthers(context, keyOf(memory.state, keyID), fresh, server.keyServerID)
    return fresh
  } catch (error) {
    bytes?.fill(0)
    await memory.change(draft => {
      const failed = draft.keys.find(each => each.keyID === keyID && each.status === 'making')
      if (failed === undefined) return
      if (error instanceof KeyServerError && !error.wasAsked) draft.keys = draft.keys.filter(each => each !== failed)
      else failed.status = 'leaving'
    })
    sweep(context)
    throw error
  }
}

/**
 * A key is made only where its provider will look for it; from the commit that notes it on, the provider stays.
 *
 * @throws KeyServerError, so that another server is asked; ElementError if the provider is gone
 */
function demandPlace(
  { providers, servers }: Frozen<ClusterState>,
  { keyServerID, keyProviderID, kmipKeyServerName: name }: Frozen<KeyServer>,
  wasAsked = false,
): void {
  if (!providers.some(each => each.keyProviderID === keyProviderID)) throw noSuch(`kmipKeyProviders/${keyProviderID}`)
  if (!servers.some(each => each.keyServerID === keyServerID && each.keyProviderID === keyProviderID))
    throw new KeyServerError(
      'server',
      `key server "${name}" was taken from key provider ${keyProviderID} while it was to make a key`,
      wasAsked,
    )
}

/** Whoever cannot be reached now is brought in step later. */
async function copyToOthers(context: Context, key: Frozen<ClusterKey>, bytes: Buffer, from: number): Promise<void> {
  const { memory } = context
  for (const server of serversOf(memory.state, key.keyProviderID))
    if (server.keyServerID !== from)
      await visit(server, context.caller(), client => copyTo(client, key, bytes, memory.state.name)).catch(
        (error: unknown) => raiseServerFault(context, aboutServer(server.keyServerID), error),
      )
}

/**
 * The bytes of a key in use, from memory if it is held, else from the first server that has the right one. Faults are raised for those that do not, and
 * resolved for the one that does.
 *
 * @throws KeyServerError if none has it
 */
export async function fetchKey(context: Context, keyID: string): Promise<Buffer> {
  const key = keyOf(context.memory.state, keyID)
  if (key.material !== undefined) return Buffer.from(key.material, 'base64')
  const held = context.held.get(keyID)
  if (held !== undefined) return Buffer.from(held)
  const failures: KeyServerError[] = []
  for (const server of serversOf(context.memory.state, key.keyProviderID))
    try {
      const bytes = await visit(server, context.caller(), client => obtain(client, key))
      if (bytes === undefined) throw missing(key, server)
      await resolve(context, 'kmipServerFault', aboutServer(server.keyServerID))
      if (key.purpose === 'master') context.held.set(keyID, Buffer.from(bytes))
      return bytes
    } catch (error) {
      await raiseServerFault(context, aboutServer(server.keyServerID), error)
      failures.push(error as KeyServerError)
    }
  throw failures[0] ?? new KeyServerError('server', `key provider ${key.keyProviderID ?? ''} has no key server`)
}

/** The fault of a server that has lost a key. */
export const missing = (
  { keyID }: Frozen<ClusterKey>,
  { kmipKeyServerName: name }: Frozen<KeyServer>,
): KeyServerError =>
  new KeyServerError(
    'server',
    `key server "${name}" has no key with x-SolidFire-KeyID-${keyID}; was it destroyed, or does this client certificate belong to another owner? (on the key server: restore it)`,
    true,
  )

/**
 * Brings a server in step with its provider's other servers: every key in use is there, and is the right one.
 *
 * @param others where a key is taken from that is not there
 * @throws KeyServerError, `isConflict` if there is another key in its place
 */
export async function bringInStep(
  context: Context,
  server: Frozen<KeyServer>,
  keyProviderID: number,
  others: readonly Frozen<KeyServer>[],
): Promise<void> {
  const keys = context.memory.state.keys.filter(key => key.keyProviderID === keyProviderID && key.status === 'inUse')
  const absent: Frozen<ClusterKey>[] = []
  await visit(server, context.caller(), async client => {
    for (const key of keys) {
      const bytes = await obtain(client, key)
      if (bytes === undefined) absent.push(key)
      bytes?.fill(0)
    }
  })
  for (const key of absent) {
    const bytes = await fromOthers(context, key, server, others)
    try {
      await visit(server, context.caller(), client => copyTo(client, key, bytes, context.memory.state.name))
      context.log.info({ note: `${key.keyID} to key server ${server.keyServerID}` }, 'cluster: key copied')
    } finally {
      bytes.fill(0)
    }
  }
}

/** @throws KeyServerError, which tells why each of the others does not give it */
async function fromOthers(
  context: Context,
  key: Frozen<ClusterKey>,
  server: Frozen<KeyServer>,
  others: readonly Frozen<KeyServer>[],
): Promise<Buffer> {
  const reasons: string[] = []
  for (const other of others)
    try {
      const bytes = await visit(other, context.caller(), client => obtain(client, key))
      if (bytes !== undefined) return bytes
      reasons.push(`key server "${other.kmipKeyServerName}" does not have it, either`)
    } catch (error) {
      if (!(error instanceof KeyServerError)) throw error
      reasons.push(error.message)
    }
  const { kind, message } = missing(key, server)
  throw new KeyServerError(kind, [message, ...reasons].join('; '), true)
}

/** Nothing is locked with the key from now on; it is destroyed in the background. */
export function leave(draft: ClusterState, keyID: string): void {
  for (const key of draft.keys) if (key.keyID === keyID) key.status = 'leaving'
  draft.keys = draft.keys.filter(key => key.status !== 'leaving' || key.keyManagementType === 'External')
}

/** What is held of master keys is forgotten: all, or one. */
export function forget({ held }: Context, keyID?: string): void {
  for (const [each, bytes] of held)
    if (keyID === undefined || keyID === each) {
      bytes.fill(0)
      held.delete(each)
    }
}

/** Destroys what is leaving. @returns the keys that some server could not be asked to destroy, with why */
export async function sweepOnce(context: Context): Promise<Map<string, KeyServerError>> {
  const { memory } = context
  const left = new Map<string, KeyServerError>()
  for (const key of memory.state.keys.filter(({ status }) => status === 'leaving')) {
    const servers = memory.state.servers.filter(
      each => each.keyProviderID === key.keyProviderID || each.keyServerID === key.keyServerID,
    )
    for (const server of servers)
      await visit(server, context.caller(), client => remove(client, key)).catch((error: unknown) => {
        if (!(error instanceof KeyServerError)) throw error
        left.set(key.keyID, error)
      })
    if (!left.has(key.keyID))
      await memory.change(draft => (draft.keys = draft.keys.filter(({ keyID }) => keyID !== key.keyID)))
  }
  return left
}

const sweepMs = 60_000

/** Sweeps until nothing is left. */
export function sweep(context: Context): void {
  const { work, memory } = context
  work.start('sweep', async () => {
    while (memory.state.keys.some(({ status }) => status === 'leaving')) {
      const left = await sweepOnce(context)
      if (left.size > 0) await work.pause(sweepMs)
    }
  })
}
