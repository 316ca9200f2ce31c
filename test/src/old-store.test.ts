/**
 * Stores that earlier releases made: `format-1.json` holds all rows of one, with two live names, a destroyed one and a
 * neighbour's.
 *
 * @module
 */
import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type AttributeInstance,
  Create,
  decode,
  Destroy,
  encode,
  Get,
  Locate,
  type Operation,
  readResponse,
  type ResponseItem,
  writeRequest,
} from '../../protocol/index.ts'
import { exchange } from '../../src/exchange.ts'
import { houseOf } from '../../src/house.ts'
import { inventory } from '../../src/objects/inventory.ts'
import { type Engine, masterKeyText, memory, openStore, type Store, StoreError } from '../../store/index.ts'

interface Recorded {
  readonly masterKey: string
  readonly objects: Readonly<Record<'drive' | 'uri' | 'nameless' | 'neighbour' | 'destroyed', string>>
  /** Keys and values in base64. */
  readonly rows: readonly (readonly [string, string])[]
}

const { masterKey, objects, rows } = JSON.parse(
  await readFile(new URL('../store/format-1.json', import.meta.url), 'utf8'),
) as Recorded

let engine: Engine
let store: Store

async function recorded(): Promise<Engine> {
  const made = memory()
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64')
  await made.commit(
    [],
    rows.map(([key, value]) => ({ key: bytes(key), value: bytes(value) })),
  )
  return made
}

beforeEach(async () => {
  engine = await recorded()
  store = await openStore({ engine, masterKey: masterKeyText(masterKey), create: false })
})
afterEach(() => store.close())

async function ask<Q, R>(operation: Operation<Q, R>, payload: Q): Promise<ResponseItem | undefined> {
  const house = {
    ...houseOf(store, { maxBatchItems: 1, maxResponseBytes: 100_000 }),
    newCorrelation: () => 'test',
    confirm: () => undefined,
    audit: () => undefined,
  }
  const request = encode(writeRequest([{ operation, payload }], '2.1'))
  return readResponse(decode(await exchange(request, { client: 'a', group: 'a' }, house))).batchItem[0]
}

const onLine = 1
const destroyed = 4

async function located(value: object, storageStatusMask?: number): Promise<unknown> {
  const attributes = [{ name: 'name', value } as AttributeInstance]
  const item = await ask(Locate, { attributes, storageStatusMask })
  return (item?.payload as { readonly uniqueIdentifier: unknown }).uniqueIdentifier
}

const named = (nameValue: string, nameType = 'UninterpretedTextString') => ({ nameValue, nameType })

describe('a store of format 1', () => {
  it('has its objects, and finds them by their names', async () => {
    const { drive, uri, nameless, neighbour, destroyed: gone } = objects
    expect(await ask(Get, { uniqueIdentifier: drive })).toMatchObject({ resultStatus: 'Success' })
    expect(await located(named('drive 1'))).toEqual([drive])
    expect(await located({ nameValue: 'drive 1' })).toEqual([drive])
    expect(await located({ nameValue: 'drive 1' }, onLine | destroyed)).toEqual([drive])
    expect(await located(named('urn:drive', 'URI'))).toEqual([uri])
    expect(await located(named('drive 0'))).toEqual([])
    expect(await located(named('drive 0'), destroyed)).toEqual([gone])
    const all: string[] = []
    for await (const { attributes } of inventory(store, 0, id => all.push(`unreadable ${id}`)))
      all.push(attributes.uniqueIdentifier)
    expect(all.sort()).toEqual([drive, uri, nameless, neighbour, gone].sort())
  })

  it('keeps names apart, and gives them free', async () => {
    const payload = {
      objectType: 'SymmetricKey' as const,
      attributes: [
        { name: 'cryptographicAlgorithm', value: 'AES' },
        { name: 'cryptographicLength', value: 256 },
        { name: 'cryptographicUsageMask', value: 12 },
        { name: 'name', value: named('drive 1') },
      ] as unknown as AttributeInstance[],
    }
    expect(await ask(Create, payload)).toMatchObject({ resultReason: 'NonUniqueNameAttribute' })
    await ask(Destroy, { uniqueIdentifier: objects.drive })
    const made = await ask(Create, payload)
    expect(await located(named('drive 1'))).toEqual([(made?.payload as { uniqueIdentifier: string }).uniqueIdentifier])
  })

  it('is raised to format 2 when it is opened, with the same keys, and older releases refuse it then', async () => {
    const header: unknown = JSON.parse(Buffer.from((await engine.get(Buffer.from('h'))) ?? []).toString())
    expect(header).toMatchObject({ format: 2, id: store.id })
    const again = await openStore({ engine, masterKey: masterKeyText(masterKey), create: false })
    expect(await again.get('object', objects.drive)).toBeDefined()
  })

  it('is opened from a disk that is full, too', async () => {
    const full: Engine = { ...(await recorded()), commit: () => Promise.reject(new StoreError('full', 'no space')) }
    const opened = await openStore({ engine: full, masterKey: masterKeyText(masterKey), create: false })
    expect(await opened.get('object', objects.drive)).toBeDefined()
  })
})
