/**
 * One certificate of one client, as the register keeps it, and what speaks against it.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { Certificate } from '../../certs/index.ts'
import { StoreError, type StoredRecord } from '../../store/index.ts'
import { fault, type Refusal } from '../diagnosis/faults.ts'

const entrySchema = z.object({
  name: z.string(),
  group: z.string(),
  serialNumber: z.string(),
  /** SHA-256 of the certificate; empty from the moment of planning to that of signing. */
  fingerprint: z.string(),
  subject: z.string(),
  issuer: z.string(),
  publicKey: z.string(),
  /** SHA-256 of the SubjectPublicKeyInfo; entries of kmipd 0.1 have none. */
  keyFingerprint: z.string().optional(),
  notBefore: z.number(),
  notAfter: z.number(),
  issued: z.number(),
  /** May call the HTTPS API; on the KMIP port a client like any other. */
  administrator: z.boolean().optional(),
  revoked: z.object({ date: z.number(), reason: z.string() }).optional(),
})

/** One certificate of one client. Dates are milliseconds since 1970. */
export type ClientEntry = z.infer<typeof entrySchema>

/** Where the certificates of our own authority are kept. */
export const numberOf = ({ issuer, serialNumber }: Pick<ClientEntry, 'issuer' | 'serialNumber'>): string =>
  `${serialNumber}@${sha256(issuer).slice(0, 32)}`

export const sha256 = (...parts: readonly (string | Uint8Array)[]): string =>
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
  keyFingerprint: certificate.publicKey.fingerprint,
  notBefore: certificate.notBefore.getTime(),
  notAfter: certificate.notAfter.getTime(),
  issued: now,
})

export function parse({ table, id, body }: StoredRecord): ClientEntry {
  const entry = entrySchema.safeParse(JSON.parse(Buffer.from(body).toString()))
  if (!entry.success)
    throw new StoreError('damaged', `the register's entry ${id} is not one: ${entry.error.issues[0]?.message ?? ''}`, {
      table,
      id,
    })
  return entry.data
}

/** Whether somebody else may hold the key (RFC 5280 §5.3.1). */
export const isKeyLost = ({ revoked }: Pick<ClientEntry, 'revoked'>): boolean =>
  revoked !== undefined && isOfLostKey(revoked.reason)

export const isOfLostKey = (reason: string): boolean => reason === 'keyCompromise' || reason === 'cACompromise'

export function refusalOf({ name, revoked, notAfter, notBefore }: ClientEntry, now: number): Refusal | undefined {
  if (revoked !== undefined)
    return fault('revokedClient', 'client', { name, date: dateOf(revoked.date), why: revoked.reason })
  if (now > notAfter) return fault('expiredClient', 'client', { name, date: dateOf(notAfter) })
  if (now < notBefore) return fault('earlyClient', 'client', { name, date: dateOf(notBefore) })
  return undefined
}

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

export const unknown = (subject: string, fingerprint: string): Refusal =>
  fault('unknownClient', 'client', { subject, fingerprint: `${fingerprint.slice(0, 16)}…` })
