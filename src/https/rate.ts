/**
 * How often one address may ask: a number a minute, of which as many as a minute brings may come at once.
 *
 * @module
 */
import { isIPv6 } from 'node:net'

export interface Rate {
  /** Takes one; false if there is none. */
  take(address: string): boolean
}

const minuteMs = 60_000

/** Addresses that are remembered; those that have not been seen for longest are forgotten. */
const maxAddresses = 10_000

/** @param now milliseconds since 1970 */
export function rateOf(perMinute: number, now: () => number): Rate {
  const known = new Map<string, { left: number; at: number }>()

  function current(address: string) {
    const at = now()
    const before = known.get(address) ?? { left: perMinute, at }
    return { left: Math.min(perMinute, before.left + ((at - before.at) / minuteMs) * perMinute), at }
  }

  return {
    take(address) {
      const network = networkOf(address)
      const { left, at } = current(network)
      const isOpen = left >= 1
      known.delete(network)
      known.set(network, { left: isOpen ? left - 1 : left, at })
      if (known.size > maxAddresses) for (const oldest of known.keys()) return known.delete(oldest) && isOpen
      return isOpen
    },
  }
}

/** Whoever has an IPv6 address has 2^64 of them. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const groups = head.split(':')
  if (tail === undefined) return groups.slice(0, 4).join(':')
  const after = tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - after.length) }, () => '0')
  return [...groups.map(group => group || '0'), ...zeros, ...after].slice(0, 4).join(':')
}
