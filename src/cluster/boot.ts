/**
 * Power comes back: drives are locked, and each node gets the authentication key for its drives from a key server.
 *
 * A drive is only ever tried with a key that carries the drive's key identifier, of which the server has exactly one, of
 * the right kind, and whose check value is that of the key that was made: a drive bears few wrong keys. Until there is such
 * a key the node waits and tries again, for ever. A metadata drive that stays locked for a while is marked failed and
 * stands available; once it is unlocked, an administrator adds it again.
 *
 * @module
 */
import type { Client } from '../client.ts'
import { backOff, type Context } from './context.ts'
import { KeyServerError } from './diagnosis.ts'
import { unwrap } from './drives.ts'
import { aboutDrive, aboutNode, aboutProvider, aboutServer, raise, raiseServerFault, resolve } from './faults.ts'
import { obtain } from './key-objects.ts'
import { visit } from './key-server.ts'
import type { Drive, Frozen, KeyServer } from './shapes.ts'
import { fetchKey, forget, keyOf, missing, serversOf } from './vault.ts'
import { checkDrives } from './watch.ts'

/** After which a metadata drive that is still locked is marked failed. */
const patienceMs = 180_000

type Sealed = Frozen<Drive> & { readonly medium: { readonly kind: 'sealed'; readonly keyID: string } }

const isSealed = (drive: Frozen<Drive>): drive is Sealed => drive.medium.kind === 'sealed'

/** Locks all drives and boots all nodes. */
export function powerCycle(context: Context): void {
  context.bay.powerOff()
  forget(context)
  boot(context)
}

/** Every node with locked drives boots; a node that does already goes on. */
export function boot(context: Context): void {
  const { memory, work, bay } = context
  const nodes = new Set(memory.state.drives.filter(bay.isLocked).map(({ nodeID }) => nodeID))
  for (const nodeID of nodes) work.start(aboutNode(nodeID), () => bootNode(context, nodeID))
  work.start('master key', () => unlockData(context))
}

const lockedIn = ({ memory, bay }: Context, nodeID: number): Sealed[] =>
  memory.state.drives.filter(drive => drive.nodeID === nodeID && bay.isLocked(drive)).filter(isSealed)

async function bootNode(context: Context, nodeID: number): Promise<void> {
  const { work, now } = context
  const began = now()
  for (let attempt = 0; ; attempt++) {
    for (const keyID of new Set(lockedIn(context, nodeID).map(({ medium }) => medium.keyID)))
      await unlockDrives(context, nodeID, keyID)
    const locked = lockedIn(context, nodeID)
    if (locked.length === 0) break
    await raise(context, {
      code: 'driveFailed',
      about: aboutNode(nodeID),
      details: `Drives of node ${nodeID} are locked and the authentication key cannot be acquired.`,
      driveIDs: locked.map(({ driveID }) => driveID),
      nodeID,
    })
    if (now() - began >= work.ms(patienceMs)) await giveUpMetadata(context, locked)
    await work.pause(backOff(attempt))
  }
  await resolve(context, 'driveFailed', aboutNode(nodeID))
}

/** Asks the provider's servers in turn, until no drive of the node is locked with this key. */
async function unlockDrives(context: Context, nodeID: number, keyID: string): Promise<void> {
  const { memory, bay } = context
  const key = keyOf(memory.state, keyID)
  const mine = (): Sealed[] => lockedIn(context, nodeID).filter(({ medium }) => medium.keyID === keyID)
  if (key.material !== undefined) {
    for (const { driveID } of mine()) await bay.unlock(driveID, Buffer.from(key.material, 'base64'))
    return
  }
  const servers = serversOf(memory.state, key.keyProviderID)
  if (servers.length === 0)
    await raiseServerFault(
      context,
      aboutProvider(key.keyProviderID ?? 0),
      new KeyServerError('server', `key provider ${key.keyProviderID ?? 0} has no key server`),
    )
  for (const server of servers) {
    if (mine().length === 0) return
    try {
      await visit(server, context.caller(), client => unlockFrom(context, client, server, mine()))
      await resolve(context, 'kmipServerFault', aboutServer(server.keyServerID))
    } catch (error) {
      await raiseServerFault(context, aboutServer(server.keyServerID), error)
    }
  }
}

/** One connection for the drives of a node; each drive asks for its own key, as drives behind a controller do. */
async function unlockFrom(
  context: Context,
  client: Client,
  server: Frozen<KeyServer>,
  drives: readonly Sealed[],
): Promise<void> {
  const { bay, memory, log } = context
  for (const { driveID, medium } of drives) {
    const key = keyOf(memory.state, medium.keyID)
    const bytes = await obtain(client, key)
    if (bytes === undefined) throw missing(key, server)
    const outcome = await bay.unlock(driveID, bytes)
    bytes.fill(0)
    if (outcome === 'lost') await checkDrives(context)
    if (outcome === 'wrongKey' || outcome === 'lost')
      log.error({ note: `drive ${driveID}: ${outcome}` }, 'cluster: a drive did not take its key')
  }
}

/** A metadata drive that does not come up in time is marked failed and put in the state Available. */
async function giveUpMetadata(context: Context, locked: readonly Sealed[]): Promise<void> {
  for (const { driveID, type, status } of locked)
    if (type === 'volume' && status === 'active') await failMetadata(context, driveID)
}

export async function failMetadata(context: Context, driveID: number): Promise<void> {
  const drive = await context.memory.change(({ drives }) => {
    const found = drives.find(each => each.driveID === driveID && each.status === 'active')
    if (found !== undefined) found.status = 'available'
    return found
  })
  if (drive === undefined) return
  await raise(context, {
    code: 'sliceServiceUnhealthy',
    about: aboutDrive(driveID),
    details: `The slice service of node ${drive.nodeID} is unhealthy: its metadata drive ${driveID} was marked failed and put in the state Available. Add the drive again (AddDrives).`,
    driveIDs: [driveID],
    nodeID: drive.nodeID,
  })
}

/** Software encryption: gets the master key and tries it on the data keys. */
async function unlockData(context: Context): Promise<void> {
  const { memory, work, log } = context
  const { keyID } = memory.state.software
  if (keyOf(memory.state, keyID).material !== undefined) return
  for (let attempt = 0; ; attempt++) {
    try {
      const bytes = await fetchKey(context, keyID)
      const isRight = memory.state.drives
        .filter(({ dataKey }) => dataKey.keyID === keyID)
        .every(({ dataKey }) => unwrap(bytes, dataKey.wrapped) !== undefined)
      bytes.fill(0)
      if (!isRight) log.error({ note: keyID }, 'cluster: a data key does not open under its master key')
      return
    } catch (error) {
      if (!(error instanceof KeyServerError)) throw error
    }
    await work.pause(backOff(attempt))
  }
}
