/**
 * What a cluster tells of itself: version, methods, drives, faults.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import { type Context } from '../context.ts'
import { newDrive, wrap } from '../drives.ts'
import { invalid, noSuch, notPermitted } from '../failure.ts'
import { aboutDrive, faultView, raise, resolve, resolveOrphans } from '../faults.ts'
import { keyForNewcomer } from '../hardware.ts'
import { id, maybe, method, word } from '../method.ts'
import { begin, update } from '../results.ts'
import type { ClusterState, Drive, Frozen } from '../shapes.ts'
import { fetchKey } from '../vault.ts'
import { clearDue, heal } from '../watch.ts'

/** As Element's ListDrives shows it. */
const viewOf = ({ driveID, nodeID, slot, serial, capacity, type, status }: Frozen<Drive>) => ({
  attributes: {},
  capacity,
  driveID,
  nodeID,
  serial,
  slot,
  status,
  type,
})

export function driveIn({ drives }: { readonly drives: readonly Frozen<Drive>[] }, wanted: number): Frozen<Drive> {
  const drive = drives.find(({ driveID }) => driveID === wanted)
  if (drive === undefined) throw noSuch(`drives/${wanted}`)
  return drive
}

/** One drive, or an object with its ID. */
const driveID = z.union([id, z.object({ driveID: id }).transform(each => each.driveID)])

export const informationMethods = [
  method('GetClusterInfo', {}, ({ memory: { state } }) => ({
    clusterInfo: {
      attributes: {},
      encryptionAtRestState: state.hardware.state,
      softwareEncryptionAtRestState: state.software.state,
      ensemble: [],
      mvip: '127.0.0.1',
      mvipInterface: 'Bond1G',
      mvipNodeID: 1,
      mvipVlanTag: '0',
      name: state.name,
      repCount: 2,
      state: 'ready',
      svip: '127.0.0.1',
      svipInterface: 'Bond10G',
      svipNodeID: 1,
      svipVlanTag: '0',
      uniqueID: state.uniqueID,
      uuid: state.uuid,
    },
  })),

  method(
    'ListClusterFaults',
    { bestPractices: maybe(z.boolean()), faultTypes: maybe(word('current', 'resolved', 'all')) },
    async (context, { faultTypes = 'all' }) => {
      await clearDue(context)
      const { faults } = context.memory.state
      return {
        faults: faults
          .filter(each => faultTypes === 'all' || (each.resolvedDate === '') === (faultTypes === 'current'))
          .map(faultView),
      }
    },
  ),

  method('ListDrives', {}, ({ memory: { state } }) => ({ drives: state.drives.map(viewOf) })),

  method(
    'AddDrives',
    { drives: z.array(driveID).min(1, 'one drive or more is wanted') },
    async (context, { drives }) => {
      const { memory, bay } = context
      const refuseUnready = (state: Frozen<ClusterState>): void => {
        for (const wanted of drives) {
          const drive = driveIn(state, wanted)
          if (drive.status !== 'available') throw notPermitted(`drive ${wanted} is ${drive.status}, not available`)
          if (bay.isLocked(drive))
            throw notPermitted(
              `drive ${wanted} is locked and cannot be added; its authentication key is awaited from the key server (see ListClusterFaults)`,
            )
        }
      }
      refuseUnready(memory.state)
      for (const wanted of drives) await keyForNewcomer(context, wanted)
      const asyncHandle = await memory.change(draft => {
        refuseUnready(draft)
        for (const each of draft.drives) if (drives.includes(each.driveID)) each.status = 'active'
        return beginDone(context, draft, 'DriveAdd')
      })
      for (const wanted of drives) {
        await resolve(context, 'driveAvailable', aboutDrive(wanted))
        await heal(context, wanted)
      }
      return { asyncHandle }
    },
  ),

  method(
    'RemoveDrives',
    { drives: z.array(driveID).min(1, 'one drive or more is wanted') },
    async (context, { drives }) => {
      const { memory } = context
      const { asyncHandle, available } = await memory.change(draft => {
        const all = [...new Set(drives)].map(wanted => driveIn(draft, wanted))
        const already = all.find(({ status }) => status === 'available')
        if (already !== undefined) throw notPermitted(`drive ${already.driveID} is available already`)
        const active = draft.drives.filter(({ status }) => status === 'active')
        const leaving = active.filter(({ driveID: each }) => drives.includes(each))
        if (leaving.length > 0 && leaving.length === active.length)
          throw invalid('a cluster without active drives keeps no data; leave one')
        for (const each of leaving) each.status = 'available'
        // What has failed has nothing to give back: it is taken away.
        draft.drives = draft.drives.filter(each => each.status !== 'failed' || !drives.includes(each.driveID))
        return { asyncHandle: beginDone(context, draft, 'DriveRemoval'), available: leaving }
      })
      await resolveOrphans(context)
      for (const { driveID: wanted, nodeID } of available)
        await raise(context, {
          code: 'driveAvailable',
          about: aboutDrive(wanted),
          details: `Drive ${wanted} is available.`,
          driveIDs: [wanted],
          nodeID,
        })
      return { asyncHandle }
    },
  ),
]

/** There is no data to be moved: it is over at once. */
function beginDone(context: Context, draft: Parameters<typeof begin>[1], resultType: string): number {
  const asyncHandle = begin(context, draft, resultType)
  update(context, draft, asyncHandle, { status: 'complete', result: {} })
  return asyncHandle
}

/** New drives in the nodes: available, and without a lock. @returns their IDs */
export async function insertDrives(context: Context, count: number, nodes: number): Promise<number[]> {
  const { memory } = context
  for (;;) {
    const { keyID } = memory.state.software
    const masterKey = await fetchKey(context, keyID)
    const made = await memory.change(draft => {
      // Another key has come meanwhile, and this one is about to be destroyed.
      if (draft.software.keyID !== keyID) return undefined
      return Array.from({ length: count }, () => {
        const dataKey = { keyID, wrapped: wrap(masterKey, randomBytes(32)) }
        const drive: Drive = { ...newDrive(++draft.lastID.drive, nodes, dataKey), status: 'available' }
        draft.drives.push(drive)
        return drive.driveID
      })
    })
    masterKey.fill(0)
    if (made !== undefined) return made
  }
}
