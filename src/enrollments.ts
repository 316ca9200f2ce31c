/**
 * Enrollments: a certificate request that is submitted, decided on, and answered by a certificate.
 *
 * ```
 * submit ─▶ pending ─▶ approved ─▶ issued ─▶ renewed, revoked
 *              └─▶ rejected ─▶ (approved)
 * ```
 *
 * Everything can be done twice, at the same moment, or again after a crash. The same request is the same enrollment; a
 * decision is recorded, with the serial number, before anything is signed; a certificate is recorded before anybody gets
 * it. An approval that was cut short in between goes on at the next attempt, under a new serial number: the old one, under
 * which something may have been signed that nobody has, is revoked.
 *
 * @module
 */
import { type Request, readRequest } from '../certs/index.ts'
import { type Store, StoreError } from '../store/index.ts'
import { type Caller, may } from './caller.ts'
import { type ClientEntry, isKeyLost } from './clients.ts'
import { checkName, EnrollmentError, lostKey, type Office, planFor, refuseLostKey } from './enrollment.ts'
import { found, issuing } from './enrollments/issue.ts'
import { changed, type Enrollment, enrollmentRecords, type FoundEnrollment, type Page } from './enrollments/record.ts'
import {
  type Asked,
  isTokenOf,
  maySee,
  noSuchEnrollment,
  owns,
  usedFor,
  type Wish,
  wishOf,
} from './enrollments/rules.ts'
import { identifiers } from './identifiers.ts'
import { randomSource } from './random.ts'
import type { Tokens } from './tokens.ts'
import { turns } from './turns.ts'

export type { Enrollment } from './enrollments/record.ts'
export type { Asked } from './enrollments/rules.ts'

export interface Submission extends Asked {
  /** PKCS#10: PEM, DER or base64. */
  readonly request: string | Uint8Array
}

/** How an enrollment stands. `approved`: about to be issued. */
export type EnrollmentState = 'pending' | 'rejected' | 'approved' | 'issued' | 'revoked'

/** An enrollment, and the register's entry of its certificate. */
export interface Progress {
  readonly state: EnrollmentState
  readonly enrollment: Enrollment
  readonly entry?: ClientEntry | undefined
}

/** What enrolling needs. */
export interface EnrollmentOptions {
  readonly store: Store
  readonly tokens: Tokens
  /** The one that issues now. */
  readonly office: () => Office
  /** Milliseconds since 1970. Default the system's clock. */
  readonly now?: (() => number) | undefined
}

/** All throw `EnrollmentError` with words for whoever asked. */
export interface Enrollments {
  /**
   * Enters a request. An administrator's is answered by a certificate at once, and so is one with a one-time token, unless
   * there is something to decide; any other waits. The same request again is the same enrollment.
   *
   * An administrator's wish goes before that of whoever submitted it earlier, as long as nothing is issued.
   *
   * @returns with `isNew` false if it was there, whatever has become of it; `isVisible` false if it is somebody else's, of
   *   which the caller may know no more than how it stands
   * @throws CertsError if the request is not acceptable
   */
  submit(
    submission: Submission,
    caller: Caller,
  ): Promise<Progress & { readonly isNew: boolean; readonly isVisible: boolean }>
  /** Newest first. `next` is where the next page begins, if there is one. */
  list(state: EnrollmentState | undefined, page: Page): Promise<{ page: Progress[]; next: string | undefined }>
  get(id: string, caller: Caller): Promise<Progress>
  /** How many wait for an administrator; of more than can wait, as many as can. */
  pending(): Promise<number>
  /** Issues what is pending, or was rejected. One that is issued already stays as it is. */
  approve(id: string, terms: Omit<Asked, 'name'>, caller: Caller): Promise<Progress>
  reject(id: string, reason: string | undefined, caller: Caller): Promise<Progress>
  /** A new certificate for the same key, name and group. The old one is good until it ends. */
  renew(id: string, caller: Caller): Promise<Progress>
  /** All certificates of the enrollment. */
  revoke(id: string, reason: string): Promise<Progress>
}

