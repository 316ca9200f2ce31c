/**
 * The authority: its certificates, what it has revoked, and answers on single certificates.
 *
 * Whoever checks a certificate asks here, before it trusts anybody: no token is wanted.
 *
 * @module
 */
import { z } from 'zod'
import { type RevocationList, readCertificate } from '../../../certs/index.ts'
import { RequestFailure } from '../failure.ts'
import { bytes, route, type Route } from '../route.ts'

const tag = 'authority'

/** What is published of the authority. */
export interface Publisher {
  /** PEM: the authority's certificate, then its issuers. */
  readonly chain: () => readonly string[]
  /** The newest list; of a delta there may be none. */
  readonly list: (kind: 'full' | 'delta') => Promise<RevocationList | undefined>
  /** Answers an OCSP request; what cannot be read, too. RFC 6960 */
  readonly answerStatus: (request: Uint8Array) => Promise<Uint8Array>
}

const format = (preset: 'pem' | 'der') => z.strictObject({ format: z.enum(['pem', 'der']).default(preset) })

/** How long others may keep an answer, in seconds: a revocation is to be seen soon. */
const maxAge = { 'cache-control': 'public, max-age=60' }

const pem = 'application/x-pem-file'
const ocsp = 'application/ocsp-response'

export function authorityRoutes({ chain, list, answerStatus }: Publisher): Route[] {
  const listRoute = (kind: 'full' | 'delta', path: string, id: string, summary: string): Route =>
    route({
      method: 'GET',
      path,
      id,
      tag,
      summary,
      access: 'anyone',
      query: format('der'),
      replies: { 200: { description: 'The list.', type: ['application/pkix-crl', pem] } },
      failures: [404],
      answer: async ({ query }) => {
        const found = await list(kind)
        if (found === undefined) throw new RequestFailure(404, `there is no ${kind} list; take the full one at /v1/crl`)
        const headers = { headers: maxAge }
        return query.format === 'pem'
          ? bytes(200, found.pem, pem, headers)
          : bytes(200, found.der, 'application/pkix-crl', headers)
      },
    })

  const statusReplies = { 200: { description: 'OCSPResponse, also if the request cannot be read.', type: [ocsp] } }

  return [
    route({
      method: 'GET',
      path: '/v1/ca',
      id: 'getAuthority',
      tag,
      summary: 'the certificates of the authority: what clients install',
      description: 'As PEM the whole chain, as DER the authority that signs alone.',
      access: 'anyone',
      query: format('pem'),
      replies: { 200: { description: 'The certificates.', type: [pem, 'application/pkix-cert'] } },
      answer: async ({ query }) => {
        const all = chain()
        const headers = { headers: maxAge }
        return query.format === 'pem'
          ? bytes(200, all.join(''), pem, headers)
          : bytes(200, readCertificate(all[0] ?? '').der, 'application/pkix-cert', headers)
      },
    }),
    listRoute('full', '/v1/crl', 'getRevocationList', 'the revocation list'),
    listRoute('delta', '/v1/crl/delta', 'getDeltaRevocationList', 'what was added to the revocation list since'),
    route({
      method: 'POST',
      path: '/v1/ocsp',
      id: 'postStatusRequest',
      tag,
      summary: 'ask for the status of a certificate (OCSP)',
      description: 'RFC 6960, appendix A.1.',
      access: 'anyone',
      body: z.instanceof(Uint8Array),
      consumes: 'application/ocsp-request',
      replies: statusReplies,
      answer: async ({ body }) => bytes(200, await answerStatus(body), ocsp),
    }),
    route({
      method: 'GET',
      path: '/v1/ocsp/{request}',
      id: 'getStatus',
      tag,
      summary: 'ask for the status of a certificate (OCSP), in a URL',
      description: 'The request is base64 of its DER, URL-encoded. RFC 6960, appendix A.1.',
      access: 'anyone',
      params: z.object({ request: z.string().max(8192) }),
      hasRest: true,
      replies: statusReplies,
      answer: async ({ params: { request } }) =>
        bytes(200, await answerStatus(Buffer.from(request, 'base64')), ocsp, { headers: maxAge }),
    }),
  ]
}
