/**
 * Tasks: a source and a target of a migration, for whom keys and certificates are made here, since they cannot make their
 * own; an agent fetches them once.
 *
 * A task has three clients, of one group: the source, the target's management and the target's data side. Their private
 * keys lie sealed in a record of their own until they are handed out, and the commit that deletes it is what hands them
 * out: of any number of agents one gets them, and nobody afterwards. The certificates can be read again.
 *
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject, randomUUID } from 'node:crypto'
import * as z from 'zod'
import { generateKeyPair } from '../certs/index.ts'
import { type RecordChange, type Store, StoreError, type StoredRecord } from '../store/index.ts'
import type { Caller } from './caller.ts'
import { enroll, EnrollmentError, groupOf, type Office, planFor } from './enrollment.ts'
import type { Token, Tokens } from './tokens.ts'
import { turns } from './turns.ts'

const roles = ['source', 'targetManagement', 'targetData'] as const
type Role = (typeof roles)[number]

export const taskKeyTypes = ['RSA-2048', 'RSA-3072', 'RSA-4096'] as const

const taskSchema = z.object({
  id: z.string(),
  source: z.string(),
  target: z.string(),
  group: z.string(),
  days: z.number().optional(),
  created: z.number(),
  createdBy: z.string(),
  /** When the private keys were handed out, and to whom. */
  released: z.object({ date: z.number(), by: z.string() }).optional(),
  /** PEM, of those that have been signed. */
  certificates: z.partialRecord(z.enum(roles), z.string()),
  /** PEM: what the certificates lead to. */
  chain: z.string(),
})

const keysSchema = z.record(z.enum(roles), z.string())

/** Dates are milliseconds since 1970. */
export type Task = z.infer<typeof taskSchema>

/** Private keys, PKCS#1 PEM. */
type Keys = z.infer<typeof keysSchema>

export interface TaskRequest {
  /** Names of clients; the target's become NAME-management and NAME-data. */
  readonly source: string
  readonly target: string
  /** Whose objects all of them share. Default: the source's. */
  readonly group?: string | undefined
  /** Default 730. */
  readonly days?: number | undefined
  /** Default RSA-2048. */
  readonly keyType?: (typeof taskKeyTypes)[number] | undefined
}

/** What an agent gets. */
export interface Release {
  readonly task: Task
  /** The first time only. */
  readonly keys?: Keys
}

export interface TaskOptions {
  readonly store: Store
  readonly tokens: Tokens
  readonly office: () => Office
  /** Milliseconds since 1970. Default the system's clock. */
  readonly now?: (() => number) | undefined
}

/** All throw `EnrollmentError` with words for whoever asked. */
export interface Tasks {
  /** Makes keys and certificates. */
  create(request: TaskRequest, caller: Caller): Promise<Task>
  /** Oldest first. */
  list(): Promise<Task[]>
  /** Certificates, and the first time private keys, which are gone then. */
  release(id: string, caller: Caller): Promise<Release>
}

const table = 'task'
const keyTable = 'taskKey'

/** Attempts against others who write the same record. */
const maxAttempts = 8

