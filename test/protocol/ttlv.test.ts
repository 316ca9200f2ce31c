/**
 * Bytes and items: a round trip loses nothing, and bytes that are no item are refused, quickly, with path and offset.
 *
 * @module
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decode,
  DecodeError,
  encode,
  type Item,
  operations,
  structureItem,
  versions,
  writeRequest,
} from '../../protocol/index.ts'
import { anyItem, valueOf } from './arbitrary.ts'
import { fromHex, materialMissing, recordedMessages, toHex } from './material.ts'

/** Decodes, or tells where the bytes are wrong; nothing else may happen. */
function decodesOrTells(bytes: Uint8Array): void {
  try {
    expect(toHex(encode(decode(bytes)))).toBe(toHex(bytes))
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError)
    const { offset, path, message } = error as DecodeError
    expect(offset).toBeGreaterThanOrEqual(0)
    expect(offset).toBeLessThanOrEqual(bytes.length)
    expect(message.endsWith(`, at byte ${offset}`)).toBe(true)
    expect(message).toContain(path)
  }
}

/** Messages as they come: recorded ones where there are any, generated ones always. */
const generated = fc
  .constantFrom(...versions)
  .chain(version =>
    valueOf(operations.Register.request, version).map(payload =>
      encode(writeRequest([{ operation: operations.Register, payload }], version)),
    ),
  )
const messages = materialMissing
  ? generated
  : fc.oneof(generated, fc.constantFrom(...recordedMessages().map(({ hex }) => fromHex(hex))))

/** One way to damage a message. `at` and `by` are any numbers. */
const damages: readonly ((bytes: Uint8Array, at: number, by: number) => Uint8Array)[] = [
  (bytes, at, by) => bytes.map((byte, index) => (index === at % bytes.length ? byte ^ (1 << (by % 8)) : byte)),
  (bytes, at, by) => bytes.map((byte, index) => (index === at % bytes.length ? by : byte)),
  (bytes, at) => bytes.slice(0, at % bytes.length),
  (bytes, at, by) => Uint8Array.from([...bytes.slice(0, at % bytes.length), ...bytes.slice(by % bytes.length)]),
  // The length of the item, if one begins there.
  (bytes, at, by) => {
    const changed = bytes.slice()
    new DataView(changed.buffer).setUint32((at % Math.max(1, changed.length >> 3)) * 8 + 4, by)
    return changed
  },
]

