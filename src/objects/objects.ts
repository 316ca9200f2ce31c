/**
 * The store as one caller may see it. There is no other way to it.
 *
 * An object of another group is not found: whoever may not know of it cannot tell it from one that never was.
 *
 * @module
 */
import type { AttributeInstance, Name } from '../../protocol/index.ts'
import { type Awaitable, type Store, StoreError, when } from '../../store/index.ts'
import { Failure } from '../failure.ts'
import { asOf } from '../lifecycle.ts'
import type { Session } from '../session.ts'
import { criteria, type Criterion, isDestroyedStored, isStored } from './criteria.ts'
import type { StoredObject } from './stored-object.ts'
import { candidateTerms, current, everyTerm, namesMeant, uniqueName, uniqueTermsOf } from './terms.ts'
import type { TimeSlice } from '../time-slice.ts'
import { objectTable, type Work } from './work.ts'

export interface LocateOptions {
  readonly maximumItems?: number | undefined
  readonly offsetItems?: number | undefined
  readonly storageStatusMask?: number | undefined
}

export interface Located {
  /** Newest first. KMIP 2.1 §6.1.28 */
  readonly uniqueIdentifier: readonly string[]
  /** How many there are in all, beyond what was asked for; absent where counting them would take long. */
  readonly locatedItems?: number
}

