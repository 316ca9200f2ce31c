/**
 * Who is calling, and whether they may.
 *
 * A token goes before a certificate, which some clients show to everybody. A token that is not accepted is an end. An
 * address that shows several tokens or certificates that are not accepted is not told why for a while, and the log has one
 * line a minute of it; whoever shares the address and shows a good one is let in as ever. Certificates are judged as on
 * the KMIP port, at every request, since a connection may outlast a revocation.
 *
 * @module
 */
import type { FastifyRequest } from 'fastify'
import { TLSSocket } from 'node:tls'
import { type Caller, may } from '../caller.ts'
import type { ClientSession } from '../clients.ts'
import { addressOf, faultOf as certificateFaultOf, isRefusal, type Peer, peerOf } from '../listener/peer.ts'
import type { Refusal } from '../diagnosis/faults.ts'
import { shownReader } from '../listener/shown.ts'
import { faultOf as tokenFaultOf, type Tokens } from '../tokens.ts'
import { RequestFailure } from './failure.ts'
import { rateOf } from './rate.ts'
import type { Access } from './route.ts'

export interface AccessOptions {
  readonly tokens: Tokens
  readonly admit: (peer: Peer) => Promise<ClientSession | Refusal>
  readonly clientUsage: 'lenient' | 'strict'
  readonly anonymousPerMinute: number
  readonly failuresPerMinute: number
  readonly now: () => number
}

type Headers = FastifyRequest['headers']

/** @returns who may call: throws `RequestFailure` 401, 403 or 429 otherwise */
export function gatekeeper(
  options: AccessOptions,
): (request: FastifyRequest, access: Access) => Promise<Caller | undefined> {
  const { tokens, admit, clientUsage, anonymousPerMinute, failuresPerMinute, now } = options
  const anonymous = rateOf(anonymousPerMinute, now)
  const failed = rateOf(failuresPerMinute, now)
  const told = rateOf(1, now)
  const shownBy = shownReader()

  const tooMany = (address: string, what: string): RequestFailure =>
    new RequestFailure(429, `too many ${what}; wait a minute`, { 'retry-after': '60' }, !told.take(address))

  function refused(address: string, words: string): RequestFailure {
    if (failed.take(address)) return unauthorized(words)
    return tooMany(address, 'tokens or certificates of this address were refused')
  }

  async function byToken(text: string, address: string): Promise<Caller> {
    const found = await tokens.find(text)
    const fault = found === undefined ? 'there is no such token' : tokenFaultOf(found.token, now())
    if (found === undefined || fault !== undefined)
      throw refused(address, `${fault ?? ''}; get one: kmipd token create`)
    const { id, name, scope } = found.token
    return { id: `token ${id}`, words: `token ${name}`, scope, token: found }
  }

  async function byCertificate(socket: TLSSocket): Promise<Caller | Refusal | undefined> {
    const shown = shownBy(socket)
    if (shown === undefined) return undefined
    const admission = certificateFaultOf(shown, clientUsage, now()) ?? (await admit(peerOf(socket, shown)))
    if (isRefusal(admission)) return admission
    const { client, isAdministrator } = admission
    return { id: `client ${client}`, words: `client ${client}`, scope: isAdministrator ? ['admin'] : [], client }
  }

  async function callerOf({ headers, raw: { socket } }: FastifyRequest, address: string): Promise<Caller | undefined> {
    const text = tokenIn(headers)
    if (text !== undefined) return byToken(text, address)
    const caller = socket instanceof TLSSocket ? await byCertificate(socket) : undefined
    if (caller === undefined || !isRefusal(caller)) return caller
    throw refused(address, `${caller.reason}; ${caller.hint}`)
  }

  return async (request, access) => {
    const address = addressOf(request.raw.socket)
    if (access === 'anyone') {
      if (!anonymous.take(address)) throw tooMany(address, 'requests of this address')
      return undefined
    }
    checkOrigin(request)
    const caller = await callerOf(request, address)
    if (caller === undefined) {
      if (!anonymous.take(address)) throw tooMany(address, 'requests of this address')
      throw unauthorized(
        'neither a token nor a client certificate was shown; give a token in the header X-Auth-Token or Authorization: Bearer',
      )
    }
    if (access !== 'caller' && !may(caller, access))
      throw new RequestFailure(
        403,
        `${caller.words} has ${caller.scope.length === 0 ? 'no scope' : `the scope ${caller.scope.join(', ')}`}; wanted ${access}`,
      )
    return caller
  }
}

function tokenIn(headers: Headers): string | undefined {
  const own = headers['x-auth-token']
  if (own !== undefined) return String(own)
  const { authorization } = headers
  if (authorization === undefined) return undefined
  const [, text] = /^bearer +(\S+) *$/i.exec(authorization) ?? []
  if (text === undefined) throw unauthorized('the header Authorization is of another kind; wanted: Bearer and a token')
  return text
}

/** A browser that holds an administrator's certificate shows it on behalf of any page; such requests are not obeyed. */
function checkOrigin({ headers }: FastifyRequest): void {
  const { origin, host = '', 'sec-fetch-site': site = 'none' } = headers
  if (site !== 'none' && site !== 'same-origin')
    throw new RequestFailure(403, `the request is a page's of another site (${site}); it is not obeyed`)
  if (origin !== undefined && origin !== `https://${host}`)
    throw new RequestFailure(403, `the request is a page's of ${origin}; it is not obeyed`)
}

const unauthorized = (message: string): RequestFailure =>
  new RequestFailure(401, message, { 'www-authenticate': 'Bearer realm="kmipd"' })
