/**
 * Who sees which keys, and for how long: groups, certificates, and what connections share with one another.
 *
 * @module
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Authority,
  clientProfile,
  createAuthority,
  exportPrivateKey,
  generateKeyPair,
  openAuthority,
  readCertificate,
} from '../../certs/index.ts'
import {
  Activate,
  AddAttribute,
  AdjustAttribute,
  Check,
  type Client,
  Create,
  DeleteAttribute,
  Destroy,
  Get,
  GetAttributeList,
  GetAttributes,
  KmipError,
  Locate,
  ModifyAttribute,
  type Operation,
  Revoke,
  SetAttribute,
} from '../../src/index.ts'
import { initialise } from '../../src/initialise.ts'
import { aesKey, call, create, custom, locate, materialOf, named, outcomeOf } from './requests.ts'
import {
  enrolled,
  eventually,
  type Identity,
  launch,
  newFolder,
  removeFolder,
  type ServerProcess,
  within,
} from './server-process.ts'

const dayMs = 86_400_000
/** Long enough to connect on a busy machine. */
const lifeMs = 6000

let folder: string
let server: ServerProcess
let foreign: Authority
let first: Client
let second: Client
let stranger: Client
/** Lets in a client whose certificate ends while the other tests go on. */
let expiring: { readonly client: Client; readonly id: string; readonly ends: number }
const clients: Client[] = []

beforeAll(async () => {
  folder = await newFolder()
  const files = await createAuthority({ subject: { commonName: 'Foreign CA' }, now: new Date() })
  foreign = openAuthority(files)
  const data = join(folder, 'data')
  await mkdir(data)
  await writeFile(join(data, 'foreign.pem'), files.certificate)
  await writeFile(join(data, 'kmipd.toml'), '[[tls.trust]]\nca = "foreign.pem"\ngroup = "foreign"\n')
  // Old enough to have signed what has expired since.
  const authority = await createAuthority({ now: new Date(Date.now() - 20 * dayMs) })
  await initialise({ data, authority })
  server = await launch(data)
  first = await connected(await enrolled(data, 'node-1', { group: 'cluster' }))
  second = await connected(await enrolled(data, 'node-2', { group: 'cluster' }))
  stranger = await connected(await enrolled(data, 'stranger'))
  const ends = Date.now() + lifeMs
  const client = await connected(await enrolled(data, 'expiring', { days: 1, now: new Date(ends - dayMs) }))
  expiring = { client, id: await create(client), ends }
})

afterAll(async () => {
  await Promise.all(clients.map(client => client.close()))
  await server.end()
  await removeFolder(folder)
})

async function connected(identity: Identity, session?: Buffer): Promise<Client> {
  const client = await server.connect(identity, { session })
  clients.push(client)
  return client
}

/** A certificate that an authority signs and no register hears of. */
async function signedBy(authority: Authority, commonName: string): Promise<Identity> {
  const { publicKey, privateKey } = await generateKeyPair('P-256')
  const { pem } = await authority.sign(authority.plan(publicKey, clientProfile({ commonName }), new Date()))
  return { cert: pem, key: exportPrivateKey(privateKey) }
}

/** The server lets the client not even ask, and its log says why. */
async function expectRefused(identity: Identity, reason: RegExp, session?: Buffer): Promise<Record<string, unknown>> {
  const seen = server.log().length
  const asked = (async () => locate(await connected(identity, session)))()
  await expect(asked).rejects.toSatisfy(error => !(error instanceof KmipError))
  const line = await eventually(() =>
    server
      .log()
      .slice(seen)
      .find(({ msg }) => msg === 'connection refused'),
  )
  expect(line['reason']).toMatch(reason)
  return line
}

