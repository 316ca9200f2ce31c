/**
 * The authority: its certificates, what it has revoked, and answers on single certificates.
 *
 * Whoever checks a certificate asks here, before it trusts anybody: no token is wanted. Certificates name the addresses
 * with an authority in them, which hold for as long as it is trusted; the others are those of the one that signs.
 *
 * @module
 */
import * as z from 'zod'
import type { Publications, Publisher } from '../../revocation.ts'
import { RequestFailure } from '../failure.ts'
import { bytes, route, type Route } from '../route.ts'

const tag = 'authority'

const format = (preset: 'pem' | 'der') => z.strictObject({ format: z.enum(['pem', 'der']).default(preset) })

/** How long others may keep an answer, in seconds: a revocation is to be seen soon. */
const kept = { headers: { 'cache-control': 'public, max-age=60' } }

const types = {
  pem: 'application/x-pem-file',
  certificate: 'application/pkix-cert',
  list: 'application/pkix-crl',
  request: 'application/ocsp-request',
  response: 'application/ocsp-response',
} as const

type Kind = 'full' | 'delta'

/** An authority is named by its key. */
const params = z.object({ authority: z.string().regex(/^[0-9a-f]{16}$/) })

export function authorityRoutes(publications: Publications): Route[] {
  function publisher(id?: string): Publisher {
    const found = publications.of(id)
    if (found === undefined)
      throw new RequestFailure(404, `there is no authority ${id ?? ''} here, or none any more; see /v1/ca`)
    return found
  }

  const newestList = (kind: Kind, path: string, id: string, summary: string): Route =>
    route({
      method: 'GET',
      path,
      id,
      tag,
      summary,
      access: 'anyone',
      query: format('der'),
      replies: { 200: { description: 'The list.', type: [types.list, types.pem] } },
      answer: async ({ query }) => {
        const { der, pem } = await publisher().list(kind)
        return query.format === 'pem' ? bytes(200, pem, types.pem, kept) : bytes(200, der, types.list, kept)
      },
    })

  const namedList = (kind: Kind, path: string, id: string, summary: string): Route =>
    route({
      method: 'GET',
      path,
      id,
      tag,
      summary,
      access: 'anyone',
      params,
      replies: { 200: { description: 'DER.', type: [types.list] } },
      answer: async ({ params: { authority } }) =>
        bytes(200, (await publisher(authority).list(kind)).der, types.list, kept),
    })

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
      replies: { 200: { description: 'The certificates.', type: [types.pem, types.certificate] } },
      answer: async ({ query }) => {
        const { authority } = publisher()
        return query.format === 'pem'
          ? bytes(200, authority.chain.join(''), types.pem, kept)
          : bytes(200, authority.certificate.der, types.certificate, kept)
      },
    }),
    newestList('full', '/v1/crl', 'getRevocationList', 'the revocation list'),
    newestList('delta', '/v1/crl/delta', 'getDeltaRevocationList', 'what was added to the revocation list since'),
    route({
      method: 'GET',
      path: '/v1/ca/{authority}',
      id: 'getNamedAuthority',
      tag,
      summary: 'the certificate of an authority, as certificates name it',
      access: 'anyone',
      params,
      replies: { 200: { description: 'DER.', type: [types.certificate] } },
      answer: async ({ params: { authority } }) =>
        bytes(200, publisher(authority).authority.certificate.der, types.certificate, kept),
    }),
    namedList('full', '/v1/crl/{authority}', 'getNamedRevocationList', 'a revocation list, as certificates name it'),
    namedList('delta', '/v1/crl/{authority}/delta', 'getNamedDeltaRevocationList', 'what was added to it since'),
    ...['/v1/ocsp', '/v1/ocsp/{authority}'].map((path, index) =>
      route({
        method: 'POST',
        path,
        id: ['postStatusRequest', 'postNamedStatusRequest'][index] ?? '',
        tag,
        summary: 'ask for the status of a certificate (OCSP)',
        description: 'Of any authority here, whichever is named. RFC 6960, appendix A.1.',
        access: 'anyone',
        ...(index === 0 ? {} : { params }),
        body: z.instanceof(Uint8Array),
        consumes: types.request,
        replies: statusReplies,
        answer: async ({ body }) => bytes(200, await publications.answerStatus(body), types.response),
      }),
    ),
    route({
      method: 'GET',
      path: '/v1/ocsp/{request}',
      id: 'getStatus',
      tag,
      summary: 'ask for the status of a certificate (OCSP), in a URL',
      description:
        'The request is base64 of its DER, URL-encoded; an authority and a slash may go before it. RFC 6960, appendix A.1.',
      access: 'anyone',
      params: z.object({ request: z.string().max(8192) }),
      hasRest: true,
      replies: statusReplies,
      answer: async ({ params: { request } }) => {
        const der = Buffer.from(request.replace(/^[0-9a-f]{16}\//, ''), 'base64')
        return bytes(200, await publications.answerStatus(der), types.response, kept)
      },
    }),
  ]
}

const statusReplies = {
  200: { description: 'OCSPResponse, also if the request cannot be read.', type: [types.response] },
} as const
