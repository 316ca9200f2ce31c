/**
 * Thousands of messages that were in order once, through the whole server without a socket: each is answered with a
 * message, nothing is thrown, others' objects stay as they are, and no key material is told to anybody but by a Get.
 *
 * @module
 */
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { exchange, type ExchangeHouse } from '../../src/exchange.ts'
import { houseOf, openEphemeralStore } from '../../src/house.ts'
import {
  Activate,
  AddAttribute,
  type Call,
  Check,
  Create,
  decode,
  Destroy,
  encode,
  Get,
  GetAttributes,
  type Item,
  itemTypes,
  Locate,
  ModifyAttribute,
  Query,
  readResponse,
  Register,
  type ResponseItem,
  type ResponseMessage,
  Revoke,
  type Version,
  versions,
  writeRequest,
} from '../../src/index.ts'
import type { Session } from '../../src/session.ts'
import { aesKey, call, custom, named, ownKey } from './requests.ts'

/** Key material that is recognised in any spelling, and in part: as a tag, a length, a number. */
const secret = Buffer.from('hunter2-HUNTER2-hunter2-HUNTER2-')
const tells: readonly string[] = [
  'hunter2',
  secret.toString('base64').slice(0, 8),
  ...Array.from({ length: 16 }, (_, at) => secret.subarray(at, at + 3).toString('hex')),
  ...Array.from({ length: 16 }, (_, at) => String(secret.readUInt32BE(at))),
]

/** Whether a text tells of the key; identifiers are random, and may hold anything. */
const isTelling = (text: string): boolean => {
  const plain = text.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '').toLowerCase()
  return tells.some(tell => plain.includes(tell.toLowerCase()))
}

const fool: Session = { client: 'fool', group: 'fools' }
const owner: Session = { client: 'owner', group: 'owners' }
let house: ExchangeHouse
/** What the log would have been told. */
let told: string[] = []
let internal: unknown[] = []
let kept: string
let exposed: string

beforeAll(async () => {
  const store = await openEphemeralStore()
  house = {
    ...houseOf(store, { maxBatchItems: 100, maxResponseBytes: 16_777_216 }),
    newCorrelation: () => 'fuzz',
    confirm: () => undefined,
    audit: (_session, _correlation, { response, notes, error, uniqueIdentifier }) => {
      const { payload: _payload, ...rest } = response
      told.push(words({ ...rest, notes, uniqueIdentifier }), words(error))
      if (error !== undefined) internal.push(error)
    },
  }
  kept = await registered(owner, 'kept')
  exposed = await registered(fool, 'exposed')
})

const words = (value: unknown): string =>
  value === undefined
    ? ''
    : value instanceof Error
      ? `${value.name} ${value.message} ${value.stack ?? ''} ${words(value.cause)}`
      : JSON.stringify(value)

async function ask(
  calls: readonly Call[],
  session: Session,
  version: Version = '1.4',
): Promise<readonly ResponseItem[]> {
  return (await answerTo(encode(writeRequest(calls, version)), session)).batchItem
}

const answerTo = async (bytes: Uint8Array, session: Session): Promise<ResponseMessage> =>
  readResponse(decode(await exchange(bytes, session, house)))

async function registered(session: Session, name: string): Promise<string> {
  const [answer] = await ask(
    [call(Register, ownKey(Uint8Array.from(secret), named(name), custom('x-Of', name)))],
    session,
  )
  return (answer?.payload as { readonly uniqueIdentifier: string }).uniqueIdentifier
}

/** Messages in order, of every version: each reads or writes objects, some of them a key. */
const requests = (version: Version): readonly (readonly Call[])[] => [
  [call(Register, ownKey(Uint8Array.from(secret), custom('x-Of', 'fool')))],
  [call(Register, ownKey(Uint8Array.from(secret))), call(Get, {})],
  [call(Create, aesKey(named('fuzzed'))), call(GetAttributes, { attributeReference: [] })],
  [call(Get, { uniqueIdentifier: exposed })],
  [call(Get, { uniqueIdentifier: kept })],
  [call(Destroy, { uniqueIdentifier: kept }), call(Destroy, { uniqueIdentifier: exposed })],
  [call(Locate, { attributes: [custom('x-Of', 'kept')] }), call(Locate, { attributes: [named('kept')] })],
  [call(Activate, { uniqueIdentifier: exposed }), call(Check, { uniqueIdentifier: exposed })],
  [call(Revoke, { uniqueIdentifier: kept, revocationReason: { revocationReasonCode: 'KeyCompromise' } })],
  [call(AddAttribute, { uniqueIdentifier: kept, newAttribute: custom('x-Of', 'fool') })],
  [call(ModifyAttribute, { uniqueIdentifier: exposed, newAttribute: custom('x-Of', version) })],
  [call(Query, { queryFunction: ['QueryOperations', 'QueryObjects'] })],
]

type Change = (bytes: Uint8Array) => Uint8Array

