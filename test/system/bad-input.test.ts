/**
 * What no client should send, sent by one that is admitted, while another goes on working and never notices.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Client,
  Create,
  Get,
  encode,
  Query,
  type Item,
  type RequestOptions,
  type Structure,
  structureItem,
  tagNumber,
  type Version,
  writeRequest,
} from '../../src/index.ts'
import { enumeration, integer, nested, patched, replaced, rewrite } from './bad-messages.ts'
import { connectRaw, type RawClient } from './raw-client.ts'
import { aesKey, call, create, materialOf } from './requests.ts'
import {
  enrolled,
  eventually,
  type Identity,
  launch,
  newFolder,
  removeFolder,
  type ServerProcess,
} from './server-process.ts'

const maxBatchItems = 50
/** Enough for what is sent whole, also by forty clients at once. */
const messageMs = 4000

let server: ServerProcess
let identity: Identity
let bystander: Client
let uniqueIdentifier: string
let residentBefore: number

/** What the other client saw all the while; it gives up when it gets no answer. */
const seen = { gets: 0, wrong: 0, isDone: false }
let working: Promise<void>

beforeAll(async () => {
  server = await launch(await newFolder(), {
    environment: { KMIPD_LIMITS_MAX_BATCH_ITEMS: `${maxBatchItems}`, KMIPD_LIMITS_MESSAGE_MS: `${messageMs}` },
  })
  identity = await enrolled(server.data, 'fool', { group: 'all' })
  bystander = await server.connect(await enrolled(server.data, 'bystander', { group: 'all' }))
  uniqueIdentifier = await create(bystander)
  residentBefore = residentBytes()
  working = work(await materialOf(bystander, uniqueIdentifier))
})

afterAll(async () => {
  seen.isDone = true
  await working
  await bystander.close()
  await server.end()
  await removeFolder(server.data)
})

