import type { enumerations } from '../../protocol/index.ts'
import { type NameOf, Revoke } from '../../protocol/index.ts'
import { Failure } from '../failure.ts'
import { nextState } from '../lifecycle.ts'
import { handle } from './handle.ts'

type Code = NameOf<typeof enumerations.RevocationReasonCode>
const compromising: readonly (Code | number)[] = ['KeyCompromise', 'CACompromise']

/** Compromised for a reason that says so, else Deactivated. KMIP 2.1 §6.1.44 */
export const revoke = handle(
  Revoke,
  async ({ uniqueIdentifier, revocationReason, compromiseOccurrenceDate }, { objects, now }) => {
    const object = await objects.get(uniqueIdentifier)
    const { attributes } = object
    const isCompromised = compromising.includes(revocationReason.revocationReasonCode)
    const state = nextState(attributes, isCompromised ? 'compromise' : 'deactivate')
    if (state === undefined) throw new Failure('InvalidObjectType', 'a Template cannot be revoked')
    // Clients in the field send a date of 0, or a date with another reason: the reason decides.
    const dates = isCompromised
      ? { compromiseDate: now, compromiseOccurrenceDate: compromiseOccurrenceDate ?? attributes.initialDate }
      : { deactivationDate: now }
    await objects.save({ ...object, attributes: { ...attributes, state, revocationReason, ...dates } })
    return { uniqueIdentifier }
  },
)
