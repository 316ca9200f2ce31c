/**
 * Batches and what they leave behind, through `exchange`, in memory.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  AddAttribute,
  AdjustAttribute,
  type AttributeInstance,
  type Call,
  Create,
  decode,
  Destroy,
  encode,
  Get,
  GetAttributes,
  Locate,
  type Operation,
  readResponse,
  Register,
  type RequestOptions,
  Revoke,
  type ResponseItem,
  type ResponseMessage,
  type Version,
  writeRequest,
} from '../../protocol/index.ts'
import { exchange, type ExchangeHouse } from '../../src/exchange.ts'
import { houseOf, openEphemeralStore } from '../../src/house.ts'
import type { Store } from '../../store/index.ts'

let store: Store
let house: ExchangeHouse

beforeAll(async () => {
  store = await openEphemeralStore()
  house = {
    ...houseOf(store, { maxBatchItems: 400, maxResponseBytes: 200_000 }),
    newCorrelation: () => 'test',
    confirm: () => undefined,
    audit: () => undefined,
  }
})
afterAll(() => store.close())

const call = <Q, R>(operation: Operation<Q, R>, payload: Q): Call => ({ operation, payload })

async function ask(
  calls: readonly Call[],
  options: RequestOptions = {},
  version: Version = '1.4',
): Promise<ResponseMessage> {
  const request = encode(writeRequest(calls, version, options))
  return readResponse(decode(await exchange(request, { client: 'test', group: 'test' }, house)))
}

/** Result reasons, or statuses where there is none. */
const results = ({ batchItem }: ResponseMessage) =>
  batchItem.map(({ resultStatus, resultReason }) => resultReason ?? resultStatus)

const identifierOf = (item: ResponseItem | undefined): string =>
  (item?.payload as { uniqueIdentifier: string }).uniqueIdentifier

const named = (nameValue: string): AttributeInstance => ({
  name: 'name',
  value: { nameValue, nameType: 'UninterpretedTextString' },
})
const aes: readonly AttributeInstance[] = [
  { name: 'cryptographicAlgorithm', value: 'AES' },
  { name: 'cryptographicLength', value: 128 },
  { name: 'cryptographicUsageMask', value: 12 },
]
const create = (...attributes: readonly AttributeInstance[]): Call =>
  call(Create, { objectType: 'SymmetricKey', attributes: [...aes, ...attributes] })
const failing = call(Get, { uniqueIdentifier: 'nobody' })

async function made(...attributes: readonly AttributeInstance[]): Promise<string> {
  const { batchItem } = await ask([create(...attributes)], {}, '2.1')
  return identifierOf(batchItem[0])
}

async function attribute(
  uniqueIdentifier: string,
  name: 'fresh' | 'state' | 'activationDate' | 'cryptographicLength',
): Promise<unknown> {
  const { batchItem } = await ask([call(GetAttributes, { uniqueIdentifier, attributeReference: [name] })], {}, '2.1')
  return (batchItem[0]?.payload as { attributes: readonly AttributeInstance[] }).attributes[0]?.value
}

