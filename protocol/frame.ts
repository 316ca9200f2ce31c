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

/** What is kept of an incomplete message is never much more than what has come of it. */
const initialBytes = 512

/** @param maxMessageBytes the longest message, header included */
export function framer(direction: 'request' | 'response', maxMessageBytes: number): Framer {
  const wanted = tagNumber(direction === 'request' ? 'requestMessage' : 'responseMessage')
  let kept = nothing
  let pending = 0
  let isFirst = true

  /** Adds to what is kept, which doubles as it grows, up to the length of the message. */
  function keep(bytes: Uint8Array, expected: number): void {
    const needed = pending + bytes.length
    if (needed > kept.length) {
      const grown = new Uint8Array(Math.max(needed, Math.min(expected, Math.max(initialBytes, kept.length * 2))))
      grown.set(kept.subarray(0, pending))
      kept.fill(0)
      kept = grown
    }
    kept.set(bytes, pending)
    pending = needed
  }

  /** The message that `kept` begins, once `rest` completes it; and what is left of `rest`. */
  function resume(rest: Uint8Array): { message?: Uint8Array; rest: Uint8Array } {
    const header = pending < headerBytes ? joined(kept.subarray(0, pending), rest) : kept.subarray(0, headerBytes)
    const expected = messageBytes(header, wanted, maxMessageBytes, isFirst)
    const taken = rest.subarray(0, (expected ?? headerBytes) - pending)
    keep(taken, expected ?? headerBytes)
    if (expected === undefined || pending < expected) return { rest: nothing }
    const message = kept.subarray(0, expected)
    kept = nothing
    pending = 0
    isFirst = false
    return { message, rest: rest.subarray(taken.length) }
  }

  return {
    get pending() {
      return pending
    },
    push(chunk) {
      const messages: Uint8Array[] = []
      let rest = chunk
      while (rest.length > 0) {
        const whole =
          pending > 0 ? undefined : messageBytes(rest.subarray(0, headerBytes), wanted, maxMessageBytes, isFirst)
        if (whole !== undefined && whole <= rest.length) {
          messages.push(rest.subarray(0, whole))
          isFirst = false
          rest = rest.subarray(whole)
          continue
        }
        const { message, rest: left } = resume(rest)
        if (message !== undefined) messages.push(message)
        rest = left
      }
      return messages
    },
  }
}

const nothing = new Uint8Array()

/** The header, or as much of it as there is. */
const joined = (first: Uint8Array, second: Uint8Array): Uint8Array =>
  Uint8Array.of(...first, ...second.subarray(0, headerBytes - first.length))

const structureType = 1

/** How long the message is in all, once its header tells. */
function messageBytes(
  first: Uint8Array,
  wanted: number,
  maxMessageBytes: number,
  isFirst: boolean,
): number | undefined {
  const [a = wanted >> 16, b = (wanted >> 8) & 0xff, c = wanted & 0xff, type = structureType] = first
  if (((a << 16) | (b << 8) | c) !== wanted || type !== structureType)
    throw new FrameError(
      'notKmip',
      // After a message whose length was wrong comes the rest of it, which may be a key.
      isFirst
        ? `the stream begins with ${describe(first)}, not with a KMIP message`
        : 'what follows a message is not a KMIP message; its length may have been wrong',
    )
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
