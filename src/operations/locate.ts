import { Locate } from '../../protocol/index.ts'
import { Failure } from '../failure.ts'
import { handle } from './handle.ts'

/** The identifiers of the objects that meet all criteria, newest first. KMIP 2.1 §6.1.28 */
export const locate = handle(Locate, async ({ attributes, objectGroupMember, ...options }, { objects }) => {
  const { maximumItems = 0, offsetItems = 0 } = options
  if (maximumItems < 0 || offsetItems < 0)
    throw new Failure('InvalidField', 'Maximum Items and Offset Items are not negative')
  const isFresh = objectGroupMember === 'GroupMemberFresh'
  const criteria = isFresh ? [...attributes, { name: 'fresh' as const, value: true }] : attributes
  const { uniqueIdentifier, locatedItems } = await objects.locate(criteria, options)
  return {
    uniqueIdentifier,
    ...(options.maximumItems === undefined && options.offsetItems === undefined ? {} : { locatedItems }),
  }
})
