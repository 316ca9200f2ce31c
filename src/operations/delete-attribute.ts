import { DeleteAttribute } from '../../protocol/index.ts'
import { Failure } from '../failure.ts'
import { remove } from '../objects/attribute-changes.ts'
import { handle } from './handle.ts'

/** An instance goes; of a 2.x reference, all instances. KMIP 2.1 §6.1.13 */
export const deleteAttribute = handle(
  DeleteAttribute,
  async ({ uniqueIdentifier, currentAttribute, attributeReference, attributeIndex }, { objects }) => {
    const name = currentAttribute?.name ?? attributeReference
    if (name === undefined || name === 'template')
      throw new Failure('InvalidMessage', 'neither a Current Attribute nor an Attribute Reference is given')
    const object = await objects.get(uniqueIdentifier)
    const { attributes, instance } = remove(object.attributes, name, {
      current: currentAttribute,
      index: attributeIndex,
    })
    await objects.save({ ...object, attributes })
    return { uniqueIdentifier, attribute: instance }
  },
)
