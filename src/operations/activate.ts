import { Activate } from '../../protocol/index.ts'
import { Failure } from '../failure.ts'
import { nextState } from '../lifecycle.ts'
import { handle } from './handle.ts'

/** Pre-Active becomes Active. KMIP 2.1 §6.1.1 */
export const activate = handle(Activate, async ({ uniqueIdentifier }, { objects, now }) => {
  const object = await objects.get(uniqueIdentifier)
  const state = nextState(object.attributes, 'activate')
  if (state === undefined) throw new Failure('InvalidObjectType', 'a Template cannot be activated')
  await objects.save({ ...object, attributes: { ...object.attributes, state, activationDate: now } })
  return { uniqueIdentifier }
})
