/**
 * What whoever owns the data folder may see of every object: all but its contents.
 *
 * @module
 */
import { type Store, StoreError } from '../../store/index.ts'
import { Failure } from '../failure.ts'
import { readRecord, type StoredObject } from './stored-object.ts'
import { current } from './terms.ts'
import { objectTable } from './work.ts'

export type Inventoried = Omit<StoredObject, 'object'>

/**
 * The objects of all groups, newest first.
 *
 * @param now seconds since 1970
 * @param skip told of the objects that cannot be read
 * @returns each valid until the next is asked for: then the bytes that it is a view of are cleared
 */
export async function* inventory(
  store: Store,
  now: number,
  skip: (uniqueIdentifier: string) => void,
): AsyncGenerator<Inventoried> {
  for await (const { id, open } of store.records(objectTable, { reverse: true })) {
    try {
      const record = await open()
      yield withoutContents(current(readRecord(record.body), now))
      record.body.fill(0)
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'damaged') throw error
      skip(id)
    }
  }
}

/**
 * One object, to be used before the store is closed.
 *
 * @throws Failure ObjectNotFound
 */
export async function inventoried(store: Store, uniqueIdentifier: string, now: number): Promise<Inventoried> {
  const record = await store.get(objectTable, uniqueIdentifier)
  if (record === undefined)
    throw new Failure('ObjectNotFound', `there is no object ${JSON.stringify(uniqueIdentifier.slice(0, 64))}`)
  return withoutContents(current(readRecord(record.body), now))
}

const withoutContents = ({ object, ...rest }: StoredObject): Inventoried => rest
