/**
 * In what a reply may differ from the one that a test case prints, and why: KMIP Profiles, "Permitted Test Case
 * Variations". Whatever is not in this table is a failure.
 *
 * @module
 */
import type { Item, TagName } from '../../protocol/index.ts'
import type { Element } from './vector.ts'

/** Where in a reply something stands. */
export interface Place {
  readonly tag: TagName | undefined
  readonly within: TagName | undefined
  /** The attribute whose value this is, or is part of: `Digest`, `x-ID`. */
  readonly attribute: string | undefined
  /** The operation that the batch item answers. */
  readonly operation: string | undefined
}

/** What the run knows besides: what the requests gave. */
export interface Known {
  /** Whether a request carried the value, under any tag: then the server has to give back just that. */
  wasSent(text: string): boolean
}

export type Allowance =
  /** The value may be another, of the same type. */
  | 'value'
  /** It may be printed and not be there. */
  | 'absent'
  /** It may be there and not be printed. */
  | 'extra'

export interface Variation {
  readonly reason: string
  readonly allows: readonly Allowance[]
  readonly at: (place: Place) => boolean
  /** A further condition on what is printed and what was found; either may be missing. */
  readonly when?: (printed: Element | undefined, found: Item | undefined, known: Known) => boolean
}

const tag =
  (...names: TagName[]) =>
  (place: Place): boolean =>
    place.tag !== undefined && names.includes(place.tag)
const within =
  (within: TagName, ...names: TagName[]) =>
  (place: Place): boolean =>
    place.within === within && (names.length === 0 || (place.tag !== undefined && names.includes(place.tag)))
const inReply =
  (operation: string, ...names: TagName[]) =>
  (place: Place): boolean =>
    place.operation === operation && within('responsePayload', ...names)(place)

/** What Query must list is what the profile makes mandatory; the runner asks for nothing that no request used. */
export const variations: readonly Variation[] = [
  {
    reason: 'a correlation value is the server’s to choose, and to give',
    allows: ['value', 'absent', 'extra'],
    at: tag('serverCorrelationValue'),
  },
  {
    reason: 'Result Message is words for people',
    allows: ['value', 'absent', 'extra'],
    at: within('batchItem', 'resultMessage'),
  },
  {
    reason: 'Attribute Index 0 may be given or left out, from KMIP 1.1 on',
    allows: ['absent', 'extra'],
    at: tag('attributeIndex'),
    when: (printed, found) => (printed?.text ?? '0') === '0' && (found?.value ?? 0) === 0,
  },
  {
    reason: 'what the server set need not be told',
    allows: ['absent', 'extra'],
    at: within('responsePayload', 'templateAttribute'),
  },
  {
    reason: 'a message extension that is not critical may be ignored',
    allows: ['absent'],
    at: within('batchItem', 'messageExtension'),
  },
  {
    reason: 'dates that no request fixed are the server’s',
    allows: ['value'],
    at: () => true,
    when: (printed, _, known) => printed?.type === 'DateTime' && !known.wasSent(printed.text),
  },
  {
    reason: 'the material of a key that the server made is the server’s',
    allows: ['value'],
    at: tag('keyMaterial'),
    when: (printed, found, known) =>
      printed?.type === 'ByteString' &&
      !known.wasSent(printed.text) &&
      found?.type === 'ByteString' &&
      found.value.length === printed.text.length / 2,
  },
  {
    reason: 'a digest’s value is the key’s, and its algorithm the server’s choice',
    allows: ['value'],
    at: place => place.attribute === 'Digest' && tag('digestValue', 'hashingAlgorithm', 'keyFormatType')(place),
  },
  {
    reason:
      'which generator made a key is the server’s; the list of the profiles 1.0 to 1.2 is older than the attribute',
    allows: ['value', 'absent', 'extra'],
    at: place => place.attribute === 'Random Number Generator',
  },
  {
    reason: 'an object may have more attributes than are printed',
    allows: ['extra'],
    at: place => inReply('GetAttributes', 'attribute')(place) || within('attributes')(place),
  },
  {
    reason: 'an object may have more attributes than are printed',
    allows: ['extra'],
    at: inReply('GetAttributeList', 'attributeName', 'attributeReference'),
  },
  {
    reason: 'the vendor’s name is the vendor’s',
    allows: ['value', 'absent'],
    at: inReply('Query', 'vendorIdentification'),
  },
  {
    reason: 'what Server Information holds is the vendor’s',
    allows: ['value', 'absent', 'extra'],
    at: within('serverInformation'),
  },
  {
    reason: 'a server may have more operations, objects, name spaces and extensions than a profile asks for',
    allows: ['extra'],
    at: inReply('Query', 'operation', 'objectType', 'applicationNamespace', 'extensionInformation'),
  },
  {
    reason: 'a server may count what it located whether it was asked to skip some or not, KMIP 2.1 §6.1.28',
    allows: ['extra'],
    at: inReply('Locate', 'locatedItems'),
  },
  {
    reason: 'a server may speak more versions',
    allows: ['extra'],
    at: inReply('DiscoverVersions', 'protocolVersion'),
  },
]
