/**
 * What a running server goes by: read again when it changes, renewed in time, and each part by itself.
 *
 * @module
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { createAuthority, exportPrivateKey, generateKeyPair, openAuthority, serverProfile } from '../../certs/index.ts'
import { loadConfig } from '../../src/config.ts'
import { dataFolder } from '../../src/data-folder.ts'
import { openHouse } from '../../src/house.ts'
import { initialise } from '../../src/initialise.ts'
import type { Log } from '../../src/log.ts'
import { namesOf } from '../../src/server-certificate.ts'
import { credentialsIn, stand, type Standing } from '../../src/standing.ts'

const dayMs = 86_400_000
const start = Date.now()
const theirs = openAuthority(await createAuthority({ subject: { commonName: 'corporate' }, now: new Date(start) }))

let data: string
let now: number
let lines: string[]

beforeEach(async () => {
  now = start
  lines = []
  data = mkdtempSync(join(tmpdir(), 'standing-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  await initialise({ data, hosts: ['keys.example'] })
})

async function standing(): Promise<Standing> {
  const readConfig = () => loadConfig({ data })
  const config = await readConfig()
  const { server } = await initialise({ data })
  const opened = await openHouse(config, {})
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  const log: Log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  const { store, authorities, trusts, policy, folder, issued, readTrusts } = opened
  const findings = { config, authorities, server, trust: trusts.trust, policy }
  const stands = stand(store, findings, { folder, issued, readTrusts, readConfig, log, now: () => now })
  onTestFinished(async () => {
    await stands.close()
    await store.close()
  })
  return stands
}

/** Puts the administrator's own certificate there, or a half of it. */
async function putOwn(halves: readonly ('certificate' | 'key')[], days = 90): Promise<void> {
  const { publicKey, privateKey } = await generateKeyPair()
  const profile = serverProfile({ names: ['own.example'], days })
  const { pem } = await theirs.sign(theirs.plan(publicKey, profile, new Date(start)))
  const { serverCertificate, serverKey } = dataFolder(data)
  if (halves.includes('certificate')) writeFileSync(serverCertificate, pem)
  if (halves.includes('key')) writeFileSync(serverKey, exportPrivateKey(privateKey))
}

test('the server certificate is renewed 30 days before its end, with its names, and recorded', async () => {
  const stands = await standing()
  const { leaf } = stands.current.server
  now = leaf.notAfter.getTime() - 31 * dayMs
  await stands.reload()
  expect(stands.current.server.leaf.fingerprint).toBe(leaf.fingerprint)
  now = leaf.notAfter.getTime() - 29 * dayMs
  await stands.reload()
  const renewed = stands.current.server.leaf
  expect(renewed.notAfter.getTime()).toBeGreaterThan(leaf.notAfter.getTime())
  expect(namesOf(renewed)).toEqual(namesOf(leaf))
  expect(readFileSync(join(data, 'server.pem'), 'utf8')).toBe(credentialsIn(stands.current).certificate)
  expect(lines.filter(line => line.startsWith('info'))).toEqual([
    expect.stringContaining('the server has a new certificate'),
  ])
})

test('an authority that is nearly over does not have the server certificate made anew every hour', async () => {
  const stands = await standing()
  now = stands.current.authorities.signing.certificate.notAfter.getTime() - 20 * dayMs
  await stands.reload()
  const { fingerprint } = stands.current.server.leaf
  await stands.reload()
  expect(stands.current.server.leaf.fingerprint).toBe(fingerprint)
  now += 30 * dayMs
  await stands.reload()
  expect(stands.current.server.leaf.fingerprint).toBe(fingerprint)
  expect(lines.filter(line => line.includes('cannot be used'))).toEqual([])
  expect(lines.some(line => /error the certificate of the authority .* has ended on/.test(line))).toBe(true)
})

test("the administrator's own certificate is taken up by itself, once both halves are there", async () => {
  const stands = await standing()
  const { leaf } = stands.current.server
  let changes = 0
  stands.subscribe(() => changes++)
  await putOwn(['certificate'])
  await until(() => lines.some(line => line.includes('the server certificate cannot be used as it is now')))
  expect(stands.current.server.leaf.fingerprint).toBe(leaf.fingerprint)
  await putOwn(['certificate', 'key'])
  await until(() => namesOf(stands.current.server.leaf).includes('own.example'))
  expect(changes).toBeGreaterThan(0)
  // It is not renewed by anybody but its owner.
  now += 80 * dayMs
  await stands.reload()
  expect(namesOf(stands.current.server.leaf)).toEqual(['own.example'])
  expect(lines.some(line => line.includes('the server certificate ends in 9 days'))).toBe(true)
  // Taken away, a new one is made for the names that clients know.
  for (const name of ['server.pem', 'server.key']) rmSync(join(data, name))
  await stands.reload()
  expect(stands.current.server.leaf.issuer.text).toBe(stands.current.authorities.signing.certificate.subject.text)
  expect(namesOf(stands.current.server.leaf)).toEqual(['own.example'])
})

test('what is wrong in one place leaves the rest to be heeded', async () => {
  const stands = await standing()
  await putOwn(['certificate'])
  writeFileSync(join(data, 'theirs.pem'), theirs.certificate.pem)
  writeFileSync(join(data, 'kmipd.toml'), '[[tls.trust]]\nca = "theirs.pem"\n[policy]\nmaximumDays = 90\n')
  await stands.reload()
  expect(stands.current.trusts.trust.map(({ authority }) => authority.subject.text)).toEqual(['CN=corporate'])
  expect(stands.current.office.policy.maximumDays).toBe(90)
  writeFileSync(join(data, 'kmipd.toml'), '[policy]\nmaximumDays = "many"\n')
  await stands.reload()
  expect(stands.current.office.policy.maximumDays).toBe(90)
  expect(lines.some(line => line.includes('kmipd.toml cannot be used as it is now'))).toBe(true)
  writeFileSync(join(data, 'kmipd.toml'), '[limits]\nmaxConnections = 7\n')
  await stands.reload()
  expect(stands.current.trusts.trust).toEqual([])
  expect(lines.some(line => line.includes('count at the next start only'))).toBe(true)
})

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(25)
}