describe('a batch', () => {
  it('with Undo leaves nothing behind, a Get in it notwithstanding', async () => {
    const answer = await ask([create(named('undone')), call(Get, {}), failing], {
      batchErrorContinuationOption: 'Undo',
    })
    expect(results(answer)).toEqual(['OperationUndone', 'OperationUndone', 'ItemNotFound'])
    expect(results(await ask([create(named('undone'))]))).toEqual(['Success'])
  })

  it('in which a key is made and handed out leaves it not fresh', async () => {
    const { batchItem } = await ask([create(), call(Get, {})])
    expect(await attribute(identifierOf(batchItem[0]), 'fresh')).toBe(false)
  })

  it('gives a fresh key of a group to one of all that ask at once', async () => {
    const count = 16
    const group: AttributeInstance = { name: 'objectGroup', value: 'tapes' }
    for (let key = 0; key < count; key++) await made(group)
    const take = async (turn: number) => {
      // Some begin while others are about to commit.
      for (let wait = 0; wait < turn; wait++) await Promise.resolve()
      return ask([
        call(Locate, { attributes: [group], objectGroupMember: 'GroupMemberFresh', maximumItems: 1 }),
        call(Get, {}),
      ])
    }
    const taken = await Promise.all(Array.from({ length: count }, (_, turn) => take(turn)))
    expect(new Set(taken.map(({ batchItem }) => identifierOf(batchItem[1]))).size).toBe(count)
  })

  it('does not go on with an older key after a search that failed', async () => {
    const key = await made(named('older'))
    const found = call(Locate, { attributes: [named('older')] })
    const refused = call(Locate, { attributes: [], maximumItems: -1 })
    const answer = await ask([found, refused, call(Destroy, {})], { batchErrorContinuationOption: 'Continue' })
    expect(results(answer)).toEqual(['Success', 'InvalidField', 'ItemNotFound'])
    expect(await attribute(key, 'state')).toBe('PreActive')
  })

  it('is refused whole where its answer would be too long', async () => {
    const opaqueDataValue = new Uint8Array(100_000)
    const brought = {
      objectType: 'OpaqueObject',
      attributes: [],
      object: { objectType: 'OpaqueObject', opaqueDataType: 0x80000001, opaqueDataValue },
    } as const
    const { batchItem } = await ask([call(Register, brought)])
    const uniqueIdentifier = identifierOf(batchItem[0])
    expect(results(await ask([call(Get, { uniqueIdentifier })]))).toEqual(['Success'])
    expect(results(await ask(Array.from({ length: 300 }, () => call(Get, { uniqueIdentifier }))))).toEqual([
      'ResponseTooLarge',
    ])
  })
})

describe('a long batch', () => {
  it('names as many objects as there are, and counts them', async () => {
    const group: AttributeInstance = { name: 'objectGroup', value: 'many' }
    const calls = Array.from({ length: 350 }, () => create(group))
    const ids: string[] = []
    for (let round = 0; round < 4; round++) {
      const { batchItem } = await ask(calls, {}, '2.1')
      ids.push(...batchItem.map(identifierOf))
    }
    const located = await ask([call(Locate, { attributes: [group], offsetItems: 0 }), failing], {}, '2.1')
    expect(results(located)).toEqual(['Success', 'ObjectNotFound'])
    expect(located.batchItem[0]?.payload).toEqual({ locatedItems: 1400, uniqueIdentifier: ids.toReversed() })
    const tooSmall = await ask([call(Locate, { attributes: [group] })], { maximumResponseSize: 60_000 }, '2.1')
    expect(results(tooSmall)).toEqual(['ResponseTooLarge'])
  })

  const slow = (): ExchangeHouse => ({
    ...house,
    newIdentifier() {
      const until = performance.now() + 1
      while (performance.now() < until);
      return house.newIdentifier()
    },
  })
  const long = (...attributes: readonly AttributeInstance[]): Uint8Array =>
    encode(
      writeRequest(
        Array.from({ length: 100 }, () => create(...attributes)),
        '1.4',
      ),
    )

  it.each([
    // Every 4 milliseconds, of the 100 that each takes at least; two at a time.
    { count: 1, least: 15 },
    { count: 10, least: 80 },
  ])('gives way to others, were there $count', async ({ count, least }) => {
    let turns = 0
    let isOver = false
    const turn = (): void => {
      turns++
      if (!isOver) setImmediate(turn)
    }
    const shared = slow()
    turn()
    const requests = Array.from({ length: count }, () => long())
    await Promise.all(requests.map(async request => exchange(request, { client: 'test', group: 'test' }, shared)))
    isOver = true
    expect(turns).toBeGreaterThan(least)
  })

  it('is given up when nobody waits for it any more', async () => {
    const group: AttributeInstance = { name: 'objectGroup', value: 'abandoned' }
    const began = performance.now()
    const isGone = (): boolean => performance.now() > began + 20
    const answer = exchange(long(group), { client: 'test', group: 'test' }, slow(), isGone)
    expect(results(readResponse(decode(await answer)))).toEqual(['OperationCanceledByRequester'])
    const { batchItem } = await ask([call(Locate, { attributes: [group] })], {}, '2.1')
    expect(batchItem[0]?.payload).toEqual({ uniqueIdentifier: [] })
  })
})

