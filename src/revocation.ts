/**
 * What our authorities publish of their certificates: revocation lists, full and delta, and answers on single ones.
 *
 * A list is made when it is asked for and something was revoked since the last, or the last has lived half of its life;
 * otherwise the last is given out, by every process, since it is kept in the store. Numbers only grow: a list counts as made
 * once the store has taken it in the place of the one before (RFC 5280 §5.2.3).
 *
 * A delta tells what was added to a base, a full list given out before; both have one number if they are made at the same
 * time (§5.2.4). The base moves on with the life of full lists, so a delta stays short.
 *
 * @module
 */
import * as z from 'zod'
import {
  type Authority,
  type CertificateStatus,
  readRevocationList,
  type RevocationList,
  type RevocationReason,
  revocationReasons,
  type RevokedCertificate,
} from '../certs/index.ts'
import { type Store, StoreError, type StoredRecord } from '../store/index.ts'
import { type Authorities, authorityId, publishing } from './authorities.ts'
import { type Clients, clientsOf } from './clients.ts'
import { issuedOf } from './issued.ts'
import { listTable, revision } from './revocation/revision.ts'

/** What one authority publishes. */
export interface Publisher {
  readonly authority: Authority
  /** PEM: the authority's certificate, then its issuers. */
  chain(): readonly string[]
  /** The newest list. */
  list(kind: 'full' | 'delta'): Promise<RevocationList>
  /** How a certificate of this authority stands. */
  status(serialNumber: string): Promise<CertificateStatus>
}

export interface Publications {
  /** Of the authority with this id; without one, of that which signs. Undefined if there is none, or none any more. */
  of(id?: string): Publisher | undefined
  all(): Publisher[]
  /** Answers an OCSP request about a certificate of any of them; what cannot be read, too. RFC 6960 */
  answerStatus(request: Uint8Array): Promise<Uint8Array>
}

export interface PublicationOptions {
  readonly store: Store
  readonly authorities: () => Authorities
  /** Milliseconds since 1970. Default the system's clock. */
  readonly now?: (() => number) | undefined
}

const hourMs = 3_600_000

/** How long lists are good for; each is made anew after half of it. */
export const fullLifeMs = 7 * 24 * hourMs
export const deltaLifeMs = 24 * hourMs
/** The clocks of those who check are apart. */
const backdateMs = 300_000
/** How long an answer on a certificate may be kept. */
const answerLifeMs = hourMs

export function publications({ store, authorities, now = Date.now }: PublicationOptions): Publications {
  const press = pressOf(store, now)
  const statusOf = statusLookup(store, clientsOf(store))
  const publisher = (authority: Authority): Publisher => ({
    authority,
    chain: () => authority.chain,
    list: async kind => (await press(authority))[kind],
    status: serialNumber => statusOf(authority, serialNumber),
  })
  const all = (): Publisher[] => publishing(authorities()).map(publisher)
  return {
    all,
    of: id => all().find(({ authority }) => id === undefined || authorityId(authority.certificate) === id),

    async answerStatus(request) {
      const answers: Uint8Array[] = []
      for (const publisher of all()) {
        const asked: string[] = []
        const lookup = (serialNumber: string): Promise<CertificateStatus> => {
          asked.push(serialNumber)
          return publisher.status(serialNumber)
        }
        const { authority } = publisher
        const answer = await authority.answerStatus(request, lookup, new Date(now()), new Date(now() + answerLifeMs))
        if (asked.length > 0) return answer
        answers.push(answer)
      }
      // That of the authority that signs, which knows nothing of it.
      return answers[0] ?? new Uint8Array()
    },
  }
}

const statusLookup =
  (store: Store, clients: Clients) =>
  async ({ certificate }: Authority, serialNumber: string): Promise<CertificateStatus> => {
    const number = { issuer: certificate.subject.text, serialNumber }
    const entry = (await clients.numbered(number)) ?? (await issuedOf(store).numbered(number))
    // What was only planned was never signed, as far as is known.
    if (entry === undefined || (entry.fingerprint === '' && entry.revoked === undefined)) return { status: 'unknown' }
    if (entry.revoked === undefined) return { status: 'good' }
    const { date, reason } = entry.revoked
    return { status: 'revoked', date: new Date(date), ...reasonIn(reason) }
  }

/** Registers from before the reasons of RFC 5280 hold free text. */
function reasonIn(text: string): { readonly reason?: RevocationReason } {
  const reason = revocationReasons.find(each => each === text)
  return reason === undefined || reason === 'unspecified' || reason === 'removeFromCRL' ? {} : { reason }
}