export function tasksOf({ store, tokens, office, now = Date.now }: TaskOptions): Tasks {
  const inTurn = turns()

  async function get(id: string) {
    const record = await store.get(table, id)
    return record && { record, task: parse(taskSchema, record) }
  }

  async function found(id: string) {
    const known = await get(id)
    if (known === undefined) throw noSuchTask(id)
    return known
  }

  /** Signs what is not signed yet: all of it, or what a crash left. */
  async function certified(id: string, keys: Keys): Promise<void> {
    for (const role of roles) {
      const { task } = await found(id)
      if (task.certificates[role] !== undefined) continue
      const { group, days } = task
      await enroll(publicKeyOf(keys[role]), { name: nameOf(role, task), group, days }, office(), new Date(now()), {
        signed: async (_, { pem }) => {
          const latest = await found(id)
          const certificates = { ...latest.task.certificates, [role]: pem }
          return [taskChange({ ...latest.task, certificates }, latest.record)]
        },
      })
    }
  }

  /** The change that uses a one-time token up. */
  async function usage(caller: Caller, id: string): Promise<RecordChange[]> {
    const token = caller.token && (await tokens.get(caller.token.token.id))
    if (token?.token.once !== true) return []
    if (token.token.used === undefined) return [tokens.use(token, usedFor(id), now())]
    if (token.token.used.by === usedFor(id)) return []
    throw new EnrollmentError('forbidden', `the one-time token ${token.token.name} has been used; ask for another`)
  }

  async function release(id: string, caller: Caller): Promise<Release> {
    const { task } = await found(id)
    checkToken(caller.token?.token, task)
    const use = await usage(caller, id)
    const keyRecord = await store.get(keyTable, id)
    if (keyRecord === undefined) {
      if (use.length > 0) await store.commit(use)
      return { task }
    }
    const keys = parse(keysSchema, keyRecord)
    await certified(id, keys)
    const latest = await found(id)
    const released: Task = { ...latest.task, released: { date: now(), by: caller.words } }
    await store.commit([taskChange(released, latest.record), { table: keyTable, id, previous: keyRecord }, ...use])
    return { task: released, keys }
  }

  /** Goes on when another writer was faster. */
  const settled = <T>(work: () => Promise<T>): Promise<T> =>
    inTurn(async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await work()
        } catch (error) {
          if (!(error instanceof StoreError) || error.code !== 'conflict' || attempt === maxAttempts) throw error
        }
      }
    })

  return {
    async create(request, caller) {
      const { source, target, days, keyType = 'RSA-2048' } = request
      const { clients, authority } = office()
      const group = request.group ?? (await groupOf(clients, { name: source }))
      for (const role of roles) await groupOf(clients, { name: nameOf(role, { source, target }), group })
      const pairs = await Promise.all(roles.map(async role => [role, await newKey(keyType)] as const))
      const keys = keysSchema.parse(Object.fromEntries(pairs))
      for (const role of roles)
        planFor(publicKeyOf(keys[role]), { name: nameOf(role, request), days }, office(), new Date(now()))
      const task: Task = {
        id: randomUUID(),
        source,
        target,
        group,
        ...(days === undefined ? {} : { days }),
        created: now(),
        createdBy: caller.words,
        certificates: {},
        chain: authority.chain.join(''),
      }
      const body = Buffer.from(JSON.stringify(keys))
      const commit = store.commit([taskChange(task), { table: keyTable, id: task.id, body }])
      body.fill(0)
      await commit
      return settled(async () => {
        await certified(task.id, keys)
        return (await found(task.id)).task
      })
    },

    async list() {
      const tasks: Task[] = []
      for await (const id of store.list(table)) {
        const known = await get(id)
        if (known !== undefined) tasks.push(known.task)
      }
      return tasks.sort((one, other) => one.created - other.created)
    },

    release: (id, caller) => settled(() => release(id, caller)),
  }
}

/** What each of the three is called in the register. */
function nameOf(role: Role, { source, target }: Pick<Task, 'source' | 'target'>): string {
  const names: Record<Role, string> = {
    source,
    targetManagement: `${target}-management`,
    targetData: `${target}-data`,
  }
  return names[role]
}

async function newKey(keyType: (typeof taskKeyTypes)[number]): Promise<string> {
  const { privateKey } = await generateKeyPair(keyType)
  return privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
}

const publicKeyOf = (key: string): KeyObject => createPublicKey(createPrivateKey(key))

/** A token that is for one client or group opens no other's task. */
function checkToken(token: Token | undefined, { id, source, target, group }: Task): void {
  const isOther = token?.client !== undefined && token.client !== source && token.client !== target
  if (isOther || (token?.group !== undefined && token.group !== group)) throw noSuchTask(id)
}

const usedFor = (id: string): string => `task ${id}`

const noSuchTask = (id: string): EnrollmentError =>
  new EnrollmentError('notFound', `there is no task ${JSON.stringify(id)} that you may see; kmipd task list shows all`)

const taskChange = (task: Task, previous?: StoredRecord): RecordChange => ({
  table,
  id: task.id,
  previous,
  body: Buffer.from(JSON.stringify(task)),
})

/** Clears the record's bytes: they may be keys. */
function parse<T>(schema: z.ZodType<T>, { table: where, id, body }: StoredRecord): T {
  const parsed = schema.safeParse(JSON.parse(Buffer.from(body).toString()))
  body.fill(0)
  if (!parsed.success)
    throw new StoreError('damaged', `task ${id} is not one: ${parsed.error.issues[0]?.message ?? ''}`, {
      table: where,
      id,
    })
  return parsed.data
}
