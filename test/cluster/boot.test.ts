/**
 * Drives that lock, and what keeps them locked: every fault is made for real, and every one passes.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { clientProfile, createAuthority, openAuthority, readRequest } from '../../certs/index.ts'
import { Activate, type Client, Destroy, Locate, Register, Revoke } from '../../src/index.ts'
import { custom, materialOf, ownKey } from '../system/requests.ts'
import { newFolder, removeFolder, within } from '../system/server-process.ts'
import { type Cluster, cluster, enabled, enroll, type KeyServer, keyServer, wire } from './partners.ts'

/** A cluster with hardware encryption, and its key. */
async function lockedUp(server: KeyServer, port = server.port) {
  const partner = await cluster()
  const ids = await enroll(partner, server, { port })
  await enabled(partner, ids.keyProviderID)
  const { authenticationKeyInfo: key } = await partner.call('GetEncryptionAtRestInfo')
  return { ...ids, partner, keyID: key?.keyID ?? '' }
}

const lookup = (keyID: string) => custom(`x-SolidFire-KeyID-${keyID}`, keyID)

const find = async (client: Client, keyID: string): Promise<readonly string[]> =>
  (await client.call(Locate, { attributes: [lookup(keyID)] })).uniqueIdentifier

const unlocked = (partner: Cluster): Promise<true> =>
  partner.until(async () => ((await partner.locked()) === 0 ? true : undefined))

/** Waits for a current fault that has these words. */
const faulty = (partner: Cluster, words: RegExp): Promise<string> =>
  partner.until(async () => (await partner.faults()).find(each => words.test(each)))

const clear = (partner: Cluster, words = /^(kmip|driveFailed)/): Promise<true> =>
  partner.until(async () => ((await partner.faults()).some(each => words.test(each)) ? undefined : true))

/** No drive was ever tried with a wrong key. */
async function expectUntouched({ call }: Cluster): Promise<void> {
  const { drives } = await call('KmipdListDrives')
  expect(drives.map(({ failedUnlocks, isLost }) => [failedUnlocks, isLost])).toEqual(drives.map(() => [0, false]))
}

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
    const { partner } = await lockedUp(server, between.port)
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
    const { partner } = await lockedUp(server)
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

describe('certificates', () => {
  it('tells that the cluster’s was revoked, and takes a new one for the same key pair', async () => {
    const server = await keyServer()
    const { partner, keyServerID } = await lockedUp(server)
    await within(server.data, async ({ clients }) =>
      clients.revoke(await clients.find('cluster'), 'stolen', Date.now()),
    )
    await partner.call('KmipdPowerCycle')
    await faulty(partner, /^kmipServerFault: KMIP authentication failure: .*client certificate/)
    expect(await partner.refused('TestKeyServerKmip', { keyServerID })).toMatch(/^xKmipAuthenticationFailed/)
    const { clientCertificateSignRequest: request } = await partner.call('GetClientCertificateSignRequest')
    await partner.call('ModifyKeyServerKmip', { keyServerID, kmipClientCertificate: await server.sign(request) })
    await unlocked(partner)
    await clear(partner)
  })

  it('warns thirty days before one ends, and after', async () => {
    const server = await keyServer()
    let days = 0
    const partner = await cluster({ now: () => Date.now() + days * 86_400_000 })
    const { keyServerID, keyProviderID } = await enroll(partner, server)
    await enabled(partner, keyProviderID)
    expect(await partner.faults()).toEqual([])
    days = 705
    await faulty(partner, /^kmipCertificateFault: The client certificate ".*" .* expires in \d+ days/)
    days = 735
    await faulty(partner, /^kmipCertificateFault: .* has expired/)
    expect(await partner.refused('TestKeyServerKmip', { keyServerID })).toMatch(/client certificate expired on/)
    days = 0
    await clear(partner)
  })

  it('tells of one that really ends soon, and refuses one that is over', async () => {
    const server = await keyServer()
    const partner = await cluster()
    const { keyServerID } = await enroll(partner, server)
    const { clientCertificateSignRequest: request } = await partner.call('GetClientCertificateSignRequest')
    const soon = await server.sign(request, { days: 20 })
    await partner.call('ModifyKeyServerKmip', { keyServerID, kmipClientCertificate: soon })
    expect(await partner.faults()).toEqual([expect.stringMatching(/^kmipCertificateFault: .* expires in 19 days/)])
    const then = new Date(Date.now() - 60 * 86_400_000)
    const old = openAuthority(await createAuthority({ now: then }))
    const { pem: over } = await old.sign(old.plan(readRequest(request), clientProfile({ days: 30 }), then))
    expect(await partner.refused('ModifyKeyServerKmip', { keyServerID, kmipClientCertificate: over })).toMatch(
      /^xKmipAuthenticationFailed: .*the client certificate expired on/,
    )
    const { kmipKeyServer } = await partner.call('GetKeyServerKmip', { keyServerID })
    expect(kmipKeyServer.kmipClientCertificate).toBe(soon)
  })

  it('tells whose certificate is wrong', async () => {
    const server = await keyServer()
    const partner = await cluster()
    await enroll(partner, server)
    const { call, refused } = partner
    const now = new Date()
    const stranger = openAuthority(await createAuthority({ subject: { commonName: 'stranger' }, now }))
    const { clientCertificateSignRequest: request } = await call('GetClientCertificateSignRequest')
    const foreign = await stranger.sign(stranger.plan(readRequest(request), clientProfile(), now))
    const id = { keyServerID: 1 }
    // What does not work is not kept.
    expect(await refused('ModifyKeyServerKmip', { ...id, kmipCaCertificate: stranger.certificate.pem })).toMatch(
      /^xKmipAuthenticationFailed: .*(issuer of the server certificate is not trusted|trusts)/,
    )
    expect(await refused('ModifyKeyServerKmip', { ...id, kmipClientCertificate: foreign.pem })).toMatch(
      /^xKmipAuthenticationFailed: .*(does not trust|client certificate)/,
    )
    expect(await refused('ModifyKeyServerKmip', { ...id, kmipClientCertificate: 'nonsense' })).toMatch(
      /^xKmipAuthenticationFailed: .*client certificate cannot be read/,
    )
    expect(await refused('ModifyKeyServerKmip', { ...id, kmipKeyServerHostnames: ['127.0.0.2'] })).toMatch(
      /(not for 127\.0\.0\.2|refuses the connection)/,
    )
    expect(await refused('ModifyKeyServerKmip', { ...id, kmipKeyServerHostnames: ['no-such-host.invalid'] })).toMatch(
      /^xKmipConnectionFailed: .*(no host|name server)/,
    )
    expect(await refused('ModifyKeyServerKmip', { ...id, kmipKeyServerPort: 1 })).toMatch(
      /^xKmipConnectionFailed: .*refuses the connection/,
    )
    expect(await call('TestKeyServerKmip', id)).toEqual({})
    // Another key pair: the certificate is that of the old one.
    await call('CreatePublicPrivateKeyPair')
    expect(await refused('TestKeyServerKmip', id)).toMatch(/^xKmipAuthenticationFailed: .*not the private key/)
  })
})

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
})
