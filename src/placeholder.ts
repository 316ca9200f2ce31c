/**
 * What a batch remembers of its own results, for one request message. KMIP 2.1 §6.1, §4.58
 *
 * @module
 */
import type { OperationName, UniqueIdentifier } from '../protocol/index.ts'
import { Failure } from './failure.ts'

/** The operations whose result becomes the ID Placeholder. */
const setting: ReadonlySet<string | number> = new Set<OperationName>(['Create', 'Register', 'Locate'])

const emptying: ReadonlySet<string | number> = new Set([...setting, 'Check'])

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

/** What one operation gave. */
interface Result {
  readonly operation: string | number
  readonly uniqueIdentifier: readonly string[]
}

export function placeholder(): Placeholder {
  let current: string | undefined
  const results: Result[] = []

  return {
    resolve(given) {
      if (typeof given === 'string') return given
      if (given === undefined) return found(current, 'the ID Placeholder is empty')
      if ('nth' in given) {
        const all = results.flatMap(({ uniqueIdentifier }) => uniqueIdentifier)
        return found(all.at(given.nth), `the batch has no identifier ${given.nth}`)
      }
      const { reference } = given
      if (reference === 'IDPlaceholder') return found(current, 'the ID Placeholder is empty')
      const result = results.findLast(each => each.operation === reference && each.uniqueIdentifier.length === 1)
      return found(result?.uniqueIdentifier[0], `the batch has no result of ${reference}`)
    },
    note(operation, response) {
      const uniqueIdentifier = identifiersOf(response)
      results.push({ operation, uniqueIdentifier })
      if (setting.has(operation)) current = uniqueIdentifier.length === 1 ? uniqueIdentifier[0] : undefined
    },
    fail(operation) {
      if (emptying.has(operation)) current = undefined
    },
  }
}

const found = (identifier: string | undefined, wanted: string): string => {
  if (identifier === undefined) throw new Failure('ObjectNotFound', `no Unique Identifier is given, and ${wanted}`)
  return identifier
}

function identifiersOf(response: unknown): readonly string[] {
  const { uniqueIdentifier } = response as { readonly uniqueIdentifier?: string | readonly string[] }
  if (uniqueIdentifier === undefined) return none
  return typeof uniqueIdentifier === 'string' ? [uniqueIdentifier] : uniqueIdentifier
}

const none: readonly string[] = []