describe('groups', () => {
  test('nodes of a cluster share their keys', async () => {
    const id = await create(first, named('shared'))
    expect(await locate(second, named('shared'))).toEqual([id])
    expect(await materialOf(second, id)).toBe(await materialOf(first, id))
    await second.call(Activate, { uniqueIdentifier: id })
    expect(await outcomeOf(first.call(Activate, { uniqueIdentifier: id }))).toBe('PermissionDenied')
  })

  const asOfVersion = '2.1'
  const revocationReason = { revocationReasonCode: 'Unspecified' } as const
  const rows: readonly (readonly [Operation<unknown, unknown>, object])[] = [
    row(Get, {}),
    row(GetAttributes, { attributeReference: [] }),
    row(GetAttributes, { attributeReference: ['state'] }),
    row(GetAttributeList, {}),
    row(Activate, {}),
    row(Check, {}),
    row(Revoke, { revocationReason }),
    row(Destroy, {}),
    row(AddAttribute, { newAttribute: custom('x-A', 'b') }),
    row(SetAttribute, { newAttribute: custom('x-A', 'b') }),
    row(ModifyAttribute, { newAttribute: custom('x-A', 'b') }),
    row(DeleteAttribute, { attributeReference: 'x-A' }),
    row(AdjustAttribute, { attributeReference: 'cryptographicLength', adjustmentType: 'Increment' }),
  ]

  function row<Q, R>(operation: Operation<Q, R>, payload: Omit<Q, 'uniqueIdentifier'>) {
    return [operation as Operation<unknown, unknown>, payload] as const
  }

  test.each(rows.map(([operation, payload]) => [operation.name, operation, payload] as const))(
    'a %s of another group finds nothing, in the words for what never was',
    async (_, operation, payload) => {
      const id = await create(first, custom('x-A', 'a'))
      const never = id.replace(/.{12}$/, '000000000000')
      const complaint = async (uniqueIdentifier: string) => {
        const error: unknown = await stranger
          .at(asOfVersion)
          .call(operation, { ...payload, uniqueIdentifier })
          .catch((thrown: unknown) => thrown)
        if (!(error instanceof KmipError)) throw new Error('it was not refused')
        return { reason: error.reason, message: error.message.replace(uniqueIdentifier, '…') }
      }
      const hidden = await complaint(id)
      expect(hidden.reason).toBe('ObjectNotFound')
      expect(hidden).toEqual(await complaint(never))
      const { attributes } = await first.call(GetAttributes, {
        uniqueIdentifier: id,
        attributeReference: ['state', 'x-A'],
      })
      expect(attributes).toEqual([{ name: 'state', value: 'PreActive' }, custom('x-A', 'a')])
    },
  )

  test('a Locate of another group finds nothing by anything', async () => {
    const id = await create(first, named('hidden'), custom('x-H', 'h'), { name: 'objectGroup', value: 'drives' })
    expect(await locate(first, { name: 'uniqueIdentifier', value: id })).toEqual([id])
    expect(await locate(stranger)).toEqual([])
    for (const criterion of [
      named('hidden'),
      custom('x-H', 'h'),
      { name: 'objectGroup', value: 'drives' } as const,
      { name: 'uniqueIdentifier', value: id } as const,
      { name: 'objectType', value: 'SymmetricKey' } as const,
    ])
      expect(await locate(stranger, criterion)).toEqual([])
    const paged = await stranger.call(Locate, { attributes: [], maximumItems: 1 })
    expect(paged).toEqual({ uniqueIdentifier: [], locatedItems: 0 })
  })

  test('names of another group are free, and do not tell that they are taken there', async () => {
    const ours = await create(first, named('same name'))
    const theirs = await create(stranger, named('same name'))
    expect(await locate(first, named('same name'))).toEqual([ours])
    expect(await locate(stranger, named('same name'))).toEqual([theirs])
    expect(await outcomeOf(create(second, named('same name')))).toBe('InvalidField')
  })
})

