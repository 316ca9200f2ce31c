/**
 * The client register: who was issued which certificate, for which group, until when, and whether it is revoked.
 *
 * It is asked at every message, so that a revocation by another process holds at once: the store tells for the price of
 * one comparison that an entry has not changed.
 *
 * What our own authority signs is entered by serial number, before it is signed; every other certificate by its
 * fingerprint, since other authorities choose names and serial numbers as they like. No entry ever takes another's place.
 *
 * @module
 */
import type { Certificate } from '../certs/index.ts'
import { type Awaitable, type RecordChange, type Store, StoreError, type StoredRecord } from '../store/index.ts'
import { type Claims, claimsOn } from './clients/claims.ts'
import {
  type ClientEntry,
  entryOf,
  isKeyLost,
  isOfLostKey,
  numberOf,
  parse,
  refusalOf,
  unknown,
} from './clients/entry.ts'
import { type ClientName, type Guest, guestOf as namedGuest, stranger } from './clients/guest.ts'
import { fault, type Refusal } from './diagnosis/faults.ts'
import { Failure } from './failure.ts'
import { revised } from './revocation/revision.ts'
import type { Session } from './session.ts'
import { noTrusts, type Trusts } from './trust.ts'

export { type Claims, isClaimed } from './clients/claims.ts'
export { type ClientEntry, entryOf, isKeyLost } from './clients/entry.ts'

const table = 'client'
const everyTerm = 'every'

/** A session that knows its entry, to see whether it still stands. */
export interface ClientSession extends Session {
  /** Milliseconds since 1970 after which the certificate is no longer accepted. */
  readonly notAfter: number
  /** Whether it may call the HTTPS API as an administrator. */
  readonly isAdministrator: boolean
  /** `seen` is absent for a guest, whom the register does not know until it is revoked. */
  readonly entry: {
    readonly id: string
    readonly certificate: Certificate
    seen: StoredRecord | undefined
    /** What was trusted when it was last looked at. */
    trusts: Trusts
  }
}

/** Who is admitted beside those in the register, at one time. */
export interface Hospitality {
  readonly trusts: Trusts
  readonly clientName: ClientName
}

export interface Clients {
  /**
   * Enters a certificate that is about to be signed.
   *
   * @param beside what else is recorded with it, or neither is
   * @throws StoreError `conflict` if there is one of its number
   */
  plan(entry: ClientEntry, beside?: readonly RecordChange[]): Promise<void>
  /**
   * Completes a plan with the certificate that was signed from it.
   *
   * @param beside what else is recorded with it, or neither is
   * @throws StoreError `conflict` unless the entry of this number is a plan for this name
   */
  complete(entry: ClientEntry, beside?: readonly RecordChange[]): Promise<void>
  /** Enters a certificate that another authority signed. @throws StoreError `conflict` if it is entered already */
  enter(entry: ClientEntry): Promise<void>
  /** The entry of what an authority of ours signed, or is about to sign, under a number. */
  numbered(number: Pick<ClientEntry, 'issuer' | 'serialNumber'>): Promise<ClientEntry | undefined>
  /** The entry of this very certificate. */
  entered(certificate: Certificate): Promise<ClientEntry | undefined>
  /** What the entry of a certificate would be that is not entered: as whom a guest is admitted. */
  guest(certificate: Certificate, now: number): ClientEntry
  /**
   * The session of a certificate's owner, or why there is none.
   *
   * @param isVouched whether a chain leads from the certificate to an authority that is trusted; without one, only the
   *   very certificate that is in the register will do
   * @param offered what the client sent beside it: authorities between the two. Asked for only if it matters; default none
   */
  admit(
    certificate: Certificate,
    isVouched: boolean,
    now: number,
    offered?: () => readonly Certificate[],
  ): Promise<ClientSession | Refusal>
  /** @throws Failure AuthenticationNotSuccessful if the certificate was revoked, or has expired, or is no longer vouched for */
  confirm(session: ClientSession, now: number): Awaitable<void>
  /** All entries, oldest first. */
  list(): Promise<ClientEntry[]>
  /** The entries of a client's name, or else of a serial number, or of a fingerprint or its beginning. */
  find(wanted: string): Promise<ClientEntry[]>
  /** What others than the client of this name have in a group already. */
  claims(group: string, name: string): Promise<Claims>
  /** The entries of the same public keys, those that were given included. */
  ofSameKeys(entries: readonly Pick<ClientEntry, 'keyFingerprint'>[]): Promise<ClientEntry[]>
  /**
   * Marks entries as revoked; those that already are stay as they were, unless it is their key that is compromised. One
   * that is not entered is entered as revoked. What a compromised key was certified for beside is revoked as well.
   */
  revoke(entries: readonly ClientEntry[], reason: string, now: number): Promise<void>
}

