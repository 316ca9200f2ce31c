/**
 * Opens what a server and a shell command both need: the settings, the store, the authority and the client register.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Authority } from '../certs/index.ts'
import {
  createMasterKeyFile,
  lmdb,
  lockHolder,
  type MasterKey,
  masterKeyFile,
  masterKeyPassphrase,
  masterKeyText,
  memory,
  openStore,
  type Store,
  StoreError,
} from '../store/index.ts'
import {
  decode,
  encode,
  type Operation,
  readRequest,
  readResponse,
  type ResultReasonName,
  versions,
  writeRequest,
} from '../protocol/index.ts'
import { type Authorities, issuersIn, openAuthorities } from './authorities.ts'
import { type Clients, clientsOf } from './clients.ts'
import type { Config } from './config.ts'
import { type DataFolder, dataFolder, DataFolderError, isInitialised, notInitialised } from './data-folder.ts'
import { Failure } from './failure.ts'
import { identifiers } from './identifiers.ts'
import { type Issued, issuedOf } from './issued.ts'
import { recent } from './objects/recent.ts'
import type { Policy } from './policy.ts'
import { randomSource } from './random.ts'
import { type House, respond } from './respond.ts'
import type { Session } from './session.ts'
import { longWork } from './time-slice.ts'
import { type Trusts, trustsOf } from './trust.ts'
import { type TrustReader, trustReader } from './trust/files.ts'
import { turns } from './turns.ts'

export interface Opened {
  readonly folder: DataFolder
  readonly config: Config
  readonly store: Store
  readonly authorities: Authorities
  /** The one of them that signs. */
  readonly authority: Authority
  /** What they have signed beside client certificates. */
  readonly issued: Issued
  readonly clients: Clients
  readonly policy: Policy
  /** Authorities, beside our own, whose clients may connect. */
  readonly trusts: Trusts
  readonly readTrusts: TrustReader
}

/** Secrets come from the environment or a file, never from the settings. */
export type Environment = Readonly<Record<string, string | undefined>>

export interface OpenOptions {
  /** Whether the folder has just been created, and its store is still to be made. Default false. */
  readonly isNew?: boolean
  /** Whether this is the folder's server, who keeps the store open itself. Default false. */
  readonly isServer?: boolean
}

/**
 * Opens a data folder that is initialised. Close the store when done.
 *
 * @throws DataFolderError, StoreError, CertsError
 */
export async function openHouse(
  config: Config,
  environment: Environment,
  { isNew = false, isServer = false }: OpenOptions = {},
): Promise<Opened> {
  const folder = dataFolder(config.data)
  if (!isNew && !isInitialised(folder)) throw notInitialised(folder)
  const authorities = await openAuthorities(folder, config.https.address)
  const { clientName } = config.policy
  const readTrusts = trustReader()
  const trusts = trustsOf((await readTrusts(config)).trust)
  const hospitality = { trusts, clientName, ownIssuers: issuersIn(authorities) }
  const store = await openFolderStore(folder, config, environment, { isNew, isServer })
  return {
    folder,
    config,
    policy: config.policy,
    store,
    authorities,
    authority: authorities.signing,
    issued: issuedOf(store),
    trusts,
    readTrusts,
    clients: clientsOf(store, () => hospitality),
  }
}

/** The store of a folder, with the master key from where the settings say. @throws DataFolderError, StoreError */
export async function openFolderStore(
  folder: DataFolder,
  config: Config,
  environment: Environment,
  { isNew = false, isServer = false }: OpenOptions = {},
): Promise<Store> {
  const masterKey = await masterKeyOf(folder, config, environment, isNew)
  if (!isServer) await refuseBesideOldServer(folder)
  const engine = await lmdb({ path: folder.store, stays: isServer })
  try {
    return await openStore({ engine, masterKey, create: isNew })
  } catch (error) {
    await engine.close()
    throw error
  }
}

/** A server of release 0.1 would not answer for its store, and opening that beside it could undo what it writes. */
async function refuseBesideOldServer(folder: DataFolder): Promise<void> {
  const giveUp = Date.now() + startMs
  for (;;) {
    const server = await lockHolder(folder.path)
    if (server === undefined || (await lockHolder(folder.store)) !== undefined) return
    if (Date.now() > giveUp)
      throw new StoreError(
        'locked',
        `the server (process ${server.pid ?? 'unknown'}) has the store open and does not answer for it, so that it seems to be of an older release: restart it with this one first`,
      )
    await setTimeout(100)
  }
}

/** What a server takes at most from its start until its store is open. */
const startMs = 5000

/** A key in memory for a store in memory. */
export const openEphemeralStore = (): Promise<Store> =>
  openStore({ engine: memory(), masterKey: masterKeyText(randomBytes(32).toString('hex')) })

async function masterKeyOf(
  folder: DataFolder,
  { store }: Config,
  environment: Environment,
  isNew: boolean,
): Promise<MasterKey> {
  switch (store.masterKey) {
    case 'file': {
      const path = store.masterKeyFile === undefined ? folder.masterKey : resolve(folder.path, store.masterKeyFile)
      // Only a store that does not exist yet may get a new key: another would lock the old one for ever.
      if (isNew && !existsSync(path)) await createMasterKeyFile(path)
      return masterKeyFile(path)
    }
    case 'passphrase':
      return masterKeyPassphrase(secretOf(environment, 'KMIPD_PASSPHRASE', 'the passphrase'))
    case 'environment':
      return masterKeyText(
        secretOf(environment, 'KMIPD_MASTER_KEY', 'the master key, 32 bytes in hexadecimal or base64'),
      )
  }
}

function secretOf(environment: Environment, name: string, words: string): string {
  const value = environment[name]
  if (value === undefined || value === '')
    throw new DataFolderError(`the environment variable ${name} is not set; it must hold ${words}`)
  return value
}

/** What answering needs, from what is open. */
export function houseOf(
  store: Store,
  limits: Pick<House, 'maxBatchItems' | 'maxResponseBytes'>,
  now: () => number = Date.now,
): House {
  const random = randomSource()
  return {
    store,
    recent: recent(),
    now,
    random,
    newIdentifier: identifiers(now, random),
    inTurn: turns(),
    longWork: longWork(),
    ...limits,
  }
}

/** Performs operations in this process, with nobody's certificate: for whoever owns the data folder. */
export interface Administrator {
  /** One operation; its response payload. @throws Failure */
  call<Q, R>(operation: Operation<Q, R>, payload: Q): Promise<R>
}

/** @param group whose objects are made; absent, the objects of all groups are seen and none can be made */
export function administer(opened: Pick<Opened, 'store'>, group?: string): Administrator {
  const house = houseOf(opened.store, { maxBatchItems: 1, maxResponseBytes: Number.POSITIVE_INFINITY })
  const session: Session = { client: 'administrator', group }
  return {
    async call<Q, R>(operation: Operation<Q, R>, payload: Q): Promise<R> {
      const message = decode(encode(writeRequest([{ operation, payload }], newestVersion)))
      const { bytes, audit } = await respond(readRequest(message), session, house, 'shell', () => false)
      const error = audit.find(outcome => outcome.error !== undefined)?.error
      if (error !== undefined) throw error as Error
      const [item] = readResponse(decode(bytes)).batchItem
      if (item?.resultStatus === 'Success') return item.payload as R
      throw new Failure(item?.resultReason as ResultReasonName, item?.resultMessage ?? '')
    },
  }
}

const newestVersion = versions[versions.length - 1] ?? '2.1'
