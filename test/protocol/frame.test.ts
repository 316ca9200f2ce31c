/**
 * A stream cut in any places gives the same messages, and a stream of anything else is refused at once.
 *
 * @module
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encode, FrameError, framer, structureItem, tagNumber } from '../../protocol/index.ts'

/** A message of so many bytes, every byte of it told apart. */
const message = (content: Uint8Array): Uint8Array =>
  encode(structureItem(tagNumber('requestMessage'), [{ tag: 0x540001, type: 'ByteString', value: content }]))

const limit = 4096

/** Pushes the stream in pieces of the sizes, over and over, and gives copies of what comes out. */
function cut(stream: Uint8Array, sizes: readonly number[]): { messages: Uint8Array[]; pending: number } {
  const frames = framer('request', limit)
  const messages: Uint8Array[] = []
  for (let at = 0, piece = 0; at < stream.length; piece++) {
    const next = at + (sizes[piece % sizes.length] ?? 1)
    messages.push(...frames.push(stream.slice(at, next)).map(each => each.slice()))
    at = next
  }
  return { messages, pending: frames.pending }
}

const refusal = (push: () => unknown): unknown => {
  try {
    push()
  } catch (error) {
    return error instanceof FrameError ? { code: error.code, message: error.message } : error
  }
  return undefined
}

describe('framing', () => {
  it('gives the same messages wherever the stream is cut', () => {
    const contents = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 })
    const sizes = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(contents, sizes, fc.nat({ max: 30 }), (all, pieces, rest) => {
        const messages = all.map(message)
        const begun = message(new Uint8Array(30)).slice(0, rest)
        const stream = Uint8Array.from([...messages.flatMap(each => [...each]), ...begun])
        expect(cut(stream, pieces)).toEqual({ messages, pending: rest })
      }),
      { numRuns: 500 },
    )
  })

  it('gives the same messages for every two places to cut in', () => {
    const messages = [message(Uint8Array.of(1, 2, 3)), message(new Uint8Array(0))]
    const stream = Uint8Array.from(messages.flatMap(each => [...each]))
    for (let first = 1; first < stream.length; first++)
      for (let second = 1; first + second < stream.length; second++)
        expect(cut(stream, [first, second, stream.length]).messages).toEqual(messages)
  })

  it('gives a view where the chunk holds all of the message', () => {
    const chunk = message(Uint8Array.of(1))
    expect(framer('request', limit).push(chunk)[0]?.buffer).toBe(chunk.buffer)
  })

  it.each([1, 8])('refuses 4 GiB before it keeps a byte, %d at a time', size => {
    const frames = framer('request', limit)
    const header = Uint8Array.from(Buffer.from('42007801fffffff8', 'hex'))
    const push = () => {
      for (let at = 0; at < header.length; at += size) frames.push(header.slice(at, at + size))
    }
    expect(refusal(push)).toEqual({
      code: 'tooLarge',
      message: `a message of 4294967296 bytes where ${limit} are the limit`,
    })
    expect(frames.pending).toBeLessThan(8)
  })

  it('takes a message of exactly the limit', () => {
    const whole = message(new Uint8Array(100))
    expect(framer('request', whole.length).push(whole)).toHaveLength(1)
    expect(refusal(() => framer('request', whole.length - 1).push(whole))).toMatchObject({ code: 'tooLarge' })
  })

  it.each([
    ['HTTP', 'GET / HTTP/1.1\r\n', /an HTTP request/],
    ['HTTP', 'POST /kmip HTTP/1.1\r\n', /an HTTP request/],
    ['TLS in TLS', '\x16\x03\x01\x02\x00\x01', /the bytes 16 03 01/],
    ['SSH', 'SSH-2.0-OpenSSH', /the bytes 53 53 48/],
    ['the first byte alone', 'X', /the bytes 58/],
    ['the second byte', 'B\x01', /the bytes 42 01/],
    ['another type than a structure', 'B\x00\x78\x02', /the bytes 42 00 78 02/],
  ])('refuses %s at the first bytes', (_, stream, words) => {
    const error = refusal(() => framer('request', limit).push(new Uint8Array(Buffer.from(stream, 'latin1'))))
    expect(error).toMatchObject({ code: 'notKmip', message: expect.stringMatching(words) as string })
  })

  it('does not quote what follows a message, which may be the end of a key', () => {
    const stream = Buffer.concat([message(new Uint8Array(8)), Buffer.from('hunter2-')])
    const error = refusal(() => framer('request', limit).push(stream))
    expect(error).toMatchObject({ code: 'notKmip', message: expect.not.stringMatching(/68 75 6e/) as string })
  })

  it('tells requests from responses', () => {
    const request = message(new Uint8Array(0))
    expect(refusal(() => framer('response', limit).push(request.slice(0, 3)))).toMatchObject({ code: 'notKmip' })
    const response = encode(structureItem(tagNumber('responseMessage'), []))
    expect(framer('response', limit).push(response)).toEqual([response])
  })
})
