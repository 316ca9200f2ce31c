import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientHello, flightReader } from '../../src/trust-check/hello.ts'

/** A ServerHello of TLS 1.2 that asks for a client certificate of one authority, in two records. RFC 5246 §7.4 */
const flight = (() => {
  const hello = `0303${'11'.repeat(32)}00c02f00`
  const name = '300b3109300706035504030c0061'
  const request = `01010002040100${(name.length / 2 + 2).toString(16).padStart(2, '0')}00${(name.length / 2).toString(16).padStart(2, '0')}${name}`
  const message = (type: string, body: string): string => type + (body.length / 2).toString(16).padStart(6, '0') + body
  const record = (content: string): string => `160303${(content.length / 2).toString(16).padStart(4, '0')}${content}`
  const all = message('02', hello) + message('0d', request) + message('0e', '')
  return Buffer.from(record(all.slice(0, 60)) + record(all.slice(60)), 'hex')
})()

describe('the answer to a ClientHello', () => {
  it('may come in pieces of any size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: flight.length }), size => {
        const read = flightReader()
        const answers = Array.from({ length: Math.ceil(flight.length / size) }, (_, index) =>
          read(flight.subarray(index * size, (index + 1) * size)),
        )
        expect(answers.slice(0, -1)).toEqual(answers.slice(0, -1).map(() => undefined))
        expect(answers.at(-1)).toMatchObject({
          kind: 'spoken',
          flight: { version: 0x0303, suite: 0xc02f, request: { authorities: [{ length: 14 }] } },
        })
      }),
    )
  })

  it('may be anything', () => {
    const likeTls = fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from([0x16, 3, 3, 0, bytes.length, ...bytes]))
    const mutated = fc
      .tuple(fc.integer({ min: 0, max: flight.length - 1 }), fc.integer({ min: 0, max: 255 }))
      .map(([at, octet]) => Buffer.from(flight.map((old, index) => (index === at ? octet : old))))
    const anything = fc.oneof(
      fc.uint8Array({ minLength: 1 }).map(bytes => Buffer.from(bytes)),
      likeTls,
      mutated,
    )
    fc.assert(
      fc.property(anything, bytes => {
        const answer = flightReader()(bytes)
        expect(['undefined', 'spoken', 'alert', 'plain']).toContain(String(answer?.kind))
      }),
      { numRuns: 2000 },
    )
  })

  it('is bounded', () => {
    const read = flightReader()
    const record = Buffer.concat([Buffer.from('1603034000', 'hex'), Buffer.alloc(16_384, 1)])
    const answers = Array.from({ length: 20 }, () => read(record))
    expect(answers.some(answer => answer?.kind === 'plain')).toBe(true)
  })
})

describe('a ClientHello', () => {
  it.each(['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const)('of %s is as long as it says', version => {
    for (const name of [undefined, 'keys.example.org']) {
      const hello = clientHello(version, name)
      expect(hello.readUInt16BE(3)).toBe(hello.length - 5)
      expect(hello.readUIntBE(6, 3)).toBe(hello.length - 9)
      expect(hello.includes('keys.example.org')).toBe(name !== undefined)
    }
  })
})