/** Where the items of a message begin. */
function starts(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found: number[] = []
  for (let at = 0; at + 8 <= bytes.length;) {
    found.push(at)
    const length = view.getUint32(at + 4)
    at += 8 + (bytes[at + 3] === 1 ? 0 : length + (-length & 7))
  }
  return found
}

/** Changes one item, and leaves the lengths of those around it true where it can. */
function rewritten(item: Item, pick: number, change: (item: Item) => readonly Item[]): Item {
  let left = pick
  const visit = (each: Item): readonly Item[] => {
    const isIt = left-- === 0
    const inner = each.type === 'Structure' ? { ...each, value: each.value.flatMap(visit) } : each
    return isIt ? change(inner) : [inner]
  }
  return visit(item)[0] ?? item
}

const onItems =
  (pick: number, change: (item: Item) => readonly Item[]): Change =>
  bytes => {
    try {
      return encode(rewritten(decode(bytes), pick, change))
    } catch {
      return bytes
    }
  }

const integers = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const place = fc.nat(400)

const values: fc.Arbitrary<Pick<Item, 'type' | 'value'>> = fc.oneof(
  integers.map(value => ({ type: 'Integer' as const, value })),
  integers.map(value => ({ type: 'Enumeration' as const, value: value >>> 0 })),
  integers.map(value => ({ type: 'DateTime' as const, value })),
  fc.boolean().map(value => ({ type: 'Boolean' as const, value })),
  fc.string({ unit: 'binary' }).map(value => ({ type: 'TextString' as const, value })),
  fc.uint8Array({ maxLength: 40 }).map(value => ({ type: 'ByteString' as const, value })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(value => ({ type: 'LongInteger' as const, value })),
  fc.constant({ type: 'Structure' as const, value: [] }),
)

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(place, fc.nat(255)).map(
    ([at, byte]): Change =>
      bytes =>
        bytes.map((old, index) => (index === at % bytes.length ? byte : old)),
  ),
  fc.tuple(place, fc.nat(itemTypes.length)).map(([pick, type]): Change => bytes => {
    const all = starts(bytes)
    const at = (all[pick % all.length] ?? 0) + 3
    return bytes.map((old, index) => (index === at ? type + 1 : old))
  }),
  place.map(
    (at): Change =>
      bytes =>
        bytes.slice(0, Math.max(8, bytes.length - (at % bytes.length))),
  ),
  place.map((pick): Change => onItems(pick % 60, () => [])),
  place.map((pick): Change => onItems(pick % 60, item => [item, item])),
  fc.tuple(place, values).map(([pick, value]): Change => onItems(pick % 60, ({ tag }) => [{ tag, ...value } as Item])),
  fc
    .tuple(place, fc.integer({ min: 0x420001, max: 0x420170 }))
    .map(([pick, tag]): Change => onItems(pick % 60, item => [{ ...item, tag }])),
)

test('whatever was changed in a message, it is answered', async () => {
  const some = fc.record({
    version: fc.constantFrom(...versions),
    pick: fc.nat(requests('1.4').length - 1),
    changes: fc.array(change, { minLength: 1, maxLength: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(some, async ({ version, pick, changes }) => {
      told = []
      internal = []
      const calls = requests(version)[pick] ?? []
      const message = changes.reduce((bytes, apply) => apply(bytes), encode(writeRequest(calls, version)))
      const { batchItem } = await answerTo(Uint8Array.from(message), fool)
      expect(batchItem.length).toBeGreaterThan(0)
      for (const { resultMessage, resultStatus, resultReason } of batchItem) {
        told.push(resultMessage ?? '')
        expect(resultReason !== undefined).toBe(resultStatus === 'OperationFailed')
      }
      expect(internal).toEqual([])
      expect(told.filter(isTelling)).toEqual([])
    }),
    { numRuns: 6000 },
  )
  const [got, attributes] = await ask(
    [
      call(Get, { uniqueIdentifier: kept }),
      call(GetAttributes, { uniqueIdentifier: kept, attributeReference: ['x-Of', 'state', 'name'] }),
    ],
    owner,
  )
  expect(got?.payload).toMatchObject({ object: { keyBlock: { keyValue: { keyMaterial: Uint8Array.from(secret) } } } })
  expect(attributes?.payload).toMatchObject({
    attributes: [custom('x-Of', 'kept'), { name: 'state', value: 'PreActive' }, named('kept')],
  })
  const [all] = await ask([call(Locate, { attributes: [] })], owner)
  expect(all?.payload).toMatchObject({ uniqueIdentifier: [kept] })
  // Everything that the fool made is whole.
  const [own] = await ask([call(Locate, { attributes: [], storageStatusMask: 3 })], fool)
  const { uniqueIdentifier: ids } = own?.payload as { readonly uniqueIdentifier: readonly string[] }
  expect(ids.length).toBeGreaterThan(50)
  for (const uniqueIdentifier of ids) {
    const [read] = await ask([call(GetAttributes, { uniqueIdentifier, attributeReference: [] })], fool, '2.1')
    expect(read?.resultStatus).toBe('Success')
  }
})
