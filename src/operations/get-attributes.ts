import { GetAttributes } from '../../protocol/index.ts'
import { Failure } from '../failure.ts'
import { instancesOf, namesOf } from '../objects/stored-object.ts'
import { handle } from './handle.ts'

/** The attributes named, or all; one that the object does not have is left out. KMIP 2.1 §6.1.20 */
export const getAttributes = handle(GetAttributes, async ({ uniqueIdentifier, attributeReference }, { objects }) => {
  if (new Set(attributeReference).size < attributeReference.length)
    throw new Failure('InvalidMessage', 'an attribute is asked for twice')
  const { attributes } = await objects.get(uniqueIdentifier)
  const names = attributeReference.length === 0 ? namesOf(attributes) : attributeReference
  return { uniqueIdentifier, attributes: instancesOf(attributes, names) }
})
