/**
 * The authority: its certificates, what it has revoked, and answers on single certificates.
 *
 * Whoever checks a certificate asks here, before it trusts anybody: no token is wanted. Under `/v1` is the authority that
 * signs; certificates name the other addresses, which hold of each authority for as long as one of its own is good.
 *
 * @module
 */
import { z } from 'zod'
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
    ...statusRoutes('/v1/ocsp', 'Status', publications),
    route({
      method: 'GET',
      path: '/ca/{file}',
      id: 'getAuthorityFile',
      tag,
      summary: 'the certificate of an authority, as certificates name it',
      description: 'ID.cer',
      access: 'anyone',
      params: z.object({ file: z.string().regex(/^[0-9a-f]{16}\.cer$/) }),
      replies: { 200: { description: 'DER.', type: [types.certificate] } },
      answer: async ({ params: { file } }) =>
        bytes(200, publisher(file.slice(0, 16)).authority.certificate.der, types.certificate, kept),
    }),
    route({
      method: 'GET',
      path: '/crl/{file}',
      id: 'getRevocationListFile',
      tag,
      summary: 'a revocation list, as certificates name it',
      description: 'ID.crl is the full list, ID-delta.crl what was added.',
      access: 'anyone',
      params: z.object({ file: z.string().regex(/^[0-9a-f]{16}(-delta)?\.crl$/) }),
      replies: { 200: { description: 'DER.', type: [types.list] } },
      answer: async ({ params: { file } }) => {
        const kind: Kind = file.endsWith('-delta.crl') ? 'delta' : 'full'
        return bytes(200, (await publisher(file.slice(0, 16)).list(kind)).der, types.list, kept)
      },
    }),
    ...statusRoutes('/ocsp', 'PublishedStatus', publications),
  ]
}

/** RFC 6960, appendix A.1 */
function statusRoutes(path: string, id: string, publications: Publications): Route[] {
  const replies = { 200: { description: 'OCSPResponse, also if the request cannot be read.', type: [types.response] } }
  return [
    route({
      method: 'POST',
      path,
      id: `post${id}`,
      tag,
      summary: 'ask for the status of a certificate (OCSP)',
      description: 'RFC 6960, appendix A.1.',
      access: 'anyone',
      body: z.instanceof(Uint8Array),
      consumes: types.request,
      replies,
      answer: async ({ body }) => bytes(200, await publications.answerStatus(body), types.response),
    }),
    route({
      method: 'GET',
      path: `${path}/{request}`,
      id: `get${id}`,
      tag,
      summary: 'ask for the status of a certificate (OCSP), in a URL',
      description: 'The request is base64 of its DER, URL-encoded. RFC 6960, appendix A.1.',
      access: 'anyone',
      params: z.object({ request: z.string().max(8192) }),
      hasRest: true,
      replies,
      answer: async ({ params: { request } }) =>
        bytes(200, await publications.answerStatus(Buffer.from(request, 'base64')), types.response, kept),
    }),
  ]
}
