/**
 * Long work gives way to others now and then.
 *
 * @module
 */

/** How long one message's work may keep the event loop to itself, in milliseconds. */
const sliceMs = 4

export interface TimeSlice {
  /** Whether it is others' turn; then `next` is to be awaited. */
  isOver(): boolean
  next(): Promise<void>
}

export function timeSlice(): TimeSlice {
  let until = performance.now() + sliceMs
  return {
    isOver: () => performance.now() > until,
    async next() {
      await new Promise(resolve => setImmediate(resolve))
      until = performance.now() + sliceMs
    },
  }
}
