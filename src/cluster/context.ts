/**
 * What the parts of a cluster share: memory, drives, clock, and work that goes on by itself.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../log.ts'
import type { DriveBay } from './drives.ts'
import type { Caller } from './key-server.ts'
import type { Memory } from './state.ts'

export interface Context {
  readonly memory: Memory
  readonly bay: DriveBay
  readonly work: Work
  /** Master keys of key servers, which a cluster has in mind as long as it has power: by their identifiers. */
  readonly held: Map<string, Buffer>
  readonly log: Log
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** How key servers are called, as of now. */
  readonly caller: () => Caller
}

/** Work in the background, until it is done or the cluster ends. */
export interface Work {
  /** Work of a name goes on once at a time: asked for while it does, it is done once more when it is over. */
  start(name: string, task: () => Promise<void>): void
  /** Real milliseconds, shorter where time is compressed; shorter, too, after `nudge`. @throws when the cluster ends */
  pause(realMs: number): Promise<void>
  /** Compressed. */
  ms(realMs: number): number
  /** Something has changed for the better: whoever pauses tries again at once. */
  nudge(): void
  close(): Promise<void>
  /** Whether the cluster ends. */
  readonly ended: AbortSignal
}

/** @param compression how many times faster than real time passes */
export function openWork(log: Log, compression: number): Work {
  const under = new Map<string, Promise<void>>()
  const again = new Map<string, () => Promise<void>>()
  const end = new AbortController()
  let wake = new AbortController()

  async function perform(name: string, task: () => Promise<void>): Promise<void> {
    for (let next: (() => Promise<void>) | undefined = task; next !== undefined && !end.signal.aborted;) {
      again.delete(name)
      await next().catch((error: unknown) => {
        if (!end.signal.aborted) log.error({ error, operation: name }, 'cluster: background work failed')
      })
      next = again.get(name)
    }
    // Nothing is awaited since `again` was looked at: nobody can have come in between.
    under.delete(name)
  }

  return {
    start(name, task) {
      if (under.has(name)) again.set(name, task)
      else if (!end.signal.aborted) under.set(name, perform(name, task))
    },
    ms: realMs => Math.max(1, realMs / compression),
    async pause(realMs) {
      end.signal.throwIfAborted()
      const signal = AbortSignal.any([end.signal, wake.signal])
      await sleep(Math.max(1, realMs / compression), undefined, { signal }).catch(() => undefined)
      end.signal.throwIfAborted()
    },
    nudge() {
      wake.abort()
      wake = new AbortController()
    },
    async close() {
      end.abort()
      // Whoever waits for a key server that is silent is not waited for: what is lost is what a crash would lose.
      await Promise.race([Promise.all(under.values()), sleep(drainMs, undefined, { ref: false })])
    },
    ended: end.signal,
  }
}

const drainMs = 1_000
const firstMs = 1_000
const longestMs = 30_000

/** How long to wait before attempt n, counted from 0: twice as long each time, and not all at one moment. */
export const backOff = (attempt: number): number =>
  Math.min(longestMs, firstMs * 2 ** attempt) * (0.75 + Math.random() / 4)

export const isoTime = ({ now }: Pick<Context, 'now'>): string => new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z')