export interface Objects {
  /** @throws Failure ObjectNotFound */
  get(uniqueIdentifier: string): Awaitable<StoredObject>
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

/** Attributes to search by. */
const maxCriteria = 256

/** How many objects are looked at for the count of all that match, once there are as many as were asked for. */
const countedBeyond = 1000

/** Candidates counted before a term counts as common. */
const common = 64

/**
 * @param now seconds since 1970, the same for the whole message
 * @param slice of the message
 */
export function objectsOf(session: Session, work: Work, store: Store, now: number, slice: TimeSlice): Objects {
  const isVisible = ({ group }: StoredObject): boolean => session.group === undefined || group === session.group

  const find = (uniqueIdentifier: string): Awaitable<StoredObject | undefined> =>
    when(work.read(uniqueIdentifier), stored =>
      stored !== undefined && isVisible(stored) ? current(stored, now) : undefined,
    )

  /** The commit has the last word on names; this finds out early, so that the item alone fails. */
  async function checkNames(stored: StoredObject, before: StoredObject | undefined): Promise<void> {
    const { group, attributes } = stored
    const { uniqueIdentifier } = attributes
    if (attributes.name === undefined || isDestroyed(attributes)) return
    const own = new Set(before === undefined ? [] : uniqueTermsOf(before))
    const others = [...work.written()].filter(
      other => other.group === group && other.attributes.uniqueIdentifier !== uniqueIdentifier,
    )
    for (const name of attributes.name) {
      if (name === undefined) continue
      const term = uniqueName(group, name)
      if (own.has(term)) continue
      if (slice.isOver()) await slice.next()
      const holder = await store.holder(objectTable, term)
      const isHeld = holder !== undefined && holder !== uniqueIdentifier && (await stillHolds(holder, name))
      if (isHeld || others.some(other => carries(other, name)))
        throw new Failure('NonUniqueNameAttribute', `another object has the name ${JSON.stringify(name.nameValue)}`)
    }
  }

  async function stillHolds(uniqueIdentifier: string, name: Name): Promise<boolean> {
    const holder = await work.read(uniqueIdentifier)
    return holder !== undefined && carries(holder, name)
  }

  /** All that may match, where one criterion alone tells: names are unique among objects that are not destroyed. */
  async function onlyCandidate(
    instances: readonly AttributeInstance[],
    storageStatusMask: number | undefined,
  ): Promise<readonly string[] | undefined> {
    const identified = instances.find(instance => instance.name === 'uniqueIdentifier')
    if (identified !== undefined) return [identified.value]
    const named = instances.find(instance => instance.name === 'name' && isWhole(instance.value))
    if (named?.name !== 'name' || session.group === undefined || isDestroyedStored(storageStatusMask)) return undefined
    const holder = await store.holder(objectTable, uniqueName(session.group, named.value))
    return holder === undefined ? [] : [holder]
  }

  /** Where all matches are: of what a match must carry, the rarest; in several places where either will do. */
  async function candidates(instances: readonly AttributeInstance[]): Promise<readonly Source[]> {
    const { group } = session
    if (group === undefined) return [store.list(objectTable, { reverse: true })]
    let best: { holders: readonly string[]; terms: readonly string[] } = { holders: [], terms: [everyTerm(group)] }
    let least = Number.POSITIVE_INFINITY
    for (const instance of instances) {
      const terms = candidateTerms(group, instance)
      if (terms === undefined) continue
      if (slice.isOver()) await slice.next()
      const holders = instance.name === 'name' ? await holdersOf(group, instance.value) : []
      let count = holders.length
      for (const term of terms) count += await store.count(objectTable, term, common)
      if (count >= least) continue
      best = { holders, terms }
      least = count
      if (count === 0) break
    }
    const found = best.terms.map(term => store.find(objectTable, term, { reverse: true }))
    return best.holders.length === 0 ? found : [best.holders, ...found]
  }

  async function holdersOf(group: string, name: Partial<Name>): Promise<string[]> {
    const holders: string[] = []
    for (const each of namesMeant(name)) {
      const holder = await store.holder(objectTable, uniqueName(group, each))
      if (holder !== undefined) holders.push(holder)
    }
    return holders
  }

  return {
    get: uniqueIdentifier =>
      when(find(uniqueIdentifier), found => {
        if (found === undefined)
          throw new Failure('ObjectNotFound', `there is no object ${JSON.stringify(uniqueIdentifier.slice(0, 64))}`)
        return found
      }),

    async template(name) {
      const holder =
        session.group === undefined ? undefined : await store.holder(objectTable, uniqueName(session.group, name))
      const written = [...work.written()].find(object => isVisible(object) && carries(object, name))
      const found = written ?? (holder === undefined ? undefined : await find(holder))
      if (found?.object?.objectType !== 'Template')
        throw new Failure('ObjectNotFound', `there is no template ${JSON.stringify(name.nameValue)}`)
      return found
    },

    async create({ object, attributes }) {
      if (session.group === undefined)
        throw new Failure('InvalidMessage', 'an object belongs to a group, and none is given')
      const stored: StoredObject = { group: session.group, creator: session.client, object, attributes }
      checkSize(stored)
      await checkNames(stored, undefined)
      work.write(stored)
    },

    async save(object) {
      const saved = { ...object, attributes: asOf({ ...object.attributes, lastChangeDate: now }, now) }
      checkSize(saved)
      await checkNames(saved, await work.read(object.attributes.uniqueIdentifier))
      work.write(saved)
    },

    served(object) {
      if (object.attributes.fresh === true) work.serve(object.attributes.uniqueIdentifier)
    },

    async locate(instances, options) {
      if (instances.length > maxCriteria)
        throw new Failure(
          'InvalidField',
          `${instances.length} attributes to search by, where ${maxCriteria} are the limit`,
        )
      const tests = criteria(instances)
      const matches = (stored: StoredObject): boolean =>
        isVisible(stored) && isStored(stored, options.storageStatusMask) && meetsAll(tests, stored)
      for (;;) {
        const located = await search(instances, matches, options)
        const [only, another] = located.uniqueIdentifier
        if (only === undefined || another !== undefined) return located
        // What the ID Placeholder will mean stays as it was found: of two that take the same, one meets the other's commit.
        const stored = await work.readAhead(only)
        if (stored === undefined || matches(current(stored, now))) return located
      }
    },
  }

  async function search(
    instances: readonly AttributeInstance[],
    matches: (stored: StoredObject) => boolean,
    { maximumItems = Number.POSITIVE_INFINITY, offsetItems = 0, storageStatusMask }: LocateOptions,
  ): Promise<Located> {
    const written = new Map([...work.written()].map(object => [object.attributes.uniqueIdentifier, object]))
    const found = [...written.values()]
      .filter(object => matches(current(object, now)))
      .map(object => object.attributes.uniqueIdentifier)

    const only = await onlyCandidate(instances, storageStatusMask)
    const sources = only === undefined ? await candidates(instances) : [only]
    // Those of one source come in the order of the answer: what lies beyond it need not be looked at for ever.
    const isOrdered = sources.length === 1 && written.size === 0
    const enough = isOrdered ? offsetItems + maximumItems : Number.POSITIVE_INFINITY
    let seen = 0
    for await (const id of inTurn(sources)) {
      if (found.length >= enough && seen >= countedBeyond)
        return { uniqueIdentifier: found.slice(offsetItems, offsetItems + maximumItems) }
      if (slice.isOver()) await slice.next()
      seen++
      if (!written.has(id) && (await isMatch(id, matches, only !== undefined))) found.push(id)
    }
    const all = isOrdered ? found : newestFirst(found)
    return { uniqueIdentifier: all.slice(offsetItems, offsetItems + maximumItems), locatedItems: all.length }
  }

  /** An object that cannot be read meets no criterion: it must not hide the others. Who asks for it is told. */
  async function isMatch(id: string, matches: (stored: StoredObject) => boolean, isLikely: boolean): Promise<boolean> {
    try {
      const ahead = isLikely ? await work.readAhead(id) : undefined
      if (ahead !== undefined) return matches(current(ahead, now))
      return await work.glance(id, stored => matches(current(stored, now)))
    } catch (error) {
      if (error instanceof StoreError && error.code === 'damaged') return false
      throw error
    }
  }
}

/** Identifiers of objects; those that a store gives come newest first. */
type Source = AsyncIterable<string> | readonly string[]

async function* inTurn(sources: readonly Source[]): AsyncGenerator<string> {
  for (const source of sources) yield* source
}

/** Each once. Identifiers are time-ordered: the greatest is the newest. */
const newestFirst = (identifiers: readonly string[]): string[] =>
  [...new Set(identifiers)].sort((one, other) => (one < other ? 1 : -1))

/** A criterion may leave fields out. KMIP 2.1 §6.1.28 */
const isWhole = ({ nameValue, nameType }: Partial<Name>): boolean => nameValue !== undefined && nameType !== undefined

const isDestroyed = ({ state }: StoredObject['attributes']): boolean =>
  state === 'Destroyed' || state === 'DestroyedCompromised'

const carries = ({ attributes }: StoredObject, name: Name): boolean =>
  !isDestroyed(attributes) &&
  (attributes.name ?? []).some(each => each?.nameValue === name.nameValue && each.nameType === name.nameType)

const meetsAll = (tests: readonly Criterion[], { attributes }: StoredObject): boolean =>
  tests.every(test => test(attributes))

/** A tape library sets some thirty, a storage array some twenty. */
const maxInstances = 1000

function checkSize({ attributes }: StoredObject): void {
  let count = 0
  for (const value of Object.values(attributes) as unknown[])
    count += Array.isArray(value) ? value.filter(each => each !== undefined).length : 1
  if (count > maxInstances)
    throw new Failure('ServerLimitExceeded', `${count} attributes of one object, where ${maxInstances} are the limit`)
}
