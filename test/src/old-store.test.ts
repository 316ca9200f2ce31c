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
import {
  type Engine,
  masterKeyText,
  memory,
  openStore,
  type RecordChange,
  type Store,
  StoreError,
  type StoreOptions,
} from '../../store/index.ts'

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

beforeEach(async () => {
  engine = memory()
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64')
  await engine.commit(
    [],
    rows.map(([key, value]) => ({ key: bytes(key), value: bytes(value) })),
  )
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

  const formatNow = async (): Promise<unknown> => {
    const header = JSON.parse(Buffer.from((await engine.get(Buffer.from('h'))) ?? []).toString()) as { format: unknown }
    return header.format
  }
  const reopened = (options: Partial<StoreOptions> = {}): Promise<Store> =>
    openStore({ engine, masterKey: masterKeyText(masterKey), create: false, ...options })
  const change: RecordChange = { table: 'object', id: 'new', body: Buffer.from('body') }

  it('stays so while it is read, and is raised before it is written: older releases refuse it then', async () => {
    expect(await store.get('object', objects.uri)).toBeDefined()
    expect(await formatNow()).toBe(1)
    const other = await reopened()
    await store.commit([change])
    expect(await formatNow()).toBe(3)
    await other.commit([{ ...change, id: 'another' }])
    expect((await reopened()).id).toBe(store.id)
    expect(await located(named('drive 1'))).toEqual([objects.drive])
  })

  it('is read from a disk that is full, and raised once there is space', async () => {
    let isFull = true
    const refused = () => Promise.reject(new StoreError('full', 'no space is left'))
    const opened = await reopened({
      engine: { ...engine, commit: (guards, changes) => (isFull ? refused() : engine.commit(guards, changes)) },
    })
    expect(await opened.get('object', objects.drive)).toBeDefined()
    await expect(opened.commit([change])).rejects.toMatchObject({ code: 'full' })
    expect(await formatNow()).toBe(1)
    isFull = false
    await opened.commit([change])
    expect(await formatNow()).toBe(3)
  })
})
