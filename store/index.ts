/**
 * The door of the store: keeps sealed records, and knows nothing of what they mean.
 *
 * ```ts
 * const lock = await lockFolder(path)
 * const store = await openStore({ engine: await lmdb({ path }), masterKey: masterKeyFile(file) })
 * await store.commit([{ table: 'object', id, body, terms: ['state:active'], uniqueTerms: ['name:disk 7'] }])
 * ```
 *
 * @module
 */
export type { Change, Entry, Guard } from './change.ts'
export { type Awaitable, ending, type Engine, type RangeOptions, when } from './engine.ts'
export { StoreError, type StoreErrorCode } from './error.ts'
export { giveToOwner, makeFolder } from './folder.ts'
export { lmdb, type LmdbOptions } from './lmdb.ts'
export { lockFolder, lockHolder, type FolderLock, type LockHolder } from './lock.ts'
export { createMasterKeyFile, masterKeyFile, masterKeyPassphrase, masterKeyText, type MasterKey } from './master-key.ts'
export { memory } from './memory.ts'
export { openStore, type Store, type StoreOptions } from './open.ts'
export type { RecordChange, RecordGuard } from './plan.ts'
export type { StoredRecord } from './record.ts'
export type { FindOptions, FoundRecord, Sealed } from './sealed.ts'
