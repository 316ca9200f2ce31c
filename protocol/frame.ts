/**
 * Cuts a stream of bytes into messages. KMIP 2.1 §10.1: a message is one item, and its header tells its length.
 *
 * Nothing is believed before it is checked: the tag, the type and the declared length are looked at as soon as the first
 * eight bytes are there, before a byte more is kept.
 *
 * @module
 */
import { tagNumber } from './names.ts'

/** Why a stream is not KMIP. `notKmip`: another tag or type than a message's. `tooLarge`: longer than the limit. */
export type FrameErrorCode = 'notKmip' | 'tooLarge'

export class FrameError extends Error {
  override readonly name = 'FrameError'
  readonly code: FrameErrorCode

  constructor(code: FrameErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

export interface Framer {
  /**
   * Takes the next chunk of the stream and gives the messages that it completes, oldest first. A message is a view of
   * the chunk where the chunk holds all of it; the framer keeps nothing that it gave.
   *
   * @throws FrameError; the stream is then beyond repair.
   */
  push(chunk: Uint8Array): Uint8Array[]
  /** Bytes of an incomplete message that are waiting for the rest. */
  readonly pending: number
}

const headerBytes = 8

/** @param maxMessageBytes the longest message, header included */
export function framer(direction: 'request' | 'response', maxMessageBytes: number): Framer {
  const wanted = tagNumber(direction === 'request' ? 'requestMessage' : 'responseMessage')
  let parts: Uint8Array[] = []
  let pending = 0
  /** Length of the message that `parts` begins; unknown until its header is there. */
  let expected: number | undefined

  return {
    get pending() {
      return pending
    },
    push(chunk) {
      const messages: Uint8Array[] = []
      let rest = chunk
      while (rest.length > 0) {
        expected ??= messageBytes(firstBytes(parts, rest), wanted, maxMessageBytes)
        if (expected === undefined || pending + rest.length < expected) {
          parts.push(rest)
          pending += rest.length
          break
        }
        const needed = expected - pending
        messages.push(parts.length === 0 ? rest.subarray(0, needed) : join(parts, rest.subarray(0, needed), expected))
        rest = rest.subarray(needed)
        parts = []
        pending = 0
        expected = undefined
      }
      return messages
    },
  }
}

/** The first eight bytes, or as many as there are, of what has come. */
function firstBytes(parts: readonly Uint8Array[], rest: Uint8Array): Uint8Array {
  if (parts.length === 0) return rest.subarray(0, headerBytes)
  const first = new Uint8Array(headerBytes)
  let length = 0
  for (const part of [...parts, rest]) {
    const taken = part.subarray(0, headerBytes - length)
    first.set(taken, length)
    length += taken.length
    if (length === headerBytes) break
  }
  return first.subarray(0, length)
}

const structureType = 1

/** How long the message is in all, once its header tells. */
function messageBytes(first: Uint8Array, wanted: number, maxMessageBytes: number): number | undefined {
  const [a = wanted >> 16, b = (wanted >> 8) & 0xff, c = wanted & 0xff, type = structureType] = first
  if (((a << 16) | (b << 8) | c) !== wanted || type !== structureType)
    throw new FrameError('notKmip', `the stream begins with ${describe(first)}, not with a KMIP message`)
  if (first.length < headerBytes) return undefined
  const length = headerBytes + new DataView(first.buffer, first.byteOffset).getUint32(4)
  if (length > maxMessageBytes)
    throw new FrameError('tooLarge', `a message of ${length} bytes where ${maxMessageBytes} are the limit`)
  return length
}

/** What the first bytes look like, since most mistakes are a well-known other protocol. */
function describe(first: Uint8Array): string {
  const text = String.fromCharCode(...first)
  if (/^(GET|PUT|POST|HEAD|OPTI|DELE|PATC)/.test(text)) return 'an HTTP request'
  return `the bytes ${Array.from(first, byte => byte.toString(16).padStart(2, '0')).join(' ')}`
}

function join(parts: readonly Uint8Array[], last: Uint8Array, length: number): Uint8Array {
  const joined = new Uint8Array(length)
  let at = 0
  for (const part of [...parts, last]) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
