/**
 * An engine whose database only one process at a time may have open, for as many processes as want to use it.
 *
 * Whoever comes first opens it, and answers the others over the socket of its lock (`lock.ts`). When it ends, however it
 * ends, the next that needs something opens it. A process that stays, as a server does, asks one that does not, such as a
 * command line, to leave.
 *
 * A commit whose answer was lost with the host is looked for first: what was written is told by its bytes. Where it is not
 * there it is made, under the same guards. (If it was made, and another has overwritten it since, that is a conflict.)
 *
 * @module
 */
import { setTimeout } from 'node:timers/promises'
import type { Change } from './change.ts'
import { type Awaitable, closed, type Engine } from './engine.ts'
import { StoreError } from './error.ts'
import { guest, HostGone, patienceMs } from './guest.ts'
import { serve } from './host.ts'
import { callHolder, locked, lockFolder } from './lock.ts'

export interface SharedOptions {
  /** A folder of a local disk, created (0700) when missing: where the processes meet. */
  readonly path: string
  /** Opens the database. Called while no other process has it open. */
  readonly open: () => Promise<Engine>
  /** Whether this process, once it has the database open, keeps it so until it closes the engine. One process may. */
  readonly stays: boolean
}

interface Seat {
  readonly engine: Engine
  readonly isHost: boolean
  /** Finishes what is under way. */
  leave(): Promise<void>
}

/** @throws StoreError `locked` when another process stays, `io` when one does not answer, and what `open` throws */
export async function shared({ path, open, stays }: SharedOptions): Promise<Engine> {
  let seat: Seat | undefined
  let taking: Promise<Seat> | undefined
  let leaving: Promise<void> | undefined
  let closing: Promise<void> | undefined
  /** Until then, one that asked for the database goes first. */
  let givesWayUntil = 0
  const underWay = new Set<Promise<unknown>>()

  async function take(): Promise<Seat> {
    await leaving
    const giveUp = performance.now() + patienceMs
    for (;;) {
      seat = await visit()
      if (seat === undefined && performance.now() >= givesWayUntil) seat = await host()
      if (seat !== undefined) return seat
      if (performance.now() > giveUp) throw locked(path, 'a process that does not answer')
      await setTimeout(retryMs)
    }
  }

  /** As a guest; undefined when nobody has the database open, any more. */
  async function visit(): Promise<Seat | undefined> {
    const call = await callHolder(path)
    if (call === undefined) return undefined
    const engine = guest(call.socket, call.who, () => {
      if (seat?.engine === engine) seat = undefined
    })
    if (!stays) return { engine, isHost: false, leave: () => engine.close() }
    if (await engine.askToLeave()) return undefined
    await engine.close()
    throw locked(path, call.who)
  }

  /** As the host; undefined when another process was faster. */
  async function host(): Promise<Seat | undefined> {
    let begin: (engine: Promise<Engine>) => void = () => undefined
    const opened = new Promise<Engine>(resolve => (begin = resolve))
    const leave = (): boolean => {
      // Not before this process has its seat, and has used it for what it came for.
      if (!stays) void opened.then(() => setTimeout(0)).then(handOver, () => undefined)
      return !stays
    }
    const lock = await lockFolder(path, caller => serve(caller, { engine: opened, leave })).catch(passOverLocked)
    if (lock === undefined) return undefined
    begin(open())
    try {
      const engine = await opened
      let left: Promise<void> | undefined
      return { engine, isHost: true, leave: () => (left ??= engine.close().then(() => lock.release())) }
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  function handOver(): void {
    if (seat?.isHost !== true) return
    givesWayUntil = performance.now() + giveWayMs
    leaving = seat.leave().catch(() => undefined)
    seat = undefined
  }

  function at<T>(use: (engine: Engine) => Awaitable<T>): Awaitable<T> {
    if (closing !== undefined) throw closed()
    if (seat?.isHost === true) return use(seat.engine)
    const done = elsewhere(use)
    underWay.add(done)
    const settled = (): boolean => underWay.delete(done)
    done.then(settled, settled)
    return done
  }

  async function elsewhere<T>(use: (engine: Engine) => Awaitable<T>): Promise<T> {
    const giveUp = performance.now() + patienceMs
    for (;;) {
      const { engine } = seat ?? (await (taking ??= take().finally(() => (taking = undefined))))
      try {
        return await use(engine)
      } catch (error) {
        if (!isGone(error)) throw error
        if (performance.now() > giveUp)
          throw new StoreError('io', `${error.message}, again and again: try again`, { cause: error })
        await setTimeout(Math.random() * retryMs)
      }
    }
  }

  async function close(): Promise<void> {
    await Promise.allSettled(underWay)
    await seat?.leave()
    await leaving
  }

  await take()
  return {
    get: (key, previous) => at(engine => engine.get(key, previous)),

    state: () => (closing === undefined && seat?.isHost === true ? seat.engine.state() : undefined),

    range: (from, to, options) => at(engine => engine.range(from, to, options)),

    async commit(guards, changes) {
      let isRepeated = false
      await at(async engine => {
        if (isRepeated && (await isDone(engine, changes))) return
        isRepeated = true
        await engine.commit(guards, changes)
      })
    },

    close: () => (closing ??= close()),
  }
}

const retryMs = 20
const giveWayMs = 1000

function passOverLocked(error: unknown): undefined {
  if (!(error instanceof StoreError && error.code === 'locked')) throw error
}

/** An engine that another asked for meanwhile is closed, though not by who uses it. */
function isGone(error: unknown): error is Error {
  return error instanceof HostGone || (error instanceof StoreError && error.code === 'closed')
}

async function isDone(engine: Engine, changes: readonly Change[]): Promise<boolean> {
  for (const { key, value } of changes) {
    const held = await engine.get(key)
    if (held === undefined || value === undefined ? held !== value : Buffer.compare(held, value) !== 0) return false
  }
  return changes.length > 0
}
