/**
 * Responses that are written step by step are the same bytes as those that are written at once.
 *
 * @module
 */
import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  encode,
  encodeInSteps,
  isLong,
  type ResponseItem,
  type ResponseMessage,
  versions,
  writeResponse,
} from '../../protocol/index.ts'

const located = (count: number, more: Partial<ResponseItem> = {}, locatedItems?: number): ResponseItem => ({
  operation: 'Locate',
  resultStatus: 'Success',
  payload: { locatedItems, uniqueIdentifier: Array.from({ length: count }, () => randomUUID()) },
  ...more,
})

const failed: ResponseItem = { operation: 'Get', resultStatus: 'OperationFailed', resultReason: 'ItemNotFound' }

function inSteps(message: ResponseMessage): { readonly bytes: Uint8Array; readonly turns: number } {
  const steps = encodeInSteps(message)
  for (let turns = 0; ; turns++) {
    const step = steps.next()
    if (step.done === true) return { bytes: step.value, turns }
  }
}

describe.each(versions)('in KMIP %s', version => {
  const count = (items: number): number | undefined => (version < '1.3' ? undefined : items)

  it.each([0, 1, 511, 512, 513, 1024, 5000])('%i identifiers', number => {
    const message = { version, timeStamp: 1_700_000_000, batchItem: [located(number, {}, count(number))] }
    const { bytes, turns } = inSteps(message)
    expect(Buffer.compare(bytes, encode(writeResponse(message)))).toBe(0)
    expect(isLong(message)).toBe(number > 512)
    expect(turns).toBe(Math.max(0, Math.ceil(number / 512) - 1))
  })

  it('a batch of several, with others in between', () => {
    const id = (byte: number) => ({ uniqueBatchItemID: Uint8Array.of(byte) })
    const batchItem = [located(2000, id(1), count(9)), { ...failed, ...id(2) }, located(3, id(3)), located(700, id(4))]
    const message = { version, timeStamp: 1, batchItem }
    const { bytes, turns } = inSteps(message)
    expect(Buffer.compare(bytes, encode(writeResponse(message)))).toBe(0)
    expect(turns).toBe(4)
  })

  it('identifiers that are longer than this server makes them', () => {
    const uniqueIdentifier = Array.from({ length: 2000 }, (_, number) => `${'é'.repeat(number % 300)}${number}`)
    const message = { version, timeStamp: 1, batchItem: [located(0, { payload: { uniqueIdentifier } })] }
    expect(Buffer.compare(inSteps(message).bytes, encode(writeResponse(message)))).toBe(0)
  })
})
