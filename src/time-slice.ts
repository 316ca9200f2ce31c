/**
 * Long work gives way to others now and then. However much of it there is, only two slices of it are done, and those in every
 * other turn of the event loop: so whoever wants little waits for those and not for all.
 *
 * @module
 */
import { Failure } from './failure.ts'

/** How long a message's work may keep the event loop to itself, in milliseconds. */
const sliceMs = 2

export interface TimeSlice {
  /** Whether it is others' turn; then `next` is to be awaited. */
  isOver(): boolean
  /** @throws Failure OperationCanceledByRequester when nobody waits for the work any more */
  next(): Promise<void>
}

/** Resolves when the turn has come of a message's work, of which so many slices are done already. */
export type LongWork = (slices: number) => Promise<void>

/** What is shared by all messages whose work may be long. */
export function longWork(): LongWork {
  const waiting: { readonly slices: number; readonly go: () => void }[] = []
  let isAwaited = false

  /** One that has hardly begun, since it may be short, and the one that has come furthest, so that the longest end too. */
  function turn(): void {
    waiting.sort((one, other) => one.slices - other.slices)
    const chosen = [waiting.shift(), waiting.pop()]
    isAwaited = false
    awaitTurn()
    for (const each of chosen) each?.go()
  }

  function awaitTurn(): void {
    if (isAwaited || waiting.length === 0) return
    isAwaited = true
    // A turn of the event loop lies between: what arrived during the last slice is answered in it before the next begins.
    setImmediate(() => setImmediate(turn))
  }

  return slices =>
    new Promise(resolve => {
      waiting.push({ slices, go: resolve })
      awaitTurn()
    })
}

/**
 * For the work of one message.
 *
 * @param isGone whether nobody waits for its answer any more
 */
export function timeSlice(work: LongWork, isGone: () => boolean): TimeSlice {
  let until = performance.now() + sliceMs
  let slices = 0
  return {
    isOver: () => performance.now() > until,
    async next() {
      await work(slices++)
      if (isGone()) throw new Failure('OperationCanceledByRequester', 'the client has gone')
      until = performance.now() + sliceMs
    },
  }
}
