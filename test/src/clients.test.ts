/**
 * The client register: who is admitted as whom, and that no certificate takes another's place.
 *
 * @module
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Authority,
  type Certificate,
  clientProfile,
  createAuthority,
  generateKeyPair,
  openAuthority,
  type Subject,
} from '../../certs/index.ts'
import { type Clients, type ClientSession, clientsOf, entryOf } from '../../src/clients.ts'
import { schema } from '../../src/config/settings.ts'
import { EnrollmentError, issueClient, type Office, trustClient } from '../../src/enrollment.ts'
import { openEphemeralStore } from '../../src/house.ts'
import { noTrusts, trustsOf } from '../../src/trust.ts'
import { type Store, StoreError } from '../../store/index.ts'

const now = new Date()

let store: Store
let own: Authority

beforeEach(async () => {
  store = await openEphemeralStore()
  own = await authority({ commonName: 'kmipd root' })
})

afterEach(() => store.close())

const authority = async (subject: Subject): Promise<Authority> => openAuthority(await createAuthority({ subject, now }))

/** A certificate, with a new key, that no register hears of. */
async function signed(by: Authority, subject: Subject): Promise<Certificate> {
  const { publicKey } = await generateKeyPair('P-256')
  return by.sign(by.plan(publicKey, { ...clientProfile({ names: ['client.example'] }), subject }, now))
}

function trusting(...authorities: readonly Authority[]): Clients {
  const trusts = trustsOf(authorities.map(({ certificate }) => ({ authority: certificate })))
  return clientsOf(store, () => ({ trusts, clientName: 'dn' }))
}

async function admitted(clients: Clients, certificate: Certificate): Promise<ClientSession> {
  const session = await clients.admit(certificate, true, now.getTime())
  if ('reason' in session) throw new Error(session.reason)
  return session
}

const refusal = async (clients: Clients, certificate: Certificate): Promise<string> => {
  const answer = await clients.admit(certificate, true, now.getTime())
  return 'reason' in answer ? answer.reason : `admitted as ${answer.client}`
}

/** An authority that takes another's name, and gives all it signs the serial number of a certificate. */
async function impostor({ issuer, serialNumber }: Certificate): Promise<Authority> {
  const { commonName = '' } = issuer
  const files = await createAuthority({ subject: { commonName }, now })
  return openAuthority({ ...files, random: () => Buffer.from(serialNumber, 'hex') })
}

const office = (clients: Clients): Office => ({ authority: own, clients, policy: schema.parse({}).policy })

const trust = (certificate: Certificate, clients: Clients, name: string, group?: string) =>
  trustClient(certificate.pem, { name, group }, office(clients), now)

