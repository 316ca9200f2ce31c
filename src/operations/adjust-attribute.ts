import {
  AdjustAttribute,
  attributeRow,
  type AttributeInstance,
  type Attributes,
  attributeWords,
  isStandard,
} from '../../protocol/index.ts'
import { Failure } from '../failure.ts'
import { checkDateChange, checkDateOrder } from '../lifecycle.ts'
import { remembered, set } from '../objects/attribute-changes.ts'
import { handle } from './handle.ts'

/** A number goes up or down, a Boolean is turned round. KMIP 2.1 §6.1.3 */
export const adjustAttribute = handle(
  AdjustAttribute,
  async ({ uniqueIdentifier, attributeReference, adjustmentType, adjustmentValue }, { objects, now }) => {
    if (attributeReference === undefined) throw new Failure('InvalidMessage', 'Attribute Reference is missing')
    const object = await objects.get(uniqueIdentifier)
    const value = adjusted(object.attributes, attributeReference, adjustmentType, adjustmentValue)
    const { attributes } = set(object.attributes, { name: attributeReference, value } as AttributeInstance)
    checkDateChange(object.attributes, attributeReference, now)
    checkDateOrder(attributes)
    await objects.save({ ...object, attributes: remembered(attributes) })
    return { uniqueIdentifier }
  },
)

const signs: Readonly<Record<string | number, number>> = { Increment: 1, Decrement: -1 }

function adjusted(
  attributes: Attributes,
  name: string,
  adjustmentType: string | number,
  adjustmentValue: number | undefined,
): number | boolean {
  const type = isStandard(name) && primitiveType(name)
  const before: unknown = attributes[name as keyof Attributes]
  const sign = signs[adjustmentType]
  if (type === 'Boolean' && adjustmentType === 'Negate') return !(before as boolean | undefined)
  if ((type === 'Integer' || type === 'Interval' || type === 'DateTime') && sign !== undefined)
    return within(ranges[type], ((before as number | undefined) ?? 0) + sign * (adjustmentValue ?? 1))
  throw new Failure('InvalidDataType', `${attributeWords(name as 'state')} cannot be adjusted by ${adjustmentType}`)
}

/** What the types hold. KMIP 2.1 §10.1.4 */
const ranges = {
  Integer: [-0x8000_0000, 0x7fff_ffff],
  Interval: [0, 0xffff_ffff],
  DateTime: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
} as const

function within([least, most]: readonly [number, number], value: number): number {
  if (value < least || value > most) throw new Failure('NumericRange', `${value} where ${least} to ${most} is possible`)
  return value
}

function primitiveType(name: Parameters<typeof attributeRow>[0]): string | undefined {
  const { shape } = attributeRow(name)
  return shape.kind === 'primitive' ? shape.type : undefined
}
