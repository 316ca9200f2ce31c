/**
 * Who is admitted, as whom, and for how long: by the register, or because an authority that is trusted vouches for it.
 *
 * @module
 */
import type { Certificate } from '../../certs/index.ts'
import type { Awaitable, Store, StoredRecord } from '../../store/index.ts'
import { fault, type Refusal } from '../diagnosis/faults.ts'
import { Failure } from '../failure.ts'
import type { Session } from '../session.ts'
import type { Offered, Trusts } from '../trust.ts'
import { clientTable as table, type Entries, type Found } from './entries.ts'
import { type ClientEntry, entryOf, parse, refusalOf, unknown } from './entry.ts'
import { type ClientName, type Guest, guestOf as namedGuest, stranger } from './guest.ts'

/** A session that knows its entry, to see whether it still stands. */
export interface ClientSession extends Session {
  /** Milliseconds since 1970 after which the certificate is no longer accepted. */
  readonly notAfter: number
  /** Whether it may call the HTTPS API as an administrator. */
  readonly isAdministrator: boolean
  /** `seen` is absent for a guest, whom the register does not know until it is revoked. */
  readonly entry: {
    readonly id: string
    readonly certificate: Certificate
    seen: StoredRecord | undefined
    /** What was trusted when it was last looked at. */
    trusts: Trusts
  }
}

/** Who is admitted, at one time. */
export interface Hospitality {
  /** Beside those in the register. */
  readonly trusts: Trusts
  readonly clientName: ClientName
  /** Names of our authorities: what another has signed for us is good no longer. Absent where that is not looked at. */
  readonly ownIssuers?: ReadonlySet<string> | undefined
}

/** The part of the register that says who comes in. */
export interface Admission {
  /** What the entry of a certificate would be that is not entered: as whom a guest is admitted. */
  guest(certificate: Certificate, now: number): ClientEntry
  /**
   * The session of a certificate's owner, or why there is none.
   *
   * @param isVouched whether a chain leads from the certificate to an authority that is trusted; without one, only the
   *   very certificate that is in the register will do
   * @param offered what the client sent beside it in its handshake: authorities between the two. Undefined when it resumed a
   *   session. Asked for only if it matters; default none
   */
  admit(
    certificate: Certificate,
    isVouched: boolean,
    now: number,
    offered?: () => Offered,
  ): Promise<ClientSession | Refusal>
  /** @throws Failure AuthenticationNotSuccessful if the certificate was revoked, or has expired, or is no longer vouched for */
  confirm(session: ClientSession, now: number): Awaitable<void>
}

