import { Register } from '../../protocol/index.ts'
import { Failure } from '../failure.ts'
import { expanded, newObject } from '../objects/new-object.ts'
import { handle } from './handle.ts'

/** An object that the client brings. KMIP 2.1 §6.1.43 */
export const register = handle(
  Register,
  async ({ objectType, attributes, object }, { objects, now, newIdentifier }) => {
    if (object === undefined) throw new Failure('InvalidMessage', 'the object to register is missing')
    if (object.objectType !== objectType)
      throw new Failure('InvalidField', `the Object Type is ${objectType}, the object a ${object.objectType}`)
    const uniqueIdentifier = newIdentifier()
    const instances = await expanded(attributes, objects)
    await objects.create(newObject({ uniqueIdentifier, object, instances, isGenerated: false }, now))
    return { uniqueIdentifier }
  },
)
