/**
 * Who may have what: which enrollments a token settles alone, and which need an administrator.
 *
 * A one-time token is an administrator's approval in advance, of what it was made for. It gets nobody into a place that is
 * taken: a client's name is the key to the group's objects.
 *
 * @module
 */
import type { Request } from '../../certs/index.ts'
import { type Caller, may } from '../caller.ts'
import { type ClientEntry, type Clients, isClaimed } from '../clients.ts'
import { checkName, EnrollmentError } from '../enrollment.ts'
import type { Token } from '../tokens.ts'
import type { Enrollment } from './record.ts'

/** What somebody asks for. */
export interface Asked {
  /** Default: the client that the token is for, else the request's common name. */
  readonly name?: string | undefined
  /** Default: the group that the token is for, else the one that the name has, else one of its own. */
  readonly group?: string | undefined
  /** Default 730. */
  readonly days?: number | undefined
}

/** Lifetime that needs no administrator: the default. */
const freeDays = 730

/** What is asked for, with the defaults. */
export type Wish = Asked & { readonly name: string }

/** @throws EnrollmentError `invalid`, `forbidden` for what the token is not for */
export function wishOf(request: Request, asked: Asked, { token: found }: Caller): Wish {
  const { client, group: only } = found?.token ?? {}
  const { commonName } = request.subject
  const name = asked.name ?? client ?? commonName
  const group = asked.group ?? only
  if (name === undefined)
    throw new EnrollmentError(
      'invalid',
      'the client has no name; give one, or a request whose subject has a common name',
    )
  checkName('client name', name)
  if (group !== undefined) checkName('group', group)
  const refuse = (words: string, wanted: string): never => {
    throw new EnrollmentError('forbidden', `${words}; this token is for ${wanted} alone`)
  }
  if (client !== undefined && name !== client) refuse(`the name is ${JSON.stringify(name)}`, client)
  if (client !== undefined && commonName !== undefined && commonName !== client)
    refuse(`the common name of the request is ${JSON.stringify(commonName)}`, client)
  if (only !== undefined && group !== only) refuse(`the group is ${JSON.stringify(group)}`, `the group ${only}`)
  return { name, group, days: asked.days }
}

/** Whether this enrollment is what the caller's token was made for, and was or can be used for. */
export const isTokenOf = ({ token: found }: Caller, { id }: Enrollment): boolean =>
  found?.token.once === true && (found.token.used === undefined || found.token.used.by === usedFor(id))

/** How a token's record names the enrollment that it was used for. */
export const usedFor = (id: string): string => `enrollment ${id}`

/** Why a one-time token does not suffice, for people; undefined if it does. */
export async function objection(
  { name, group, days }: Wish,
  { subject: { commonName } }: Request,
  { client: own, group: ownGroup }: Token,
  { register, clients }: Taken,
): Promise<string | undefined> {
  if (days !== undefined && days > freeDays) return `${days} days are more than ${freeDays}; an administrator decides`
  if (commonName !== undefined && commonName !== name)
    return `the common name of the request is ${commonName}, not ${name}; an administrator decides`
  const known = register.filter(entry => entry.name === name)
  if (own === undefined && known.length > 0) return `there is a client ${name} already; an administrator decides`
  const its = known.findLast(({ fingerprint }) => fingerprint !== '')?.group
  const wanted = group ?? its ?? name
  if (wanted === its || wanted === ownGroup) return undefined
  if (wanted !== name) return `the token is not for the group ${wanted}; an administrator decides`
  if (isClaimed(await clients.claims(wanted, name)))
    return `there is a group ${wanted} already; an administrator decides`
  return undefined
}

/** Names and groups that are somebody's. */
export interface Taken {
  /** All entries but those of the enrollment itself. */
  readonly register: readonly ClientEntry[]
  readonly clients: Pick<Clients, 'claims'>
}

/** Whether the caller may see an enrollment, and what came of it. */
export const maySee = (caller: Caller, enrollment: Enrollment): boolean =>
  may(caller, 'read') || owns(caller, enrollment)

/** Whoever submitted it, or whose certificate came of it. */
export const owns = (caller: Caller, { id, submitter, name, state }: Enrollment): boolean =>
  caller.id === submitter ||
  caller.token?.token.used?.by === usedFor(id) ||
  (state === 'issued' && caller.client === name)

export const noSuchEnrollment = (id: string): EnrollmentError =>
  new EnrollmentError('notFound', `there is no enrollment ${JSON.stringify(id)} that you may see; list what there is`)
