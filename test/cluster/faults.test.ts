/**
 * Faults: they last as long as what they are about, and tell the cause.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Destroy, Revoke } from '../../src/index.ts'
import type { Log } from '../../src/log.ts'
import { newFolder, removeFolder } from '../system/server-process.ts'
import { type Cluster, cluster, enabled, enroll, keyServer, wire } from './partners.ts'
import { clear, faulty, find, lockedUp, unlocked } from './locking.ts'

const delay = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

async function lose({ call }: Cluster, driveID: number): Promise<void> {
  const { unlockLimit } = await call('KmipdListDrives')
  for (let tries = 0; tries < unlockLimit; tries++)
    await call('KmipdUnlockDrive', { driveID, key: randomBytes(32).toString('hex') })
}

describe('a fault', () => {
  it('of a key server ends with it, even if it was just looked at', async () => {
    const [first, second] = [await keyServer(), await keyServer()]
    const between = await wire(second.port)
    const partner = await cluster({ timeoutMs: 2_000 })
    const { keyProviderID } = await enroll(partner, first)
    await enabled(partner, keyProviderID)
    const { keyServerID } = await enroll(partner, second, { keyProviderID, port: between.port })
    between.set('drop')
    await faulty(partner, /^kmipServerFault: .*does not answer/)
    // By now it is asked once more, and the answer comes in vain.
    await delay(600)
    await partner.call('DeleteKeyServerKmip', { keyServerID })
    expect(await partner.faults()).toEqual([])
    await delay(2_200)
    expect(await partner.faults()).toEqual([])
  })

  it('of a drive that failed again does not clear with the time', async () => {
    const partner = await cluster({ compression: 400 })
    await partner.call('KmipdFailDrive', { driveID: 1 })
    await partner.call('AddDrives', { drives: [1] })
    await partner.call('KmipdFailDrive', { driveID: 1 })
    // Twice as long as an added drive takes to become healthy.
    await delay(1_050)
    expect(await partner.faults()).toEqual([expect.stringMatching(/^sliceServiceUnhealthy/)])
    await partner.call('AddDrives', { drives: [1] })
    await clear(partner, /^/)
  })

  it('is logged once, whichever node finds it first', async () => {
    const logged: string[] = []
    const say: Log['warn'] = fields => logged.push(String((fields as { readonly fault?: unknown }).fault))
    const quiet = (): void => undefined
    const server = await keyServer()
    const between = await wire(server.port)
    const folder = await newFolder()
    onTestFinished(() => removeFolder(folder))
    const log: Log = { debug: quiet, info: quiet, warn: say, error: quiet }
    const partner = await cluster({ nodes: 4, timeoutMs: 2_000, folder, log })
    const { keyProviderID } = await enroll(partner, server, { port: between.port })
    await enabled(partner, keyProviderID)
    // All give up at the same moment.
    between.set('drop')
    await partner.call('KmipdPowerCycle')
    await faulty(partner, /^kmipServerFault/)
    await partner.until(async () => (logged.filter(each => each === 'driveFailed').length === 4 ? true : undefined))
    expect(logged.filter(each => each === 'kmipServerFault')).toHaveLength(1)
  })
})

describe('a drive that is lost', () => {
  it('has a fault, until it is taken away for good', async () => {
    const server = await keyServer()
    const { partner } = await lockedUp(server)
    await server.stop()
    await partner.call('KmipdPowerCycle')
    await lose(partner, 1)
    await server.start()
    await partner.until(async () => ((await partner.locked()) === 1 ? true : undefined))
    await clear(partner, /^kmip|of node/)
    const words = /^driveFailed: Drive 1 is locked and the authentication key cannot be acquired: .*RemoveDrives/
    await faulty(partner, words)
    expect(await partner.refused('AddDrives', { drives: [1] })).toMatch(/failed/)
    await partner.call('RemoveDrives', { drives: [1] })
    expect(await partner.faults()).toEqual([])
    const { drives } = await partner.call('ListDrives')
    expect(drives.map(({ driveID }) => driveID)).toEqual([2, 3, 4])
    expect(await partner.refused('RemoveDrives', { drives: [1] })).toMatch(/^xDBNoSuchPath/)
    expect((await partner.call('KmipdInsertDrives')).driveIDs).toEqual([5])
    await partner.call('KmipdPowerCycle')
    await unlocked(partner)
  })
})

describe('encryption that is being enabled', () => {
  it('is disabled while the key server is away', async () => {
    const server = await keyServer()
    const between = await wire(server.port)
    const partner = await cluster()
    const { keyProviderID } = await enroll(partner, server, { port: between.port })
    between.set(50)
    await partner.call('EnableEncryptionAtRest', { keyProviderID })
    between.set('cut')
    await faulty(partner, /^kmipServerFault/)
    expect(await partner.call('GetEncryptionAtRestInfo')).toMatchObject({ state: 'enabling' })
    await partner.call('DisableEncryptionAtRest')
    await partner.until(async ({ call }) =>
      (await call('GetEncryptionAtRestInfo')).state === 'disabled' ? true : undefined,
    )
    between.set('pass')
    await partner.until(async ({ call }) => ((await call('KmipdListKeys')).keys.length === 1 ? true : undefined))
    await enabled(partner, keyProviderID)
  })

  it('is disabled half way, and no drive keeps a key', async () => {
    const partner = await cluster({ compression: 2 })
    const sealed = async () => (await partner.call('KmipdListDrives')).drives.filter(({ keyID }) => keyID !== null)
    await partner.call('EnableEncryptionAtRest')
    await partner.until(async () => ((await sealed()).length === 2 ? true : undefined))
    await partner.call('DisableEncryptionAtRest')
    await partner.until(async ({ call }) =>
      (await call('GetEncryptionAtRestInfo')).state === 'disabled' ? true : undefined,
    )
    expect(await sealed()).toEqual([])
    expect((await partner.call('KmipdListKeys')).keys).toHaveLength(1)
  })
})

describe('a key server that cannot be brought in step', () => {
  it('is refused with the cause, of each of the others', async () => {
    const [first, second, third] = [await keyServer(), await keyServer(), await keyServer()]
    const { partner, keyID, keyProviderID } = await lockedUp(first)
    await enroll(partner, second, { keyProviderID })
    await first.stop()
    const spy = await second.spy()
    const [uniqueIdentifier = ''] = await find(spy, keyID)
    await spy.call(Revoke, { uniqueIdentifier, revocationReason: { revocationReasonCode: 'Unspecified' } })
    await spy.call(Destroy, { uniqueIdentifier })
    await expect(enroll(partner, third, { keyProviderID })).rejects.toThrow(
      new RegExp(
        `"server ${third.port}" has no key with .*; key server "server ${first.port}" at .*refuses.*; key server "server ${second.port}" does not have it`,
      ),
    )
  })
})
