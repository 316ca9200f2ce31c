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
import { type Audit, type House, respond } from './respond.ts'
import type { Session } from './session.ts'

export interface ExchangeHouse<S extends Session = Session> extends House {
  /** Names an exchange in the log. */
  readonly newCorrelation: () => string
  /** Throws a Failure if the session may no longer speak. */
  readonly confirm: (session: S) => Promise<void> | void
  /** Hears of every batch item, and of a message that was refused as a whole. */
  readonly audit: (session: S, correlation: string, audit: Audit) => void
}

/**
 * Answers one message. The request's bytes are cleared: they may have held a key.
 *
 * @returns the response, to be sent in one write; the caller's own
 */
export async function exchange<S extends Session>(
  bytes: Uint8Array,
  session: S,
  house: ExchangeHouse<S>,
): Promise<Uint8Array> {
  const correlation = house.newCorrelation()
  let item: Item | undefined
  let request: RequestMessage | undefined
  try {
    item = decode(bytes)
    request = readRequest(item)
    const confirming = house.confirm(session)
    if (confirming !== undefined) await confirming
    const answer = await respond(request, session, house, correlation)
    for (const each of answer.audit) house.audit(session, correlation, each)
    return answer.bytes
  } catch (error) {
    const response = failed({}, error, correlation)
    const detail = asFailure(error) === undefined ? { error } : {}
    house.audit(session, correlation, { response, durationMs: 0, notes: [], ...detail })
    const version = request?.version ?? nearestVersion(item)
    return encode(writeResponse({ version, timeStamp: Math.floor(house.now() / 1000), batchItem: [response] }))
  } finally {
    bytes.fill(0)
  }
}
