/**
 * One admitted connection: messages in, responses out, in order and one at a time.
 *
 * A response is one write, unless it is very long, and the next message is not begun before the last response has left; what a client sends
 * meanwhile waits, up to a bound at which the socket is no longer read. So a client that does not read holds one response
 * and a message or two, no more.
 *
 * Time is counted in the listener's sweeps. No timer is made for a message, and a process that was stopped for a minute,
 * as a virtual machine is for a snapshot, does not find all its clients late.
 *
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { FrameError, framer } from '../../protocol/index.ts'
import type { Awaitable } from '../../store/index.ts'
import type { Fields, Log } from '../log.ts'
import type { Outbox } from './outbox.ts'

/** What all conversations of a listener share. */
export interface Terms<S> {
  /** `isGone` tells whether nobody waits for the response any more. */
  readonly exchange: (message: Uint8Array, session: S, isGone: () => boolean) => Awaitable<Uint8Array>
  readonly maxMessageBytes: number
  /** Sweeps until a phase has lasted too long. */
  readonly patience: Readonly<Record<Phase, number>>
  /** Counts the sweeps. */
  readonly clock: { readonly sweep: number }
  readonly outbox: Outbox
  readonly log: Log
}

/** `exchanging` is the server's own time. */
type Phase = 'idle' | 'receiving' | 'exchanging' | 'sending'

export interface Conversation {
  /** Ends the connection if its phase has lasted too long. */
  readonly sweep: () => void
  /** Answers what has been received in full, then ends the connection. */
  readonly finish: () => void
  readonly destroy: () => void
}

/** Complete messages that may wait before the socket is no longer read. */
const maxWaitingBytes = 65_536

/** What takes about a millisecond to encrypt. */
const maxWriteBytes = 262_144

const keepAliveMs = 60_000

/** @param who tells the log whose connection it is */
export function converse<S>(socket: TLSSocket, session: S, who: Fields, terms: Terms<S>): Conversation {
  const { exchange, clock, patience, outbox, log } = terms
  const framing = framer('request', terms.maxMessageBytes)
  const waiting: Uint8Array[] = []
  let waitingBytes = 0
  let phase: Phase = 'idle'
  let since = clock.sweep
  let finishing = false
  let isFirst = true

  /** A client that has ended its side may still read a short answer; long work is not done for it. */
  const isGone = (): boolean => socket.destroyed || socket.readableEnded

  function enter(next: Phase): void {
    phase = next
    since = clock.sweep
  }

  function receive(chunk: Uint8Array): void {
    try {
      for (const message of framing.push(chunk)) {
        waiting.push(message)
        waitingBytes += message.length
      }
    } catch (error) {
      destroy(error instanceof FrameError ? error.message : 'the stream cannot be cut into messages', error)
      return
    }
    if (phase === 'exchanging' || phase === 'sending') {
      if (waitingBytes > maxWaitingBytes) socket.pause()
    } else if (waiting.length > 0) proceed()
    else if (phase === 'idle') enter('receiving')
  }

  function proceed(): void {
    const message = waiting.shift()
    if (message !== undefined) {
      waitingBytes -= message.length
      enter('exchanging')
      try {
        const response = exchange(message, session, isGone)
        if (response instanceof Promise) response.then(send, fail)
        else send(response)
      } catch (error) {
        fail(error)
      }
    } else if (finishing) socket.destroySoon()
    else {
      enter(framing.pending > 0 ? 'receiving' : 'idle')
      if (socket.isPaused()) socket.resume()
    }
  }

  function send(response: Uint8Array): void {
    if (socket.destroyed) return
    enter('sending')
    // Session tickets, which end the handshake, are still to be sent by then: they and the first response go together.
    if (isFirst) write(response)
    else outbox(() => write(response))
    isFirst = false
  }

  /** A long response goes piece by piece: to encrypt it at once would keep others waiting. */
  function write(response: Uint8Array): void {
    if (socket.destroyed) return
    if (response.length <= maxWriteBytes) socket.write(response, sent)
    else socket.write(response.subarray(0, maxWriteBytes), () => write(response.subarray(maxWriteBytes)))
  }

  function sent(error?: Error | null): void {
    if (!error && !socket.destroyed) proceed()
  }

  function fail(error: unknown): void {
    log.error({ ...who, correlation: randomUUID(), error }, 'a message was not answered: internal error')
    socket.destroy()
  }

  function destroy(reason: string, error?: unknown): void {
    log.warn({ ...who, reason, ...(error instanceof FrameError ? {} : { error }) }, 'connection closed')
    socket.destroy()
  }

  function finish(): void {
    finishing = true
    if (phase === 'idle' || phase === 'receiving') socket.destroySoon()
  }

  socket.allowHalfOpen = true
  socket.on('data', receive)
  socket.on('end', finish)

  return {
    finish,
    destroy: () => socket.destroy(),
    sweep() {
      // Not before: it takes four calls of the system, which a connection of one message does without.
      socket.setKeepAlive(true, keepAliveMs)
      if (clock.sweep - since <= patience[phase]) return
      if (phase === 'idle') {
        log.debug(who, 'connection closed: idle for too long')
        socket.destroySoon()
      } else destroy(overdue[phase])
    },
  }
}

const overdue: Readonly<Record<Exclude<Phase, 'idle'>, string>> = {
  receiving: 'a message was begun and not completed in time',
  sending: 'a response was not read in time',
  exchanging: 'a message was not answered in time',
}
