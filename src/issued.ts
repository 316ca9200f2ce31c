/**
 * What our authorities signed beside client certificates: those of servers, of authorities under them, of a new root by
 * the old one. As in the client register, a certificate is entered before it is signed.
 *
 * @module
 */
import * as z from 'zod'
import type { Authority, Certificate, Plan, RevocationReason } from '../certs/index.ts'
import { type RecordChange, type Store, StoreError, type StoredRecord } from '../store/index.ts'
import { numberOf } from './clients/entry.ts'
import { revised } from './revocation/revision.ts'

const table = 'issued'

const schema = z.object({
  kind: z.enum(['server', 'authority', 'cross']),
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

/** One certificate that is no client's. Dates are milliseconds since 1970. */
export type IssuedEntry = z.infer<typeof schema>

export interface Issued {
  /** Enters, signs, enters what was signed. @throws CertsError `badPlan`, StoreError */
  sign(authority: Authority, plan: Plan, kind: IssuedEntry['kind'], now: Date): Promise<Certificate>
  /** All entries, oldest first. */
  list(): Promise<IssuedEntry[]>
  /** The entry of what an authority of ours signed under a number. */
  numbered(number: Pick<IssuedEntry, 'issuer' | 'serialNumber'>): Promise<IssuedEntry | undefined>
  /** Marks a certificate as revoked, unless it is; one from before there were entries is entered as revoked. */
  revoke(certificate: Certificate, kind: IssuedEntry['kind'], reason: RevocationReason, now: Date): Promise<void>
}

export function issuedOf(store: Store): Issued {
  async function read(id: string): Promise<{ record: StoredRecord; entry: IssuedEntry } | undefined> {
    const record = await store.get(table, id)
    if (record === undefined) return undefined
    const entry = schema.safeParse(JSON.parse(Buffer.from(record.body).toString()))
    if (entry.success) return { record, entry: entry.data }
    const why = entry.error.issues[0]?.message ?? ''
    throw new StoreError('damaged', `the entry ${id} of an issued certificate is none: ${why}`, { table, id })
  }

  const put = (entry: IssuedEntry, previous?: StoredRecord, beside: readonly RecordChange[] = []): Promise<void> =>
    store.commit([{ table, id: numberOf(entry), previous, body: Buffer.from(JSON.stringify(entry)) }, ...beside])

  return {
    async sign(authority, plan, kind, now) {
      const entry = entryOf(kind, plan, now)
      await put(entry)
      const certificate = await authority.sign(plan)
      const planned = await read(numberOf(entry))
      await put({ ...(planned?.entry ?? entry), fingerprint: certificate.fingerprint }, planned?.record)
      return certificate
    },

    async list() {
      const entries: IssuedEntry[] = []
      for await (const id of store.list(table)) {
        const found = await read(id)
        if (found !== undefined) entries.push(found.entry)
      }
      return entries.sort((one, other) => one.issued - other.issued)
    },

    numbered: async number => (await read(numberOf(number)))?.entry,

    async revoke(certificate, kind, reason, now) {
      const known = entryOf(kind, certificate, now)
      const found = await read(numberOf(known))
      if (found?.entry.revoked !== undefined) return
      const revoked = { date: now.getTime(), reason }
      await put({ ...(found?.entry ?? known), revoked }, found?.record, [await revised(store)])
    },
  }
}

const entryOf = (kind: IssuedEntry['kind'], from: Plan | Certificate, now: Date): IssuedEntry => ({
  kind,
  serialNumber: from.serialNumber,
  fingerprint: 'fingerprint' in from ? from.fingerprint : '',
  subject: from.subject.text,
  issuer: from.issuer.text,
  publicKey: from.publicKey.description,
  notBefore: from.notBefore.getTime(),
  notAfter: from.notAfter.getTime(),
  issued: now.getTime(),
})
