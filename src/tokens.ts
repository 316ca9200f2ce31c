/**
 * Tokens: whoever holds one may call the HTTPS API, as far as its scopes go and until it expires.
 *
 * A token is shown once, when it is made; what is kept is its SHA-256, which suffices for 256 random bits. A one-time
 * token enrolls once: the record of what it was used for is written in the same commit as what it did, so that of any
 * number of attempts at the same moment one succeeds. Afterwards it serves to look at that one thing.
 *
 * @module
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import * as z from 'zod'
import { type RecordChange, type Store, StoreError, type StoredRecord } from '../store/index.ts'
import { checkName, EnrollmentError } from './enrollment.ts'

/** `enroll`: submit requests and fetch what comes of them. `read`: look at everything. `admin`: everything. */
export const scopes = ['enroll', 'read', 'admin'] as const
export type Scope = (typeof scopes)[number]

const tokenSchema = z.object({
  /** The first digits of the hash: names the token, and does not open anything. */
  id: z.string(),
  name: z.string(),
  hash: z.string(),
  scope: z.array(z.enum(scopes)),
  created: z.number(),
  expires: z.number(),
  once: z.boolean(),
  /** For whom alone it enrolls. */
  client: z.string().optional(),
  group: z.string().optional(),
  /** What a one-time token was used for. */
  used: z.object({ date: z.number(), by: z.string() }).optional(),
  revoked: z.number().optional(),
})

/** Dates are milliseconds since 1970. */
export type Token = z.infer<typeof tokenSchema>

export interface TokenRequest {
  /** By which the log and whoever revokes it call it. */
  readonly name: string
  readonly scope: readonly Scope[]
  /** Default 7; of one that is not for once 90. */
  readonly days?: number | undefined
  readonly once?: boolean | undefined
  /** Only this client can be enrolled with it. */
  readonly client?: string | undefined
  /** And only in this group. */
  readonly group?: string | undefined
}

/** A token that was shown, as it is kept. */
export interface FoundToken {
  readonly token: Token
  readonly record: StoredRecord
}

export interface Tokens {
  /**
   * Makes a token; its text is given here and nowhere again.
   *
   * @throws EnrollmentError `invalid` for a name or scope, `taken` for the name of another token
   */
  create(request: TokenRequest, now: number): Promise<{ readonly token: Token; readonly text: string }>
  /** The token whose text this is, in whatever state. */
  find(text: string): Promise<FoundToken | undefined>
  /** The token as it is by now. */
  get(id: string): Promise<FoundToken | undefined>
  /** All tokens, oldest first. */
  list(): Promise<Token[]>
  /** By its name or identifier. @throws EnrollmentError `notFound` */
  revoke(wanted: string, now: number): Promise<Token>
  /** The change that uses a one-time token up; it conflicts if the token has been used since it was found. */
  use(found: FoundToken, by: string, now: number): RecordChange
}

const table = 'token'
const prefix = 'kmipd_'
const dayMs = 86_400_000
const presetDays = { once: 7, always: 90 }

/** 32 bytes in base64url. */
const pattern = /^kmipd_[\w-]{43}$/

export function tokensOf(store: Store): Tokens {
  async function read(id: string): Promise<FoundToken | undefined> {
    const record = await store.get(table, id)
    return record && { token: parse(record), record }
  }

  async function list(): Promise<Token[]> {
    const tokens: Token[] = []
    for await (const id of store.list(table)) {
      const found = await read(id)
      if (found !== undefined) tokens.push(found.token)
    }
    return tokens.sort((one, other) => one.created - other.created)
  }

  return {
    get: read,
    list,

    async create(request, now) {
      check(request)
      const { name, scope, once = false, days = once ? presetDays.once : presetDays.always, client, group } = request
      const text = `${prefix}${randomBytes(32).toString('base64url')}`
      const hash = hashOf(text)
      const token: Token = {
        id: idOf(hash),
        name,
        hash: hash.toString('hex'),
        scope: scopes.filter(each => scope.includes(each)),
        created: now,
        expires: now + days * dayMs,
        once,
        ...(client === undefined ? {} : { client }),
        ...(group === undefined ? {} : { group }),
      }
      try {
        await store.commit([change(token)])
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'duplicate') throw error
        throw new EnrollmentError(
          'taken',
          `there is a token ${JSON.stringify(name)}; choose another name, or revoke that one: kmipd token revoke`,
        )
      }
      return { token, text }
    },

    async find(text) {
      if (!pattern.test(text)) return undefined
      const hash = hashOf(text)
      const found = await read(idOf(hash))
      return found && timingSafeEqual(hash, Buffer.from(found.token.hash, 'hex')) ? found : undefined
    },

    async revoke(wanted, now) {
      const known = (await list()).filter(({ id, name }) => id === wanted || name === wanted)
      const token = known.find(({ revoked }) => revoked === undefined) ?? known.at(-1)
      const found = token && (await read(token.id))
      if (found === undefined)
        throw new EnrollmentError(
          'notFound',
          `there is no token ${JSON.stringify(wanted)}; kmipd token list shows which there are`,
        )
      if (found.token.revoked !== undefined) return found.token
      const revoked: Token = { ...found.token, revoked: now }
      await store.commit([change(revoked, found.record)])
      return revoked
    },

    use: ({ token, record }, by, now) => change({ ...token, used: { date: now, by } }, record),
  }
}

/** Why a token is not accepted any more, in words for whoever shows it. */
export function faultOf({ name, revoked, expires }: Token, now: number): string | undefined {
  if (revoked !== undefined) return `the token ${name} was revoked on ${dayOf(revoked)}`
  if (now >= expires) return `the token ${name} expired on ${dayOf(expires)}`
  return undefined
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

function check({ name, scope, once = false, client, group, days = 1 }: TokenRequest): void {
  checkName('token name', name)
  if (client !== undefined) checkName('client name', client)
  if (group !== undefined) checkName('group', group)
  const refuse = (words: string): never => {
    throw new EnrollmentError('invalid', words)
  }
  if (scope.length === 0) refuse(`the token has no scope; give one or more of ${scopes.join(', ')}`)
  if (once && scope.join() !== 'enroll') refuse('a one-time token is for enrolling; give it the scope enroll alone')
  if (!scope.includes('enroll') && (client ?? group) !== undefined)
    refuse('a token is for a client or group only if it enrolls; give it the scope enroll')
  if (scope.length > 1 && (client ?? group) !== undefined)
    refuse('a token that is for one client or group has the scope enroll alone')
  if (!(Number.isInteger(days) && days >= 1 && days <= 3650)) refuse('a token lasts from 1 to 3650 days')
}

/** A name is free again when its token is revoked. */
function change(token: Token, previous?: StoredRecord): RecordChange {
  const uniqueTerms = token.revoked === undefined ? [`name:${token.name}`] : []
  return { table, id: token.id, previous, body: Buffer.from(JSON.stringify(token)), uniqueTerms }
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest()

const idOf = (hash: Buffer): string => hash.toString('hex', 0, 8)

function parse({ id, body }: StoredRecord): Token {
  const token = tokenSchema.safeParse(JSON.parse(Buffer.from(body).toString()))
  if (!token.success)
    throw new StoreError('damaged', `the token ${id} is not one: ${token.error.issues[0]?.message ?? ''}`, {
      table,
      id,
    })
  return token.data
}
