/**
 * What is wrong in the OASIS files themselves. The server is right, and the file is read as it should have been.
 *
 * @module
 */
import { textOf } from './values.ts'
import type { Variation } from './variations.ts'

export interface Correction extends Variation {
  readonly file: RegExp
  /** Counted from 0; absent if every step has the error. */
  readonly step?: number
}

export const corrections: readonly Correction[] = [
  {
    file: /TC-ECC-3-1[01]\.xml/,
    reason: 'Get prints other key material than was registered; it has to be what was',
    allows: ['value'],
    at: place => place.tag === 'keyMaterial',
    when: (_, found, known) => found?.type === 'ByteString' && known.wasSent(textOf(found)),
  },
  {
    file: /TC-141-11/,
    reason: 'the last steps’ headers say 1.2 in a test case of 1.1',
    allows: ['value'],
    at: place => place.within === 'protocolVersion' && place.tag === 'protocolVersionMinor',
  },
]

/** What is to be read otherwise at a step of a file. */
export const correctionsOf =
  (file: string) =>
  (step: number): readonly Variation[] =>
    corrections.filter(each => each.file.test(file) && (each.step === undefined || each.step === step))
