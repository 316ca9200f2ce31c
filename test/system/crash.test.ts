/**
 * The server is killed at random moments, again and again, and started on the same folder: what it acknowledged is there.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { AddAttribute, type Client, Create, Destroy, GetAttributes, Register } from '../../src/index.ts'
import { aesKey, call, custom, locate, materialOf, named, outcomeOf, ownKey } from './requests.ts'
import {
  enrolled,
  type Identity,
  newFolder,
  launch,
  removeFolder,
  type ServerProcess,
  within,
} from './server-process.ts'

const rounds = 20
const writers = 4

/** What the server acknowledged, and what it may have done without being able to say so. */
interface Ledger {
  /** Identifier to key material, in hexadecimal. */
  readonly kept: Map<string, string>
  readonly destroyed: Set<string>
  /** Asked to be destroyed when the connection broke: either will do. */
  readonly doubtful: Set<string>
  /** Identifier to the texts that were added to it. */
  readonly added: Map<string, string[]>
  /** Names of batches that are all or nothing; each is on three objects or on none. */
  readonly batches: { readonly tag: string; readonly isAcknowledged: boolean }[]
}

const newLedger = (): Ledger => ({
  kept: new Map(),
  destroyed: new Set(),
  doubtful: new Set(),
  added: new Map(),
  batches: [],
})

test(
  `${rounds} kills lose nothing that was acknowledged and leave nothing half-written`,
  { timeout: 300_000 },
  async () => {
    const data = await newFolder()
    const ledgers: Ledger[] = []
    let server = await launch(data)
    try {
      const identities = [await enrolled(data, 'writer', { group: 'crash' })]
      for (let round = 0; round < rounds; round++) {
        const ledger = newLedger()
        ledgers.push(ledger)
        identities.push(await workAndKill(server, identities, round, ledger))
        server = await launch(data)
        await check(server, identities, [ledger])
      }
      // What outlived one kill outlives them all.
      await check(server, identities, ledgers)
      const total = (count: (ledger: Ledger) => number) => ledgers.reduce((sum, each) => sum + count(each), 0)
      expect(total(({ kept }) => kept.size)).toBeGreaterThan(rounds)
      expect(total(({ destroyed }) => destroyed.size)).toBeGreaterThan(rounds / 2)
      expect(total(({ batches }) => batches.filter(each => each.isAcknowledged).length)).toBeGreaterThan(rounds / 2)
    } finally {
      await server.end('SIGKILL')
      await removeFolder(data)
    }
  },
)

/** Writers at work, a client enrolled beside them, and the kill. Gives the new client. */
async function workAndKill(
  server: ServerProcess,
  identities: readonly Identity[],
  round: number,
  ledger: Ledger,
): Promise<Identity> {
  const identity = identities.at(-1)
  if (identity === undefined) throw new Error('nobody is enrolled')
  const clients = await Promise.all(Array.from({ length: writers }, () => server.connect(identity)))
  const ended = clients.map((client, writer) => write(client, `${round}.${writer}`, ledger))
  const newcomer = await enrolled(server.data, `client ${round}`, { group: 'crash' })
  await new Promise(resolve => setTimeout(resolve, 50 + Math.random() * 400))
  await server.end('SIGKILL')
  await Promise.all(ended)
  return newcomer
}

/** Writes until the connection breaks, and enters what was acknowledged. */
async function write(client: Client, name: string, ledger: Ledger): Promise<void> {
  const own: string[] = []
  for (let step = 0; ; step++) {
    try {
      await steps[step % steps.length]?.(client, `${name}.${step}`, own, ledger)
    } catch (error) {
      if (isBroken(error)) return
      throw error
    }
  }
}

/** A broken connection is what is waited for; anything else is a mistake. */
const isBroken = (error: unknown): boolean =>
  error instanceof Error && /closed the connection|ECONNRESET|EPIPE/.test(error.message)

/** What no object is to carry. */
const undone = custom('x-Undone', 'yes')

