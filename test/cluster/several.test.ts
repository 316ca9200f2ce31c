/**
 * Several hosts of a key server, and several key servers of a provider.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Register } from '../../src/index.ts'
import { ownKey } from '../system/requests.ts'
import { cluster, enabled, enroll, keyServer } from './partners.ts'
import { clear, faulty, find, lockedUp, lookup, unlocked } from './locking.ts'

describe('several key servers', () => {
  it('tries the host names of a server in order', async () => {
    const server = await keyServer()
    const { partner, keyServerID } = await lockedUp(server)
    await partner.call('ModifyKeyServerKmip', { keyServerID, kmipKeyServerHostnames: ['127.0.0.9', 'localhost'] })
    await partner.call('KmipdPowerCycle')
    await unlocked(partner)
    expect(await partner.faults()).toEqual([])
  })

  it('brings a new server in step, and unlocks from it when the first is gone', async () => {
    const [first, second] = [await keyServer(), await keyServer()]
    const { partner, keyID, keyProviderID } = await lockedUp(first)
    await enroll(partner, second, { keyProviderID })
    expect(await find(await second.spy(), keyID)).toHaveLength(1)
    await first.stop()
    await partner.call('KmipdPowerCycle')
    await unlocked(partner)
    await faulty(partner, /^kmipServerFault: KMIP connection failure: /)
    await first.start()
    await clear(partner)
    await partner.call('TestKeyProviderKmip', { keyProviderID })
    await partner.call('DisableEncryptionAtRest')
    await partner.until(async ({ call }) => ((await call('KmipdListKeys')).keys.length === 1 ? true : undefined))
    for (const server of [first, second]) expect(await find(await server.spy(), keyID)).toEqual([])
  })

  it('makes a key while one server is away, and brings it there when it is back', async () => {
    const [first, second] = [await keyServer(), await keyServer()]
    const partner = await cluster()
    const { keyProviderID } = await enroll(partner, first)
    await enroll(partner, second, { keyProviderID })
    await first.stop()
    await enabled(partner, keyProviderID)
    await faulty(partner, /^kmipServerFault/)
    const { authenticationKeyInfo: key } = await partner.call('GetEncryptionAtRestInfo')
    await first.start()
    const spy = await first.spy()
    await partner.until(async () => ((await find(spy, key?.keyID ?? '')).length === 1 ? true : undefined))
    await clear(partner)
  })

  it('refuses a server that has another key in the place of one', async () => {
    const [first, second] = [await keyServer(), await keyServer()]
    const { partner, keyID, keyProviderID } = await lockedUp(first)
    const spy = await second.spy('others')
    await spy.call(Register, ownKey(randomBytes(32), lookup(keyID)))
    const error = await enroll(partner, second, { keyProviderID, group: 'others' }).catch((error: unknown) => error)
    expect(error).toMatchObject({ errorName: 'xKmipKeyConflict', message: expect.stringContaining(keyID) as unknown })
    const { kmipKeyProvider } = await partner.call('GetKeyProviderKmip', { keyProviderID })
    expect(kmipKeyProvider.keyServerIDs).toEqual([1])
  })

  it('enables nothing where no server makes a key', async () => {
    const server = await keyServer()
    const partner = await cluster()
    const { keyProviderID } = await enroll(partner, server)
    await server.stop()
    expect(await partner.refused('EnableEncryptionAtRest', { keyProviderID })).toMatch(/^xKmipConnectionFailed/)
    expect(await partner.call('GetEncryptionAtRestInfo')).toEqual({ state: 'disabled' })
    const { keys } = await partner.call('KmipdListKeys')
    expect(keys).toHaveLength(1)
  })
})
