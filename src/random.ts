/**
 * Random bytes of OpenSSL's generator, drawn many at a time: many cost as much as few.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto'

const drawnBytes = 4096

/** A source of random bytes, none of which it gives twice or keeps when given. */
export function randomSource(): (count: number) => Uint8Array {
  const drawn = Buffer.allocUnsafeSlow(drawnBytes)
  let at = drawnBytes
  return count => {
    if (count > drawnBytes) return randomFillSync(new Uint8Array(count))
    if (at + count > drawnBytes) {
      randomFillSync(drawn)
      at = 0
    }
    const given = new Uint8Array(drawn.subarray(at, at + count))
    drawn.fill(0, at, (at += count))
    return given
  }
}
