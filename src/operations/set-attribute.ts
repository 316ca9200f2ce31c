import { SetAttribute } from '../../protocol/index.ts'
import { checkDateChange, checkDateOrder } from '../lifecycle.ts'
import { remembered, set } from '../objects/attribute-changes.ts'
import { handle } from './handle.ts'

/** Adds the attribute or replaces its only instance. KMIP 2.1 §6.1.51 */
export const setAttribute = handle(SetAttribute, async ({ uniqueIdentifier, newAttribute }, { objects, now }) => {
  const object = await objects.get(uniqueIdentifier)
  const { attributes } = set(object.attributes, newAttribute)
  checkDateChange(object.attributes, newAttribute.name, now)
  checkDateOrder(attributes)
  await objects.save({ ...object, attributes: remembered(attributes) })
  return { uniqueIdentifier }
})
