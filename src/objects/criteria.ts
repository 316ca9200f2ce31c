/**
 * Whether an object meets the criteria of a Locate. KMIP 2.1 §6.1.28
 *
 * A criterion is never ignored: one that cannot be met (an attribute that nothing has) is met by nothing.
 *
 * @module
 */
import {
  type AttributeInstance,
  attributeRow,
  type Attributes,
  isMultiple,
  isStandard,
  masks,
} from '../../protocol/index.ts'
import { isItem, isSame } from './attribute-changes.ts'
import type { StoredObject } from './stored-object.ts'

const { OnLineStorage, DestroyedStorage } = masks.StorageStatusMask.bits

/** Whether destroyed objects are searched, too. */
export const isDestroyedStored = (storageStatusMask: number = OnLineStorage): boolean =>
  (storageStatusMask & DestroyedStorage) !== 0

/** @param storageStatusMask which storage to search: by default only what is on-line */
export function isStored({ attributes: { state } }: StoredObject, storageStatusMask: number = OnLineStorage): boolean {
  const isDestroyed = state === 'Destroyed' || state === 'DestroyedCompromised'
  return (storageStatusMask & (isDestroyed ? DestroyedStorage : OnLineStorage)) !== 0
}

/** Criteria, sorted once: the same date twice is a range. */
export type Criterion = (attributes: Attributes) => boolean

/** One test per attribute, or per date range. */
export function criteria(instances: readonly AttributeInstance[]): Criterion[] {
  const dates = new Map<string, number[]>()
  for (const { name, value } of instances) {
    if (!isDate(name)) continue
    const given = dates.get(name) ?? []
    dates.set(name, given)
    given.push(value as number)
  }
  const others = instances.filter(({ name }) => !isDate(name))
  return [
    ...others.map(instance => (attributes: Attributes) => meets(attributes, instance)),
    ...[...dates].map(([name, given]) => dateTest(name, given)),
  ]
}

const isDate = (name: string): boolean => isStandard(name) && isPrimitiveDate(name)

function isPrimitiveDate(name: Parameters<typeof attributeRow>[0]): boolean {
  const { shape } = attributeRow(name)
  return shape.kind === 'primitive' && shape.type === 'DateTime'
}

function dateTest(name: string, dates: readonly number[]): Criterion {
  const from = Math.min(...dates)
  const to = Math.max(...dates)
  return attributes => {
    const date: unknown = attributes[name as keyof Attributes]
    if (date === undefined) return from === Number.POSITIVE_INFINITY
    return typeof date === 'number' && date >= from && date <= to
  }
}

function meets(attributes: Attributes, { name, value }: AttributeInstance): boolean {
  if (name === 'template') return false
  const found: unknown = attributes[name]
  if (found === undefined) return false
  if (name === 'cryptographicUsageMask') return ((found as number) & value) === value
  if (name === 'usageLimits') return covers(found as Limits, value)
  return isMultiple(name)
    ? (found as readonly unknown[]).some(each => each !== undefined && includes(each, value))
    : includes(found, value)
}

interface Limits {
  readonly usageLimitsTotal?: bigint | undefined
  readonly usageLimitsCount?: bigint | undefined
  readonly usageLimitsUnit?: string | number | undefined
}

const covers = (found: Limits, wanted: Limits): boolean =>
  (wanted.usageLimitsTotal === undefined || (found.usageLimitsTotal ?? 0n) >= wanted.usageLimitsTotal) &&
  (wanted.usageLimitsCount === undefined ||
    (found.usageLimitsCount ?? found.usageLimitsTotal ?? 0n) >= wanted.usageLimitsCount) &&
  (wanted.usageLimitsUnit === undefined || found.usageLimitsUnit === wanted.usageLimitsUnit)

/** Whether every field that the criterion gives is found so. */
function includes(found: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null || wanted instanceof Uint8Array || isItem(wanted))
    return isSame(found, wanted)
  if (typeof found !== 'object' || found === null) return false
  return Object.entries(wanted).every(([field, value]: [string, unknown]) => {
    const present: unknown = found[field as keyof typeof found]
    if (Array.isArray(value))
      return value.every(each => Array.isArray(present) && present.some(one => isSame(one, each)))
    return value === undefined || isSame(present, value)
  })
}
