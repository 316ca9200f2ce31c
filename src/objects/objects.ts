/**
 * The store as one caller may see it. There is no other way to it.
 *
 * An object of another group is not found: whoever may not know of it cannot tell it from one that never was.
 *
 * @module
 */
import type { AttributeInstance, Name } from '../../protocol/index.ts'
import type { Store } from '../../store/index.ts'
import { Failure } from '../failure.ts'
import { asOf } from '../lifecycle.ts'
import type { Session } from '../session.ts'
import { criteria, type Criterion, isStored } from './criteria.ts'
import { readRecord, type StoredObject } from './stored-object.ts'
import { candidateTerms, current, everyTerm, uniqueName } from './terms.ts'
import { objectTable, type Work } from './work.ts'

export interface LocateOptions {
  readonly maximumItems?: number | undefined
  readonly offsetItems?: number | undefined
  readonly storageStatusMask?: number | undefined
}

export interface Located {
  /** Newest first. KMIP 2.1 §6.1.28 */
  readonly uniqueIdentifier: readonly string[]
  /** How many there are in all, beyond what was asked for. */
  readonly locatedItems: number
}

export interface Objects {
  /** @throws Failure ObjectNotFound */
  get(uniqueIdentifier: string): Promise<StoredObject>
  /** @throws Failure ObjectNotFound. The template of that name. KMIP 1.4 §2.1.8 */
  template(name: Name): Promise<StoredObject>
  /**
   * Keeps a new object, as the caller's and its group's.
   *
   * @throws Failure NonUniqueNameAttribute
   */
  create(object: Omit<StoredObject, 'group' | 'creator'>): Promise<void>
  /**
   * Keeps a changed object, and dates the change.
   *
   * @throws Failure NonUniqueNameAttribute
   */
  save(object: StoredObject): Promise<void>
  /** The object was handed out, and is fresh no longer. KMIP 2.1 §4.24 */
  served(object: StoredObject): void
  locate(instances: readonly AttributeInstance[], options: LocateOptions): Promise<Located>
}

/** How long a search may keep the event loop to itself. */
const sliceMs = 4

/** Candidates counted before a term counts as common. */
const common = 64

