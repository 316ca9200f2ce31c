/**
 * The engine of a process that has not the database open: it asks the one that has, its host.
 *
 * @module
 */
import type { Socket } from 'node:net'
import type { Entry, Guard } from './change.ts'
import type { Engine } from './engine.ts'
import { StoreError, storeErrorCodes } from './error.ts'
import { bytes, type Field, frame, onFrame, text } from './frames.ts'

export interface Guest extends Engine {
  /** Wants the host to close the database: true once it has, false when it stays. */
  askToLeave(): Promise<boolean>
}

/** The host has ended; what it was asked last may have been done or not. */
export class HostGone extends Error {
  override readonly message = 'the process that had the database open has ended'
}

/** How long a host may keep silent. One that does nothing else answers within a flush of its disk. */
export const patienceMs = 30_000

/**
 * @param host a connection to it, which closing the engine ends. It keeps the process alive while an answer is awaited.
 * @param who which process that is, for messages
 * @param onGone called when the connection has ended
 */
export function guest(host: Socket, who: string, onGone: () => void): Guest {
  const waiting = new Map<string, { resolve: (reply: readonly Field[]) => void; reject: (error: Error) => void }>()
  let asked = 0

  function end(error: Error): void {
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
    host.destroy()
    onGone()
  }

  host.on('close', () => end(new HostGone()))
  host.on('timeout', () => {
    const silence = `${who}, which has the database open, has been silent for ${patienceMs / 1000} s`
    const advice = 'let it go on, or end it; what it was asked for may still be done'
    if (waiting.size > 0) end(new StoreError('io', `${silence}: ${advice}`))
  })
  host.setTimeout(patienceMs)
  onFrame(host, ([number, ...reply]) => {
    // It is about to leave, and the connection about to end.
    if (text(reply[0]) === 'failed' && text(reply[1]) === 'closed') return
    const asking = waiting.get(text(number))
    waiting.delete(text(number))
    if (waiting.size === 0) host.unref()
    asking?.resolve(reply)
  })
  host.resume().unref()

  function ask(...question: readonly Field[]): Promise<readonly Field[]> {
    return new Promise((resolve, reject) => {
      if (host.destroyed) {
        onGone()
        throw new HostGone()
      }
      const number = String(asked++)
      const whole = frame([bytes(number), ...question])
      if (whole === undefined)
        throw new StoreError('invalid', 'a commit of this size is not made through another process: end that first')
      waiting.set(number, { resolve, reject })
      host.ref().write(whole)
    })
  }

  /** The reply, unless it is a failure; `guards` are those that may turn out not to hold. */
  async function done(question: readonly Field[], guards: readonly Guard[] = []): Promise<readonly Field[]> {
    const reply = await ask(...question)
    const [answer, code, message, position] = reply
    if (text(answer) !== 'failed') return reply
    const guard = position && guards[Number(text(position))]
    const known = storeErrorCodes.find(each => each === text(code)) ?? 'io'
    throw new StoreError(known, text(message), guard && { guard })
  }

  return {
    async get(key, previous) {
      const [, value] = await done([bytes('get'), key])
      if (value === undefined) return undefined
      return previous !== undefined && Buffer.compare(value, previous) === 0 ? previous : new Uint8Array(value)
    },

    state: () => undefined,

    async range(from, to, { limit, reverse = false }) {
      const found: Entry[] = []
      let low = from
      let high = to
      for (;;) {
        const left = bytes(String(limit - found.length))
        const [answer, ...fields] = await done([
          bytes('range'),
          low,
          high,
          left,
          reverse ? bytes('reverse') : undefined,
        ])
        for (let at = 0; at < fields.length; at += 2) {
          found.push({ key: new Uint8Array(fields[at] ?? []), value: new Uint8Array(fields[at + 1] ?? []) })
        }
        const last = found.at(-1)
        if (text(answer) === 'done' || last === undefined) return found
        if (reverse) high = last.key
        else low = Buffer.concat([last.key, Uint8Array.of(0)])
      }
    },

    async commit(guards, changes) {
      const rows = [...guards, ...changes].flatMap(({ key, value }) => [key, value])
      await done([bytes('commit'), bytes(String(guards.length)), ...rows], guards)
    },

    async askToLeave() {
      try {
        await ask(bytes('leave'))
        return false
      } catch (error) {
        if (error instanceof HostGone) return true
        throw error
      }
    },

    close() {
      host.destroy()
      return Promise.resolve()
    },
  }
}
