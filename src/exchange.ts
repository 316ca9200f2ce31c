/**
 * Bytes in, bytes out: decode, respond, encode. It never throws, and needs no socket.
 *
 * @module
 */
import {
  decode,
  encode,
  type Item,
  nearestVersion,
  readRequest,
  type RequestMessage,
  writeResponse,
} from '../protocol/index.ts'
import { asFailure } from './failure.ts'
import { failed } from './perform.ts'
import { type Awaitable, ending, when } from '../store/index.ts'
import { type Answer, type Audit, type House, respond } from './respond.ts'
import type { Session } from './session.ts'

export interface ExchangeHouse<S extends Session = Session> extends House {
  /** Names an exchange in the log. */
  readonly newCorrelation: () => string
  /** Throws a Failure if the session may no longer speak. */
  readonly confirm: (session: S) => Awaitable<void>
  /** Hears of every batch item, and of a message that was refused as a whole. */
  readonly audit: (session: S, correlation: string, audit: Audit) => void
}

/**
 * Answers one message, at once where all that it takes is at hand. The request's bytes are cleared: they may have held a
 * key.
 *
 * @param isGone whether nobody waits for the response any more; default false
 * @returns the response, to be sent in one write unless it is very long; the caller's own
 */
export function exchange<S extends Session>(
  bytes: Uint8Array,
  session: S,
  house: ExchangeHouse<S>,
  isGone: () => boolean = () => false,
): Awaitable<Uint8Array> {
  const correlation = house.newCorrelation()
  let item: Item | undefined
  let request: RequestMessage | undefined

  function answer(): Awaitable<Answer> {
    item = decode(bytes)
    const read = (request = readRequest(item))
    return when(house.confirm(session), () => respond(read, session, house, correlation, isGone))
  }

  function told(answer: Answer): Uint8Array {
    for (const each of answer.audit) house.audit(session, correlation, each)
    return answer.bytes
  }

  function refused(error: unknown): Uint8Array {
    const response = failed({}, error, correlation)
    const detail = asFailure(error) === undefined ? { error } : {}
    house.audit(session, correlation, { response, durationMs: 0, notes: [], ...detail })
    const version = request?.version ?? nearestVersion(item)
    return encode(writeResponse({ version, timeStamp: Math.floor(house.now() / 1000), batchItem: [response] }))
  }

  function tried(): Awaitable<Uint8Array> {
    try {
      const answered = answer()
      return answered instanceof Promise ? answered.then(told).catch(refused) : told(answered)
    } catch (error) {
      return refused(error)
    }
  }

  return ending(tried, () => void bytes.fill(0))
}
