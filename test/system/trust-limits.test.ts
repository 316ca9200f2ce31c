/**
 * How far trust in another authority goes: not above it, not aside, and not without its revocation lists.
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
  readCertificate,
  type RevocationListOptions,
} from '../../certs/index.ts'
import type { Client } from '../../src/client.ts'
import { issueClient, trustClient } from '../../src/enrollment.ts'
import { connect, Create, Get, Query, type RunningServer, startServer } from '../../src/index.ts'
import { retire } from '../../src/retirement.ts'
import { rollOver } from '../../src/rollover.ts'
import { issuersTold } from './issuers-told.ts'
import { type Identity, newFolder, removeFolder, within } from './server-process.ts'

const dayMs = 86_400_000
const now = new Date()

const authority = async (commonName: string, issuer?: Authority): Promise<Authority> =>
  openAuthority(
    await createAuthority({
      subject: { commonName },
      now: issuer === undefined ? new Date(now.getTime() - 90 * dayMs) : now,
      ...(issuer === undefined ? { pathLength: 3 } : { issuer, pathLength: 1 }),
    }),
  )

const root = await authority('corporate root')
const storage = await authority('storage', root)
const laptops = await authority('laptops', root)

async function signed(by: Authority, ...sent: readonly { readonly pem: string }[]): Promise<Identity> {
  const { publicKey, privateKey } = await generateKeyPair('P-256')
  const plan = by.plan(publicKey, { ...clientProfile({ names: ['a.example'] }), subject: { commonName: 'node' } }, now)
  const { pem } = await by.sign(plan)
  return { cert: [pem, ...sent.map(each => each.pem)].join(''), key: exportPrivateKey(privateKey) }
}

let data: string
let server: RunningServer | undefined

beforeEach(async () => {
  data = await newFolder()
})

afterEach(async () => {
  await server?.close()
  server = undefined
  await removeFolder(data)
})

const pems = (...authorities: readonly Authority[]): string => authorities.map(each => each.certificate.pem).join('')

const put = (name: string, content: string): void => writeFileSync(join(data, name), content)

/** @param trust lines under a [[tls.trust]] each */
async function start(...trust: readonly string[]): Promise<RunningServer> {
  const entries = trust.map(lines => `[[tls.trust]]\n${lines}\n`)
  put('kmipd.toml', `${entries.join('')}[log]\nlevel = "info"\nfile = "${join(data, 'server.log')}"\n`)
  server = await startServer({ data, host: '127.0.0.1', port: 0, hosts: ['127.0.0.1'] })
  return server
}

async function connected(identity: Identity, session?: Buffer): Promise<Client> {
  if (server === undefined) throw new Error('no server')
  return connect({ ...server.kmip, ca: readFileSync(server.ca, 'utf8'), ...identity, session })
}

const ask = (client: Client): Promise<unknown> => client.call(Query, { queryFunction: ['QueryOperations'] })

async function isServed(identity: Identity): Promise<boolean> {
  try {
    const client = await connected(identity)
    await ask(client)
    await client.close()
    return true
  } catch {
    return false
  }
}

async function created(identity: Identity): Promise<string> {
  const { uniqueIdentifier } = await (
    await connected(identity)
  ).call(Create, {
    objectType: 'SymmetricKey',
    attributes: [
      { name: 'cryptographicAlgorithm', value: 'AES' },
      { name: 'cryptographicLength', value: 256 },
      { name: 'cryptographicUsageMask', value: 12 },
    ],
  })
  return uniqueIdentifier
}

const sees = async (identity: Identity, uniqueIdentifier: string): Promise<boolean> =>
  (await connected(identity)).call(Get, { uniqueIdentifier }).then(
    () => true,
    () => false,
  )

async function logged(words: string): Promise<void> {
  for (let tries = 0; !readFileSync(join(data, 'server.log'), 'utf8').includes(words); tries++) {
    if (tries > 1000) throw new Error(`waited for "${words}" in vain`)
    await delay(25)
  }
}

