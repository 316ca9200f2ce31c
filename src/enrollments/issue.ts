/**
 * How an enrollment gets its certificate: recorded before it is signed, and before anybody gets it.
 *
 * @module
 */
import { readRequest } from '../../certs/index.ts'
import { type Store, StoreError } from '../../store/index.ts'
import type { Caller } from '../caller.ts'
import type { ClientEntry, Clients } from '../clients.ts'
import { enroll, EnrollmentError, type Office } from '../enrollment.ts'
import type { Tokens } from '../tokens.ts'
import { changed, type Enrollment, type EnrollmentRecords, type FoundEnrollment } from './record.ts'
import { noSuchEnrollment, objection, usedFor } from './rules.ts'

export interface IssuingOptions {
  readonly store: Store
  readonly records: EnrollmentRecords
  readonly tokens: Tokens
  readonly office: () => Office
  readonly now: () => number
}

export interface Issuing {
  /**
   * Signs, and records it all; of what has a certificate, another one.
   *
   * @throws StoreError `conflict` if others decide on it at the same moment
   */
  issue(found: FoundEnrollment, caller: Caller): Promise<Enrollment>
  /** With a one-time token: issues, or leaves it pending with a note of why. */
  issueAlone(found: FoundEnrollment, caller: Caller): Promise<Enrollment>
}

export function issuing({ store, records, tokens, office, now }: IssuingOptions): Issuing {
  /** What speaks against issuing with the caller's one-time token alone. */
  async function objectionTo(
    enrollment: Enrollment,
    { token }: Caller,
    own?: ClientEntry,
  ): Promise<string | undefined> {
    if (token === undefined) return 'an administrator decides'
    const { clients } = office()
    const numbers = [...enrollment.planned, ...(own === undefined ? [] : [own])]
    const register = (await clients.list()).filter(entry => !numbers.some(number => isSame(number, entry)))
    return objection(enrollment, readRequest(enrollment.request), token.token, { register, clients })
  }

  /** @param check the last word before the certificate is good */
  async function issue(
    { enrollment, record }: FoundEnrollment,
    caller: Caller,
    check?: (entry: ClientEntry) => Promise<void>,
  ): Promise<Enrollment> {
    const { id, name, group, days, request, state, planned } = enrollment
    const desk = office()
    const { token } = caller
    const use =
      token?.token.once === true && token.token.used === undefined ? [tokens.use(token, usedFor(id), now())] : []
    const { note: _, ...settled } = enrollment
    const approved: Enrollment =
      state === 'issued' ? enrollment : { ...settled, state: 'approved', decided: { date: now(), by: caller.words } }
    await enroll(readRequest(request), { name, group, days }, desk, new Date(now()), {
      planned: ({ issuer, serialNumber }) => [
        changed({ ...approved, planned: [...planned, { issuer, serialNumber }] }, record),
        ...use,
      ],
      signed: async (entry, { pem: certificate }) => {
        await check?.(entry)
        const latest = await found(records, id)
        const last = latest.enrollment.planned.at(-1)
        if (last === undefined || !isSame(last, entry))
          throw new StoreError('conflict', `enrollment ${id} was decided by others meanwhile`)
        const chain = desk.authority.chain.join('')
        return [changed({ ...latest.enrollment, state: 'issued', current: last, certificate, chain }, latest.record)]
      },
    })
    await revokeAbandoned(planned, desk.clients)
    return (await found(records, id)).enrollment
  }

  /** Of attempts that were cut short: something may have been signed that nobody has. */
  async function revokeAbandoned(planned: readonly Numbered[], clients: Clients): Promise<void> {
    for (const number of planned) {
      const entry = await clients.numbered(number)
      if (entry?.fingerprint === '') await clients.revoke([entry], 'superseded', now())
    }
  }

  async function issueAlone(known: FoundEnrollment, caller: Caller): Promise<Enrollment> {
    const { enrollment, record } = known
    const waiting = async (note: string): Promise<Enrollment> => {
      const waits: Enrollment = { ...enrollment, state: 'pending', note }
      if (enrollment.note !== note) await store.commit([changed(waits, record)])
      return waits
    }
    const note = await objectionTo(enrollment, caller)
    if (note !== undefined) return waiting(note)
    try {
      // Whoever took the name between the look and the plan goes first; whoever takes it later sees the plan.
      return await issue(known, caller, async entry => {
        const words = await objectionTo(enrollment, caller, entry)
        if (words !== undefined) throw new StoreError('conflict', words)
      })
    } catch (error) {
      if (!(error instanceof EnrollmentError) || error.code !== 'taken') throw error
      return waiting(`${error.message}; an administrator decides`)
    }
  }

  return { issue: (found, caller) => issue(found, caller), issueAlone }
}

export async function found(records: EnrollmentRecords, id: string): Promise<FoundEnrollment> {
  const known = await records.get(id)
  if (known === undefined) throw noSuchEnrollment(id)
  return known
}

type Numbered = Pick<ClientEntry, 'issuer' | 'serialNumber'>

const isSame = (one: Numbered, other: Numbered): boolean =>
  one.serialNumber === other.serialNumber && one.issuer === other.issuer