interface Found {
  readonly id: string
  readonly record: StoredRecord
  readonly entry: ClientEntry
}

type Offered = () => readonly Certificate[]
const nothing: Offered = () => []

const nobody: Hospitality = { trusts: noTrusts, clientName: 'dn' }

/** @param hospitality as of now; asked anew each time */
export function clientsOf(store: Store, hospitality: () => Hospitality = () => nobody): Clients {
  const admitted = new WeakMap<Certificate, Found>()

  async function read(id: string): Promise<Found | undefined> {
    const record = await store.get(table, id)
    return record && { id, record, entry: parse(record) }
  }

  function guestOf(certificate: Certificate, offered: Offered, now: number): Guest | Refusal {
    const { trusts, clientName } = hospitality()
    const voucher = trusts.vouch(certificate, offered(), now)
    if (voucher === undefined) return unknown(certificate.subject.text, certificate.fingerprint)
    return trusts.objection(voucher, now) ?? namedGuest(certificate, voucher, clientName)
  }

  /** What the authority that may vouch for a certificate has against it, though the register knows it. */
  function objection(certificate: Certificate, offered: Offered, now: number): Refusal | undefined {
    const { trusts } = hospitality()
    const voucher = trusts.vouch(certificate, offered(), now)
    return voucher && trusts.objection(voucher, now)
  }

  /** The entry of the very certificate, or the plan of one that is not signed. */
  async function locate(wanted: Pick<ClientEntry, 'fingerprint' | 'issuer' | 'serialNumber'>) {
    const { fingerprint } = wanted
    const found = (fingerprint === '' ? undefined : await read(fingerprint)) ?? (await read(numberOf(wanted)))
    return found?.entry.fingerprint === fingerprint ? found : undefined
  }

  /** Clients come back: an entry that has not changed since is not read anew. */
  async function locateAgain(certificate: Certificate): Promise<Found | undefined> {
    const last = admitted.get(certificate)
    if (last !== undefined && (await store.get(table, last.id, last.record)) === last.record) return last
    const found = await locate(keysOf(certificate))
    if (found !== undefined) admitted.set(certificate, found)
    return found
  }

  /** Without `previous`, there must be nothing in its place. */
  async function put(
    id: string,
    entry: ClientEntry,
    previous?: StoredRecord,
    beside: readonly RecordChange[] = [],
  ): Promise<void> {
    const body = Buffer.from(JSON.stringify(entry))
    const { keyFingerprint: key } = entry
    const terms = [everyTerm, ...(key === undefined ? [] : [keyTerm(key)])]
    const change = { table, id, ...(previous === undefined ? {} : { previous }), body, terms }
    await store.commit([change, ...beside])
  }

  /** What speaks against a client since its entry, or what is trusted, has changed. */
  function changed({ entry, group }: ClientSession, record: StoredRecord | undefined, now: number) {
    const { id, certificate, seen } = entry
    const { fingerprint } = certificate
    if (record !== undefined) {
      const found = parse(record)
      if (found.fingerprint !== fingerprint) return unknown('it connected with', fingerprint)
      return refusalOf(found, now) ?? (isOurs(id, certificate) ? undefined : objection(certificate, nothing, now))
    }
    if (seen !== undefined) return unknown('it connected with', fingerprint)
    const guest = guestOf(certificate, nothing, now)
    if (!('client' in guest)) return guest
    return guest.group === group ? undefined : renamed
  }

  async function list(): Promise<ClientEntry[]> {
    const entries: ClientEntry[] = []
    for await (const id of store.find(table, everyTerm)) {
      const found = await read(id)
      if (found !== undefined) entries.push(found.entry)
    }
    return entries.sort((one, other) => one.issued - other.issued)
  }

  async function revokeOne(entry: ClientEntry, revoked: NonNullable<ClientEntry['revoked']>): Promise<void> {
    const found = await locate(entry)
    const latest = found?.entry ?? entry
    const { revoked: before } = latest
    if (before !== undefined && (isKeyLost(latest) || !isOfLostKey(revoked.reason))) return
    const id = found?.id ?? entry.fingerprint
    const told = { date: before?.date ?? revoked.date, reason: revoked.reason }
    await put(id, { ...latest, revoked: told }, found?.record, [await revised(store)])
  }

  async function ofSameKeys(given: readonly Pick<ClientEntry, 'keyFingerprint'>[]): Promise<ClientEntry[]> {
    const keys = new Set(given.flatMap(({ keyFingerprint = [] }) => keyFingerprint))
    const entries: ClientEntry[] = []
    for (const key of keys)
      for await (const id of store.find(table, keyTerm(key))) {
        const found = await read(id)
        if (found?.entry.keyFingerprint === key) entries.push(found.entry)
      }
    return entries
  }

  async function confirmAnew(
    session: ClientSession,
    read: Awaitable<StoredRecord | undefined>,
    trusts: Trusts,
    now: number,
  ): Promise<void> {
    const record = await read
    const refusal = changed(session, record, now)
    if (refusal !== undefined) throw new Failure('AuthenticationNotSuccessful', `${refusal.reason}: ${refusal.hint}`)
    session.entry.seen = record
    session.entry.trusts = trusts
  }

  return {
    list,

    plan: (entry, beside) => put(numberOf(entry), { ...entry, fingerprint: '' }, undefined, beside),

    async complete(entry, beside) {
      const id = numberOf(entry)
      const planned = await read(id)
      if (planned?.entry.name !== entry.name || planned.entry.fingerprint !== '')
        throw new StoreError('conflict', `the register has no plan ${id} for ${entry.name}; sign the request again`, {
          table,
          id,
        })
      await put(id, { ...planned.entry, fingerprint: entry.fingerprint }, planned.record, beside)
    },

    numbered: async number => (await read(numberOf(number)))?.entry,

    enter: entry => put(entry.fingerprint, entry),

    async entered(certificate) {
      return (await locate(keysOf(certificate)))?.entry
    },

    guest(certificate, now) {
      const guest = guestOf(certificate, nothing, now)
      const { client, group } = 'client' in guest ? guest : stranger(certificate)
      return entryOf(certificate, client, group, now)
    },

    async admit(certificate, isVouched, now, offered = nothing) {
      const { fingerprint, subject, notAfter } = certificate
      const { trusts } = hospitality()
      const found = await locateAgain(certificate)
      if (found !== undefined) {
        const { id, record, entry } = found
        const { name: client, group, administrator: isAdministrator = false } = entry
        const refusal =
          refusalOf(entry, now) ?? (isOurs(id, certificate) ? undefined : objection(certificate, offered, now))
        const session = { client, group, notAfter: entry.notAfter, isAdministrator }
        return refusal ?? { ...session, entry: { id, certificate, seen: record, trusts } }
      }
      const guest = isVouched ? guestOf(certificate, offered, now) : unknown(subject.text, fingerprint)
      if (!('client' in guest)) return guest
      const session = { ...guest, notAfter: notAfter.getTime(), isAdministrator: false }
      return { ...session, entry: { id: fingerprint, certificate, seen: undefined, trusts } }
    },

    confirm(session, now) {
      const { entry, notAfter } = session
      if (now > notAfter)
        throw new Failure('AuthenticationNotSuccessful', 'the client certificate has expired since it connected')
      const { trusts } = hospitality()
      const record = store.get(table, entry.id, entry.seen)
      return record === entry.seen && trusts === entry.trusts ? undefined : confirmAnew(session, record, trusts, now)
    },

    async find(wanted) {
      const entries = await list()
      const named = entries.filter(({ name }) => name === wanted)
      if (named.length > 0) return named
      const digits = wanted.toLowerCase().replaceAll(':', '')
      return entries.filter(
        ({ serialNumber, fingerprint }) =>
          serialNumber === digits || (digits.length >= shortestPrefix && fingerprint.startsWith(digits)),
      )
    },

    claims: async (group, name) =>
      claimsOn(group, name, { store, trusts: hospitality().trusts, entries: await list() }),

    ofSameKeys,

    async revoke(entries, reason, now) {
      const all = async (each: readonly ClientEntry[]): Promise<void> => {
        for (const entry of each) await again(() => revokeOne(entry, { date: now, reason }))
      }
      await all(entries)
      // Looked for last: what is planned from now on finds the key compromised.
      if (isOfLostKey(reason)) await all(await ofSameKeys(entries))
    },
  }
}

/** Revocations are counted in one record, so that two at once are a conflict that means nothing. */
async function again(work: () => Promise<void>, most = 20): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'conflict' || most === 0) throw error
    await again(work, most - 1)
  }
}

/** Whether the entry is of what our own authority signed, on which other authorities have no say. */
const isOurs = (id: string, { fingerprint }: Certificate): boolean => id !== fingerprint

const renamed: Refusal = fault('unlikeBefore', 'client', {})

const keysOf = ({ fingerprint, serialNumber, issuer }: Certificate) => ({
  fingerprint,
  serialNumber,
  issuer: issuer.text,
})

const keyTerm = (fingerprint: string): string => `key:${fingerprint}`

const shortestPrefix = 8
