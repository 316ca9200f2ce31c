import { Destroy } from '../../protocol/index.ts'
import { nextState } from '../lifecycle.ts'
import { handle } from './handle.ts'

/** The contents go for good, the attributes stay. KMIP 2.1 §6.1.15 */
export const destroy = handle(Destroy, async ({ uniqueIdentifier }, { objects, now }) => {
  const { object: _contents, ...kept } = await objects.get(uniqueIdentifier)
  // A Template has no state to tell that it is gone.
  const state = nextState(kept.attributes, 'destroy') ?? 'Destroyed'
  await objects.save({ ...kept, attributes: { ...kept.attributes, state, destroyDate: now } })
  return { uniqueIdentifier }
})
