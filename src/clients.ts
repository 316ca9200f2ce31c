/**
 * The client register: who was issued which certificate, for which group, until when, and whether it is revoked.
 *
 * It is asked at every message, so that a revocation by another process holds at once: the store tells for the price of
 * one comparison that an entry has not changed.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type Certificate, isIssuedBy } from '../certs/index.ts'
import { type Store, StoreError, type StoredRecord } from '../store/index.ts'
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
  revoked: z.object({ date: z.number(), reason: z.string() }).optional(),
})

/** One certificate of one client. Dates are milliseconds since 1970. */
export type ClientEntry = z.infer<typeof entrySchema>

/** A session that knows its entry, to see whether it still stands. */
export interface ClientSession extends Session {
  /** Milliseconds since 1970 after which the certificate is no longer accepted. */
  readonly notAfter: number
  readonly entry: { readonly id: string; seen: StoredRecord | undefined }
}

/** Why a client is not admitted, and what to do about it. */
export interface Refusal {
  readonly reason: string
  readonly hint: string
}

export interface Clients {
  /** Enters a certificate that is about to be signed. */
  plan(entry: ClientEntry): Promise<void>
  /** Enters the certificate that was signed from a plan, or one that another authority signed. */
  enter(entry: ClientEntry): Promise<void>
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
  /** The entries of a client's name, a serial number, or a fingerprint or its beginning. */
  find(wanted: string): Promise<ClientEntry[]>
  /** Marks entries as revoked; those that already are stay as they were. */
  revoke(entries: readonly ClientEntry[], reason: string, now: number): Promise<void>
}

/** Entries are kept by serial number, and another authority's by issuer as well. */
const idOf = ({ issuer, serialNumber }: Pick<ClientEntry, 'issuer' | 'serialNumber'>): string =>
  `${serialNumber}@${createHash('sha256').update(issuer).digest('hex').slice(0, 32)}`

/** Another authority whose clients are admitted without being entered one by one. */
export interface Trust {
  readonly authority: Certificate
  /** Whose objects its clients share; absent, each has a group of its own. */
  readonly group?: string | undefined
}

export function clientsOf(store: Store, trusts: readonly Trust[] = []): Clients {
  async function read(
    id: string,
    previous?: StoredRecord,
  ): Promise<{ record: StoredRecord; entry: ClientEntry } | undefined> {
    const record = await store.get(table, id, previous)
    return record && { record, entry: parse(record) }
  }

  async function put(entry: ClientEntry): Promise<void> {
    const id = idOf(entry)
    const previous = await store.get(table, id)
    const body = Buffer.from(JSON.stringify(entry))
    await store.commit([{ table, id, ...(previous === undefined ? {} : { previous }), body, terms: [everyTerm] }])
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
    plan: put,
    enter: put,
    list,

    async admit(certificate, isVouched, now) {
      const { fingerprint, serialNumber, issuer, subject } = certificate
      const id = idOf({ serialNumber, issuer: issuer.text })
      const found = await read(id)
      if (found === undefined)
        return (isVouched ? guest(certificate, trusts, id) : undefined) ?? unknown(subject.text, fingerprint)
      if (found.entry.fingerprint !== fingerprint) return unknown(subject.text, fingerprint)
      const refusal = refusalOf(found.entry, now)
      if (refusal !== undefined) return refusal
      const { name, group, notAfter } = found.entry
      return { client: name, group, notAfter, entry: { id, seen: found.record } }
    },

    async confirm({ entry, notAfter }, now) {
      if (now > notAfter)
        throw new Failure('AuthenticationNotSuccessful', 'the client certificate has expired since it connected')
      const record = await store.get(table, entry.id, entry.seen)
      if (record === entry.seen) return
      const refusal = record === undefined ? unknown('', '') : refusalOf(parse(record), now)
      if (refusal !== undefined) throw new Failure('AuthenticationNotSuccessful', `${refusal.reason}: ${refusal.hint}`)
      entry.seen = record
    },

    async find(wanted) {
      const serial = wanted.toLowerCase().replaceAll(':', '')
      return (await list()).filter(
        ({ name, serialNumber, fingerprint }) =>
          name === wanted ||
          serialNumber === serial ||
          (serial.length >= shortestPrefix && fingerprint.startsWith(serial)),
      )
    },

    async revoke(entries, reason, now) {
      const open = entries.filter(({ revoked }) => revoked === undefined)
      for (const entry of open) await put({ ...entry, revoked: { date: now, reason } })
    },
  }
}

/**
 * The session of a client that an authority vouches for whom the administrator trusts. A name of ours holds no `@`, so no
 * such authority can name anybody into a group of ours.
 */
function guest(certificate: Certificate, trusts: readonly Trust[], id: string): ClientSession | undefined {
  const trust = trusts.find(({ authority }) => isIssuedBy(certificate, authority))
  if (trust === undefined) return undefined
  const own = certificate.subject.commonName ?? certificate.fingerprint.slice(0, 16)
  const client = `${own}@${trust.authority.subject.commonName ?? trust.authority.fingerprint.slice(0, 16)}`
  return {
    client,
    group: trust.group ?? client,
    notAfter: certificate.notAfter.getTime(),
    entry: { id, seen: undefined },
  }
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
    return {
      reason: `the certificate of ${name} was revoked on ${dateOf(revoked.date)} (${revoked.reason})`,
      hint: 'sign a new request of this client: kmipd client sign',
    }
  if (now > notAfter)
    return {
      reason: `the certificate of ${name} expired on ${dateOf(notAfter)}`,
      hint: 'sign a new request of this client: kmipd client sign',
    }
  if (now < notBefore)
    return {
      reason: `the certificate of ${name} is valid from ${dateOf(notBefore)}`,
      hint: 'compare the clocks of client and server',
    }
  return undefined
}

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

const unknown = (subject: string, fingerprint: string): Refusal => ({
  reason: `the certificate ${subject} (SHA-256 ${fingerprint.slice(0, 16)}…) is not in the client register`,
  hint: 'have its request signed here (kmipd client sign), or register the certificate (kmipd client trust)',
})
