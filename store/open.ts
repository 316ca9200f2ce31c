/**
 * The way into a store: an engine and a master key become records.
 *
 * @module
 */
import type { Engine } from './engine.ts'
import { openKeyring } from './keyring.ts'
import type { MasterKey } from './master-key.ts'
import { sealed, type Sealed } from './sealed.ts'

export interface StoreOptions {
  readonly engine: Engine
  readonly masterKey: MasterKey
  /**
   * Whether to make a store in an empty engine; `format` is thrown otherwise. Say false where a store is expected, so
   * that a volume that was not mounted is not taken for a beginning. Default true.
   */
  readonly create?: boolean | undefined
  /** Milliseconds since 1970, for the dates kept beside keys. Default: the system's clock. */
  readonly now?: (() => number) | undefined
}

export interface Store extends Sealed {
  /** UUID, made with the store. */
  readonly id: string
  readonly created: Date

  /**
   * Locks the store with another master key from now on; nothing else is sealed anew. Other processes go on until they
   * need the master key again, which is at their next start at the latest.
   */
  rewrap(masterKey: MasterKey): Promise<void>

  /** Makes a store of an older format one of this release's, as its first commit would. */
  raise(): Promise<void>

  /** Seals with a new data key from now on; what is sealed stays readable. */
  rotate(): Promise<void>
}

/**
 * Opens the store in an engine, and makes one in an empty engine. A failure leaves the engine open and unchanged.
 *
 * @throws StoreError `format` when the engine holds something else or something newer; `masterKey` when the master key
 *   is not this store's or cannot be had; `damaged` when header or keyring do not open under the right master key.
 */
export async function openStore({ engine, masterKey, create = true, now = Date.now }: StoreOptions): Promise<Store> {
  const keyring = await openKeyring(engine, { masterKey, create, now })
  const { id, created } = keyring.header()
  return {
    ...sealed(engine, keyring),
    id,
    created: new Date(created),
    rewrap: next => keyring.rewrap(next),
    raise: () => keyring.raise(),
    rotate: () => keyring.rotate(),
  }
}
