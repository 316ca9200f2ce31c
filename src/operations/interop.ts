import { Interop } from '../../protocol/index.ts'
import { Failure } from '../failure.ts'
import { handle } from './handle.ts'

/** A test case begins or ends: told to the log. A reset would forget keys, so there is none. KMIP 2.1 §6.1.26 */
export const interop = handle(Interop, ({ interopFunction, interopIdentifier }, { note }) => {
  if (interopFunction === 'Reset')
    throw new Failure('FeatureNotSupported', 'a key server does not forget its keys on request')
  note(`interop ${interopFunction} ${interopIdentifier ?? ''}`)
  return {}
})
