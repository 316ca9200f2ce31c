/**
 * An enrollment as it is kept: what was asked, by whom, what was decided, and what came of it.
 *
 * One certificate request is one enrollment, which the store itself sees to: the request's hash is a unique term.
 *
 * @module
 */
import * as z from 'zod'
import { type RecordChange, type Store, StoreError, type StoredRecord } from '../../store/index.ts'

const table = 'enrollment'
const everyTerm = 'every'

/**
 * `approved` is between the decision and the certificate: for a moment, or until the next attempt after a crash.
 */
const kept = ['pending', 'rejected', 'approved', 'issued'] as const
type Kept = (typeof kept)[number]

/** How the register knows a certificate of our own. */
const numberSchema = z.object({ issuer: z.string(), serialNumber: z.string() })

const enrollmentSchema = z.object({
  id: z.string(),
  state: z.enum(kept),
  /** What the client is to be called. */
  name: z.string(),
  group: z.string().optional(),
  days: z.number().optional(),
  /** The certificate request, PEM. */
  request: z.string(),
  /** SHA-256 of its DER. */
  requestFingerprint: z.string(),
  subject: z.string(),
  publicKey: z.string(),
  submitted: z.number(),
  /** A caller's id, and its words. */
  submitter: z.string(),
  submittedBy: z.string(),
  decided: z.object({ date: z.number(), by: z.string() }).optional(),
  /** Why it waits, or was rejected. */
  note: z.string().optional(),
  /** All certificates that were planned for it, the last one last. */
  planned: z.array(numberSchema),
  /** The one of them that counts. */
  current: numberSchema.optional(),
  /** PEM: the certificate, and what it leads to. */
  certificate: z.string().optional(),
  chain: z.string().optional(),
})

/** Dates are milliseconds since 1970. */
export type Enrollment = z.infer<typeof enrollmentSchema>

export interface FoundEnrollment {
  readonly enrollment: Enrollment
  readonly record: StoredRecord
}

export interface Page {
  /** Enrollments older than this one. */
  readonly after?: string | undefined
  readonly limit: number
}

/** The records of enrollments, without any judgement. */
export interface EnrollmentRecords {
  get(id: string): Promise<FoundEnrollment | undefined>
  /** The enrollment of a certificate request. */
  ofRequest(fingerprint: string): Promise<FoundEnrollment | undefined>
  /** Newest first; of one state, or all. */
  list(state: Kept | undefined, after?: string): AsyncIterable<Enrollment>
  /** How many wait, counted up to a limit. */
  pending(limit: number): Promise<number>
}

export function enrollmentRecords(store: Store): EnrollmentRecords {
  async function get(id: string): Promise<FoundEnrollment | undefined> {
    const record = await store.get(table, id)
    return record && { record, enrollment: parse(record) }
  }

  return {
    get,

    async ofRequest(fingerprint) {
      const id = await store.holder(table, requestTerm(fingerprint))
      const found = id === undefined ? undefined : await get(id)
      return found?.enrollment.requestFingerprint === fingerprint ? found : undefined
    },

    async *list(state, after) {
      for await (const id of store.find(table, state ?? everyTerm, { reverse: true, after })) {
        const found = await get(id)
        if (found !== undefined && (state === undefined || found.enrollment.state === state)) yield found.enrollment
      }
    },

    pending: async limit => store.count(table, 'pending', limit),
  }
}

/** An enrollment as it is to be from now on. Conflicts unless it is as it was read; without `previous`, if it exists. */
export const changed = (enrollment: Enrollment, previous?: StoredRecord): RecordChange => ({
  table,
  id: enrollment.id,
  previous,
  body: Buffer.from(JSON.stringify(enrollment)),
  terms: [everyTerm, enrollment.state],
  uniqueTerms: [requestTerm(enrollment.requestFingerprint)],
})

const requestTerm = (fingerprint: string): string => `request:${fingerprint}`

function parse({ id, body }: StoredRecord): Enrollment {
  const enrollment = enrollmentSchema.safeParse(JSON.parse(Buffer.from(body).toString()))
  if (!enrollment.success)
    throw new StoreError('damaged', `enrollment ${id} is not one: ${enrollment.error.issues[0]?.message ?? ''}`, {
      table,
      id,
    })
  return enrollment.data
}
