import { GetAttributeList } from '../../protocol/index.ts'
import { namesOf } from '../objects/stored-object.ts'
import { handle } from './handle.ts'

/** The names of the attributes that the object has. KMIP 2.1 §6.1.21 */
export const getAttributeList = handle(GetAttributeList, async ({ uniqueIdentifier }, { objects }) => {
  const { attributes } = await objects.get(uniqueIdentifier)
  return { uniqueIdentifier, attributeReference: namesOf(attributes) }
})
