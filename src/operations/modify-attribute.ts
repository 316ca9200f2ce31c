import { ModifyAttribute } from '../../protocol/index.ts'
import { checkDateChange, checkDateOrder } from '../lifecycle.ts'
import { modify, remembered } from '../objects/attribute-changes.ts'
import { handle } from './handle.ts'

/** Another value for an instance that exists. KMIP 2.1 §6.1.34 */
export const modifyAttribute = handle(
  ModifyAttribute,
  async ({ uniqueIdentifier, currentAttribute, newAttribute }, { objects, now }) => {
    const object = await objects.get(uniqueIdentifier)
    const { attributes, instance } = modify(object.attributes, newAttribute, { current: currentAttribute })
    checkDateChange(object.attributes, newAttribute.name, now)
    checkDateOrder(attributes)
    await objects.save({ ...object, attributes: remembered(attributes) })
    return { uniqueIdentifier, attribute: instance }
  },
)
