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
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type Certificate, isIssuedBy } from '../certs/index.ts'
import { type RecordChange, type Store, StoreError, type StoredRecord } from '../store/index.ts'
import { fault, type Refusal } from './diagnosis/faults.ts'
import { Failure } from './failure.ts'
import type { Session } from './session.ts'

const table = 'client'
const everyTerm = 'every'

const entrySchema = z.object({
  name: z.string(),
  group: z.string(),
  serialNumber: z.string(),
  /** SHA-256 of the certificate; empty from the moment of planning to that of signing. */
  fingerprint: z.string(),
  subject: z.string(),
  issuer: z.string(),
  publicKey: z.string(),
  notBefore: z.number(),
  notAfter: z.number(),
  issued: z.number(),
  /** May call the HTTPS API; on the KMIP port a client like any other. */
  administrator: z.boolean().optional(),
  revoked: z.object({ date: z.number(), reason: z.string() }).optional(),
})

/** One certificate of one client. Dates are milliseconds since 1970. */
export type ClientEntry = z.infer<typeof entrySchema>

/** A session that knows its entry, to see whether it still stands. */
export interface ClientSession extends Session {
  /** Milliseconds since 1970 after which the certificate is no longer accepted. */
  readonly notAfter: number
  /** Whether it may call the HTTPS API as an administrator. */
  readonly isAdministrator: boolean
  /** `seen` is absent for a guest, whom the register does not know until it is revoked. */
  readonly entry: { readonly id: string; readonly fingerprint: string; seen: StoredRecord | undefined }
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
   */
  admit(certificate: Certificate, isVouched: boolean, now: number): Promise<ClientSession | Refusal>
  /** @throws Failure AuthenticationNotSuccessful if the certificate was revoked or has expired since */
  confirm(session: ClientSession, now: number): Promise<void>
  /** All entries, oldest first. */
  list(): Promise<ClientEntry[]>
  /** The entries of a client's name, or else of a serial number, or of a fingerprint or its beginning. */
  find(wanted: string): Promise<ClientEntry[]>
  /** Marks entries as revoked; those that already are stay as they were. One that is not entered is entered as revoked. */
  revoke(entries: readonly ClientEntry[], reason: string, now: number): Promise<void>
}

/** Where the certificates of our own authority are kept. */
const numberOf = ({ issuer, serialNumber }: Pick<ClientEntry, 'issuer' | 'serialNumber'>): string =>
  `${serialNumber}@${sha256(issuer).slice(0, 32)}`

const sha256 = (...parts: readonly (string | Uint8Array)[]): string =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex')

/** A certificate as the register keeps it, for a client and group; `now` in milliseconds since 1970. */
export const entryOf = (certificate: Certificate, name: string, group: string, now: number): ClientEntry => ({
  name,
  group,
  serialNumber: certificate.serialNumber,
  fingerprint: certificate.fingerprint,
  subject: certificate.subject.text,
  issuer: certificate.issuer.text,
  publicKey: certificate.publicKey.description,
  notBefore: certificate.notBefore.getTime(),
  notAfter: certificate.notAfter.getTime(),
  issued: now,
})

/** Another authority whose clients are admitted without being entered one by one. */
export interface Trust {
  readonly authority: Certificate
  /** Whose objects its clients share; absent, each has a group of its own. */
  readonly group?: string | undefined
}

interface Found {
  readonly id: string
  readonly record: StoredRecord
  readonly entry: ClientEntry
}

