/**
 * One request message: the rules of its header, its batch, and the transaction that all of it is.
 *
 * Nothing is acknowledged before it is durable. If another writer was faster, the whole message is done again: nobody has
 * been told anything yet.
 *
 * @module
 */
import {
  encode,
  encodeInSteps,
  identifierItemBytes,
  identifiersOf,
  isLong,
  objectExistsIn,
  objectTypes,
  operationsOf,
  type RequestItem,
  type RequestMessage,
  type ResponseMessage,
  type Version,
  versions,
  writeResponse,
} from '../protocol/index.ts'
import { type Awaitable, ending, type Store, StoreError, when } from '../store/index.ts'
import { Failure } from './failure.ts'
import type { Capabilities } from './operations/handle.ts'
import { handlers } from './operations/index.ts'
import { objectsOf } from './objects/objects.ts'
import type { Recent } from './objects/recent.ts'
import { beginWork, type Savepoint, type Work } from './objects/work.ts'
import { failed, type Outcome, perform } from './perform.ts'
import { placeholder } from './placeholder.ts'
import type { Session } from './session.ts'
import { type LongWork, type TimeSlice, timeSlice } from './time-slice.ts'

/** What the rooms that answer messages share. */
export interface House {
  readonly store: Store
  readonly recent: Recent
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly random: (count: number) => Uint8Array
  readonly newIdentifier: () => string
  readonly maxBatchItems: number
  /** Does work when its turn comes: messages that met another writer go on one after the other, so that each gets through. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>
  readonly longWork: LongWork
  /** How long a response may become, whatever the client allows. */
  readonly maxResponseBytes: number
}

/** One item as the log tells it. */
export interface Audit extends Outcome {
  readonly durationMs: number
  /** A client's words for the log. */
  readonly notes: readonly string[]
}

export interface Answer {
  /** The response message, encoded. */
  readonly bytes: Uint8Array
  readonly audit: readonly Audit[]
}

/** How often a message is done again because others were faster, each time after a pause at random, the later the longer. */
const maxAttempts = 20
const maxPauseMs = 64

const pause = (attempt: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, Math.random() * Math.min(maxPauseMs, 2 ** attempt)))

/**
 * Answers a request message, at once where all that it takes is at hand.
 *
 * @param correlation names the exchange in the log and in messages of internal errors
 * @param isGone whether nobody waits for the answer any more: long work is given up then
 * @throws Failure for a message that is refused as a whole
 */
export function respond(
  request: RequestMessage,
  session: Session,
  house: House,
  correlation: string,
  isGone: () => boolean,
): Awaitable<Answer> {
  checkHeader(request, house)
  const slice = timeSlice(house.longWork, isGone)
  const tryOnce = () => attempt(request, session, house, correlation, slice)
  return when(tryOnce(), first => {
    if (!isRace(first.error)) return first
    return house.inTurn(async () => {
      for (let again = 1; ; again++) {
        const answer = await tryOnce()
        if (!isRace(answer.error) || again === maxAttempts) return answer
        await pause(again)
      }
    })
  })
}

/** `error` is why it could not be written; the answer then says so. */
type Attempt = Answer & { readonly error?: unknown }

/** Does the whole message once. */
function attempt(
  request: RequestMessage,
  session: Session,
  house: House,
  correlation: string,
  slice: TimeSlice,
): Awaitable<Attempt> {
  const work = beginWork(house.store, house.recent)

  function conclude(audit: readonly Audit[]): Awaitable<Attempt> {
    return when(answerOf(audit, request, house, slice), answer => {
      if (isTooLarge(answer, request)) return tooLarge(answer, request, house, slice)
      return work.hasChanges() ? write(answer) : answer
    })
  }

  async function write(answer: Answer): Promise<Attempt> {
    const error = await settle(work)
    if (error === undefined) return answer
    answer.bytes.fill(0)
    const audit = answer.audit.map(outcome => ({ ...outcome, ...unwritten(outcome, error, correlation) }))
    return { ...(await answerOf(audit, request, house, slice)), error }
  }

  return ending(
    () => when(runBatch(request, session, house, work, correlation, slice), conclude),
    () => work.end(),
  )
}

/** Encoded before it is committed, so that what cannot be told is not done. */
function answerOf(
  audit: readonly Audit[],
  { version }: RequestMessage,
  house: House,
  slice: TimeSlice,
): Awaitable<Answer> {
  const batchItem = audit.map(({ response }) => response)
  const message: ResponseMessage = { version, timeStamp: Math.floor(house.now() / 1000), batchItem }
  if (isLong(message)) return encodeInTurns(message, slice).then(bytes => ({ bytes, audit }))
  return { bytes: encode(writeResponse(message)), audit }
}

async function encodeInTurns(message: ResponseMessage, slice: TimeSlice): Promise<Uint8Array> {
  const steps = encodeInSteps(message)
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value
    if (slice.isOver()) await slice.next()
  }
}

const isTooLarge = ({ bytes }: Answer, { header }: RequestMessage): boolean =>
  header.maximumResponseSize !== undefined && bytes.length > header.maximumResponseSize

