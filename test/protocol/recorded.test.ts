/**
 * Messages that others wrote: those printed in OASIS documents, and those of a real client.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import {
  decode,
  encode,
  type Item,
  operationIn,
  readRequest,
  readResponse,
  tagNumber,
  writeRequest,
  writeResponse,
} from '../../protocol/index.ts'
import { captures, fromHex, materialMissing, materialNote, recordedMessages, toHex } from './material.ts'

/** What we leave out when we write: the rest must be the same bytes. */
const leftOut: readonly ((member: Item, within: Item) => boolean)[] = [
  // Absent means 0, and KMIP 1.4 §2.1.1 wants 0 absent where there is one instance.
  (member, within) =>
    member.tag === tagNumber('attributeIndex') && member.value === 0 && within.tag === tagNumber('attribute'),
  // Read, and refused if critical; none is ever written.
  member => member.tag === tagNumber('messageExtension'),
  // This server answers at once, so it never gives one out.
  member => member.tag === tagNumber('asynchronousCorrelationValue'),
]

const canonical = (item: Item): Item =>
  item.type === 'Structure'
    ? {
        ...item,
        value: item.value.filter(member => !leftOut.some(rule => rule(member, item))).map(member => canonical(member)),
      }
    : item

/** Its header has Batch Order Option before Batch Error Continuation Option; the specification has them otherwise. */
const outOfOrder: ReadonlySet<string> = new Set([
  'KMIP-UC-1.0 Use Case 11.1 (2) - Client B: Get (symmetric key), Get Attribute List request',
])

/** The same item whatever the order of a structure's members. */
const sorted = (item: Item): unknown =>
  item.type === 'Structure'
    ? { tag: item.tag, value: item.value.map(member => JSON.stringify(sorted(member))).sort() }
    : { tag: item.tag, value: toHex(encode(item)) }

/** Reads a request through the schema and writes it again; undefined if it asks for what is not described. */
function rewrittenRequest(item: Item): Item | undefined {
  const { version, header, batchItem } = readRequest(item)
  const { protocolVersion, batchCount, ...options } = header
  const calls = batchItem.flatMap(({ operation, payload, uniqueBatchItemID }) => {
    const found = operationIn(operation, version)
    if (found === undefined) return []
    return [{ operation: found, payload, ...(uniqueBatchItemID !== undefined && { uniqueBatchItemID }) }]
  })
  return calls.length < batchCount ? undefined : writeRequest(calls, version, options)
}

function rewrittenResponse(item: Item): Item | undefined {
  const response = readResponse(item)
  const { version, batchItem } = response
  const isDescribed = batchItem.every(
    ({ operation }) => operation === undefined || operationIn(operation, version) !== undefined,
  )
  return isDescribed ? writeResponse(response) : undefined
}

/** Sent under 1.0 with a field that came with 1.1: the item's payload is refused, the message is not. */
const refused: ReadonlySet<string> = new Set(['KMIP_1_0 get_wrapped'])

describe.skipIf(materialMissing)(`recorded messages${materialNote}`, () => {
  const messages = materialMissing
    ? []
    : [
        ...recordedMessages(),
        ...captures().flatMap(({ version, op, req }) =>
          req === undefined ? [] : [{ name: `${version} ${op}`, kind: 'request' as const, hex: req }],
        ),
      ]

  it('are those that were counted', () => {
    expect(messages.length).toBe(398 + captures().filter(({ req }) => req !== undefined).length)
    expect(messages.length).toBeGreaterThan(500)
  })

  it('decode, and encode to the same bytes', () => {
    for (const { name, hex } of messages) expect(toHex(encode(decode(fromHex(hex)))), name).toBe(hex.toLowerCase())
  })

  it('are understood, and written again to the same bytes', () => {
    let written = 0
    for (const { name, kind, hex } of messages) {
      const item = decode(fromHex(hex))
      if (kind === 'request') {
        const problems = readRequest(item).batchItem.flatMap(({ problem }) =>
          problem === undefined || problem.code === 'operation' ? [] : [problem.message],
        )
        expect(problems.length > 0, `${name}: ${problems.join(', ')}`).toBe(refused.has(name))
        if (problems.length > 0) continue
      }
      const again = kind === 'request' ? rewrittenRequest(item) : rewrittenResponse(item)
      if (again === undefined) continue
      written++
      if (outOfOrder.has(name)) {
        expect(again, name).not.toEqual(canonical(item))
        expect(sorted(again), name).toEqual(sorted(canonical(item)))
      } else expect(toHex(encode(again)), name).toBe(toHex(encode(canonical(item))))
    }
    expect(written).toBeGreaterThan(490)
  })
})