export function clientsOf(store: Store, trusts: readonly Trust[] = []): Clients {
  async function read(id: string): Promise<Found | undefined> {
    const record = await store.get(table, id)
    return record && { id, record, entry: parse(record) }
  }

  /** The entry of the very certificate, or the plan of one that is not signed. */
  async function locate(wanted: Pick<ClientEntry, 'fingerprint' | 'issuer' | 'serialNumber'>) {
    const { fingerprint } = wanted
    const found = (fingerprint === '' ? undefined : await read(fingerprint)) ?? (await read(numberOf(wanted)))
    return found?.entry.fingerprint === fingerprint ? found : undefined
  }

  /** Without `previous`, there must be nothing in its place. */
  async function put(
    id: string,
    entry: ClientEntry,
    previous?: StoredRecord,
    beside: readonly RecordChange[] = [],
  ): Promise<void> {
    const body = Buffer.from(JSON.stringify(entry))
    const change = { table, id, ...(previous === undefined ? {} : { previous }), body, terms: [everyTerm] }
    await store.commit([change, ...beside])
  }

  async function list(): Promise<ClientEntry[]> {
    const entries: ClientEntry[] = []
    for await (const id of store.find(table, everyTerm)) {
      const found = await read(id)
      if (found !== undefined) entries.push(found.entry)
    }
    return entries.sort((one, other) => one.issued - other.issued)
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
      const { client, group } = guestOf(certificate, trusts) ?? stranger(certificate)
      return entryOf(certificate, client, group, now)
    },

    async admit(certificate, isVouched, now) {
      const { fingerprint, subject, notAfter } = certificate
      const found = await locate(keysOf(certificate))
      if (found !== undefined) {
        const { id, record, entry } = found
        const { name: client, group, administrator: isAdministrator = false } = entry
        return (
          refusalOf(entry, now) ?? {
            client,
            group,
            notAfter: entry.notAfter,
            isAdministrator,
            entry: { id, fingerprint, seen: record },
          }
        )
      }
      const guest = isVouched ? guestOf(certificate, trusts) : undefined
      if (guest === undefined) return unknown(subject.text, fingerprint)
      return {
        ...guest,
        notAfter: notAfter.getTime(),
        isAdministrator: false,
        entry: { id: fingerprint, fingerprint, seen: undefined },
      }
    },

    async confirm({ entry, notAfter }, now) {
      if (now > notAfter)
        throw new Failure('AuthenticationNotSuccessful', 'the client certificate has expired since it connected')
      const record = await store.get(table, entry.id, entry.seen)
      if (record === entry.seen) return
      const found = record && parse(record)
      const refusal =
        found?.fingerprint === entry.fingerprint
          ? refusalOf(found, now)
          : unknown('it connected with', entry.fingerprint)
      if (refusal !== undefined) throw new Failure('AuthenticationNotSuccessful', `${refusal.reason}: ${refusal.hint}`)
      entry.seen = record
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

    async revoke(entries, reason, now) {
      const open = entries.filter(({ revoked }) => revoked === undefined)
      for (const entry of open) {
        const found = await locate(entry)
        if (found?.entry.revoked !== undefined) continue
        const revoked = { date: now, reason }
        await put(found?.id ?? entry.fingerprint, { ...(found?.entry ?? entry), revoked }, found?.record)
      }
    },
  }
}

const keysOf = ({ fingerprint, serialNumber, issuer }: Certificate) => ({
  fingerprint,
  serialNumber,
  issuer: issuer.text,
})

interface Guest {
  readonly client: string
  readonly group: string
}

/**
 * As whom a client is admitted that an authority vouches for whom the administrator trusts. A name of ours holds no `@`,
 * so no such authority can name anybody into a group of ours.
 */
function guestOf(certificate: Certificate, trusts: readonly Trust[]): Guest | undefined {
  const trust = trusts.find(({ authority }) => isIssuedBy(certificate, authority))
  if (trust === undefined) return undefined
  const client = guestName(certificate, trust.authority.publicKey.fingerprint)
  return { client, group: trust.group ?? client }
}

/** What a certificate is called that nobody we know vouches for: one of its own. */
function stranger(certificate: Certificate): Guest {
  const client = guestName(certificate, certificate.fingerprint)
  return { client, group: client }
}

/**
 * Names are for people, and two authorities or subjects may bear the same: what tells guests apart is the hash, of the
 * authority's key and the whole subject, so that a renewed certificate is the same guest. An empty subject names nobody
 * (RFC 5280 §4.1.2.6); then each certificate is a guest of its own.
 */
function guestName({ subject, issuer, fingerprint }: Certificate, authorityKey: string): string {
  const hash = sha256(authorityKey, subject.der, subject.attribute.length === 0 ? fingerprint : '')
  return `${subject.commonName ?? ''}@${issuer.commonName ?? ''}#${hash.slice(0, 32)}`
}

const shortestPrefix = 8

function parse({ id, body }: StoredRecord): ClientEntry {
  const entry = entrySchema.safeParse(JSON.parse(Buffer.from(body).toString()))
  if (!entry.success)
    throw new StoreError('damaged', `the register's entry ${id} is not one: ${entry.error.issues[0]?.message ?? ''}`, {
      table,
      id,
    })
  return entry.data
}

function refusalOf({ name, revoked, notAfter, notBefore }: ClientEntry, now: number): Refusal | undefined {
  if (revoked !== undefined)
    return fault('revokedClient', 'client', { name, date: dateOf(revoked.date), why: revoked.reason })
  if (now > notAfter) return fault('expiredClient', 'client', { name, date: dateOf(notAfter) })
  if (now < notBefore) return fault('earlyClient', 'client', { name, date: dateOf(notBefore) })
  return undefined
}

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

const unknown = (subject: string, fingerprint: string): Refusal =>
  fault('unknownClient', 'client', { subject, fingerprint: `${fingerprint.slice(0, 16)}…` })
