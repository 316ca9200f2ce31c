/**
 * What flows over a connection once there is one: a KMIP Discover Versions, and what the server answers.
 *
 * @module
 */
import {
  decode,
  DiscoverVersions,
  encode,
  framer,
  readResponse,
  type ResponseMessage,
  type Version,
  writeRequest,
} from '../../protocol/index.ts'
import type { Handshake } from './dial.ts'

/** What came of a request. */
export type Reply =
  | {
      readonly kind: 'kmip'
      readonly versions: readonly string[]
      readonly refusal: string | undefined
      readonly clock: number
    }
  /** Its first line. */
  | { readonly kind: 'other'; readonly line: string }
  | { readonly kind: 'silent' | 'closed' }
  | { readonly kind: 'failed'; readonly error: NodeJS.ErrnoException }

/** In TLS 1.3 a server judges the client when the client has already finished: for so long it may say so first. */
const judgementMs = 500

/** Nobody is made to wait for longer. */
const maxReplyBytes = 65_536

/** @param version of KMIP, in which the question is asked */
export async function ask(handshake: Handshake, timeoutMs: number, version: Version = '1.4'): Promise<Reply> {
  const { socket, state, until } = handshake
  const isOver = (): boolean => state.isClosed || state.error !== undefined
  // Data that a server does not read when it hangs up would take its last words with it.
  if (handshake.session?.version === 'TLSv1.3') await until(({ hasTicket }) => hasTicket || isOver(), judgementMs)
  if (!isOver())
    socket.write(encode(writeRequest([{ operation: DiscoverVersions, payload: { protocolVersion: [] } }], version)))
  let reply: Reply | undefined
  await until(({ received }) => {
    reply = replyIn(received)
    return reply !== undefined || isOver()
  }, timeoutMs)
  if (reply !== undefined) return reply
  if (state.error !== undefined) return { kind: 'failed', error: state.error }
  if (state.received.length > 0) return { kind: 'other', line: firstLine(state.received) }
  return { kind: state.isClosed ? 'closed' : 'silent' }
}

/** The tag of a Response Message. KMIP 2.1 §10.2 */
const responseTag = Buffer.of(0x42, 0x00, 0x7b)

/** Undefined while it is not complete. */
function replyIn(received: Buffer): Reply | undefined {
  const start = received.subarray(0, responseTag.length)
  if (!start.equals(responseTag.subarray(0, start.length))) {
    const isComplete = received.includes('\n') || received.length > maxReplyBytes
    return isComplete ? { kind: 'other', line: firstLine(received) } : undefined
  }
  try {
    const [message] = framer('response', maxReplyBytes).push(received)
    return message && kmipReply(readResponse(decode(message)))
  } catch {
    return { kind: 'other', line: firstLine(received) }
  }
}

function kmipReply({ batchItem: [item], timeStamp }: ResponseMessage): Reply {
  const isGood = item?.resultStatus === 'Success'
  const payload = isGood ? (item.payload as { readonly protocolVersion: readonly Spoken[] }) : undefined
  return {
    kind: 'kmip',
    versions: (payload?.protocolVersion ?? []).map(
      ({ protocolVersionMajor, protocolVersionMinor }) => `${protocolVersionMajor}.${protocolVersionMinor}`,
    ),
    refusal: isGood ? undefined : [item?.resultReason, item?.resultMessage].filter(Boolean).join(': ') || 'no reason',
    clock: timeStamp * 1000,
  }
}

interface Spoken {
  readonly protocolVersionMajor: number
  readonly protocolVersionMinor: number
}

const firstLine = (bytes: Buffer): string =>
  bytes
    .toString('latin1')
    .split(/\r?\n/, 1)
    .join('')
    .slice(0, 80)
    .replace(/[^ -~]/g, '.')
