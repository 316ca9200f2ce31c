/**
 * Compares a reply with the one that a test case prints, and tells each difference that the variations do not permit.
 *
 * Repeated fields may come in any order, and so may attributes; other fields keep the specification's order.
 *
 * @module
 */
import { dumpText, type Item, tagCamelCase, tagName, tagNumber, tagWords } from '../../protocol/index.ts'
import { attributeName, isPlaceholder, itemOf, offsetFromNow, textOf } from './values.ts'
import { type Allowance, type Known, type Place, type Variation } from './variations.ts'
import type { Element } from './vector.ts'

export interface Difference {
  readonly path: string
  readonly expected: string
  readonly found: string
}

export interface Comparison extends Known {
  /** Seconds since 1970. */
  readonly now: number
  /** How far a date that is printed as `$NOW` may be from it, in seconds. */
  readonly toleranceSeconds: number
  readonly variations: readonly Variation[]
}

/** The differences, and what the placeholders stand for once the reply has been seen. */
export interface Outcome {
  readonly differences: readonly Difference[]
  readonly placeholders: ReadonlyMap<string, string>
}

type Placeholders = ReadonlyMap<string, string>

/** Compares a response message. */
export function compare(printed: Element, found: Item, placeholders: Placeholders, comparison: Comparison): Outcome {
  const top: Spot = { path: tagCamelCase(printed.tag), within: undefined, attribute: undefined, operation: undefined }
  return compareItem(printed, found, top, placeholders, comparison)
}

interface Spot {
  readonly path: string
  readonly within: number | undefined
  readonly attribute: string | undefined
  readonly operation: string | undefined
}

const permits = (
  allowance: Allowance,
  tag: number,
  spot: Spot,
  printed: Element | undefined,
  found: Item | undefined,
  { variations, ...known }: Comparison,
): boolean => {
  const place: Place = {
    tag: tagName(tag),
    within: spot.within === undefined ? undefined : tagName(spot.within),
    attribute: spot.attribute,
    operation: spot.operation,
  }
  return variations.some(
    ({ allows, at, when }) =>
      allows.includes(allowance) && at(place) && (when === undefined || when(printed, found, known)),
  )
}

function compareItem(
  printed: Element,
  found: Item,
  spot: Spot,
  placeholders: Placeholders,
  comparison: Comparison,
): Outcome {
  if (printed.type !== found.type) return different(spot, show(printed), showItem(found), placeholders)
  if (printed.type === 'Structure' && found.type === 'Structure')
    return compareMembers(printed, found.value, spot, placeholders, comparison)
  const { text } = printed
  const offset = offsetFromNow(text)
  if (offset !== undefined)
    return Math.abs(Number(found.value) - comparison.now - offset) <= comparison.toleranceSeconds
      ? same(placeholders)
      : different(spot, `${text}, ${comparison.now + offset}`, showItem(found), placeholders)
  if (isPlaceholder(text)) {
    const bound = placeholders.get(text)
    if (bound === undefined) return same(new Map([...placeholders, [text, textOf(found)]]))
    return bound === textOf(found)
      ? same(placeholders)
      : different(spot, `${text}, which is ${bound}`, showItem(found), placeholders)
  }
  const attribute = printed.tag === tags.attributeValue ? spot.attribute : undefined
  const wanted = itemOf(printed, { now: comparison.now, placeholders }, attribute)
  return textOf(wanted) === textOf(found) || permits('value', printed.tag, spot, printed, found, comparison)
    ? same(placeholders)
    : different(spot, show(printed), showItem(found), placeholders)
}

const same = (placeholders: Placeholders): Outcome => ({ differences: [], placeholders })
const different = ({ path }: Spot, expected: string, found: string, placeholders: Placeholders): Outcome => ({
  differences: [{ path, expected, found }],
  placeholders,
})

const tags = {
  attribute: tagNumber('attribute'),
  attributes: tagNumber('attributes'),
  attributeValue: tagNumber('attributeValue'),
  batchItem: tagNumber('batchItem'),
  operation: tagNumber('operation'),
}

