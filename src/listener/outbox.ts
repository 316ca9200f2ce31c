/**
 * Responses leave together, when all that has arrived is answered: a client that waits for its answer is woken by the
 * system, which costs more than to encrypt it, and clients that are served at once are woken at once. A response that is
 * alone waits for nothing.
 *
 * @module
 */

/** Sends something in this turn of the event loop, after what else is to be sent in it. */
export type Outbox = (send: () => void) => void

export function outbox(): Outbox {
  let waiting: (() => void)[] = []

  function flush(): void {
    const sending = waiting
    waiting = []
    for (const send of sending) send()
  }

  return send => {
    if (waiting.push(send) === 1) setImmediate(flush)
  }
}
