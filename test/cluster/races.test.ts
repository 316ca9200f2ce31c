/**
 * Two administrators at once: what one of them takes away, the other does not rely on.
 *
 * @module
 */
import { describe, expect, it, onTestFinished } from 'vitest'
import { newFolder, removeFolder } from '../system/server-process.ts'
import { type Cluster, cluster, enabled, enroll, keyServer, type Typed, wire } from './partners.ts'
import { unlocked } from './locking.ts'

/** A cluster whose commits take their time. */
async function onDisk(): Promise<Cluster> {
  const folder = await newFolder()
  onTestFinished(() => removeFolder(folder))
  return cluster({ folder })
}

const outcome = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'done',
    (error: unknown) => (error as Error).message,
  )

const authenticationKeys = async ({ call }: Typed) =>
  (await call('KmipdListKeys')).keys.filter(({ purpose }) => purpose === 'authentication')

/** Waits until a key server is asked for a key. */
const making = ({ until }: Cluster): Promise<true> =>
  until(async each => ((await authenticationKeys(each)).some(({ status }) => status === 'making') ? true : undefined))

async function disabled(partner: Cluster): Promise<void> {
  await partner.call('DisableEncryptionAtRest')
  await partner.until(async each => ((await authenticationKeys(each)).length === 0 ? true : undefined))
}

describe('encryption that is enabled twice at once', () => {
  it.each([false, true])('has one key (of a key server: %s)', async isExternal => {
    const server = await keyServer()
    const partner = await onDisk()
    const { keyProviderID } = await enroll(partner, server)
    const enable = () => outcome(partner.call('EnableEncryptionAtRest', isExternal ? { keyProviderID } : {}))
    for (let round = 0; round < 3; round++) {
      const outcomes = await Promise.all([enable(), enable(), enable()])
      expect(outcomes).toContain('done')
      for (const each of outcomes) expect(each).toMatch(/^done$|^encryption at rest is enabl/)
      await enabled(partner, isExternal ? keyProviderID : undefined)
      await partner.until(async each => ((await authenticationKeys(each)).length === 1 ? true : undefined))
      await disabled(partner)
    }
    const { kmipKeyProvider } = await partner.call('GetKeyProviderKmip', { keyProviderID })
    expect(kmipKeyProvider.keyProviderIsActive).toBe(false)
  })
})

describe('what is taken away while a key is made', () => {
  it('is not a provider or a last server that is to keep it', async () => {
    const server = await keyServer()
    const partner = await onDisk()
    const { keyServerID } = await enroll(partner, server)
    await partner.call('RemoveKeyServerFromProviderKmip', { keyServerID })
    const take = ['DeleteKeyProviderKmip', 'RemoveKeyServerFromProviderKmip', 'DeleteKeyProviderKmip'] as const
    for (const method of take) {
      const { kmipKeyProvider } = await partner.call('CreateKeyProviderKmip', { keyProviderName: method })
      const { keyProviderID } = kmipKeyProvider
      await partner.call('AddKeyServerToProviderKmip', { keyProviderID, keyServerID })
      const [taken, made] = await Promise.all([
        outcome(partner.call(method, method === 'DeleteKeyProviderKmip' ? { keyProviderID } : { keyServerID })),
        outcome(partner.call('EnableEncryptionAtRest', { keyProviderID })),
      ])
      expect([taken, made].filter(each => each === 'done')).toHaveLength(1)
      if (made === 'done') {
        await enabled(partner, keyProviderID)
        await partner.call('KmipdPowerCycle')
        await unlocked(partner)
        await disabled(partner)
        await partner.call('RemoveKeyServerFromProviderKmip', { keyServerID })
      } else expect(await authenticationKeys(partner)).toEqual([])
    }
  })

  it('is a server with another beside it, and the key is given up that only it has', async () => {
    const [first, second] = [await keyServer(), await keyServer()]
    const between = await wire(first.port)
    const partner = await cluster()
    const { keyServerID, keyProviderID } = await enroll(partner, first, { port: between.port })
    await enroll(partner, second, { keyProviderID })
    await second.stop()
    between.set(50)
    const refused = partner.refused('EnableEncryptionAtRest', { keyProviderID })
    await making(partner)
    await partner.call('RemoveKeyServerFromProviderKmip', { keyServerID })
    expect(await refused).toMatch(/^xKmipServerError: .*was taken from key provider 1/)
    expect(await partner.call('GetEncryptionAtRestInfo')).toEqual({ state: 'disabled' })
    await second.start()
    await partner.until(async each => ((await authenticationKeys(each)).length === 0 ? true : undefined))
  })
})

