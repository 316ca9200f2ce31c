/**
 * Clients of other authorities: through authorities between, until their own authority, or ours, no longer wants them.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Authority,
  clientProfile,
  createAuthority,
  exportPrivateKey,
  generateKeyPair,
  openAuthority,
  type RevokedCertificate,
  type Subject,
} from '../../certs/index.ts'
import type { Client } from '../../src/client.ts'
import { trustClient } from '../../src/enrollment.ts'
import { connect, Create, Get, Query, type RunningServer, startServer } from '../../src/index.ts'
import { issuersTold } from './issuers-told.ts'
import { type Identity, newFolder, removeFolder, within } from './server-process.ts'

const dayMs = 86_400_000
const now = new Date()
const root = openAuthority(
  await createAuthority({
    subject: { commonName: 'their root' },
    pathLength: 2,
    now: new Date(now.getTime() - 90 * dayMs),
  }),
)
const between = openAuthority(
  await createAuthority({ subject: { commonName: 'their issuing' }, pathLength: 1, issuer: root, now }),
)

/** A client's certificate and key; `sent` follows the certificate. */
async function signed(by: Authority, subject: Subject, names: readonly string[] = []): Promise<Signed> {
  const { publicKey, privateKey } = await generateKeyPair('P-256')
  const profile = { ...clientProfile({ names: names.length > 0 ? names : ['client.example'] }), subject }
  const { pem, serialNumber } = await by.sign(by.plan(publicKey, profile, now))
  return { cert: pem, key: exportPrivateKey(privateKey), serialNumber }
}

interface Signed extends Identity {
  readonly serialNumber: string
}

const withIssuer = (identity: Identity, ...issuers: readonly Authority[]): Identity => ({
  key: identity.key,
  cert: [identity.cert, ...issuers.map(({ certificate }) => certificate.pem)].join(''),
})

let data: string
let server: RunningServer | undefined

beforeEach(async () => {
  data = await newFolder()
  writeFileSync(join(data, 'theirs.pem'), root.certificate.pem)
})

afterEach(async () => {
  await server?.close()
  server = undefined
  await removeFolder(data)
})

const logFile = (): string => join(data, 'server.log')

const logged = (words: string): Promise<boolean> => until(() => readFileSync(logFile(), 'utf8').includes(words))

/** A server takes up what changed within two seconds; when it is busy, later. */
async function until(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < 1000; tries++) {
    if (await holds()) return true
    await delay(25)
  }
  throw new Error('waited in vain')
}

const aes = {
  objectType: 'SymmetricKey' as const,
  attributes: [
    { name: 'cryptographicAlgorithm' as const, value: 'AES' as const },
    { name: 'cryptographicLength' as const, value: 256 },
    { name: 'cryptographicUsageMask' as const, value: 12 },
  ],
}

/** @param trust lines under [[tls.trust]] beside `ca` */
async function start(trust: readonly string[] = [], more = ''): Promise<RunningServer> {
  const lines = ['[[tls.trust]]', 'ca = "theirs.pem"', ...trust]
  writeFileSync(
    join(data, 'kmipd.toml'),
    [more, ...lines, '[log]', 'level = "info"', `file = "${logFile()}"`].join('\n'),
  )
  server = await startServer({ data, host: '127.0.0.1', port: 0, hosts: ['127.0.0.1'] })
  return server
}

async function connected(identity: Identity, session?: Buffer): Promise<Client> {
  if (server === undefined) throw new Error('no server')
  return connect({ ...server.kmip, ca: readFileSync(server.ca, 'utf8'), ...identity, session })
}

const ask = (client: Client): Promise<unknown> => client.call(Query, { queryFunction: ['QueryOperations'] })

async function isServed(identity: Identity, session?: Buffer): Promise<boolean> {
  try {
    const client = await connected(identity, session)
    await ask(client)
    await client.close()
    return true
  } catch {
    return false
  }
}

let number = 0n

/** Has an authority publish what it has revoked. */
async function publish(
  file: string,
  revoked: readonly RevokedCertificate[],
  { by = root, days = 7 }: { readonly by?: Authority; readonly days?: number } = {},
): Promise<void> {
  const thisUpdate = new Date(now.getTime() - 60 * dayMs)
  const nextUpdate = new Date(now.getTime() + days * dayMs)
  const { pem } = await by.revocationList({ number: ++number, revoked, thisUpdate, nextUpdate })
  writeFileSync(join(data, file), pem)
}

const revoking = ({ serialNumber }: Signed): RevokedCertificate => ({
  serialNumber,
  date: now,
  reason: 'keyCompromise',
})

