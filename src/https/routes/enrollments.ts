/**
 * `/v1/enrollments`: certificate requests, and what becomes of them.
 *
 * @module
 */
import * as z from 'zod'
import { revocationReasons } from '../../../certs/index.ts'
import type { Enrollments, Progress } from '../../enrollments.ts'
import { RequestFailure } from '../failure.ts'
import { bytes, json, route, type Route } from '../route.ts'

const tag = 'enrollments'

/** Nothing is taken back here. */
const reasons = revocationReasons.filter(reason => reason !== 'removeFromCRL' && reason !== 'certificateHold')

const states = ['pending', 'rejected', 'approved', 'issued', 'revoked'] as const

const enrollmentSchema = z
  .object({
    id: z.string(),
    state: z.enum(states).describe('approved: about to be issued. revoked: the certificate is.'),
    name: z.string().describe('What the client is called.'),
    group: z.string().optional().describe('Whose objects it shares: as asked for, or once issued as it is.'),
    days: z.int().optional().describe('Validity, as asked for.'),
    subject: z.string().describe('Of the request.'),
    publicKey: z.string().describe('Of the request: RSA 2048, EC P-256 and so on.'),
    requestFingerprint: z.string().describe('SHA-256 of the request.'),
    submitted: z.iso.datetime(),
    submittedBy: z.string(),
    decided: z.object({ date: z.iso.datetime(), by: z.string() }).optional(),
    note: z.string().optional().describe('Why it waits for an administrator, or was rejected.'),
    serialNumber: z.string().optional(),
    fingerprint: z.string().optional().describe('SHA-256 of the certificate.'),
    notBefore: z.iso.datetime().optional(),
    notAfter: z.iso.datetime().optional(),
    revoked: z.object({ date: z.iso.datetime(), reason: z.string() }).optional(),
    certificate: z.string().optional().describe('PEM.'),
    chain: z.string().optional().describe('PEM: the authority, which the client installs, too.'),
  })
  .meta({ id: 'Enrollment' })

const submittedSchema = z
  .union([
    enrollmentSchema,
    z
      .object({ id: z.string(), state: z.enum(states) })
      .describe('Of a request that somebody else has submitted, who alone may see the rest.'),
  ])
  .meta({ id: 'SubmittedEnrollment' })

const listSchema = z
  .object({
    enrollments: z.array(enrollmentSchema),
    next: z.string().optional().describe('What to give as after for the next page, if there is one.'),
  })
  .meta({ id: 'Enrollments' })

const nameOrGroup = z.string().min(1).max(128)
const days = z.int().min(1).max(36_500)

const submissionSchema = z
  .strictObject({
    request: z.string().min(1).describe('PKCS#10: PEM, or the DER in base64.'),
    name: nameOrGroup
      .optional()
      .describe(
        'What the client is to be called. Default: whom the token is for, else the common name of the request.',
      ),
    group: nameOrGroup.optional().describe('Default: the group that the name has, else one of its own.'),
    days: days.optional().describe('Default 730.'),
  })
  .meta({ id: 'Submission' })

const approvalSchema = z
  .strictObject({
    group: nameOrGroup.optional().describe('Default: as asked for.'),
    days: days.optional().describe('Default: as asked for.'),
  })
  .optional()
  .meta({ id: 'Approval' })

const rejectionSchema = z
  .strictObject({ reason: z.string().max(1000).optional().describe('For whoever submitted it.') })
  .optional()
  .meta({ id: 'Rejection' })

const revocationSchema = z
  .strictObject({ reason: z.enum(reasons).default('unspecified').describe('RFC 5280 §5.3.1') })
  .optional()
  .meta({ id: 'Revocation' })

const params = z.object({ id: z.string().min(1).max(100) })

const query = z.strictObject({
  state: z.enum(states).optional().describe('Default all.'),
  after: z.string().max(100).optional().describe('Older ones than this enrollment.'),
  limit: z.coerce.number<string>().int().min(1).max(1000).default(100),
})

const one = { 200: { description: 'The enrollment.', schema: enrollmentSchema } } as const