export function admissionOf(
  store: Store,
  { locate }: Pick<Entries, 'locate'>,
  hospitality: () => Hospitality,
): Admission {
  const admitted = new WeakMap<Certificate, Found>()

  function guestOf(certificate: Certificate, offered: Offered, now: number): Guest | Refusal {
    const { trusts, clientName } = hospitality()
    const voucher = trusts.vouch(certificate, offered, now)
    if (voucher === undefined) return unknown(certificate.subject.text, certificate.fingerprint)
    return trusts.objection(voucher, now) ?? namedGuest(certificate, voucher, clientName)
  }

  /** What speaks against a certificate that is entered. */
  function objection(
    { id, entry }: Omit<Found, 'record'>,
    certificate: Certificate,
    offered: () => Offered,
    now: number,
  ) {
    const refusal = refusalOf(entry, now)
    if (refusal !== undefined) return refusal
    const { trusts, ownIssuers } = hospitality()
    if (!isOurs(id, certificate)) return trusts.objectionTo(certificate, offered(), now)
    const { name, issuer } = entry
    return ownIssuers?.has(issuer) === false ? fault('retiredIssuer', 'client', { name, issuer }) : undefined
  }

  /** Clients come back: an entry that has not changed since is not read anew. */
  async function locateAgain(certificate: Certificate): Promise<Found | undefined> {
    const last = admitted.get(certificate)
    if (last !== undefined && (await store.get(table, last.id, last.record)) === last.record) return last
    const found = await locate(certificate)
    if (found !== undefined) admitted.set(certificate, found)
    return found
  }

  /** What speaks against a client since its entry, or what is trusted, has changed. */
  function changed(session: ClientSession, record: StoredRecord | undefined, now: number): Refusal | undefined {
    const { id, certificate, seen } = session.entry
    const { fingerprint } = certificate
    if (record !== undefined) {
      const entry = parse(record)
      if (entry.fingerprint !== fingerprint) return unknown('it connected with', fingerprint)
      const refusal = objection({ id, entry }, certificate, notOffered, now)
      return refusal ?? (isAs(session, ownerIn(entry)) ? undefined : unlikeBefore)
    }
    if (seen !== undefined) return unknown('it connected with', fingerprint)
    const guest = guestOf(certificate, undefined, now)
    if (!('client' in guest)) return guest
    return guest.group === session.group ? undefined : unlikeBefore
  }

  async function confirmAnew(
    session: ClientSession,
    read: Awaitable<StoredRecord | undefined>,
    trusts: Trusts,
    now: number,
  ): Promise<void> {
    const record = await read
    const refusal = changed(session, record, now)
    if (refusal !== undefined) throw new Failure('AuthenticationNotSuccessful', `${refusal.reason}: ${refusal.hint}`)
    session.entry.seen = record
    session.entry.trusts = trusts
  }

  /** A guest without an entry. */
  function welcome(certificate: Certificate, offered: Offered, now: number): Guest | Refusal {
    const guest = guestOf(certificate, offered, now)
    const isForgotten = 'code' in guest && guest.code === 'unknownClient' && offered === undefined
    return isForgotten ? fault('newHandshake', 'client', { subject: certificate.subject.text }) : guest
  }

  return {
    guest(certificate, now) {
      const guest = guestOf(certificate, undefined, now)
      const { client, group } = 'client' in guest ? guest : stranger(certificate)
      return entryOf(certificate, client, group, now)
    },

    async admit(certificate, isVouched, now, offered = () => []) {
      const { fingerprint, subject, notAfter } = certificate
      const { trusts } = hospitality()
      const found = await locateAgain(certificate)
      if (found !== undefined) {
        const { id, record, entry } = found
        const refusal = objection(found, certificate, isVouched ? offered : notOffered, now)
        const { notAfter } = entry
        return refusal ?? { entry: { id, certificate, seen: record, trusts }, notAfter, ...ownerIn(entry) }
      }
      const guest = isVouched ? welcome(certificate, offered(), now) : unknown(subject.text, fingerprint)
      if (!('client' in guest)) return guest
      const { client, group } = guest
      const entry = { id: fingerprint, certificate, seen: undefined, trusts }
      return { client, group, isAdministrator: false, notAfter: notAfter.getTime(), entry }
    },

    confirm(session, now) {
      const { entry, notAfter } = session
      if (now > notAfter)
        throw new Failure('AuthenticationNotSuccessful', 'the client certificate has expired since it connected')
      const { trusts } = hospitality()
      const record = store.get(table, entry.id, entry.seen)
      return record === entry.seen && trusts === entry.trusts ? undefined : confirmAnew(session, record, trusts, now)
    },
  }
}

const notOffered = (): Offered => undefined

/** Whether the entry is of what our own authority signed, on which other authorities have no say. */
const isOurs = (id: string, { fingerprint }: Certificate): boolean => id !== fingerprint

type Owner = Pick<ClientSession, 'client' | 'group' | 'isAdministrator'>

const ownerIn = ({ name, group, administrator = false }: ClientEntry): Owner => ({
  client: name,
  group,
  isAdministrator: administrator,
})

const isAs = (one: Owner, other: Owner): boolean =>
  one.client === other.client && one.group === other.group && one.isAdministrator === other.isAdministrator

const unlikeBefore: Refusal = fault('unlikeBefore', 'client', {})
