/**
 * Unique Identifiers: UUIDs of version 7, whose text sorts by the time they were made. RFC 9562 §5.7
 *
 * @module
 */

const maxCounter = 0xfff
const tailBytes = 8

/**
 * A source of identifiers, each greater than the one before.
 *
 * @param now milliseconds since 1970
 */
export function identifiers(now: () => number, random: (count: number) => Uint8Array): () => string {
  let lastMs = 0
  let counter = 0

  function tail(): string {
    const bytes = Buffer.from(random(tailBytes))
    bytes.writeUInt8((bytes.readUInt8() & 0x3f) | 0x80)
    return bytes.toString('hex')
  }

  return () => {
    const nowMs = now()
    if (nowMs > lastMs) {
      lastMs = nowMs
      counter = 0
    } else if (++counter > maxCounter) {
      lastMs += 1
      counter = 0
    }
    const time = lastMs.toString(16).padStart(12, '0')
    const random = tail()
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${random.slice(0, 4)}-${random.slice(4)}`
  }
}

/** A source of short names, for tying log lines together: a random beginning, then a count. */
export function correlations(random: (count: number) => Uint8Array): () => string {
  const beginning = Buffer.from(random(4)).toString('hex')
  let count = 0
  return () => `${beginning}-${(++count).toString(36)}`
}