describe('a name', () => {
  const onLine = 1
  const destroyed = 4

  const located = async (value: object, storageStatusMask?: number): Promise<unknown> => {
    const criterion = { name: 'name', value } as AttributeInstance
    const { batchItem } = await ask([call(Locate, { attributes: [criterion], storageStatusMask })], {}, '2.1')
    return (batchItem[0]?.payload as { uniqueIdentifier: unknown }).uniqueIdentifier
  }

  it('finds the object that has it now, and with those that are destroyed all that had it', async () => {
    const nameValue = 'drive 7'
    const whole = { nameValue, nameType: 'UninterpretedTextString' }
    const first = await made(named(nameValue))
    expect(await located(whole)).toEqual([first])
    expect(await located({ nameValue })).toEqual([first])
    expect(await located({ ...whole, nameType: 'URI' })).toEqual([])
    expect(await located({ nameValue: 'drive 8' })).toEqual([])

    await ask([call(Destroy, { uniqueIdentifier: first })])
    expect(await located(whole)).toEqual([])
    const second = await made(named(nameValue))
    expect(await located(whole)).toEqual([second])
    expect(await located({ nameValue }, onLine)).toEqual([second])
    expect(await located(whole, destroyed)).toEqual([first])
    expect(await located(whole, onLine | destroyed)).toEqual([second, first])
    expect(await located({ nameValue }, onLine | destroyed)).toEqual([second, first])
  })

  it('may be of a type of its own', async () => {
    const value = { nameValue: 'drive 9', nameType: 0x80000001 }
    const plain = await made(named(value.nameValue))
    const typed = await made({ name: 'name', value } as unknown as AttributeInstance)
    expect(await located(value)).toEqual([typed])
    expect(await located({ nameValue: value.nameValue })).toEqual([typed, plain])
    expect(await located({ nameValue: value.nameValue, nameType: 'URI' })).toEqual([])
  })
})

describe('an object', () => {
  it('stays readable whatever is added to its numbers', async () => {
    const last = Number.MAX_SAFE_INTEGER
    const key = await made({ name: 'activationDate', value: last })
    const more = call(AdjustAttribute, {
      uniqueIdentifier: key,
      attributeReference: 'activationDate',
      adjustmentType: 'Increment',
    })
    expect(results(await ask([more], {}, '2.1'))).toEqual(['NumericRange'])
    expect(await attribute(key, 'activationDate')).toBe(last)
  })

  it('that is destroyed lends its name, and can still be told of', async () => {
    const gone = await made(named('lent'))
    await ask([call(Destroy, { uniqueIdentifier: gone })])
    await made(named('lent'))
    const added: AttributeInstance = { name: 'x-Why', value: { tag: 0, type: 'TextString', value: 'lost' } }
    const revoked = call(Revoke, {
      uniqueIdentifier: gone,
      revocationReason: { revocationReasonCode: 'KeyCompromise' },
    })
    expect(results(await ask([call(AddAttribute, { uniqueIdentifier: gone, newAttribute: added }), revoked]))).toEqual([
      'Success',
      'Success',
    ])
  })

  it('made by two templates follows the later one', async () => {
    const template = (name: string, length: number): Call =>
      call(Register, {
        objectType: 'Template',
        attributes: [named(name)],
        object: { objectType: 'Template', attributes: [{ name: 'cryptographicLength', value: length }] },
      })
    await ask([template('first', 128), template('second', 256)])
    const attributes = [aes[0], aes[2]].flatMap(each => each ?? [])
    const both = ['first', 'second'].map((nameValue): AttributeInstance => ({
      name: 'template',
      value: { nameValue, nameType: 'UninterpretedTextString' },
    }))
    const { batchItem } = await ask([
      call(Create, { objectType: 'SymmetricKey', attributes: [...both, ...attributes] }),
    ])
    expect(await attribute(identifierOf(batchItem[0]), 'cryptographicLength')).toBe(256)
  })

  it.each([
    ['nothing', ''],
    ['very much', 'x'.repeat(600)],
  ])('is not found under %s', async (_words, uniqueIdentifier) => {
    expect(results(await ask([call(Get, { uniqueIdentifier })]))).toEqual(['ItemNotFound'])
  })

  it('is not searched for by more attributes than anybody means', async () => {
    const attributes = Array.from({ length: 300 }, (_, value): AttributeInstance => ({ name: 'initialDate', value }))
    expect(results(await ask([call(Locate, { attributes })]))).toEqual(['InvalidField'])
  })
})