/** What waits for a decision must not fill the store. */
const maxPending = 1000

/** Attempts against others who write the same record. */
const maxAttempts = 8

export function enrollmentsOf({ store, tokens, office, now = Date.now }: EnrollmentOptions): Enrollments {
  const records = enrollmentRecords(store)
  const newIdentifier = identifiers(now, randomSource())
  const inTurn = turns()
  const issuer = issuing({ store, records, tokens, office, now })

  async function progressOf(enrollment: Enrollment): Promise<Progress> {
    const { state, current } = enrollment
    const entry = current && (await office().clients.numbered(current))
    const isRevoked = state === 'issued' && entry?.revoked !== undefined
    return { state: isRevoked ? 'revoked' : state, enrollment, entry }
  }

  /** All certificates that were planned for it. */
  async function entriesOf({ planned }: Enrollment): Promise<ClientEntry[]> {
    const entries = await Promise.all(planned.map(number => office().clients.numbered(number)))
    return entries.filter(entry => entry !== undefined)
  }

  /** The caller's token as it is by now. */
  async function again(caller: Caller): Promise<Caller> {
    const token = caller.token && (await tokens.get(caller.token.token.id))
    return token === undefined ? caller : { ...caller, token }
  }

  /** The enrollment of a request, which is made if there is none. Uses a one-time token up. */
  async function entered(request: Request, wish: Wish, caller: Caller): Promise<FoundEnrollment & { isNew: boolean }> {
    const known = await records.ofRequest(request.fingerprint)
    if (known !== undefined) {
      const { name, group, state } = known.enrollment
      // Whoever was there first may have asked for what no administrator wants.
      if (may(caller, 'admin') && isOpen(state))
        return { ...known, enrollment: { ...known.enrollment, ...wish }, isNew: false }
      if (name !== wish.name || (group !== wish.group && wish.group !== undefined))
        throw new EnrollmentError(
          'taken',
          `this request has been submitted for ${name}${group === undefined ? '' : ` in the group ${group}`}; make another key and request for another`,
        )
      return { ...known, isNew: false }
    }
    const { token } = caller
    if (token?.token.once === true && token.token.used !== undefined)
      throw new EnrollmentError('forbidden', `the one-time token ${token.token.name} has been used; ask for another`)
    if (!may(caller, 'admin') && (await records.pending(maxPending)) >= maxPending)
      throw new EnrollmentError('full', `${maxPending} enrollments wait already; have some approved or rejected`)
    // What would never be signed shall not wait for anybody.
    planFor(request, wish, office(), new Date(now()))
    await refuseLostKey(office().clients, request.publicKey.fingerprint)
    const enrollment: Enrollment = {
      id: newIdentifier(),
      state: 'pending',
      ...wish,
      request: request.pem,
      requestFingerprint: request.fingerprint,
      subject: request.subject.text,
      publicKey: request.publicKey.description,
      submitted: now(),
      submitter: caller.id,
      submittedBy: caller.words,
      planned: [],
    }
    const use = token?.token.once === true ? [tokens.use(token, usedFor(enrollment.id), now())] : []
    await store.commit([changed(enrollment), ...use])
    return { ...(await found(records, enrollment.id)), isNew: true }
  }

  /** What a submission comes to, if there is anything to decide yet. */
  async function decidedFor(known: FoundEnrollment, caller: Caller): Promise<Enrollment> {
    if (!isOpen(known.enrollment.state)) return known.enrollment
    if (may(caller, 'admin')) return issuer.issue(known, caller)
    return isTokenOf(caller, known.enrollment) ? issuer.issueAlone(known, caller) : known.enrollment
  }

  /** Goes on when another writer was faster. Certificates are issued one after the other. */
  const settled = <T>(work: () => Promise<T>): Promise<T> =>
    inTurn(async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await work()
        } catch (error) {
          const isRace = error instanceof StoreError && (error.code === 'conflict' || error.code === 'duplicate')
          if (!isRace || attempt === maxAttempts) throw error
        }
      }
    })

  return {
    async submit({ request: given, ...asked }, caller) {
      const request = readRequest(given)
      return settled(async () => {
        const current = await again(caller)
        const known = await entered(request, wishOf(request, asked, current), current)
        const { isNew } = known
        const latest = await again(current)
        const decided = await decidedFor(known, latest)
        const isVisible = maySee(await again(latest), decided)
        return { ...(await progressOf(decided)), isNew, isVisible }
      })
    },

    async list(state, { after, limit }) {
      const page: Progress[] = []
      const kept = state === 'revoked' ? 'issued' : state
      for await (const enrollment of records.list(kept, after)) {
        const each = await progressOf(enrollment)
        if (state !== undefined && each.state !== state) continue
        if (page.length === limit) return { page, next: page.at(-1)?.enrollment.id }
        page.push(each)
      }
      return { page, next: undefined }
    },

    pending: () => records.pending(maxPending),

    async get(id, caller) {
      const { enrollment } = await found(records, id)
      if (!maySee(caller, enrollment)) throw noSuchEnrollment(id)
      return progressOf(enrollment)
    },

    approve(id, { group, days }, caller) {
      if (group !== undefined) checkName('group', group)
      return settled(async () => {
        const { enrollment, record } = await found(records, id)
        if (enrollment.state === 'issued') return progressOf(enrollment)
        const terms = { ...(group === undefined ? {} : { group }), ...(days === undefined ? {} : { days }) }
        return progressOf(await issuer.issue({ enrollment: { ...enrollment, ...terms }, record }, caller))
      })
    },

    reject: (id, reason, caller) =>
      settled(async () => {
        const { enrollment, record } = await found(records, id)
        const { state } = enrollment
        if (state === 'rejected') return progressOf(enrollment)
        if (state !== 'pending')
          throw new EnrollmentError('taken', `enrollment ${id} is ${state}; revoke it instead of rejecting it`)
        const decided = { date: now(), by: caller.words }
        const rejected = { ...enrollment, state: 'rejected' as const, decided, note: reason }
        await store.commit([changed(rejected, record)])
        return progressOf(rejected)
      }),

    renew: (id, caller) =>
      settled(async () => {
        const known = await found(records, id)
        const { enrollment } = known
        if (!may(caller, 'admin') && !owns(caller, enrollment)) throw noSuchEnrollment(id)
        const { state, entry } = await progressOf(enrollment)
        if (state !== 'issued' && state !== 'revoked')
          throw new EnrollmentError('taken', `enrollment ${id} is ${state}; there is no certificate to renew`)
        // All of them are of one key, also those that were entered without its fingerprint.
        const lost = (await entriesOf(enrollment)).find(isKeyLost)
        if (lost !== undefined) throw lostKey(lost)
        if (!may(caller, 'admin') && (state === 'revoked' || now() > (entry?.notAfter ?? 0)))
          throw new EnrollmentError(
            'forbidden',
            `the certificate is ${state === 'revoked' ? 'revoked' : 'expired'}; an administrator may renew it`,
          )
        if (!may(caller, 'admin') && caller.token?.token.once === true)
          throw new EnrollmentError('forbidden', 'a one-time token does not renew; use the certificate itself')
        return progressOf(await issuer.issue(known, caller))
      }),

    revoke: (id, reason) =>
      settled(async () => {
        const { enrollment } = await found(records, id)
        const { state } = enrollment
        if (state !== 'issued')
          throw new EnrollmentError('taken', `enrollment ${id} is ${state}; there is no certificate to revoke`)
        await office().clients.revoke(await entriesOf(enrollment), reason, now())
        return progressOf(enrollment)
      }),
  }
}

/** Whether no certificate has been decided against, or was issued. */
const isOpen = (state: Enrollment['state']): boolean => state === 'pending' || state === 'approved'
