/**
 * How far long work has come, on a terminal: one line that is written over, and is gone at the end.
 *
 * @module
 */
import type { Screen } from './screen.ts'

export interface Progress {
  readonly tell: (words: string) => void
  readonly end: () => void
}

/** What is done sooner is told of by its result. */
const patienceMs = 500
const pauseMs = 100

/** Says nothing where nobody looks on. */
export function progress({ isJson, colours }: Screen): Progress {
  if (isJson || !process.stderr.isTTY) return { tell: () => undefined, end: () => undefined }
  let next = performance.now() + patienceMs
  let isShown = false
  return {
    tell(words) {
      if (performance.now() < next) return
      next = performance.now() + pauseMs
      isShown = true
      process.stderr.write(`\r\u001b[K${colours.dim(words)}`)
    },
    end() {
      if (isShown) process.stderr.write('\r\u001b[K')
    },
  }
}
