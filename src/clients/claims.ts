/**
 * What a group holds already, and so what whoever joins it gets at: objects can be there before the first client, and the
 * clients of an authority are in no register.
 *
 * @module
 */
import type { Store } from '../../store/index.ts'
import { everyTerm } from '../objects/terms.ts'
import { objectTable } from '../objects/work.ts'
import type { Trusts } from '../trust.ts'
import type { ClientEntry } from './entry.ts'

/** Whose a group is. */
export interface Claims {
  /** Names of the others in it, revoked or not. */
  readonly clients: readonly string[]
  /** Subjects of the authorities whose clients are. */
  readonly authorities: readonly string[]
  readonly hasObjects: boolean
}

export const isClaimed = ({ clients, authorities, hasObjects }: Claims): boolean =>
  clients.length > 0 || authorities.length > 0 || hasObjects

/** What others than the client of this name have in a group. */
export const claimsOn = async (
  group: string,
  name: string,
  {
    store,
    trusts,
    entries,
  }: { readonly store: Store; readonly trusts: Trusts; readonly entries: readonly ClientEntry[] },
): Promise<Claims> => ({
  clients: [...new Set(entries.filter(entry => entry.group === group && entry.name !== name).map(each => each.name))],
  authorities: trusts.trust.filter(trust => trust.group === group).map(({ authority }) => authority.subject.text),
  hasObjects: (await store.count(objectTable, everyTerm(group), 1)) > 0,
})
