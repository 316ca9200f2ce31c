/**
 * Places for connections: so many and no more. When all are taken, a newcomer gets the place of whoever has waited longest
 * without having shown that it is welcome, so that nobody keeps clients out who has nothing to show.
 *
 * @module
 */
import type { Socket } from 'node:net'
import type { Log } from '../log.ts'

export interface PlacesOptions {
  readonly maxConnections: number
  /** How many are taken by those that do not wait any more. */
  readonly settled: () => number
  readonly log: Log
}

/** Connections are told apart by the other end's address and port: the same for a plain socket and the TLS above it. */
export interface Places {
  /** Takes a place, if need be somebody else's; without one the socket is destroyed. @returns whether it got one */
  take(socket: Socket): boolean
  /** The plain socket of a connection that waits. */
  find(socket: Socket): Socket | undefined
  /** Waits no more. @returns whether it did: another connection may have the same port by now */
  leave(key: string, waiting: Socket | undefined): boolean
  /** Ends all that wait. */
  clear(): void
}

export function placesOf({ maxConnections, settled, log }: PlacesOptions): Places {
  /** The longest waiting first. */
  const waiting = new Map<string, Socket>()
  let lastFull = -Infinity

  /** Whether somebody had to go. */
  function makePlace(): boolean {
    const now = performance.now()
    if (now - lastFull > burstMs)
      log.warn(
        { connections: maxConnections },
        'all connections are taken; raise limits.maxConnections if clients are that many',
      )
    lastFull = now
    for (const [key, socket] of waiting) {
      waiting.delete(key)
      socket.destroy()
      return true
    }
    return false
  }

  return {
    take(socket) {
      if (waiting.size + settled() >= maxConnections && !makePlace()) {
        socket.destroy()
        return false
      }
      waiting.set(keyOf(socket), socket)
      return true
    },

    find: socket => waiting.get(keyOf(socket)),

    leave: (key, socket) => socket !== undefined && waiting.get(key) === socket && waiting.delete(key),

    clear() {
      for (const socket of waiting.values()) socket.destroy()
    },
  }
}

/**
 * The plain socket below TLS, which has asked the system already who is at the other end. It has no public name: without it
 * the system is asked again.
 */
export const plainOf = (socket: Socket): Socket =>
  (socket as Socket & { readonly _parent?: Socket | null })._parent ?? socket

export const keyOf = ({ remoteAddress = '', remotePort = 0 }: Socket): string => `${remoteAddress} ${remotePort}`

/** Refused connections are one burst, and one line in the log, until there was none for so long. */
const burstMs = 10_000
