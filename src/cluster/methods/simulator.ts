/**
 * What Element does not have: power, locks, and things that go wrong. Their names begin with `Kmipd`.
 *
 * @module
 */
import * as z from 'zod'
import { failMetadata, powerCycle } from '../boot.ts'
import { unlockLimit } from '../drives.ts'
import { invalid, notPermitted } from '../failure.ts'
import { id, maybe, method } from '../method.ts'
import { isActive } from '../vault.ts'
import { checkDrives } from '../watch.ts'
import { driveIn, insertDrives } from './information.ts'

export const simulatorMethods = [
  method('KmipdPowerCycle', {}, context => {
    powerCycle(context)
    return {}
  }),

  method('KmipdListDrives', {}, ({ memory: { state }, bay }) => ({
    unlockLimit,
    drives: state.drives.map(drive => {
      const { driveID, nodeID, serial, type, status, medium, failedUnlocks } = drive
      const keyID = medium.kind === 'sealed' ? medium.keyID : undefined
      const keyProviderID = state.keys.find(key => key.keyID === keyID)?.keyProviderID
      return {
        driveID,
        nodeID,
        serial,
        type,
        status,
        isLocked: bay.isLocked(drive),
        isLost: medium.kind === 'lost',
        failedUnlocks,
        keyID: keyID ?? null,
        keyProviderID: keyProviderID ?? null,
        dataKeyID: drive.dataKey.keyID,
      }
    }),
  })),

  method('KmipdListKeys', {}, ({ memory: { state } }) => ({
    keys: state.keys.map(({ keyID, purpose, keyManagementType, keyProviderID, status, created }) => ({
      keyID,
      purpose,
      keyManagementType,
      keyProviderID: keyProviderID ?? null,
      status,
      created,
      keyProviderIsActive: keyProviderID === undefined ? null : isActive(state, keyProviderID),
    })),
  })),

  /** As whoever holds the drive in hand would: a wrong key counts. */
  method(
    'KmipdUnlockDrive',
    { driveID: id, key: z.string().regex(/^(?:[0-9a-fA-F]{2}){1,128}$/, 'a key in hexadecimal is wanted') },
    async (context, { driveID, key }) => {
      driveIn(context.memory.state, driveID)
      const outcome = await context.bay.unlock(driveID, Buffer.from(key, 'hex'))
      if (outcome === 'lost') await checkDrives(context)
      return { outcome }
    },
  ),

  /** A metadata drive is marked failed and put in the state Available, as happens to a node that boots badly. */
  method('KmipdFailDrive', { driveID: id }, async (context, { driveID }) => {
    const drive = driveIn(context.memory.state, driveID)
    if (drive.type !== 'volume') throw invalid(`drive ${driveID} is no metadata drive`)
    if (drive.status !== 'active') throw notPermitted(`drive ${driveID} is ${drive.status}`)
    await failMetadata(context, driveID)
    return {}
  }),

  method('KmipdInsertDrives', { count: maybe(z.int().min(1).max(256)) }, async (context, { count = 1 }) => {
    const nodes = Math.max(1, ...context.memory.state.drives.map(({ nodeID }) => nodeID))
    return { driveIDs: await insertDrives(context, count, nodes) }
  }),
]