describe('certificates', () => {
  test('a renewed certificate of the same name sees the same keys', async () => {
    const id = await create(await connected(await enrolled(server.data, 'renewed', { group: 'renewing' })))
    expect(await locate(await connected(await enrolled(server.data, 'renewed')))).toEqual([id])
  })

  test('a revocation by another process holds at once: on live connections, new ones and resumed ones', async () => {
    const identity = await enrolled(server.data, 'revoked')
    const live = await connected(identity)
    const id = await create(live)
    const ticket = await eventually(() => live.session())
    const resumed = await connected(identity, ticket)
    expect(resumed.isResumed).toBe(true)
    expect(await materialOf(resumed, id)).toBe(await materialOf(live, id))
    await within(server.data, async ({ clients: register }) =>
      register.revoke(await register.find('revoked'), 'stolen', Date.now()),
    )
    for (const client of [live, resumed])
      expect(await outcomeOf(client.call(Get, { uniqueIdentifier: id }))).toBe('AuthenticationNotSuccessful')
    expect(await outcomeOf(create(live))).toBe('AuthenticationNotSuccessful')
    const reason = /revoked was revoked on .* \(stolen\)/
    expect((await expectRefused(identity, reason))['resumed']).toBe(false)
    expect((await expectRefused(identity, reason, ticket))['resumed']).toBe(true)
  })

  test('an expired certificate is refused', async () => {
    const now = new Date(Date.now() - 11 * dayMs)
    await expectRefused(await enrolled(server.data, 'expired', { days: 10, now }), /expired/)
  })

  test('a certificate that expires while it is connected is refused from then on', async () => {
    const { client, id, ends } = expiring
    await new Promise(resolve => setTimeout(resolve, ends - Date.now()))
    expect(await outcomeOf(client.call(Get, { uniqueIdentifier: id }))).toBe('AuthenticationNotSuccessful')
  })

  test('a certificate of our own authority that the register does not know is refused', async () => {
    const identity = await within(server.data, ({ authority }) => signedBy(authority, 'node-1'))
    await expectRefused(identity, /not in the client register/)
  })

  test('a certificate of an authority that nobody trusts is refused', async () => {
    const unknown = openAuthority(await createAuthority({ subject: { commonName: 'Foreign CA' }, now: new Date() }))
    await expectRefused(await signedBy(unknown, 'node-1'), /not in the client register|cannot be verified|authority/)
  })

  test('clients of an authority trusted in the settings share the group it is given, and no other', async () => {
    const [one, other] = [
      await connected(await signedBy(foreign, 'node-1')),
      await connected(await signedBy(foreign, 'x')),
    ]
    expect(await locate(one)).toEqual([])
    const id = await create(one)
    expect(await locate(other)).toEqual([id])
    expect(await outcomeOf(first.call(Get, { uniqueIdentifier: id }))).toBe('ItemNotFound')
  })

  test('a client of a trusted authority is shut out by its certificate, at once, and the others are not', async () => {
    const [lost, kept] = [await signedBy(foreign, 'lost'), await signedBy(foreign, 'lost')]
    const [live, other] = [await connected(lost), await connected(kept)]
    await create(live)
    await within(server.data, async ({ clients: register }) =>
      register.revoke([register.guest(readCertificate(lost.cert), Date.now())], 'stolen', Date.now()),
    )
    expect(await outcomeOf(create(live))).toBe('AuthenticationNotSuccessful')
    await expectRefused(lost, /was revoked on .* \(stolen\)/)
    expect(await outcomeOf(create(other))).toBe('done')
  })
})

describe('connections', () => {
  test('the ID Placeholder belongs to one message', async () => {
    const { batchItem } = await first.batch([call(Create, aesKey()), call(Get, {})])
    expect(batchItem.map(({ resultStatus }) => resultStatus)).toEqual(['Success', 'Success'])
    for (const client of [first, second, stranger])
      for (const asked of [client.call(Get, {}), client.call(Destroy, {}), client.call(GetAttributeList, {})])
        expect(await outcomeOf(asked)).toBe('ItemNotFound')
  })

  test('a name raced for by eight connections goes to one', async () => {
    const racers = await crowd(8)
    for (let round = 0; round < 15; round++) {
      const name = named(`raced ${round}`)
      const outcomes = await Promise.all(racers.map(racer => outcomeOf(create(racer, name))))
      expect(outcomes.sort()).toEqual([...Array<string>(7).fill('InvalidField'), 'done'].sort())
      expect(await locate(first, name)).toHaveLength(1)
    }
  })

  test('attributes that eight connections add at a time are all there', async () => {
    const adders = await crowd(8)
    const uniqueIdentifier = await create(first)
    const wanted = adders.map((_, index) => Array.from({ length: 10 }, (_value, step) => `${index}.${step}`))
    await Promise.all(
      adders.map(async (adder, index) => {
        for (const text of wanted[index] ?? [])
          await adder.call(AddAttribute, { uniqueIdentifier, newAttribute: custom('x-Added', text) })
      }),
    )
    const { attributes } = await first.call(GetAttributes, { uniqueIdentifier, attributeReference: ['x-Added'] })
    const found = attributes.map(({ value }) => (value as { readonly value: string }).value)
    expect(found.sort()).toEqual(wanted.flat().sort())
  })
})

/** So many connections of the cluster's second node. */
async function crowd(count: number): Promise<Client[]> {
  const identity = await enrolled(server.data, 'node-2')
  return Promise.all(Array.from({ length: count }, () => connected(identity)))
}
