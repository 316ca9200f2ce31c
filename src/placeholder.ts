/**
 * What a batch remembers of its own results, for one request message. KMIP 2.1 §6.1, §4.58
 *
 * @module
 */
import type { OperationName, UniqueIdentifier } from '../protocol/index.ts'
import { Failure } from './failure.ts'

/** The operations whose result becomes the ID Placeholder. */
const setting: ReadonlySet<string> = new Set<OperationName>(['Create', 'Register', 'Locate'])

const emptying: ReadonlySet<string> = new Set([...setting, 'Check'])

export interface Placeholder {
  /**
   * The identifier that a request means.
   *
   * @throws Failure if it means an earlier result that there is not
   */
  resolve(given: UniqueIdentifier | undefined): string
  /** Takes note of an operation's response. */
  note(operation: string | number, response: unknown): void
  /**
   * An operation failed. One that would have set the ID Placeholder empties it, as a Check does (KMIP 2.1 §6.1.7): what follows
   * must not be done to an object that an earlier item was about.
   */
  fail(operation: string | number): void
}

export function placeholder(): Placeholder {
  let current: string | undefined
  const byOperation = new Map<string | number, string>()
  const all: string[] = []

  const found = (identifier: string | undefined, wanted: string): string => {
    if (identifier === undefined) throw new Failure('ObjectNotFound', `no Unique Identifier is given, and ${wanted}`)
    return identifier
  }

  return {
    resolve(given) {
      if (typeof given === 'string') return given
      if (given === undefined) return found(current, 'the ID Placeholder is empty')
      if ('nth' in given) return found(all.at(given.nth), `the batch has no identifier ${given.nth}`)
      if (given.reference === 'IDPlaceholder') return found(current, 'the ID Placeholder is empty')
      return found(byOperation.get(given.reference), `the batch has no result of ${given.reference}`)
    },
    note(operation, response) {
      const identifiers = identifiersOf(response)
      // A Locate may find more than a call can have arguments.
      for (const identifier of identifiers) all.push(identifier)
      const [only, another] = identifiers
      if (only !== undefined && another === undefined) byOperation.set(operation, only)
      if (setting.has(String(operation))) current = another === undefined ? only : undefined
    },
    fail(operation) {
      if (emptying.has(String(operation))) current = undefined
    },
  }
}

function identifiersOf(response: unknown): readonly string[] {
  const { uniqueIdentifier } = response as { readonly uniqueIdentifier?: string | readonly string[] }
  if (uniqueIdentifier === undefined) return []
  return typeof uniqueIdentifier === 'string' ? [uniqueIdentifier] : uniqueIdentifier
}