function compareMembers(
  printed: Element,
  found: readonly Item[],
  spot: Spot,
  placeholders: Placeholders,
  comparison: Comparison,
): Outcome {
  const inside: Spot = {
    path: spot.path,
    within: printed.tag,
    attribute: (printed.tag === tags.attribute ? attributeName(printed) : undefined) ?? spot.attribute,
    operation: printed.tag === tags.batchItem ? operationOf(printed) : spot.operation,
  }
  const differences: Difference[] = [...outOfOrder(printed, found, spot)]
  let bound = placeholders
  for (const tag of new Set([...printed.members, ...found].map(member => member.tag))) {
    const outcome = compareRepeated(
      printed.members.filter(member => member.tag === tag),
      found.filter(member => member.tag === tag),
      { ...inside, attribute: printed.tag === tags.attributes ? tagWords(tag) : inside.attribute },
      bound,
      comparison,
    )
    differences.push(...outcome.differences)
    bound = outcome.placeholders
  }
  return { differences, placeholders: bound }
}

const operationOf = (batchItem: Element): string | undefined =>
  batchItem.members.find(({ tag }) => tag === tags.operation)?.text

/** All that stands under one tag, in any order, except batch items, which answer one by one. */
function compareRepeated(
  printed: readonly Element[],
  found: readonly Item[],
  spot: Spot,
  placeholders: Placeholders,
  comparison: Comparison,
): Outcome {
  const differences: Difference[] = []
  const rest = [...found]
  let bound = placeholders
  const unmatched: [Element, Spot][] = []
  for (const [index, element] of printed.entries()) {
    const at = { ...spot, path: `${spot.path}/${labelOf(element)}${printed.length > 1 ? `[${index}]` : ''}` }
    const candidates = element.tag === tags.batchItem ? rest.slice(0, 1) : rest
    const match = candidates
      .map(candidate => ({ candidate, outcome: compareItem(element, candidate, at, bound, comparison) }))
      .find(({ outcome }) => outcome.differences.length === 0)
    if (match === undefined) unmatched.push([element, at])
    else {
      rest.splice(rest.indexOf(match.candidate), 1)
      bound = match.outcome.placeholders
    }
  }
  for (const [element, at] of unmatched) {
    const nearest = rest.find(candidate => labelOf(element) === labelOfItem(candidate))
    if (nearest !== undefined) {
      const outcome = compareItem(element, nearest, at, bound, comparison)
      rest.splice(rest.indexOf(nearest), 1)
      differences.push(...outcome.differences)
      bound = outcome.placeholders
    } else if (!permits('absent', element.tag, spot, element, undefined, comparison))
      differences.push({ path: at.path, expected: show(element), found: 'nothing' })
  }
  for (const item of rest)
    if (!permits('extra', item.tag, spot, undefined, item, comparison))
      differences.push({ path: `${spot.path}/${labelOfItem(item)}`, expected: 'nothing', found: showItem(item) })
  return { differences, placeholders: bound }
}

/** Fields come in the specification's order: clients read them one after another. Attributes in any. */
function outOfOrder(printed: Element, found: readonly Item[], { path }: Spot): Difference[] {
  if (printed.tag === tags.attributes) return []
  const both = (tag: number): boolean =>
    printed.members.some(member => member.tag === tag) && found.some(member => member.tag === tag)
  const order = (members: readonly { readonly tag: number }[]): string =>
    [...new Set(members.map(({ tag }) => tag))].filter(both).map(tagCamelCase).join(', ')
  const [expected, actual] = [order(printed.members), order(found)]
  return expected === actual ? [] : [{ path: `${path}, order of fields`, expected, found: actual }]
}

/** `Attribute(Object Group)`: an element, and which attribute it is. */
const labelOf = (element: Element): string => {
  const name = element.tag === tags.attribute ? attributeName(element) : undefined
  return `${tagCamelCase(element.tag)}${name === undefined ? '' : `(${name})`}`
}

const labelOfItem = (item: Item): string => {
  if (item.type !== 'Structure' || item.tag !== tags.attribute) return tagCamelCase(item.tag)
  const name = item.value.find(({ tag }) => tag === tagNumber('attributeName'))
  return `${tagCamelCase(item.tag)}${name?.type === 'TextString' ? `(${name.value})` : ''}`
}

const show = (element: Element): string =>
  element.type === 'Structure'
    ? `{${element.members.map(member => `${tagCamelCase(member.tag)} ${show(member)}`).join(', ')}}`
    : `${element.type} ${element.text}`

/** In a test nothing is secret. */
const showItem = (item: Item): string =>
  dumpText(item, { secrets: true })
    .split('\n')
    .map(line => line.trim())
    .join(', ')
