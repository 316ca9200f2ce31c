import { AddAttribute } from '../../protocol/index.ts'
import { checkDateChange, checkDateOrder } from '../lifecycle.ts'
import { add, remembered } from '../objects/attribute-changes.ts'
import { handle } from './handle.ts'

/** A first or a further instance of an attribute. KMIP 2.1 §6.1.2 */
export const addAttribute = handle(AddAttribute, async ({ uniqueIdentifier, newAttribute }, { objects, now }) => {
  const object = await objects.get(uniqueIdentifier)
  const { attributes, instance } = add(object.attributes, newAttribute)
  checkDateChange(object.attributes, newAttribute.name, now)
  checkDateOrder(attributes)
  await objects.save({ ...object, attributes: remembered(attributes) })
  return { uniqueIdentifier, attribute: instance }
})
