/**
 * Drives that lock, and what keeps them locked: every fault is made for real, and every one passes.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Activate, Destroy, Register, Revoke } from '../../src/index.ts'
import { materialOf, ownKey } from '../system/requests.ts'
import { newFolder, removeFolder } from '../system/server-process.ts'
import { type Cluster, cluster, enabled, enroll, keyServer, wire } from './partners.ts'
import { clear, expectUntouched, faulty, find, lockedUp, lookup, unlocked } from './locking.ts'

describe('power comes back', () => {
  it('unlocks every drive with the key that the key server keeps', async () => {
    const server = await keyServer()
    const { partner, keyID } = await lockedUp(server)
    const spy = await server.spy()
    expect(await find(spy, keyID)).toHaveLength(1)
    await partner.call('KmipdPowerCycle')
    expect(await partner.locked()).toBe(4)
    await unlocked(partner)
    await expectUntouched(partner)
    expect(await partner.faults()).toEqual([])
  })

  it('waits for a key server that is away, and for the one that comes back', async () => {
    const server = await keyServer()
    const { partner } = await lockedUp(server)
    await server.stop()
    await partner.call('KmipdPowerCycle')
    await faulty(partner, /^kmipServerFault: KMIP connection failure: .*refuses the connection/)
    await faulty(partner, /^driveFailed: .*locked and the authentication key cannot be acquired/)
    expect(await partner.locked()).toBe(4)
    await server.start()
    await unlocked(partner)
    await clear(partner)
    const { faults } = await partner.call('ListClusterFaults', { faultTypes: 'resolved' })
    expect(faults.map(({ code, resolved }) => [code, resolved])).toContainEqual(['kmipServerFault', true])
    await expectUntouched(partner)
  })

  it.each([
    ['drop' as const, /does not answer/],
    ['cut' as const, /ends the connection|ECONNRESET|without a word/],
  ])('gets over a network that does %s', async (manner, words) => {
    const server = await keyServer()
    const between = await wire(server.port)
    const { partner } = await lockedUp(server, between.port, { timeoutMs: 2_000 })
    between.set(manner)
    await partner.call('KmipdPowerCycle')
    await faulty(partner, words)
    expect(await partner.locked()).toBe(4)
    between.set('pass')
    await unlocked(partner)
    await clear(partner)
    await expectUntouched(partner)
  })

  it('is patient with a slow server', async () => {
    const server = await keyServer()
    const between = await wire(server.port)
    const { partner } = await lockedUp(server, between.port)
    between.set(100)
    await partner.call('KmipdPowerCycle')
    await unlocked(partner)
    expect(await partner.faults()).toEqual([])
  })

  it('keeps drives locked whose key was destroyed, and tries no other', async () => {
    const server = await keyServer()
    const { partner, keyID } = await lockedUp(server)
    const spy = await server.spy()
    const [uid = ''] = await find(spy, keyID)
    const material = Buffer.from(await materialOf(spy, uid), 'hex')
    await spy.call(Revoke, { uniqueIdentifier: uid, revocationReason: { revocationReasonCode: 'Unspecified' } })
    await spy.call(Destroy, { uniqueIdentifier: uid })
    await partner.call('KmipdPowerCycle')
    await faulty(partner, new RegExp(`^kmipServerFault: KMIP server error: .*no key with x-SolidFire-KeyID-${keyID}`))
    // Another key under the same name is worse than none.
    const bring = async (bytes: Uint8Array): Promise<string> => {
      const { uniqueIdentifier } = await spy.call(Register, ownKey(bytes, lookup(keyID)))
      await spy.call(Activate, { uniqueIdentifier })
      return uniqueIdentifier
    }
    const wrong = await bring(randomBytes(32))
    await faulty(partner, /is not the one that was made; no drive is tried/)
    // Two keys are as bad, if one of them is right.
    const right = await bring(material)
    await faulty(partner, /2 keys carry/)
    expect(await partner.locked()).toBe(4)
    await expectUntouched(partner)
    await spy.call(Revoke, { uniqueIdentifier: wrong, revocationReason: { revocationReasonCode: 'Unspecified' } })
    await spy.call(Destroy, { uniqueIdentifier: wrong })
    await unlocked(partner)
    await clear(partner)
    await expectUntouched(partner)
    expect(await find(spy, keyID)).toEqual([right])
  })

  it('marks a metadata drive failed that stays locked, and is well again a while after it was added', async () => {
    const server = await keyServer()
    const { partner } = await lockedUp(server, server.port, { compression: 100 })
    await server.stop()
    await partner.call('KmipdPowerCycle')
    await faulty(partner, /^sliceServiceUnhealthy: .*metadata drive 1 was marked failed and put in the state Available/)
    await partner.until(async () => {
      const { drives } = await partner.call('ListDrives')
      return drives.filter(({ status }) => status === 'available').length === 2 ? true : undefined
    })
    expect(await partner.refused('AddDrives', { drives: [{ driveID: 1 }] })).toMatch(/^xAPINotPermitted: .*locked/)
    await server.start()
    await unlocked(partner)
    await partner.call('AddDrives', { drives: [{ driveID: 1, type: 'slice' }, { driveID: 2 }] })
    expect(await partner.faults()).toContainEqual(expect.stringMatching(/^sliceServiceUnhealthy/))
    await clear(partner, /^/)
    const { drives } = await partner.call('ListDrives')
    expect(drives.every(({ status }) => status === 'active')).toBe(true)
  })
})

describe('drives', () => {
  it('are lost for good after too many wrong keys in a row, which a restart does not forget', async () => {
    const server = await keyServer()
    const folder = await newFolder()
    onTestFinished(() => removeFolder(folder))
    const before = await cluster({ folder })
    const { keyProviderID } = await enroll(before, server)
    await enabled(before, keyProviderID)
    await server.stop()
    const tryWrongKey = async ({ call }: Cluster) =>
      (await call('KmipdUnlockDrive', { driveID: 1, key: randomBytes(32).toString('hex') })).outcome
    expect(await tryWrongKey(before)).toBe('notLocked')
    await before.call('KmipdPowerCycle')
    expect(await tryWrongKey(before)).toBe('wrongKey')
    await before.close()

    const partner = await cluster({ folder })
    const { unlockLimit, drives } = await partner.call('KmipdListDrives')
    expect(drives[0]).toMatchObject({ driveID: 1, isLocked: true, isLost: false, failedUnlocks: 1 })
    for (let tries = 2; tries < unlockLimit; tries++) expect(await tryWrongKey(partner)).toBe('wrongKey')
    expect(await tryWrongKey(partner)).toBe('lost')
    await server.start()
    await partner.until(async () => ((await partner.locked()) === 1 ? true : undefined))
    await partner.call('KmipdPowerCycle')
    await partner.until(async () => ((await partner.locked()) === 1 ? true : undefined))
    expect((await partner.call('KmipdListDrives')).drives[0]).toMatchObject({
      isLost: true,
      status: 'failed',
      keyID: null,
    })
  })

  it('that join later get the current key; those that are removed keep it', async () => {
    const server = await keyServer()
    const { partner, keyID } = await lockedUp(server)
    const { driveIDs } = await partner.call('KmipdInsertDrives', { count: 2 })
    await partner.call('AddDrives', { drives: driveIDs })
    const { drives } = await partner.call('KmipdListDrives')
    expect(drives.map(each => each.keyID)).toEqual(Array.from({ length: 6 }, () => keyID))
    const { asyncHandle } = await partner.call('RemoveDrives', { drives: [5] })
    expect(await partner.call('GetAsyncResult', { asyncHandle })).toMatchObject({ status: 'complete', result: {} })
    await partner.call('KmipdPowerCycle')
    await unlocked(partner)
  })

  it('that join while encryption is disabled or rekeyed do not get a key that goes', async () => {
    const server = await keyServer()
    const { partner, keyProviderID } = await lockedUp(server)
    for (let round = 0; round < 4; round++) {
      const { driveIDs } = await partner.call('KmipdInsertDrives', { count: 2 })
      const delay = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
      await Promise.all([
        partner.call('DisableEncryptionAtRest'),
        partner.call('RekeySoftwareEncryptionAtRestMasterKey'),
        delay(round * 5).then(() => partner.call('AddDrives', { drives: driveIDs })),
        delay(round * 5).then(() => partner.call('KmipdInsertDrives')),
      ])
      await partner.until(async ({ call }) => {
        const { state } = await call('GetEncryptionAtRestInfo')
        const { keys } = await call('KmipdListKeys')
        return state === 'disabled' && keys.length === 1 ? true : undefined
      })
      const { drives } = await partner.call('KmipdListDrives')
      const { masterKeyInfo } = await partner.call('GetSoftwareEncryptionAtRestInfo')
      expect(new Set(drives.map(({ keyID, dataKeyID }) => `${keyID} ${dataKeyID}`))).toEqual(
        new Set([`null ${masterKeyInfo?.keyID}`]),
      )
      await enabled(partner, keyProviderID)
    }
    await partner.call('KmipdPowerCycle')
    await unlocked(partner)
    await expectUntouched(partner)
  })
})
