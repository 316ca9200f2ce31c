/**
 * One thing after the other.
 *
 * @module
 */

/** A queue of one: each piece of work begins when the one before has ended, however it ended. */
export function turns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return work => {
    const next = last.then(work)
    last = next.catch(() => undefined)
    return next
  }
}