describe('trust in an authority', () => {
  test('is none in those above it, nor in what else these have certified', async () => {
    put('storage.pem', pems(storage, root))
    await start('ca = "storage.pem"\ngroup = "storage"')
    expect(await isServed(await signed(storage, storage.certificate))).toBe(true)
    expect(await isServed(await signed(storage))).toBe(true)
    expect(await isServed(await signed(laptops, laptops.certificate))).toBe(false)
    expect(await isServed(await signed(root))).toBe(false)
  })

  test('needs a file for each', async () => {
    put('both.pem', pems(storage, laptops))
    await expect(start('ca = "both.pem"')).rejects.toThrow(/both.pem: .*which it did not sign.*of its own/)
  })

  test('is that in the nearest, whichever is named first', async () => {
    put('root.pem', pems(root))
    put('storage.pem', pems(storage, root))
    await start('ca = "root.pem"\ngroup = "all"', 'ca = "storage.pem"\ngroup = "storage"')
    const key = await created(await signed(storage, storage.certificate))
    expect(await sees(await signed(storage, storage.certificate), key)).toBe(true)
    expect(await sees(await signed(laptops, laptops.certificate), key)).toBe(false)
  })

  test.runIf(issuersTold)('does not come from what others have sent', async () => {
    const [one, two] = [await authority('one'), await authority('two')]
    const shared = await authority('shared', one)
    const byTwo = await two.sign(two.crossCertify(shared.certificate, now))
    put('one.pem', pems(one))
    put('two.pem', pems(two))
    await start('ca = "two.pem"\ngroup = "two"', 'ca = "one.pem"\ngroup = "one"')
    const key = await created(await signed(shared, byTwo))
    const ofOne = await signed(shared, shared.certificate)
    expect(await sees(ofOne, key)).toBe(false)
    const first = await connected(ofOne)
    await ask(first)
    const again = await connected(ofOne, first.session())
    await expect(again.call(Get, { uniqueIdentifier: key })).rejects.toThrow()
    await ask(again)
    expect(again.isResumed).toBe(true)
  })

  test('ends on an open connection when the client is entered for another group', async () => {
    put('storage.pem', pems(storage, root))
    await start('ca = "storage.pem"\ngroup = "storage"')
    const guest = await signed(storage)
    const client = await connected(guest)
    await ask(client)
    await within(data, opened => trustClient(guest.cert, { name: 'node', group: 'alone' }, opened, now))
    await expect(ask(client)).rejects.toThrow(/another name or group/)
  })
})

test('an authority that was retired signs nothing for a process that has not heard of it', async () => {
  await start()
  await within(data, async stale => {
    await within(data, opened => rollOver(opened, {}, now))
    await within(data, opened => retire(opened, now))
    await expect(issueClient({ name: 'late' }, 'P-256', stale, now)).rejects.toThrow(/was retired/)
  })
})

describe('revocation lists', () => {
  const list = async (by: Authority, { number, ...more }: Partial<RevocationListOptions> = {}) =>
    (
      await by.revocationList({
        number: number ?? 5n,
        revoked: [],
        thisUpdate: new Date(now.getTime() - 30 * dayMs + Number(number ?? 5n) * 1000),
        nextUpdate: new Date(now.getTime() + 7 * dayMs),
        ...more,
      })
    ).pem

  const goesOn = 'the list that was read before goes on to count'

  test.each([
    ['an older one', 'older than the last', async () => list(root, { number: 4n })],
    ['a delta alone', 'no full list', async () => list(root, { number: 6n, base: 5n })],
    ['that of another authority', 'no full list', async () => list(storage, { number: 6n })],
    ['one without the list of an authority below', 'is missing', async () => list(root, { number: 6n })],
  ])('%s does not take the place of the last', async (_, words, next) => {
    put('root.pem', pems(root))
    const lost = await signed(root)
    const { serialNumber } = readCertificate(lost.cert)
    put('root.crl', (await list(root, { revoked: [{ serialNumber, date: now }] })) + (await list(storage)))
    await start('ca = "root.pem"\ncrl = "root.crl"')
    expect(await isServed(lost)).toBe(false)
    put('root.crl', await next())
    await logged(goesOn)
    await logged(words)
    expect(await isServed(lost)).toBe(false)
    expect(await isServed(await signed(root))).toBe(true)
  })

  test.runIf(issuersTold)(
    'shut out whom an authority below has certified whose list is damaged or missing',
    async () => {
      put('root.pem', pems(root))
      const damaged = Buffer.from((await list(storage)).replace(/-----.*-----|\s/g, ''), 'base64')
      damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1
      const pem = `-----BEGIN X509 CRL-----\n${damaged.toString('base64')}\n-----END X509 CRL-----\n`
      put('root.crl', (await list(root)) + pem)
      await start('ca = "root.pem"\ncrl = "root.crl"')
      expect(await isServed(await signed(storage, storage.certificate))).toBe(false)
      await logged('was not signed by it')
      expect(await isServed(await signed(laptops, laptops.certificate))).toBe(true)
      await server?.close()

      put('root.crl', (await list(root)) + (await list(storage)))
      await start('ca = "root.pem"\ncrl = "root.crl"\nexpiredCrl = "refuse"')
      expect(await isServed(await signed(storage, storage.certificate))).toBe(true)
      expect(await isServed(await signed(laptops, laptops.certificate))).toBe(false)
      await logged('there is no revocation list of CN=laptops')
    },
  )
})