const schema = z.object({
  /** DER in base64. */
  full: z.string(),
  delta: z.string(),
  /** Which revocations are in them. */
  revision: z.string(),
  base: z.object({ number: z.string(), date: z.number(), serialNumber: z.array(z.string()) }),
})

type Kept = z.infer<typeof schema>

interface Edition {
  readonly full: RevocationList
  readonly delta: RevocationList
}

interface Known extends Edition {
  readonly record: StoredRecord
  readonly kept: Kept
}

/** Gives out the newest edition, and makes a new one when it is time. */
function pressOf(store: Store, now: () => number): (authority: Authority) => Promise<Edition> {
  const known = new Map<string, Known>()
  let seen: StoredRecord | undefined

  async function latest(id: string): Promise<Known | undefined> {
    const last = known.get(id)
    const record = await store.get(listTable, id, last?.record)
    if (record === undefined || record === last?.record) return record && last
    const kept = schema.parse(JSON.parse(Buffer.from(record.body).toString()))
    const read = (text: string): RevocationList => readRevocationList(Buffer.from(text, 'base64'))
    const found = { record, kept, full: read(kept.full), delta: read(kept.delta) }
    known.set(id, found)
    return found
  }

  async function edition(authority: Authority, tries: number): Promise<Edition> {
    const id = authority.certificate.publicKey.fingerprint
    seen = await revision(store, seen)
    const current = seen === undefined ? '' : Buffer.from(seen.body).toString()
    const last = await latest(id)
    if (last?.kept.revision === current && now() < last.full.thisUpdate.getTime() + deltaLifeMs / 2) return last
    const kept = await printed(authority, last, current, store, now())
    const body = Buffer.from(JSON.stringify(kept))
    try {
      await store.commit([{ table: listTable, id, previous: last?.record, body }])
    } catch (error) {
      // Another process was faster: its edition is as good.
      if (!(error instanceof StoreError) || error.code !== 'conflict' || tries === 0) throw error
    }
    return edition(authority, tries - 1)
  }

  return authority => edition(authority, mostTries)
}

const mostTries = 5

async function printed(
  authority: Authority,
  last: Known | undefined,
  revision: string,
  store: Store,
  nowMs: number,
): Promise<Kept> {
  const base = baseAfter(last, nowMs)
  const revoked = await revokedBy(authority, last?.full.thisUpdate.getTime() ?? 0, store)
  const number = (last?.full.number ?? 0n) + 1n
  const thisUpdate = new Date(nowMs - backdateMs)
  const before = new Set(base.serialNumber)
  const added = revoked.filter(({ serialNumber }) => !before.has(serialNumber))
  const full = { number, revoked, thisUpdate, nextUpdate: new Date(nowMs + fullLifeMs) }
  const delta = { ...full, revoked: added, nextUpdate: new Date(nowMs + deltaLifeMs), base: BigInt(base.number) }
  const text = ({ der }: RevocationList): string => Buffer.from(der).toString('base64')
  return {
    full: text(await authority.revocationList(full)),
    delta: text(await authority.revocationList(delta)),
    revision,
    base,
  }
}

/** Before the first list nothing was revoked: its number is 0. */
function baseAfter(last: Known | undefined, nowMs: number): Kept['base'] {
  if (last === undefined) return { number: '0', date: nowMs, serialNumber: [] }
  if (nowMs < last.kept.base.date + fullLifeMs / 2) return last.kept.base
  const { number = 0n, revoked } = last.full
  return { number: number.toString(), date: nowMs, serialNumber: [...revoked.keys()] }
}

/**
 * What the authority has revoked. A certificate that has ended is left out once a list named it after its end (RFC 5280
 * §5): if it had ended before the last one.
 */
async function revokedBy({ certificate }: Authority, last: number, store: Store): Promise<RevokedCertificate[]> {
  const clients = clientsOf(store)
  const issuer = certificate.subject.text
  const entries = [...(await clients.list()), ...(await issuedOf(store).list())]
  const revoked: RevokedCertificate[] = []
  for (const entry of entries) {
    if (entry.revoked === undefined || entry.issuer !== issuer || entry.notAfter < last) continue
    // Another authority may bear our name; what it signed is entered, and revoked, by its fingerprint.
    const isOurs = 'kind' in entry || (await clients.numbered(entry))?.fingerprint === entry.fingerprint
    const { date, reason } = entry.revoked
    if (isOurs) revoked.push({ serialNumber: entry.serialNumber, date: new Date(date), ...reasonIn(reason) })
  }
  return revoked
}
