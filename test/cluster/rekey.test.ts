/**
 * Rekeying the master key of software encryption: every way round, watched, broken off, and killed in the middle.
 *
 * @module
 */
import { describe, expect, it, onTestFinished } from 'vitest'
import { Locate } from '../../src/index.ts'
import { custom } from '../system/requests.ts'
import { newFolder, removeFolder } from '../system/server-process.ts'
import { cluster, enroll, keyServer, type KeyServer, poll, serve, type Typed } from './partners.ts'
import type { ResultOf } from './shapes.ts'

type Result = ResultOf<'GetAsyncResult'>

const stepOf = ({ details }: Result): string | undefined =>
  details !== undefined && 'state' in details ? details.state : undefined

/** In their order. */
const allSteps = ['Ready', 'CreateNewMasterKey', 'RewrapDataEncryptionKeys', 'DecommissionOldMasterKey']

/** Polls until it is at a step, or was too fast and is further; the step, or `complete`. */
async function reached({ call }: Typed, asyncHandle: number, wanted: number): Promise<string> {
  for (;;) {
    const result = await call('GetAsyncResult', { asyncHandle, keepResult: true })
    const step = stepOf(result)
    if (result.status === 'complete') return 'complete'
    if (step !== undefined && allSteps.indexOf(step) >= wanted) return step
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** Polls until it is complete; the steps that were seen, in order. */
async function follow({ call }: Typed, asyncHandle: number): Promise<{ result: Result; steps: string[] }> {
  const steps: string[] = []
  for (;;) {
    const result = await call('GetAsyncResult', { asyncHandle })
    const step = stepOf(result)
    if (step !== undefined && steps.at(-1) !== step) steps.push(step)
    if (result.status === 'complete') return { result, steps }
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

const rekey = async ({ call }: Typed, params: Readonly<Record<string, unknown>> = {}): Promise<number> =>
  (await call('RekeySoftwareEncryptionAtRestMasterKey', params)).asyncHandle

const masterKey = async ({ call }: Typed) => (await call('GetSoftwareEncryptionAtRestInfo')).masterKeyInfo

async function isKept(server: KeyServer, keyID: string): Promise<boolean> {
  const spy = await server.spy()
  const { uniqueIdentifier } = await spy.call(Locate, { attributes: [custom(`x-SolidFire-KeyID-${keyID}`, keyID)] })
  return uniqueIdentifier.length === 1
}

/** All data keys are under the one master key. */
async function expectWhole(partner: Typed): Promise<string> {
  const { drives } = await partner.call('KmipdListDrives')
  const keyID = (await masterKey(partner))?.keyID ?? ''
  expect([...new Set(drives.map(({ dataKeyID }) => dataKeyID))]).toEqual([keyID])
  return keyID
}

describe('a rekey', () => {
  it('goes from inside to a key server, to a new key there, and back, in its steps', async () => {
    const server = await keyServer()
    // Slow enough that each step is seen, though this machine may be busy.
    const partner = await cluster({ compression: 4 })
    const { keyProviderID } = await enroll(partner, server)
    const inside = (await masterKey(partner))?.keyID ?? ''

    const first = await follow(
      partner,
      await rekey(partner, { keyManagementType: 'external', keyProviderID: String(keyProviderID) }),
    )
    expect(first.steps).toEqual(['Ready', 'CreateNewMasterKey', 'RewrapDataEncryptionKeys', 'DecommissionOldMasterKey'])
    const outside = await expectWhole(partner)
    expect(first.result).toMatchObject({
      resultType: 'RekeySoftwareEncryptionAtRestMasterKey',
      result: {
        keyToDecommission: { keyID: inside, keyManagementType: 'Internal' },
        newKey: { keyID: outside, keyManagementType: 'External', keyProviderID },
        state: 'Ready',
      },
    })
    expect(await isKept(server, outside)).toBe(true)

    // As it is managed now, unless that is said.
    await follow(partner, await rekey(partner))
    const second = await expectWhole(partner)
    expect(await masterKey(partner)).toMatchObject({ keyManagementType: 'External', keyProviderID })
    expect(second).not.toBe(outside)
    expect([await isKept(server, outside), await isKept(server, second)]).toEqual([false, true])

    await follow(partner, await rekey(partner, { keyManagementType: 'Internal' }))
    expect(await masterKey(partner)).toMatchObject({ keyManagementType: 'Internal', keyID: await expectWhole(partner) })
    expect(await isKept(server, second)).toBe(false)
    const { kmipKeyProvider } = await partner.call('GetKeyProviderKmip', { keyProviderID })
    expect(kmipKeyProvider.keyProviderIsActive).toBe(false)
  })

  it('keeps its result as long as it is asked to, and only one goes on at a time', async () => {
    const partner = await cluster({ compression: 20 })
    const asyncHandle = await rekey(partner)
    expect(await partner.refused('RekeySoftwareEncryptionAtRestMasterKey')).toMatch(/^xAPINotPermitted: .*under way/)
    expect(await partner.call('GetSoftwareEncryptionAtRestInfo')).toMatchObject({
      rekeyMasterKeyAsyncResultID: asyncHandle,
    })
    await partner.until(async ({ call }) => {
      const { status } = await call('GetAsyncResult', { asyncHandle, keepResult: true })
      return status === 'complete' ? true : undefined
    })
    expect((await partner.call('GetAsyncResult', { asyncHandle, keepResult: true })).status).toBe('complete')
    expect((await partner.call('GetAsyncResult', { asyncHandle })).status).toBe('complete')
    expect(await partner.refused('GetAsyncResult', { asyncHandle })).toMatch(/^xAsyncHandleDoesNotExist/)
    expect(await partner.call('GetSoftwareEncryptionAtRestInfo')).not.toHaveProperty('rekeyMasterKeyAsyncResultID')
  })

  it('is rolled back where no server makes a key, and the old key stays', async () => {
    const server = await keyServer()
    const partner = await cluster()
    const { keyProviderID } = await enroll(partner, server)
    const old = await expectWhole(partner)
    await server.stop()
    const { result } = await follow(partner, await rekey(partner, { keyManagementType: 'External', keyProviderID }))
    expect(result.error?.message).toMatch(/refuses the connection/)
    expect(await expectWhole(partner)).toBe(old)
    expect((await partner.call('KmipdListKeys')).keys).toHaveLength(1)
  })

  it('ends although the old key’s server is away, whose key is destroyed when it is back', async () => {
    const [first, second] = [await keyServer(), await keyServer()]
    const partner = await cluster({ compression: 20 })
    const one = await enroll(partner, first)
    const two = await enroll(partner, second)
    await follow(partner, await rekey(partner, { keyManagementType: 'External', keyProviderID: one.keyProviderID }))
    const old = await expectWhole(partner)
    const asyncHandle = await rekey(partner, { keyManagementType: 'External', keyProviderID: two.keyProviderID })
    await partner.until(async ({ call }) => {
      const result = await call('GetAsyncResult', { asyncHandle, keepResult: true })
      return stepOf(result) === 'RewrapDataEncryptionKeys' ? true : undefined
    })
    await first.stop()
    const { result } = await follow(partner, asyncHandle)
    if (result.error !== undefined) throw new Error(result.error.message)
    expect(await expectWhole(partner)).not.toBe(old)
    await first.start()
    await partner.until(async ({ call }) => ((await call('KmipdListKeys')).keys.length === 1 ? true : undefined))
    expect(await isKept(first, old)).toBe(false)
  })
})

describe('a cluster that is killed', () => {
  it('in the middle of a rekey goes on where it was, and loses nothing', async () => {
    const server = await keyServer()
    const state = await newFolder()
    onTestFinished(() => removeFolder(state))
    let serving = await serve(state)
    let keyProviderID = 0
    const killedAt = new Set<string>()
    ;({ keyProviderID } = await enroll(serving.partner, server))
    await serving.partner.call('EnableEncryptionAtRest', { keyProviderID })
    for (let round = 0; round < 8; round++) {
      const { partner } = serving
      const source =
        round % 3 === 2 ? { keyManagementType: 'Internal' } : { keyManagementType: 'External', keyProviderID }
      const asyncHandle = await rekey(partner, source)
      killedAt.add(await reached(partner, asyncHandle, round % (allSteps.length + 1)))
      await new Promise(resolve => setTimeout(resolve, round * 5))
      await serving.kill()
      serving = await serve(state)
      const { result } = await follow(serving.partner, asyncHandle)
      expect(result.error).toBeUndefined()
      const keyID = await expectWhole(serving.partner)
      expect((await masterKey(serving.partner))?.keyManagementType).toBe(source.keyManagementType)
      if (source.keyManagementType === 'External') expect(await isKept(server, keyID)).toBe(true)
    }
    expect(killedAt.size).toBeGreaterThan(2)
    // All drives unlock, and the key server has the two keys in use, and no other.
    await poll(async () => {
      const { drives } = await serving.partner.call('KmipdListDrives')
      const { keys } = await serving.partner.call('KmipdListKeys')
      return drives.every(({ isLocked, failedUnlocks }) => !isLocked && failedUnlocks === 0) && keys.length === 2
    })
    const { keys } = await serving.partner.call('KmipdListKeys')
    for (const { keyID } of keys) expect(await isKept(server, keyID)).toBe(true)
    const spy = await server.spy()
    const { uniqueIdentifier } = await spy.call(Locate, { attributes: [] })
    expect(uniqueIdentifier).toHaveLength(2)
  })

  it('in the middle of enabling or disabling goes on, and no drive is lost', async () => {
    const server = await keyServer()
    const state = await newFolder()
    onTestFinished(() => removeFolder(state))
    let serving = await serve(state)
    const { keyProviderID } = await enroll(serving.partner, server)
    const seen = new Set<string>()
    for (let round = 0; round < 8; round++) {
      const isEnabling = round % 2 === 0
      await (isEnabling
        ? serving.partner.call('EnableEncryptionAtRest', { keyProviderID })
        : serving.partner.call('DisableEncryptionAtRest'))
      await new Promise(resolve => setTimeout(resolve, round * 8))
      seen.add((await serving.partner.call('GetEncryptionAtRestInfo')).state)
      await serving.kill()
      serving = await serve(state)
      const { partner } = serving
      await poll(async () => {
        const info = await partner.call('GetEncryptionAtRestInfo')
        const { drives } = await partner.call('KmipdListDrives')
        return info.state === (isEnabling ? 'enabled' : 'disabled') && drives.every(({ isLocked }) => !isLocked)
      })
      const { drives } = await partner.call('KmipdListDrives')
      expect(drives.map(({ failedUnlocks, isLost }) => [failedUnlocks, isLost])).toEqual(drives.map(() => [0, false]))
      expect(drives.every(({ keyID }) => (keyID !== null) === isEnabling)).toBe(true)
    }
    expect([...seen]).toEqual(expect.arrayContaining(['enabling', 'disabling']))
    const spy = await server.spy()
    await poll(async () => (await spy.call(Locate, { attributes: [] })).uniqueIdentifier.length === 0)
  })
})