describe('TTLV', () => {
  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(anyItem, item => {
        expect(decode(encode(item))).toEqual(item)
      }),
      { numRuns: 1000 },
    )
  })

  it('gives views of the bytes, and an encoding of its own', () => {
    const item: Item = { tag: 0x420043, type: 'ByteString', value: Uint8Array.of(1, 2, 3) }
    const bytes = encode(item)
    const read = decode(bytes)
    bytes[8] = 9
    expect(read.value).toEqual(Uint8Array.of(9, 2, 3))
    expect(item.value).toEqual(Uint8Array.of(1, 2, 3))
  })

  it('encodes one after the other, of any length, and none changes another', () => {
    // As text, which is compared in no time.
    const valuesIn = (item: Item): unknown =>
      item.type === 'Structure' ? item.value.map(valuesIn) : Buffer.from(item.value as Uint8Array).toString('base64')
    const structure = fc.array(fc.oneof(fc.nat({ max: 64 }), fc.nat({ max: 20_000 })), { maxLength: 4 }).map(lengths =>
      structureItem(
        0x420008,
        lengths.map(length => ({ tag: 0x420043, type: 'ByteString', value: new Uint8Array(length).fill(length) })),
      ),
    )
    fc.assert(
      fc.property(fc.array(structure, { minLength: 2, maxLength: 12 }), items => {
        const encoded = items.map(encode)
        expect(encoded.map(bytes => valuesIn(decode(bytes)))).toEqual(items.map(valuesIn))
      }),
      { numRuns: 100 },
    )
  })

  it('decodes or refuses any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), decodesOrTells), { numRuns: 2000 })
  })

  it('decodes or refuses any item with a header of any type and length', () => {
    const header = fc.tuple(fc.integer({ min: 0, max: 12 }), fc.nat({ max: 40 }), fc.uint8Array({ maxLength: 48 }))
    fc.assert(
      fc.property(header, ([type, length, body]) => {
        decodesOrTells(Uint8Array.of(0x42, 0, 0x78, type, 0, 0, 0, length, ...body))
      }),
      { numRuns: 2000 },
    )
  })

  it('decodes or refuses damaged messages', () => {
    const damage = fc.tuple(fc.constantFrom(...damages), fc.nat(), fc.oneof(fc.nat({ max: 300 }), fc.nat()))
    fc.assert(
      fc.property(messages, fc.array(damage, { minLength: 1, maxLength: 3 }), (message, many) => {
        decodesOrTells(
          many.reduce((bytes, [change, at, by]) => (bytes.length < 16 ? bytes : change(bytes, at, by)), message),
        )
      }),
      { numRuns: 3000 },
    )
  })

  it.each([
    ['nothing', '', 0],
    ['a header cut short', '4200780100', 0],
    ['an unknown type', '4200780c0000000000', 3],
    ['a length beyond the end', '42007801ffffffff', 4],
    ['an Integer of eight bytes', '42000d02000000080000000000000001', 4],
    ['a Boolean that is neither', '42000706000000080000000000000002', 8],
    ['padding that is not zero', '42000d02000000040000000100000001', 15],
    ['text that is not UTF-8', '42000a0700000001ff00000000000000', 8],
    ['a Big Integer of seven bytes', '420043040000000700000000000000 00', 4],
    ['an item after the item', '42000d0200000004000000010000000042000d02000000040000000100000000', 16],
  ])('refuses %s', (_, hex, offset) => {
    expect(() => decode(fromHex(hex.replaceAll(' ', '')))).toThrow(DecodeError)
    try {
      decode(fromHex(hex.replaceAll(' ', '')))
    } catch (error) {
      expect(error).toMatchObject({ offset })
    }
  })

  it.each<Item>([
    { tag: 0x420028, type: 'DateTime', value: 2 ** 53 },
    { tag: 0x420028, type: 'DateTime', value: 1.5 },
    { tag: 0x420028, type: 'DateTime', value: Number.NaN },
    { tag: 0x420028, type: 'DateTime', value: Number.NEGATIVE_INFINITY },
    { tag: 0x420028, type: 'Integer', value: 2 ** 31 },
    { tag: 0x420028, type: 'Integer', value: -(2 ** 31) - 1 },
    { tag: 0x420028, type: 'Integer', value: 0.5 },
    { tag: 0x420028, type: 'Interval', value: -1 },
    { tag: 0x420028, type: 'Interval', value: 2 ** 32 },
    { tag: 0x420028, type: 'Enumeration', value: 2 ** 32 },
    { tag: 0x420028, type: 'LongInteger', value: 2n ** 63n },
    { tag: 0x420028, type: 'DateTimeExtended', value: -(2n ** 63n) - 1n },
  ])('writes no $type of $value', item => {
    expect(() => encode(item)).toThrow(RangeError)
  })

  it('names the items around the mistake', () => {
    const bytes = encode(
      structureItem(0x420078, [
        structureItem(0x420077, []),
        structureItem(0x42000f, [{ tag: 0x42005c, type: 'Enumeration', value: 1 }]),
      ]),
    )
    bytes[27] = 0x0c
    expect(() => decode(bytes)).toThrow(/in Request Message \/ Batch Item/)
  })

  it('refuses structures nested without end, and takes no longer for it', () => {
    const deep = Buffer.concat(
      Array.from({ length: 100_000 }, (_, depth) => {
        const header = Buffer.from('4200780100000000', 'hex')
        header.writeUInt32BE((99_999 - depth) * 8, 4)
        return header
      }),
    )
    expect(() => decode(deep)).toThrow(/nested deeper/)
  })

  it.each([
    ['empty structures', 0x0100000000],
    ['empty texts', 0x0700000000],
  ])('reads a mebibyte of %s in its time', { timeout: 20_000 }, (_, header) => {
    const count = 131_071
    const bytes = Buffer.alloc(8 + count * 8)
    bytes.writeUInt32BE(0x42007801)
    bytes.writeUInt32BE(count * 8, 4)
    for (let at = 8; at < bytes.length; at += 8) {
      bytes.writeUIntBE(0x420008, at, 3)
      bytes.writeUIntBE(header, at + 3, 5)
    }
    expect(decode(bytes).value).toHaveLength(count)
    bytes[bytes.length - 5] = 0x0f
    expect(() => decode(bytes)).toThrow(DecodeError)
  })
})