/** @param now seconds since 1970, the same for the whole message */
export function objectsOf(session: Session, work: Work, store: Store, now: number): Objects {
  const isVisible = ({ group }: StoredObject): boolean => session.group === undefined || group === session.group

  async function find(uniqueIdentifier: string): Promise<StoredObject | undefined> {
    const stored = await work.read(uniqueIdentifier)
    return stored !== undefined && isVisible(stored) ? current(stored, now) : undefined
  }

  async function holderOf(term: string): Promise<string | undefined> {
    for await (const id of store.find(objectTable, term, { limit: 1 })) return id
    return undefined
  }

  /** The commit has the last word on names; this finds out early, so that the item alone fails. */
  async function checkNames({ group, attributes }: StoredObject): Promise<void> {
    const { uniqueIdentifier } = attributes
    for (const name of attributes.name ?? []) {
      if (name === undefined) continue
      const holder = await holderOf(uniqueName(group, name.nameValue, name.nameType))
      const held = holder !== undefined && holder !== uniqueIdentifier && (await stillHolds(holder, name))
      const taken =
        held ||
        [...work.written()].some(
          other =>
            other.group === group && other.attributes.uniqueIdentifier !== uniqueIdentifier && carries(other, name),
        )
      if (taken)
        throw new Failure('NonUniqueNameAttribute', `another object has the name ${JSON.stringify(name.nameValue)}`)
    }
  }

  async function stillHolds(uniqueIdentifier: string, name: Name): Promise<boolean> {
    const holder = await work.read(uniqueIdentifier)
    return holder !== undefined && carries(holder, name)
  }

  /** The rarest of the terms that a match must carry, and all terms where several will do. */
  async function candidates(instances: readonly AttributeInstance[]): Promise<string[]> {
    const every = [everyTerm(session.group)]
    if (session.group === undefined) return every
    let best = { terms: every, count: Number.POSITIVE_INFINITY }
    for (const instance of instances) {
      const terms = candidateTerms(session.group, instance)
      if (terms === undefined) continue
      let count = 0
      for (const term of terms) count += await store.count(objectTable, term, common)
      if (count < best.count) best = { terms, count }
      if (count === 0) break
    }
    return best.terms
  }

  return {
    async get(uniqueIdentifier) {
      const found = await find(uniqueIdentifier)
      if (found === undefined)
        throw new Failure('ObjectNotFound', `there is no object ${JSON.stringify(uniqueIdentifier.slice(0, 64))}`)
      return found
    },

    async template(name) {
      const holder =
        session.group === undefined
          ? undefined
          : await holderOf(uniqueName(session.group, name.nameValue, name.nameType))
      const written = [...work.written()].find(object => isVisible(object) && carries(object, name))
      const found = written ?? (holder === undefined ? undefined : await find(holder))
      if (found?.object?.objectType !== 'Template')
        throw new Failure('ObjectNotFound', `there is no template ${JSON.stringify(name.nameValue)}`)
      return found
    },

    async create(object) {
      if (session.group === undefined)
        throw new Failure('InvalidMessage', 'an object belongs to a group, and none is given')
      const stored: StoredObject = { ...object, group: session.group, creator: session.client }
      await checkNames(stored)
      work.write(stored)
    },

    async save(object) {
      const saved = { ...object, attributes: asOf({ ...object.attributes, lastChangeDate: now }, now) }
      await checkNames(saved)
      work.write(saved)
    },

    served(object) {
      if (object.attributes.fresh === true) work.mark({ ...object, attributes: { ...object.attributes, fresh: false } })
    },

    async locate(instances, { maximumItems = Number.POSITIVE_INFINITY, offsetItems = 0, storageStatusMask }) {
      const tests = criteria(instances)
      const matches = (stored: StoredObject): boolean =>
        isVisible(stored) && isStored(stored, storageStatusMask) && meetsAll(tests, stored)
      const written = new Map([...work.written()].map(object => [object.attributes.uniqueIdentifier, object]))
      const found = [...written.values()]
        .filter(object => matches(current(object, now)))
        .map(object => object.attributes.uniqueIdentifier)

      const identified = instances.find(instance => instance.name === 'uniqueIdentifier')
      const ids = identified === undefined ? newestFirst(await candidates(instances)) : [identified.value]
      const slice = timeSlice()
      for await (const id of ids) {
        if (slice.isOver()) await slice.next()
        if (written.has(id)) continue
        const record = await store.get(objectTable, id)
        if (record === undefined) continue
        if (matches(current(readRecord(record.body), now))) found.push(id)
        record.body.fill(0)
      }
      // Identifiers are time-ordered: the greatest is the newest.
      found.sort((one, other) => (one < other ? 1 : -1))
      return { uniqueIdentifier: found.slice(offsetItems, offsetItems + maximumItems), locatedItems: found.length }
    },
  }

  async function* newestFirst(terms: readonly string[]): AsyncGenerator<string> {
    for (const term of terms) yield* store.find(objectTable, term, { reverse: true })
  }
}

const carries = ({ attributes }: StoredObject, name: Name): boolean =>
  attributes.state !== 'Destroyed' &&
  attributes.state !== 'DestroyedCompromised' &&
  (attributes.name ?? []).some(each => each?.nameValue === name.nameValue && each.nameType === name.nameType)

const meetsAll = (tests: readonly Criterion[], { attributes }: StoredObject): boolean =>
  tests.every(test => test(attributes))

/** Lets others have their turn on the event loop. */
function timeSlice() {
  let until = performance.now() + sliceMs
  return {
    isOver: () => performance.now() > until,
    async next() {
      await new Promise(resolve => setImmediate(resolve))
      until = performance.now() + sliceMs
    },
  }
}