async function work(material: string): Promise<void> {
  while (!seen.isDone) {
    if ((await materialOf(bystander, uniqueIdentifier)) !== material) seen.wrong++
    seen.gets++
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

const residentBytes = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.process.pid ?? 0}/status`, 'utf8'))?.[1]) * 1024

const versions = ['1.0', '1.4', '2.1'] as const satisfies readonly Version[]

const get = (version: Version, options?: RequestOptions): Structure =>
  writeRequest([call(Get, { uniqueIdentifier })], version, options)

const inVersion = (major: number, minor: number) => (): Item =>
  replaced(get('1.4'), 'protocolVersion', ({ tag }) => [
    structureItem(tag, [integer('protocolVersionMajor', major), integer('protocolVersionMinor', minor)]),
  ])

const extension = (isCritical: boolean) => (version: Version) =>
  rewrite(get(version), item =>
    item.tag === tagNumber('batchItem') && item.type === 'Structure'
      ? structureItem(item.tag, [
          ...item.value,
          structureItem(tagNumber('messageExtension'), [
            { tag: tagNumber('vendorIdentification'), type: 'TextString', value: 'acme' },
            { tag: tagNumber('criticalityIndicator'), type: 'Boolean', value: isCritical },
            structureItem(tagNumber('vendorExtension'), []),
          ]),
        ])
      : item,
  )

const batch = (count: number) => (version: Version) =>
  writeRequest(
    Array.from({ length: count }, () => call(Get, { uniqueIdentifier })),
    version,
  )

/** Where an item's value is the wrong length, is padded with something, or is not what its type holds. */
const countHex = '42000d0200000004000000010000000'

type Make = (version: Version) => Item | Uint8Array
type Expected = string | readonly [in1: string, in2: string]

const answered: readonly (readonly [title: string, make: Make, expected: Expected])[] = [
  ['a request in order', get, 'Success'],
  [
    'a wrong length inside',
    v => patched(encode(get(v)), `${countHex}0`, `${countHex.replace('00000004', '00000005')}0`),
    'InvalidMessage',
  ],
  ['a length beyond the end', v => patched(encode(get(v)), '42000d0200000004', '42000d02ffffffff'), 'InvalidMessage'],
  ['padding that is not zero', v => patched(encode(get(v)), `${countHex}0`, `${countHex}1`), 'InvalidMessage'],
  ['an unknown item type', v => patched(encode(get(v)), '42000d02', '42000dff'), 'InvalidMessage'],
  ['structures 40 deep', () => nested(40), 'InvalidMessage'],
  ['structures 130,000 deep', () => nested(130_000), 'InvalidMessage'],
  [
    'an unknown tag',
    v => replaced(get(v), 'uniqueIdentifier', item => [item, { ...item, tag: 0x42_ff_ff }]),
    'InvalidField',
  ],
  ['an identifier twice', v => replaced(get(v), 'uniqueIdentifier', item => [item, item]), 'InvalidField'],
  [
    'an identifier that is a number',
    v => replaced(get(v), 'uniqueIdentifier', () => [integer('uniqueIdentifier', -7)]),
    ['ItemNotFound', 'ObjectNotFound'],
  ],
  ['no operation', v => replaced(get(v), 'operation', () => []), 'InvalidMessage'],
  ['no payload', v => replaced(get(v), 'requestPayload', () => []), 'InvalidMessage'],
  ['no header', v => replaced(get(v), 'requestHeader', () => []), 'InvalidMessage'],
  [
    'an unknown operation',
    v => replaced(get(v), 'operation', () => [enumeration('operation', 0x7f)]),
    'OperationNotSupported',
  ],
  ['a batch count too high', v => replaced(get(v), 'batchCount', () => [integer('batchCount', 2)]), 'InvalidField'],
  ['a batch count too low', v => replaced(get(v), 'batchCount', () => [integer('batchCount', 0)]), 'InvalidField'],
  ['a negative batch count', v => replaced(get(v), 'batchCount', () => [integer('batchCount', -1)]), 'InvalidField'],
  [
    'an unknown object type',
    v => replaced(writeRequest([call(Create, aesKey())], v), 'objectType', () => [enumeration('objectType', 0x99)]),
    ['InvalidField', 'InvalidField'],
  ],
  ['a response that may take 8 bytes', v => get(v, { maximumResponseSize: 8 }), 'ResponseTooLarge'],
  ['a response that may take 1000 bytes', v => get(v, { maximumResponseSize: 1000 }), 'Success'],
  ['a negative maximum response size', v => get(v, { maximumResponseSize: -1 }), 'ResponseTooLarge'],
  ['asynchronous', v => get(v, { asynchronousIndicator: v === '2.1' ? 'Mandatory' : true }), 'OperationNotSupported'],
  ['a critical message extension', extension(true), ['FeatureNotSupported', 'UnknownMessageExtension']],
  ['a message extension that is not critical', extension(false), 'Success'],
  ['a batch at the limit', batch(maxBatchItems), 'Success'],
  ['a batch over the limit', batch(maxBatchItems + 1), 'InvalidMessage'],
  ['a giant batch', batch(5000), 'InvalidMessage'],
]

describe('answered with what is wrong, and the connection goes on', () => {
  const rows = answered.flatMap(([title, make, expected]) =>
    versions.map(version => ({
      title,
      version,
      make,
      expected: typeof expected === 'string' ? expected : expected[version === '2.1' ? 1 : 0],
    })),
  )

  test.each(rows)('$title, KMIP $version: $expected', async ({ version, make, expected }) => {
    const client = await connectRaw(server, identity)
    const message = make(version)
    client.socket.write(message instanceof Uint8Array ? message : encode(message))
    expect(await reasonOf(client)).toBe(expected)
    client.socket.write(encode(get(version)))
    expect(await reasonOf(client)).toBe('Success')
    client.socket.destroy()
  })

  const unknownVersions = [
    ['0.9', inVersion(0, 9), '1.0', 'InvalidMessage'],
    ['1.9', inVersion(1, 9), '1.4', 'InvalidMessage'],
    ['3.0', inVersion(3, 0), '2.1', 'UnsupportedProtocolVersion'],
    ['-1.-1', inVersion(-1, -1), '2.1', 'UnsupportedProtocolVersion'],
  ] as const

  test.each(unknownVersions)('KMIP %s is refused in the nearest version', async (_, make, nearest, reason) => {
    const client = await connectRaw(server, identity)
    client.socket.write(encode(make()))
    const [answer] = await client.answers(1)
    expect(answer?.version).toBe(nearest)
    expect(answer?.batchItem.map(({ resultReason }) => resultReason)).toEqual([reason])
    client.socket.destroy()
  })

  test('an unknown operation fails alone', async () => {
    const client = await connectRaw(server, identity)
    const calls = [call(Get, { uniqueIdentifier }), call(Query, { queryFunction: [] }), call(Get, { uniqueIdentifier })]
    const message = writeRequest(calls, '1.4', { batchErrorContinuationOption: 'Continue' })
    const query = 0x18
    const unknown = (item: Item): Item =>
      item.type === 'Enumeration' && item.value === query ? enumeration('operation', 0x7f) : item
    client.socket.write(encode(replaced(message, 'operation', item => [unknown(item)])))
    const [answer] = await client.answers(1)
    expect(answer?.batchItem.map(({ operation, resultReason }) => [operation, resultReason])).toEqual([
      ['Get', undefined],
      [0x7f, 'OperationNotSupported'],
      ['Get', undefined],
    ])
    client.socket.destroy()
  })

  test('messages byte by byte, and two in one write', async () => {
    const client = await connectRaw(server, identity)
    for (const byte of encode(get('1.4'))) client.socket.write(Uint8Array.of(byte))
    expect(await reasonOf(client)).toBe('Success')
    const query = encode(writeRequest([call(Query, { queryFunction: ['QueryOperations'] })], '1.2'))
    client.socket.write(Buffer.concat([encode(get('1.4')), query]))
    const answers = await client.answers(2)
    expect(answers.map(({ version, batchItem }) => [version, batchItem[0]?.operation])).toEqual([
      ['1.4', 'Get'],
      ['1.2', 'Query'],
    ])
    client.socket.destroy()
  })
})

/** The result reason of the one item of an answer, or its status; of a long answer, of all its items. */
async function reasonOf(client: RawClient): Promise<string> {
  const [answer] = await client.answers(1)
  if (answer === undefined) return 'closed'
  return [
    ...new Set(answer.batchItem.map(({ resultReason, resultStatus }) => String(resultReason ?? resultStatus))),
  ].join()
}

describe('closed, with a line in the log', () => {
  const header = (length: number): Buffer => {
    const bytes = Buffer.from('4200780100000000', 'hex')
    bytes.writeUInt32BE(length, 4)
    return bytes
  }
  const whole = (): Uint8Array => encode(get('1.4'))

  test.each([
    ['garbage', () => Buffer.from('c0ffee'.repeat(50), 'hex'), /not with a KMIP message/],
    ['zeros', () => Buffer.alloc(1000), /not with a KMIP message/],
    ['HTTP inside TLS', () => Buffer.from('GET / HTTP/1.1\r\nHost: kmip\r\n\r\n'), /an HTTP request/],
    ['a response', () => Buffer.from('42007b0100000000', 'hex'), /not with a KMIP message/],
    ['a length of 4 GiB', () => header(0xffff_fff8), /a message of 4294967296 bytes where 1048576 are the limit/],
    ['one byte too many', () => header(1_048_576 - 7), /a message of 1048577 bytes where 1048576 are the limit/],
    ['a message cut short', () => whole().subarray(0, -1), /begun and not completed in time/],
    ['three bytes', () => whole().subarray(0, 3), /begun and not completed in time/],
  ])('%s', async (_, make, reason) => {
    const lines = server.log().length
    const client = await connectRaw(server, identity)
    client.socket.write(make())
    expect(await client.answers(1)).toEqual([])
    await client.closed
    const line = await eventually(() =>
      server
        .log()
        .slice(lines)
        .find(({ msg }) => msg === 'connection closed'),
    )
    expect(line).toMatchObject({ level: 'warn', subject: expect.stringContaining('fool') as string })
    expect(line['reason']).toMatch(reason)
  })

  test('HTTP without TLS', async () => {
    const socket = connectTcp(server.port, '127.0.0.1')
      .on('error', () => undefined)
      .resume()
    socket.write('GET / HTTP/1.1\r\nHost: kmip\r\n\r\n')
    await new Promise(resolve => socket.once('close', resolve))
    await eventually(() => server.log().find(({ reason }) => reason === 'HTTP on the KMIP port'))
  })
})

describe('all the while', () => {
  test('memory stays bounded under many bad clients', async () => {
    // Each announces the longest message and sends half of it, then a batch that is refused.
    const clients = await Promise.all(Array.from({ length: 40 }, () => connectRaw(server, identity)))
    for (let round = 0; round < 5; round++) {
      for (const { socket } of clients) socket.write(encode(batch(4000)('1.4')))
      for (const client of clients) expect(await reasonOf(client)).toBe('InvalidMessage')
    }
    const half = Buffer.concat([Buffer.from('42007801000ffff8', 'hex'), Buffer.alloc(524_288)])
    await Promise.all(clients.map(({ socket }) => new Promise(resolve => socket.write(half, resolve))))
    expect(residentBytes() - residentBefore).toBeLessThan(300_000_000)
    await Promise.all(clients.map(({ closed }) => closed))
  })

  test('another client goes on and never notices', () => {
    expect(seen.gets).toBeGreaterThan(50)
    expect(seen.wrong).toBe(0)
  })

  test('nothing was an internal error', () => {
    expect(server.log().filter(({ level }) => level === 'error')).toEqual([])
  })
})