describe('guests', () => {
  test.runIf(!issuersTold)(
    'are refused where Node.js does not tell what is between, unless that is trusted',
    async () => {
      await start()
      const leaf = await signed(between, { commonName: 'node' })
      expect(await isServed(withIssuer(leaf, between))).toBe(false)
      writeFileSync(join(data, 'theirs.pem'), between.certificate.pem + root.certificate.pem)
      expect(await until(() => isServed(withIssuer(leaf, between)))).toBe(true)
    },
  )

  test.runIf(issuersTold)('come through the authorities between, also when they resume', async () => {
    await start()
    const leaf = await signed(between, { commonName: 'node' })
    expect(await isServed(leaf)).toBe(false)
    const client = await connected(withIssuer(leaf, between))
    await ask(client)
    const session = client.session()
    await client.close()
    expect(session).toBeDefined()
    const again = await connected(withIssuer(leaf, between), session)
    await ask(again)
    expect(again.isResumed).toBe(true)
    await again.close()
    const below = openAuthority(await createAuthority({ subject: { commonName: 'below' }, issuer: between, now }))
    const leafBelow = await signed(below, { commonName: 'node' })
    expect(await isServed(withIssuer(leafBelow, below))).toBe(false)
    expect(await isServed(withIssuer(leafBelow, below, between))).toBe(true)
  })

  test('are one client by what the policy names them by', async () => {
    await start([], '[policy]\nclientName = "organizationalUnit"')
    const node = (commonName: string, organizationalUnit?: string): Promise<Signed> =>
      signed(root, { commonName, ...(organizationalUnit === undefined ? {} : { organizationalUnit }) })
    const owner = await connected(await node('a', 'array-1'))
    const { uniqueIdentifier } = await owner.call(Create, aes)
    const sees = async (identity: Identity): Promise<boolean> => {
      const client = await connected(identity)
      return client.call(Get, { uniqueIdentifier }).then(
        () => true,
        () => false,
      )
    }
    expect(await sees(await node('b', 'array-1'))).toBe(true)
    expect(await sees(await node('a', 'array-2'))).toBe(false)
    expect(await isServed(await node('a'))).toBe(false)
    await logged('lacks what names clients here')
  })

  test('go when the trust in their authority goes, and come when there is a new one', async () => {
    await start()
    const leaf = await signed(root, { commonName: 'node' })
    const client = await connected(leaf)
    await ask(client)
    const other = openAuthority(await createAuthority({ subject: { commonName: 'another' }, now }))
    const theirs = await signed(other, { commonName: 'node' })
    expect(await isServed(theirs)).toBe(false)
    writeFileSync(join(data, 'theirs.pem'), other.certificate.pem)
    await until(async () => isServed(theirs))
    await expect(ask(client)).rejects.toThrow(/not in the client register/)
    expect(await isServed(leaf, client.session())).toBe(false)
  })
})

describe('a revocation list of theirs', () => {
  test.runIf(issuersTold)('is heeded at the next message, also through authorities between', async () => {
    await publish('theirs.crl', [])
    await start(['crl = "theirs.crl"'])
    const [lost, kept] = [await signed(root, { commonName: 'lost' }), await signed(root, { commonName: 'kept' })]
    const [live, other] = [await connected(lost), await connected(kept)]
    const below = await connected(withIssuer(await signed(between, { commonName: 'below' }), between))
    for (const each of [live, other, below]) await ask(each)
    const session = live.session()
    await publish('theirs.crl', [revoking(lost)])
    await until(() =>
      ask(live).then(
        () => false,
        (error: unknown) => /their root has revoked .* \(keyCompromise\)/.test(String(error)),
      ),
    )
    expect(await isServed(lost)).toBe(false)
    expect(await isServed(lost, session)).toBe(false)
    await ask(other)
    await ask(below)
    // The authority between, by its root.
    const { serialNumber } = between.certificate
    await publish('theirs.crl', [{ serialNumber, date: now }])
    await until(() =>
      ask(below).then(
        () => false,
        () => true,
      ),
    )
    await ask(other)
  })

  test('that is spoilt leaves the one before in force, or nobody in', async () => {
    const [lost, kept] = [await signed(root, { commonName: 'lost' }), await signed(root, { commonName: 'kept' })]
    await publish('theirs.crl', [revoking(lost)])
    await start(['crl = "theirs.crl"'])
    expect([await isServed(lost), await isServed(kept)]).toEqual([false, true])
    writeFileSync(join(data, 'theirs.crl'), '<html>404</html>')
    await logged('the list that was read before goes on to count')
    expect([await isServed(lost), await isServed(kept)]).toEqual([false, true])
    // Of another authority of that name.
    const impostor = openAuthority(await createAuthority({ subject: { commonName: 'their root' }, now }))
    await publish('theirs.crl', [], { by: impostor })
    await logged('was not signed by that authority')
    expect([await isServed(lost), await isServed(kept)]).toEqual([false, true])

    await server?.close()
    await start(['crl = "theirs.crl"'])
    expect([await isServed(lost), await isServed(kept)]).toEqual([false, false])
    await logged('nobody is admitted for whom CN=their root vouches')
    await publish('theirs.crl', [revoking(lost)])
    await until(() => isServed(kept))
    expect(await isServed(lost)).toBe(false)
  })

  test('that is out of date still counts, and shuts the others out only if that is wanted', async () => {
    const [lost, kept] = [await signed(root, { commonName: 'lost' }), await signed(root, { commonName: 'kept' })]
    await publish('theirs.crl', [revoking(lost)], { days: -1 })
    await start(['crl = "theirs.crl"'])
    expect([await isServed(lost), await isServed(kept)]).toEqual([false, true])
    await logged('the revocation list of CN=their root has ended')
    await server?.close()
    await start(['crl = "theirs.crl"', 'expiredCrl = "refuse"'])
    expect(await isServed(kept)).toBe(false)
    await logged('is out of date since')
  })

  test('counts for their clients in the register, too', async () => {
    const lost = await signed(root, { commonName: 'lost' })
    await publish('theirs.crl', [])
    await start(['crl = "theirs.crl"'])
    await within(data, opened => trustClient(lost.cert, { name: 'ours' }, opened, now))
    const live = await connected(lost)
    await ask(live)
    await publish('theirs.crl', [revoking(lost)])
    await until(() =>
      ask(live).then(
        () => false,
        () => true,
      ),
    )
    expect(await isServed(lost)).toBe(false)
  })
})
