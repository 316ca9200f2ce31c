import { Check } from '../../protocol/index.ts'
import { Failure } from '../failure.ts'
import { handle } from './handle.ts'

/** Whether the object may be used so. KMIP 2.1 §6.1.7 */
export const check = handle(
  Check,
  async ({ uniqueIdentifier, cryptographicUsageMask, usageLimitsCount, leaseTime }, { objects }) => {
    const { attributes } = await objects.get(uniqueIdentifier)
    if (attributes.objectType === 'Template') throw new Failure('IllegalObjectType', 'a Template cannot be checked')
    if (
      cryptographicUsageMask !== undefined &&
      ((attributes.cryptographicUsageMask ?? 0) & cryptographicUsageMask) !== cryptographicUsageMask
    )
      throw new Failure('IncompatibleCryptographicUsageMask', 'the object may not be used so')
    const remaining = attributes.usageLimits?.usageLimitsCount ?? attributes.usageLimits?.usageLimitsTotal
    if (usageLimitsCount !== undefined && remaining !== undefined && remaining < usageLimitsCount)
      throw new Failure('UsageLimitExceeded', `the usage limits leave ${remaining.toString()}`)
    if (leaseTime !== undefined && leaseTime > (attributes.leaseTime ?? leaseTime))
      throw new Failure('PermissionDenied', `a lease may last ${attributes.leaseTime ?? 0} s`)
    return { uniqueIdentifier }
  },
)
