/**
 * What is wrong in the OASIS files themselves. The server is right, and the file is read as it should have been.
 *
 * @module
 */
import type { Variation } from './variations.ts'

export interface Correction extends Variation {
  readonly file: RegExp
  /** Counted from 0; absent if every step has the error. */
  readonly step?: number
}

export const corrections: readonly Correction[] = [
  {
    file: /OMOS-O-1-14/,
    reason: 'the reply’s header says 1.3 where the request’s says 1.4',
    allows: ['value'],
    at: place => place.within === 'protocolVersion' && place.tag === 'protocolVersionMinor',
  },
]

/** What is to be read otherwise at a step of a file. */
export const correctionsOf =
  (file: string) =>
  (step: number): readonly Variation[] =>
    corrections.filter(each => each.file.test(file) && (each.step === undefined || each.step === step))
