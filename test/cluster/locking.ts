/**
 * Clusters whose drives have a key of a key server.
 *
 * @module
 */
import { expect } from 'vitest'
import type { ClusterOptions } from '../../src/cluster.ts'
import { type Client, Locate } from '../../src/index.ts'
import { custom } from '../system/requests.ts'
import { type Cluster, cluster, enabled, enroll, type KeyServer } from './partners.ts'

/** A cluster with hardware encryption, and its key. */
export async function lockedUp(server: KeyServer, port = server.port, options: ClusterOptions = {}) {
  const partner = await cluster(options)
  const ids = await enroll(partner, server, { port })
  await enabled(partner, ids.keyProviderID)
  const { authenticationKeyInfo: key } = await partner.call('GetEncryptionAtRestInfo')
  return { ...ids, partner, keyID: key?.keyID ?? '' }
}

export const lookup = (keyID: string) => custom(`x-SolidFire-KeyID-${keyID}`, keyID)

export const find = async (client: Client, keyID: string): Promise<readonly string[]> =>
  (await client.call(Locate, { attributes: [lookup(keyID)] })).uniqueIdentifier

export const unlocked = (partner: Cluster): Promise<true> =>
  partner.until(async () => ((await partner.locked()) === 0 ? true : undefined))

/** Waits for a current fault that has these words. */
export const faulty = (partner: Cluster, words: RegExp): Promise<string> =>
  partner.until(async () => (await partner.faults()).find(each => words.test(each)))

export const clear = (partner: Cluster, words = /^(kmip|driveFailed)/): Promise<true> =>
  partner.until(async () => ((await partner.faults()).some(each => words.test(each)) ? undefined : true))

/** No drive was ever tried with a wrong key. */
export async function expectUntouched({ call }: Cluster): Promise<void> {
  const { drives } = await call('KmipdListDrives')
  expect(drives.map(({ failedUnlocks, isLost }) => [failedUnlocks, isLost])).toEqual(drives.map(() => [0, false]))
}
