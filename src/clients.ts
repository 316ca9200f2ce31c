/**
 * The client register: who was issued which certificate, for which group, until when, and whether it is revoked.
 *
 * It is asked at every message, so that a revocation by another process holds at once: the store tells for the price of
 * one comparison that an entry has not changed.
 *
 * What our own authority signs is entered by serial number, before it is signed; every other certificate by its
 * fingerprint, since other authorities choose names and serial numbers as they like. No entry ever takes another's place.
 *
 * @module
 */
import type { Certificate } from '../certs/index.ts'
import type { RecordChange, Store } from '../store/index.ts'
import { type Admission, admissionOf, type Hospitality } from './clients/admission.ts'
import { type Claims, claimsOn } from './clients/claims.ts'
import { entriesIn } from './clients/entries.ts'
import { type ClientEntry, isOfLostKey, numberOf } from './clients/entry.ts'
import { noTrusts } from './trust.ts'

export type { ClientSession, Hospitality } from './clients/admission.ts'
export { type Claims, isClaimed } from './clients/claims.ts'
export { type ClientEntry, entryOf, isKeyLost } from './clients/entry.ts'

export interface Clients extends Admission {
  /**
   * Enters a certificate that is about to be signed.
   *
   * @param beside what else is recorded with it, or neither is
   * @throws StoreError `conflict` if there is one of its number, or its issuer was retired
   */
  plan(entry: ClientEntry, beside?: readonly RecordChange[]): Promise<void>
  /**
   * Completes a plan with the certificate that was signed from it.
   *
   * @param beside what else is recorded with it, or neither is
   * @throws StoreError `conflict` unless the entry of this number is a plan for this name, or if its issuer was retired
   */
  complete(entry: ClientEntry, beside?: readonly RecordChange[]): Promise<void>
  /** Enters a certificate that another authority signed. @throws StoreError `conflict` if it is entered already */
  enter(entry: ClientEntry): Promise<void>
  /** The entry of what an authority of ours signed, or is about to sign, under a number. */
  numbered(number: Pick<ClientEntry, 'issuer' | 'serialNumber'>): Promise<ClientEntry | undefined>
  /** The entry of this very certificate. */
  entered(certificate: Certificate): Promise<ClientEntry | undefined>
  /** All entries, oldest first. */
  list(): Promise<ClientEntry[]>
  /** The entries of a client's name, or else of a serial number, or of a fingerprint or its beginning. */
  find(wanted: string): Promise<ClientEntry[]>
  /** What others than the client of this name have in a group already. */
  claims(group: string, name: string): Promise<Claims>
  /** The entries of the same public keys, those that were given included. */
  ofSameKeys(entries: readonly Pick<ClientEntry, 'keyFingerprint'>[]): Promise<ClientEntry[]>
  /**
   * Marks entries as revoked; those that already are stay as they were, unless it is their key that is compromised. One
   * that is not entered is entered as revoked. What a compromised key was certified for beside is revoked as well.
   */
  revoke(entries: readonly ClientEntry[], reason: string, now: number): Promise<void>
  /** From now on nothing is planned or completed that an authority of this name is to sign. */
  retire(issuer: string, now: number): Promise<void>
}

const nobody: Hospitality = { trusts: noTrusts, clientName: 'dn' }

/** @param hospitality as of now; asked anew each time */
export function clientsOf(store: Store, hospitality: () => Hospitality = () => nobody): Clients {
  const entries = entriesIn(store)
  const { list, ofSameKeys } = entries

  return {
    ...admissionOf(store, entries, hospitality),
    list,
    ofSameKeys,
    plan: entries.plan,
    complete: entries.complete,
    retire: entries.retire,
    enter: entries.enter,
    numbered: async number => (await entries.read(numberOf(number)))?.entry,
    entered: async certificate => (await entries.locate(certificate))?.entry,

    async find(wanted) {
      const all = await list()
      const named = all.filter(({ name }) => name === wanted)
      if (named.length > 0) return named
      const digits = wanted.toLowerCase().replaceAll(':', '')
      return all.filter(
        ({ serialNumber, fingerprint }) =>
          serialNumber === digits || (digits.length >= shortestPrefix && fingerprint.startsWith(digits)),
      )
    },

    claims: async (group, name) =>
      claimsOn(group, name, { store, trusts: hospitality().trusts, entries: await list() }),

    async revoke(given, reason, now) {
      const all = async (each: readonly ClientEntry[]): Promise<void> => {
        for (const entry of each) await entries.revoke(entry, { date: now, reason })
      }
      await all(given)
      // Looked for last: what is planned from now on finds the key compromised.
      if (isOfLostKey(reason)) await all(await ofSameKeys(given))
    },
  }
}

const shortestPrefix = 8