/** KMIP 2.1 §9.12. Nothing was committed: no item has happened. */
function tooLarge(
  { bytes, audit }: Answer,
  request: RequestMessage,
  house: House,
  slice: TimeSlice,
): Awaitable<Answer> {
  const failure = new Failure(
    'ResponseTooLarge',
    `the response takes ${bytes.length} bytes, the request allows ${request.header.maximumResponseSize ?? 0}`,
  )
  bytes.fill(0)
  return answerOf(
    audit.map(outcome => ({ ...outcome, response: failed(outcome.response, failure, '') })),
    request,
    house,
    slice,
  )
}

const isRace = (error: unknown): boolean =>
  error instanceof StoreError && (error.code === 'conflict' || error.code === 'duplicate')

/** Writes. @returns why it could not be written */
const settle = (work: Work): Promise<unknown> =>
  work.commit().then(
    () => undefined,
    (error: unknown) => error,
  )

/** KMIP 2.1 §9: what the header asks for and this server does not do. */
function checkHeader({ header, batchItem }: RequestMessage, { maxBatchItems }: House): void {
  if (batchItem.length > maxBatchItems)
    throw new Failure('InvalidMessage', `${batchItem.length} batch items where ${maxBatchItems} are the limit`)
  const { asynchronousIndicator } = header
  // From 2.0 on a client may leave the choice to the server, and then it is answered at once. KMIP 2.1 §9.2
  if (asynchronousIndicator === true || asynchronousIndicator === 'Mandatory')
    throw new Failure('OperationNotSupported', 'answers are not given asynchronously')
}

function runBatch(
  { header, version, batchItem }: RequestMessage,
  session: Session,
  house: House,
  work: Work,
  correlation: string,
  slice: TimeSlice,
): Awaitable<Audit[]> {
  const now = Math.floor(house.now() / 1000)
  const objects = objectsOf(session, work, house.store, now, slice)
  const results = placeholder()
  const option = header.batchErrorContinuationOption ?? 'Stop'
  const beginning = work.savepoint()
  const audit: Audit[] = []
  const items = batchItem.values()
  let answerBytes = 0
  let notes: string[] = []
  const context = {
    objects,
    now,
    random: house.random,
    newIdentifier: house.newIdentifier,
    capabilities: capabilities[version],
    note: (message: string) => void notes.push(message),
    correlation,
  }

  function enter({ response, uniqueIdentifier, error }: Outcome, started: number, savepoint: Savepoint) {
    // Other long answers are as long as the records that were read for them.
    answerBytes += identifiersOf(response.payload).length * identifierItemBytes
    if (work.bytesRead() + answerBytes > house.maxResponseBytes)
      throw new Failure(
        'ResponseTooLarge',
        `the response would be longer than ${house.maxResponseBytes} bytes; ask for less at a time`,
      )
    audit.push({ response, uniqueIdentifier, error, durationMs: performance.now() - started, notes })
    if (response.resultStatus === 'Success') return undefined
    work.rollback(savepoint)
    if (option !== 'Undo') return option === 'Stop' ? audit : undefined
    work.rollback(beginning)
    return audit.map(undone)
  }

  /** @returns all that was done if that was the end of the batch */
  function handle(item: RequestItem): Awaitable<Audit[] | undefined> {
    const started = performance.now()
    const savepoint = work.savepoint()
    notes = []
    return when(perform(item, context, results), outcome => enter(outcome, started, savepoint))
  }

  /** Goes on behind an item that is not at hand, or that has used up the time. */
  async function proceed(item: Awaitable<Audit[] | undefined>): Promise<Audit[]> {
    let ended = await item
    for (const next of items) {
      if (ended !== undefined) return ended
      if (slice.isOver()) await slice.next()
      ended = await handle(next)
    }
    return ended ?? audit
  }

  for (const item of items) {
    const ended = handle(item)
    if (ended instanceof Promise || slice.isOver()) return proceed(ended)
    if (ended !== undefined) return ended
  }
  return audit
}

/** What this server can do in each version. */
const capabilities = Object.fromEntries(
  versions.map((version): [Version, Capabilities] => [
    version,
    {
      operations: operationsOf(version).filter(name => handlers.has(name)),
      objectTypes: objectTypes.filter(objectType => objectExistsIn(objectType, version)),
    },
  ]),
) as Record<Version, Capabilities>

/** KMIP 2.1 §9.6: the items before the one that failed are taken back. */
function undone(audit: Audit): Audit {
  const { operation, uniqueBatchItemID, resultStatus } = audit.response
  if (resultStatus !== 'Success') return audit
  return { ...audit, response: { operation, uniqueBatchItemID, resultStatus: 'OperationUndone' } }
}

/** What could not be written did not happen; an item that failed by itself stays as it is. */
function unwritten({ response }: Outcome, error: unknown, correlation: string): Pick<Outcome, 'response' | 'error'> {
  if (response.resultStatus !== 'Success') return { response }
  return { response: failed(response, error, correlation), error }
}