export const enrollmentRoutes = (enrollments: Enrollments): Route[] => [
  route({
    method: 'POST',
    path: '/v1/enrollments',
    id: 'submitEnrollment',
    tag,
    summary: 'submit a certificate request',
    description:
      'The same request again is the same enrollment, whatever has become of it. An administrator’s is answered by a certificate at once, and so is one with a one-time token, unless it asks for a name that somebody has, or for a group that holds anything or that the token is not for; any other waits. What an administrator asks for replaces what somebody else asked for by the same request, as long as nothing is issued. Of a request that somebody else submitted, whoever may not see the enrollment is told how it stands and no more. A key that is compromised is not certified again.',
    access: 'enroll',
    body: submissionSchema,
    replies: {
      200: { description: 'It was submitted before.', schema: submittedSchema },
      201: { description: 'Issued.', schema: enrollmentSchema },
      202: { description: 'It waits for an administrator.', schema: submittedSchema },
    },
    failures: [409],
    answer: async ({ body, caller }) => {
      const progress = await enrollments.submit(body, caller)
      const { state, isNew, isVisible, enrollment } = progress
      const headers = { location: `/v1/enrollments/${enrollment.id}` }
      const status = state === 'pending' || state === 'approved' ? 202 : isNew ? 201 : 200
      if (status === 201) return json(status, plain(progress), { headers })
      return json(status, isVisible ? plain(progress) : { id: enrollment.id, state }, { headers })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/enrollments',
    id: 'listEnrollments',
    tag,
    summary: 'list enrollments, the newest first',
    access: 'read',
    query,
    replies: { 200: { description: 'A page of them.', schema: listSchema } },
    answer: async ({ query: { state, after, limit } }) => {
      const { page, next } = await enrollments.list(state, { after, limit })
      return json(200, { enrollments: page.map(plain), ...(next === undefined ? {} : { next }) })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/enrollments/{id}',
    id: 'getEnrollment',
    tag,
    summary: 'fetch an enrollment, with the certificate once it is issued',
    description: 'For whoever submitted it, the client whose certificate it is, and the scope read.',
    access: 'caller',
    params,
    replies: one,
    answer: async ({ params: { id }, caller }) => json(200, plain(await enrollments.get(id, caller))),
  }),
  route({
    method: 'GET',
    path: '/v1/enrollments/{id}/certificate',
    id: 'getCertificate',
    tag,
    summary: 'fetch the certificate alone, as PEM',
    description: 'For whom the enrollment is. 409 as long as there is none.',
    access: 'caller',
    params,
    replies: { 200: { description: 'The certificate.', type: ['application/x-pem-file'] } },
    failures: [409],
    answer: async ({ params: { id }, caller }) => {
      const { state, enrollment } = await enrollments.get(id, caller)
      const { certificate } = enrollment
      if (certificate === undefined)
        throw new RequestFailure(409, `enrollment ${id} is ${state}; there is no certificate`)
      return bytes(200, certificate, 'application/x-pem-file')
    },
  }),
  route({
    method: 'POST',
    path: '/v1/enrollments/{id}/approve',
    id: 'approveEnrollment',
    tag,
    summary: 'issue the certificate of what is pending or was rejected',
    description: 'One that is issued already stays as it is.',
    access: 'admin',
    params,
    body: approvalSchema,
    replies: one,
    failures: [409],
    answer: async ({ params: { id }, body = {}, caller }) =>
      json(200, plain(await enrollments.approve(id, body, caller))),
  }),
  route({
    method: 'POST',
    path: '/v1/enrollments/{id}/reject',
    id: 'rejectEnrollment',
    tag,
    summary: 'reject what is pending',
    access: 'admin',
    params,
    body: rejectionSchema,
    replies: one,
    failures: [409],
    answer: async ({ params: { id }, body, caller }) =>
      json(200, plain(await enrollments.reject(id, body?.reason, caller))),
  }),
  route({
    method: 'POST',
    path: '/v1/enrollments/{id}/renew',
    id: 'renewEnrollment',
    tag,
    summary: 'issue another certificate for the same key',
    description:
      'The old one is good until it ends. For whoever submitted it and the client itself, as long as it has a certificate; after that, or if it was revoked, for an administrator. A compromised key is not renewed: not if any certificate of it was revoked for that.',
    access: 'caller',
    params,
    replies: one,
    failures: [409],
    answer: async ({ params: { id }, caller }) => json(200, plain(await enrollments.renew(id, caller))),
  }),
  route({
    method: 'POST',
    path: '/v1/enrollments/{id}/revoke',
    id: 'revokeEnrollment',
    tag,
    summary: 'shut the client out, at once',
    description:
      'All certificates of the enrollment are revoked; with the reason keyCompromise all others of its key, too.',
    access: 'admin',
    params,
    body: revocationSchema,
    replies: one,
    failures: [409],
    answer: async ({ params: { id }, body }) =>
      json(200, plain(await enrollments.revoke(id, body?.reason ?? 'unspecified'))),
  }),
]

const iso = (ms: number): string => new Date(ms).toISOString()

/** An enrollment as the interface shows it. */
function plain({ state, enrollment, entry }: Progress): z.output<typeof enrollmentSchema> {
  const { id, name, days, subject, publicKey, requestFingerprint, submitted, submittedBy } = enrollment
  const { decided, note, certificate, chain } = enrollment
  const group = entry?.group ?? enrollment.group
  return {
    id,
    state,
    name,
    ...(group === undefined ? {} : { group }),
    ...(days === undefined ? {} : { days }),
    subject,
    publicKey,
    requestFingerprint,
    submitted: iso(submitted),
    submittedBy,
    ...(decided === undefined ? {} : { decided: { date: iso(decided.date), by: decided.by } }),
    ...(note === undefined ? {} : { note }),
    ...(entry === undefined
      ? {}
      : {
          serialNumber: entry.serialNumber,
          fingerprint: entry.fingerprint,
          notBefore: iso(entry.notBefore),
          notAfter: iso(entry.notAfter),
        }),
    ...(entry?.revoked === undefined
      ? {}
      : { revoked: { date: iso(entry.revoked.date), reason: entry.revoked.reason } }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(chain === undefined ? {} : { chain }),
  }
}