describe('guests', () => {
  test('of authorities of the same common name are in groups of their own', async () => {
    const one = await authority({ commonName: 'CA', organization: 'One' })
    const two = await authority({ commonName: 'CA', organization: 'Two' })
    const clients = trusting(one, two)
    const sessions = [
      await admitted(clients, await signed(one, { commonName: 'node' })),
      await admitted(clients, await signed(two, { commonName: 'node' })),
    ]
    for (const { client, group } of sessions) {
      expect(group).toMatch(/^node@CA#[0-9a-f]{32}$/)
      expect(client).toBe(group)
    }
    expect(new Set(sessions.map(({ group }) => group)).size).toBe(2)
  })

  test('keep their group when the certificate is renewed, and share it with no other subject', async () => {
    const foreign = await authority({ commonName: 'CA' })
    const clients = trusting(foreign)
    const groupOf = async (subject: Subject) => (await admitted(clients, await signed(foreign, subject))).group
    const group = await groupOf({ commonName: 'node', organization: 'One' })
    expect(await groupOf({ commonName: 'node', organization: 'One' })).toBe(group)
    expect(await groupOf({ commonName: 'node', organization: 'Two' })).not.toBe(group)
    expect(await groupOf({ commonName: group ?? '' })).not.toBe(group)
  })

  test('without a common name are nobody else, and without any name each its own', async () => {
    const foreign = await authority({ commonName: 'CA' })
    const clients = trusting(foreign)
    const nameless = await signed(foreign, {})
    const groups = await Promise.all(
      [
        nameless,
        await signed(foreign, {}),
        await signed(foreign, { organization: 'One' }),
        await signed(foreign, { commonName: nameless.fingerprint.slice(0, 16) }),
      ].map(async each => (await admitted(clients, each)).group),
    )
    expect(new Set(groups).size).toBe(4)
  })

  test('are shut out by their certificate, at once and from then on, and others are not', async () => {
    const foreign = await authority({ commonName: 'CA' })
    const clients = trusting(foreign)
    const [lost, kept] = [await signed(foreign, { commonName: 'node' }), await signed(foreign, { commonName: 'node' })]
    const [live, other] = [await admitted(clients, lost), await admitted(clients, kept)]
    await clients.confirm(live, now.getTime())
    // As another process does it, which may not know of the authority.
    const shell = clientsOf(store)
    await shell.revoke([shell.guest(lost, now.getTime())], 'stolen', now.getTime())
    await expect(clients.confirm(live, now.getTime())).rejects.toThrow(/was revoked on .* \(stolen\)/)
    expect(await refusal(clients, lost)).toMatch(/was revoked on .* \(stolen\)/)
    await clients.confirm(other, now.getTime())
    await admitted(clients, kept)
    await expect(trust(lost, clients, 'node')).rejects.toThrow(/was revoked on .* and stays so/)
  })
})

describe('an entry', () => {
  test("is not replaced by another authority's certificate of the same issuer and serial number", async () => {
    const clients = clientsOf(store)
    const { certificate, entry } = await issueClient({ name: 'ours' }, 'P-256', office(clients), now)
    const twin = await signed(await impostor(certificate), { commonName: 'twin' })
    expect([twin.serialNumber, twin.issuer.text]).toEqual([certificate.serialNumber, certificate.issuer.text])
    expect(await refusal(clients, twin)).toMatch(/not in the client register/)
    await trust(twin, clients, 'theirs')
    expect((await admitted(clients, certificate)).client).toBe('ours')
    expect((await admitted(clients, twin)).client).toBe('theirs')
    await clients.revoke([entry], 'lost', now.getTime())
    expect(await refusal(clients, certificate)).toMatch(/ours was revoked/)
    expect((await admitted(clients, twin)).client).toBe('theirs')
  })

  test('is made once: trusting the same certificate again changes nothing', async () => {
    const clients = clientsOf(store)
    const certificate = await signed(await authority({ commonName: 'CA' }), { commonName: 'node' })
    const entry = await trust(certificate, clients, 'node', 'shared')
    for (const group of ['shared', undefined]) expect(await trust(certificate, clients, 'node', group)).toEqual(entry)
    for (const [name, group] of [
      ['other', 'shared'],
      ['node', 'mine'],
    ] as const)
      await expect(trust(certificate, clients, name, group)).rejects.toThrow(
        /entered already, as node in the group shared/,
      )
    await expect(clients.enter({ ...entry, group: 'mine' })).rejects.toThrow(StoreError)
    await clients.revoke([entry], 'lost', now.getTime())
    await expect(trust(certificate, clients, 'node')).rejects.toThrow(EnrollmentError)
    expect(await clients.list()).toMatchObject([{ name: 'node', group: 'shared', revoked: { reason: 'lost' } }])
  })

  test('of our own authority is neither trusted nor completed but from its plan', async () => {
    const clients = clientsOf(store)
    const { certificate, entry } = await issueClient({ name: 'ours' }, 'P-256', office(clients), now)
    await expect(trust(certificate, clients, 'mine')).rejects.toThrow(/of our own authority/)
    await expect(trust(await signed(own, { commonName: 'x' }), clients, 'x')).rejects.toThrow(/of our own authority/)
    for (const change of [clients.plan(entry), clients.complete(entry), clients.complete({ ...entry, name: 'mine' })])
      await expect(change).rejects.toMatchObject({ code: 'conflict' })
    expect(await clients.list()).toEqual([entry])
  })

  test('that was revoked before its certificate was signed stays revoked', async () => {
    const clients = clientsOf(store)
    const certificate = await signed(own, { commonName: 'ours' })
    const entry = entryOf(certificate, 'ours', 'ours', now.getTime())
    await clients.plan(entry)
    await clients.revoke(await clients.find('ours'), 'mistake', now.getTime())
    await clients.complete(entry)
    expect(await refusal(clients, certificate)).toMatch(/ours was revoked/)
  })

  test('that is of another certificate than the session ends it', async () => {
    const clients = clientsOf(store)
    const { certificate, entry } = await issueClient({ name: 'ours' }, 'P-256', office(clients), now)
    const session = await admitted(clients, certificate)
    const previous = await store.get('client', session.entry.id)
    const body = Buffer.from(JSON.stringify({ ...entry, fingerprint: 'ab'.repeat(32) }))
    await store.commit([{ table: 'client', id: session.entry.id, previous, body, terms: ['every'] }])
    await expect(clients.confirm(session, now.getTime())).rejects.toThrow(/not in the client register/)
  })

  test('of an authority that was retired is neither planned nor completed, and admits nobody', async () => {
    let ownIssuers: ReadonlySet<string> = new Set([own.certificate.subject.text])
    let trusts = noTrusts
    const clients = clientsOf(store, () => ({ trusts, clientName: 'dn', ownIssuers }))
    const { certificate, entry } = await issueClient({ name: 'ours' }, 'P-256', office(clients), now)
    const session = await admitted(clients, certificate)
    const planned = { ...entry, serialNumber: '0a', name: 'late' }
    await clients.plan(planned)
    // As another process does it.
    await clientsOf(store).retire(own.certificate.subject.text, now.getTime())
    await expect(issueClient({ name: 'new' }, 'P-256', office(clients), now)).rejects.toThrow(/was retired.*again/)
    await expect(clients.complete(planned)).rejects.toMatchObject({ code: 'conflict' })
    ownIssuers = new Set(['CN=the next'])
    expect(await refusal(clients, certificate)).toMatch(/no authority of this server any more/)
    trusts = trustsOf([])
    await expect(clients.confirm(session, now.getTime())).rejects.toThrow(/no authority of this server any more/)
  })

  test('that was completed while it was revoked as a plan is revoked', async () => {
    const clients = clientsOf(store)
    const certificate = await signed(own, { commonName: 'ours' })
    const entry = entryOf(certificate, 'ours', 'ours', now.getTime())
    await clients.plan(entry)
    const found = await clients.find('ours')
    await clients.complete(entry)
    await clients.revoke(found, 'superseded', now.getTime())
    expect(await refusal(clients, certificate)).toMatch(/ours was revoked/)
    expect(await clients.list()).toHaveLength(1)
  })

  test("that a guest gets ends the guest's session", async () => {
    const foreign = await authority({ commonName: 'CA' })
    const clients = trusting(foreign)
    const certificate = await signed(foreign, { commonName: 'node' })
    const session = await admitted(clients, certificate)
    await trust(certificate, clients, 'node', 'elsewhere')
    await expect(clients.confirm(session, now.getTime())).rejects.toThrow(/another name or group/)
    expect((await admitted(clients, certificate)).group).toBe('elsewhere')
  })
})
