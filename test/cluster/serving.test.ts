/**
 * What `kmipd cluster serve` leaves for the other commands, from one start to the next.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startCluster } from '../../src/cluster.ts'
import { Locate } from '../../src/index.ts'
import { playSased } from '../../src/cluster/sased.ts'
import { done, folder, json, kmipd, openssl } from '../cli/kmipd.ts'
import { enrolled } from '../system/server-process.ts'
import { lockedUp } from './locking.ts'
import { keyServer } from './partners.ts'
import { clusterServing } from './serving.ts'

const look = async (state: string, ...more: readonly string[]) =>
  (await json(['cluster', 'call', 'ListDrives', '--state', state, ...more])) as { readonly drives: readonly unknown[] }

describe('the place of a cluster', () => {
  it('has the password where it was given', async () => {
    const path = await folder()
    const [state, file] = [join(path, 'cluster'), join(path, 'pw')]
    writeFileSync(file, 'open sesame \n')
    const { passwordFile } = await clusterServing(['--state', state, '--password-file', file])
    expect(passwordFile).toBe(file)
    expect((await look(state)).drives).toHaveLength(8)
  })

  it('refuses a password of nothing', async () => {
    const path = await folder()
    const file = join(path, 'pw')
    writeFileSync(file, '\n')
    const ended = await kmipd(['cluster', 'serve', '--state', join(path, 'cluster'), '--password-file', file])
    expect(ended).toMatchObject({ status: 2, stderr: expect.stringMatching(/pw is empty/) as unknown })
  })

  it('has the certificate that was given, and its own again afterwards', async () => {
    const path = await folder()
    const [state, cert, key] = [join(path, 'cluster'), join(path, 'own.pem'), join(path, 'own.key')]
    const subject = ['-subj', '/CN=own', '-addext', 'subjectAltName=IP:127.0.0.1']
    openssl(...`req -x509 -newkey rsa:2048 -nodes -days 2 -keyout ${key} -out ${cert}`.split(' '), ...subject)
    for (const given of [[], ['--cert', cert, '--key', key], []]) {
      const running = await clusterServing(['--state', state, ...given])
      expect(running.ca).toBe(given.length === 0 ? join(state, 'ca.pem') : cert)
      expect((await look(state)).drives).toHaveLength(8)
      await running.stop()
    }
  })

  it('keeps its certificate, unless another host is served or it has ended', async () => {
    const state = join(await folder(), 'cluster')
    const caOf = async (options: { readonly host?: string; readonly now?: () => number }): Promise<string> => {
      const cluster = await startCluster({ folder: state, ...options })
      await cluster.close()
      expect(readFileSync(join(state, 'ca.pem'), 'utf8')).toBe(cluster.ca)
      return cluster.ca
    }
    const first = await caOf({})
    expect(await caOf({ host: 'localhost' })).toBe(first)
    const second = await caOf({ host: '127.0.0.3' })
    expect(second).not.toBe(first)
    expect(await caOf({})).toBe(second)
    expect(await caOf({ now: () => Date.now() + 20 * 365 * 86_400_000 })).not.toBe(second)
    await clusterServing(['--state', state, '--host', '127.0.0.4'])
    expect((await look(state)).drives).toHaveLength(8)
  })

  it('tells how many drives there are, whatever is asked for', async () => {
    const state = join(await folder(), 'cluster')
    await (await startCluster({ folder: state, drives: 3 })).close()
    const again = await startCluster({ folder: state, drives: 8 })
    expect(again.drives).toBe(3)
    await again.close()
  })
})

describe('drives that are lost', () => {
  it('are not waited for', async () => {
    const server = await keyServer()
    const { partner } = await lockedUp(server)
    const path = await folder()
    const { ca, credentials, port } = partner.running
    writeFileSync(join(path, 'ca.pem'), ca)
    writeFileSync(join(path, 'password'), credentials.password)
    const place = ['--state', path, '--url', `https://127.0.0.1:${port}`]
    await server.stop()
    await partner.call('KmipdPowerCycle')
    const { unlockLimit } = await partner.call('KmipdListDrives')
    for (let count = 0; count < unlockLimit; count++) await partner.call('KmipdUnlockDrive', { driveID: 2, key: '00' })
    expect(await kmipd(['cluster', 'power-cycle', '--wait', '0', ...place])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/3 of 4 drives are still locked/) as unknown,
    })
    await server.start()
    expect(await done(['cluster', 'power-cycle', ...place])).toMatch(/^3 drives are unlocked, .*; lost, .*: 1$/m)
    expect(await done(['cluster', 'status', ...place])).toMatch(/0 of 4 drives locked, 1 lost/)
  })
})

it('destroys the secrets of an array that does not boot', async () => {
  const server = await keyServer()
  const identity = await enrolled(server.data, 'array', { group: 'array' })
  const steps: string[] = []
  const played = playSased({
    ...identity,
    ca: server.ca,
    primaries: [{ host: '127.0.0.1', port: server.port }],
    drives: 1,
    group: 'array',
    patienceMs: 0,
    compression: 1,
    keep: false,
    timeoutMs: 20_000,
    tell: ({ step, outcome }) => steps.push(`${step} ${outcome}`),
    pause: () => Promise.reject(new Error('interrupted')),
  })
  await expect(played).rejects.toThrow('interrupted')
  expect(steps).toEqual(['query done', 'register done', 'destroy done'])
  const spy = await server.spy('array')
  expect(
    (await spy.call(Locate, { attributes: [{ name: 'objectType', value: 'SecretData' }] })).uniqueIdentifier,
  ).toEqual([])
})