type Step = (client: Client, tag: string, own: string[], ledger: Ledger) => Promise<void>

const steps: readonly Step[] = [
  async (client, tag, own, { kept }) => {
    const material = randomBytes(32)
    const { uniqueIdentifier } = await client.call(Register, ownKey(material, named(tag)))
    kept.set(uniqueIdentifier, material.toString('hex'))
    own.push(uniqueIdentifier)
  },
  async (client, tag, own, { kept }) => {
    const { uniqueIdentifier } = await client.call(Create, aesKey(named(tag)))
    kept.set(uniqueIdentifier, await materialOf(client, uniqueIdentifier))
    own.push(uniqueIdentifier)
  },
  async (client, tag, own, { added }) => {
    const uniqueIdentifier = own.at(-1) ?? ''
    await client.call(AddAttribute, { uniqueIdentifier, newAttribute: custom('x-Added', tag) })
    added.set(uniqueIdentifier, [...(added.get(uniqueIdentifier) ?? []), tag])
  },
  async (client, tag, _, { batches }) => {
    batches.push({ tag, isAcknowledged: false })
    const three = [0, 1, 2].map(index => call(Create, aesKey(named(`${tag}.${index}`), custom('x-Batch', tag))))
    const { batchItem } = await client.batch(three, { batchErrorContinuationOption: 'Undo' })
    expect(batchItem.map(({ resultStatus }) => resultStatus)).toEqual(['Success', 'Success', 'Success'])
    batches.push({ tag, isAcknowledged: true })
  },
  async client => {
    const makes = [call(Create, aesKey(undone)), call(Destroy, { uniqueIdentifier: 'none' })]
    const { batchItem } = await client.batch(makes, { batchErrorContinuationOption: 'Undo' })
    expect(batchItem.map(({ resultStatus }) => resultStatus)).toEqual(['OperationUndone', 'OperationFailed'])
  },
  async (client, _tag, own, { kept, destroyed, doubtful }) => {
    const uniqueIdentifier = own.shift() ?? ''
    doubtful.add(uniqueIdentifier)
    await client.call(Destroy, { uniqueIdentifier })
    doubtful.delete(uniqueIdentifier)
    kept.delete(uniqueIdentifier)
    destroyed.add(uniqueIdentifier)
  },
]

async function check(
  server: ServerProcess,
  identities: readonly Identity[],
  ledgers: readonly Ledger[],
): Promise<void> {
  const newest = identities.at(-1)
  if (newest === undefined) throw new Error('nobody is enrolled')
  // Whoever was enrolled before the kill is let in after it.
  const client = await server.connect(newest)
  expect(await locate(client, undone)).toEqual([])
  for (const ledger of ledgers) await checkObjects(client, ledger)
  await client.close()
  const entries = await within(server.data, ({ clients }) => clients.list())
  expect(entries).toHaveLength(identities.length)
}

async function checkObjects(client: Client, { kept, doubtful, destroyed, added, batches }: Ledger): Promise<void> {
  for (const [id, material] of kept)
    if (!doubtful.has(id) || (await outcomeOf(materialOf(client, id))) === 'done')
      expect(await materialOf(client, id)).toBe(material)
  for (const id of destroyed) expect(await outcomeOf(materialOf(client, id))).toBe('PermissionDenied')
  for (const [uniqueIdentifier, texts] of added) {
    const { attributes } = await client.call(GetAttributes, { uniqueIdentifier, attributeReference: ['x-Added'] })
    const found = attributes.map(({ value }) => (value as { readonly value: string }).value)
    expect(texts.filter(text => !found.includes(text))).toEqual([])
  }
  for (const { tag, isAcknowledged } of batches) {
    const found = await locate(client, custom('x-Batch', tag))
    expect(isAcknowledged ? [3] : [0, 3]).toContain(found.length)
    // What is there at all can be read.
    for (const id of found) expect(await materialOf(client, id)).toMatch(/^[0-9a-f]{64}$/)
  }
}
