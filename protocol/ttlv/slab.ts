/**
 * Where bytes are written of which nobody knows the number beforehand.
 *
 * To make a buffer for each message costs more than to fill it, so short ones are written one after the other into a slab
 * that they share; what outgrows it moves to a buffer of its own.
 *
 * @module
 */

/** What is being written: `bytes` from `from` to `length`. They may hold anything beyond that. */
export interface Target {
  bytes: Uint8Array
  view: DataView
  readonly from: number
  length: number
}

export interface Slab {
  /** One at a time: what was begun before and did not end is given up. */
  begin(): Target
  /** What was written; whoever asked may keep it, and clears it if it is secret. */
  end(target: Target): Uint8Array
}

/** @param maxBytes the longest for which a shared slab is worth it: a kept byte keeps the slab, of four times that */
export function slabOf(maxBytes: number): Slab {
  const slabBytes = 4 * maxBytes
  let bytes = new Uint8Array(slabBytes)
  let view = new DataView(bytes.buffer)
  let used = 0

  return {
    begin() {
      if (used + maxBytes > slabBytes) {
        bytes = new Uint8Array(slabBytes)
        view = new DataView(bytes.buffer)
        used = 0
      }
      return { bytes, view, from: used, length: used }
    },
    end(target) {
      const written = target.bytes.subarray(target.from, target.length)
      if (target.bytes === bytes) used = target.length
      return written
    },
  }
}

/** Makes room for so many bytes more. @returns where they begin */
export function reserve(target: Target, count: number): number {
  const at = target.length
  if (at + count > target.bytes.length) return grow(target, count)
  target.length = at + count
  return at
}

/** What was written stays where it is, counted from the start: headers whose length is still to come are known by that. */
function grow(target: Target, count: number): number {
  const { bytes, from, length } = target
  const grown = new Uint8Array(2 * (length + count))
  grown.set(bytes.subarray(from, length), from)
  bytes.fill(0, from, length)
  target.bytes = grown
  target.view = new DataView(grown.buffer)
  target.length = length + count
  return length
}