describe('what is changed while a key server is tested', () => {
  const ready = async () => {
    const server = await keyServer()
    const between = await wire(server.port)
    const partner = await cluster()
    const ids = await enroll(partner, server, { port: between.port })
    await partner.call('RemoveKeyServerFromProviderKmip', { keyServerID: ids.keyServerID })
    between.set(50)
    return { ...ids, partner, server, isFree: async () => (await get(partner, ids.keyServerID)).keyProviderID === null }
  }
  const get = async ({ call }: Cluster, keyServerID: number) =>
    (await call('GetKeyServerKmip', { keyServerID })).kmipKeyServer
  const delay = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

  it('is the provider: the server is not added to one that is gone', async () => {
    const { partner, keyServerID, keyProviderID, isFree } = await ready()
    const refused = partner.refused('AddKeyServerToProviderKmip', { keyServerID, keyProviderID })
    await delay(100)
    await partner.call('DeleteKeyProviderKmip', { keyProviderID })
    expect(await refused).toMatch(/^xDBNoSuchPath: .*kmipKeyProviders/)
    expect(await isFree()).toBe(true)
  })

  it('is whose it is: one provider gets it', async () => {
    const { partner, keyServerID, keyProviderID } = await ready()
    const { kmipKeyProvider } = await partner.call('CreateKeyProviderKmip', { keyProviderName: 'other' })
    const outcomes = await Promise.all(
      [keyProviderID, kmipKeyProvider.keyProviderID].map(each =>
        outcome(partner.call('AddKeyServerToProviderKmip', { keyServerID, keyProviderID: each })),
      ),
    )
    expect(outcomes.sort()).toEqual(['done', expect.stringMatching(/is assigned to key provider/)])
  })

  it('is the server itself: what was not tested together does not come together', async () => {
    const { partner, server, keyServerID } = await ready()
    const outcomes = await Promise.all([
      outcome(partner.call('ModifyKeyServerKmip', { keyServerID, kmipKeyServerHostnames: ['localhost'] })),
      outcome(partner.call('ModifyKeyServerKmip', { keyServerID, kmipKeyServerPort: server.port })),
    ])
    expect(outcomes.sort()).toEqual(['done', expect.stringMatching(/was changed while it was tested; try again/)])
    const modified = partner.refused('ModifyKeyServerKmip', { keyServerID, kmipKeyServerName: 'late' })
    await partner.call('DeleteKeyServerKmip', { keyServerID })
    expect(await modified).toMatch(/^xDBNoSuchPath: .*kmipKeyServers/)
  })
})

describe('drives that are removed at once', () => {
  it('leave one that is active, and count once each', async () => {
    const partner = await onDisk()
    const remove = (...drives: number[]) => outcome(partner.call('RemoveDrives', { drives }))
    const outcomes = await Promise.all([remove(1, 2), remove(3, 4)])
    expect(outcomes.sort()).toEqual([expect.stringMatching(/^a cluster without active drives/), 'done'])
    const { drives } = await partner.call('ListDrives')
    const [one = 0, other = 0] = drives.filter(({ status }) => status === 'active').map(({ driveID }) => driveID)
    expect(await remove(one, one)).toBe('done')
    expect(await remove(other)).toMatch(/^a cluster without active drives/)
  })
})
