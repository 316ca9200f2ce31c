/**
 * Responses that name so many objects that others must have their turn while they are written.
 *
 * @module
 */
import type { Item } from '../item.ts'
import { tagNumber } from '../names.ts'
import type { Version } from '../schema/version.ts'
import { type Encoding, encoding } from '../ttlv/encode.ts'
import { type ResponseItem, type ResponseMessage, writePayload, writeResponse } from './messages.ts'

/** So many identifiers are written in a fraction of a millisecond. */
const pieceLength = 512

/** What an identifier takes as an item, as this server makes them. */
export const identifierItemBytes = 48

/** The identifiers that a response payload lists, as that of Locate does. */
export function identifiersOf(payload: unknown): readonly string[] {
  const { uniqueIdentifier } = (payload ?? {}) as { readonly uniqueIdentifier?: unknown }
  return Array.isArray(uniqueIdentifier) ? (uniqueIdentifier as readonly string[]) : []
}

/** Whether a response is to be written by `encodeInSteps`. */
export const isLong = ({ batchItem }: ResponseMessage): boolean =>
  batchItem.some(({ payload }) => identifiersOf(payload).length > pieceLength)

/**
 * Writes and encodes a response, to the same bytes as `encode(writeResponse(message))`. Where it yields, others may have
 * their turn.
 */
export function* encodeInSteps(message: ResponseMessage): Generator<undefined, Uint8Array> {
  const { version, batchItem } = message
  const count = batchItem.reduce((sum, { payload }) => sum + identifiersOf(payload).length, 0)
  const bytes = encoding((count + pieceLength) * identifierItemBytes)
  const begun = writeResponse({ ...message, batchItem: batchItem.map(item => ({ ...item, payload: piece(item, 0) })) })
  const items = batchItem.values()
  bytes.open(begun.tag)
  for (const member of begun.value) {
    const item = member.tag === tag.batchItem ? items.next().value : undefined
    if (item === undefined) bytes.write(member)
    else yield* writeInSteps(bytes, member, item, version)
  }
  bytes.close()
  return bytes.end()
}

/** Identifiers are the last that a payload holds, and the payload is the last of a batch item. */
function* writeInSteps(bytes: Encoding, begun: Item, item: ResponseItem, version: Version): Generator<undefined> {
  bytes.open(begun.tag)
  for (const member of membersOf(begun)) {
    if (member.tag !== tag.responsePayload) {
      bytes.write(member)
      continue
    }
    bytes.open(member.tag)
    for (const each of membersOf(member)) bytes.write(each)
    for (let from = pieceLength; from < identifiersOf(item.payload).length; from += pieceLength) {
      yield
      const more = writePayload('response', item.operation, piece(item, from), member.tag, version)
      for (const each of membersOf(more)) bytes.write(each)
    }
    bytes.close()
  }
  bytes.close()
}

const tag = { batchItem: tagNumber('batchItem'), responsePayload: tagNumber('responsePayload') }

const membersOf = (item: Item): readonly Item[] => (item.type === 'Structure' ? item.value : [])

/** The payload with some of its identifiers: of the first piece with all else, of the others alone. */
function piece({ payload }: ResponseItem, from: number): unknown {
  const identifiers = identifiersOf(payload)
  if (identifiers.length <= pieceLength) return payload
  const uniqueIdentifier = identifiers.slice(from, from + pieceLength)
  return from === 0 ? { ...(payload as object), uniqueIdentifier } : { uniqueIdentifier }
}
