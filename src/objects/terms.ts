/**
 * By which terms the store finds an object, so that the cost of Locate follows what it finds and not what there is.
 *
 * Terms are hints: they narrow the search, and every candidate is then compared with all of the criteria.
 *
 * @module
 */
import {
  type AttributeInstance,
  type AttributeName,
  encode,
  enumerations,
  isStandard,
  type Item,
  type Name,
  type StandardName,
} from '../../protocol/index.ts'
import { asOf, isPending } from '../lifecycle.ts'
import { instancesOf, type ObjectAttributes, type StoredObject } from './stored-object.ts'

/** What of a value is looked up; undefined where a criterion leaves that out. */
const keys: Partial<Record<StandardName, (value: never) => string | number | undefined>> = {
  alternativeName: (value: { alternativeNameValue?: string }) => value.alternativeNameValue,
  applicationSpecificInformation: (value: { applicationNamespace?: string; applicationData?: string }) =>
    value.applicationNamespace === undefined || value.applicationData === undefined
      ? undefined
      : `${value.applicationNamespace}\0${value.applicationData}`,
  certificateType: (value: string) => value,
  contactInformation: (value: string) => value,
  cryptographicAlgorithm: (value: string) => value,
  cryptographicLength: (value: number) => value,
  description: (value: string) => value,
  keyFormatType: (value: string) => value,
  link: (value: { linkedObjectIdentifier?: unknown }) =>
    typeof value.linkedObjectIdentifier === 'string' ? value.linkedObjectIdentifier : undefined,
  name: (value: { nameValue?: string }) => value.nameValue,
  objectGroup: (value: string) => value,
  objectType: (value: string) => value,
  operationPolicyName: (value: string) => value,
}

const term = (group: string, name: string, key: string | number): string => `${name}\0${group}\0${key}`

const customKey = (value: Item): string => Buffer.from(encode({ ...value, tag: 0 })).toString('base64')

function keyOf({ name, value }: AttributeInstance): string | number | undefined {
  if (name === 'template') return undefined
  if (!isStandard(name)) return customKey(value as Item)
  return keys[name]?.(value as never)
}

/** All objects of a group. */
export const everyTerm = (group: string): string => `every\0${group}`

/** Objects whose state will change by itself are found under no state, since nobody would move them. */
const pendingState = 'pending'

/** The terms under which an object is kept, beside its unique names. */
export function termsOf({ group, attributes }: StoredObject): string[] {
  const terms = [everyTerm(group)]
  for (const instance of instancesOf(attributes)) {
    const key = isFoundByName(instance, attributes) ? undefined : keyOf(instance)
    if (key !== undefined) terms.push(term(group, instance.name, key))
  }
  if (attributes.state !== undefined)
    terms.push(term(group, 'state', isPending(attributes) ? pendingState : String(attributes.state)))
  return terms
}

const isDestroyed = ({ state }: ObjectAttributes): boolean => state === 'Destroyed' || state === 'DestroyedCompromised'

/** Names are unique within a group, until the object is destroyed. KMIP 2.1 §4.32 */
export function uniqueTermsOf({ group, attributes }: StoredObject): string[] {
  if (isDestroyed(attributes)) return []
  return (attributes.name ?? []).flatMap(name => (name === undefined ? [] : [uniqueName(group, name)]))
}

/**
 * Whether the row of a unique name tells all: whoever leaves out the type searches for each of those that there are. A type that
 * a later release learns is a matter of the store's format.
 */
const isFoundByName = (instance: AttributeInstance, attributes: ObjectAttributes): boolean =>
  instance.name === 'name' && !isDestroyed(attributes) && isKnownType(instance.value)

const isKnownType = ({ nameType }: Name): boolean =>
  (enumerations.NameType.names as readonly unknown[]).includes(nameType)

/** The unique names that a criterion may mean; those of types that nobody knows have an index row of their own. */
export const namesMeant = ({ nameValue, nameType }: Partial<Name>): Name[] =>
  nameValue === undefined
    ? []
    : (nameType === undefined ? enumerations.NameType.names : [nameType]).map(each => ({ nameValue, nameType: each }))

export const uniqueName = (group: string, { nameValue, nameType }: Name): string =>
  term(group, 'unique name', `${nameType}\0${nameValue}`)

/**
 * The terms of which an object that meets the criterion carries at least one; undefined if no term tells. Of a name they are only
 * those of objects that are not found by `namesMeant`.
 */
export function candidateTerms(group: string, criterion: AttributeInstance): string[] | undefined {
  if (criterion.name === 'state') return [term(group, 'state', criterion.value), term(group, 'state', pendingState)]
  const key = keyOf(criterion)
  return key === undefined ? undefined : [term(group, criterion.name satisfies AttributeName | 'template', key)]
}

/** The object as it is now. */
export const current = (stored: StoredObject, now: number): StoredObject => {
  const attributes = asOf(stored.attributes, now)
  return attributes === stored.attributes ? stored : { ...stored, attributes }
}
