/**
 * A data folder is made, at the first start or by `kmipd init`.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { serverProfile } from '../certs/index.ts'
import { openAuthorities } from './authorities.ts'
import { defaultConfigFile, loadConfig } from './config.ts'
import {
  type AuthorityKeyType,
  type AuthoritySource,
  createFolder,
  dataFolder,
  finishFolder,
  isInitialised,
} from './data-folder.ts'
import { type Environment, type Opened, openHouse } from './house.ts'
import { descend, rootAndIssuing } from './rollover.ts'
import { defaultHosts, loopback, serverCredentials, type ServerCredentials } from './server-certificate.ts'

export interface InitialiseOptions {
  readonly data: string
  readonly hosts?: readonly string[] | undefined
  /** An authority that there is already. Default: a new one. */
  readonly authority?: AuthoritySource | undefined
  /** Of a new authority. Default P-256. */
  readonly keyType?: AuthorityKeyType | undefined
  /** Whether an authority under the new root signs, in place of the root itself. Default false. */
  readonly isIssuing?: boolean | undefined
  readonly environment?: Environment | undefined
}

/**
 * Makes a data folder: authority, server certificate, sealed store, settings. On one that is there already, only gives the
 * server certificate the hosts that it lacks.
 *
 * @returns the server's certificate, and whether the folder is new
 */
export async function initialise(options: InitialiseOptions): Promise<{ server: ServerCredentials; isNew: boolean }> {
  const { data, hosts, environment = {}, isIssuing = false, keyType } = options
  const now = new Date()
  const isNew = await makeDataFolder(options, now)
  const opened = await openHouse(await loadConfig({ data: resolve(data), environment }), environment, { isNew })
  try {
    if (isNew && isIssuing) await descend(opened, keyType, now)
    const authorities = await openAuthorities(opened.folder, opened.config.https.address)
    const server = await credentialsOf({ ...opened, authorities }, hosts, now)
    await finishFolder(opened.folder)
    return { server, isNew }
  } finally {
    await opened.store.close()
  }
}

/** @returns whether there was none */
export async function makeDataFolder(
  { data, hosts, authority, keyType, isIssuing = false }: InitialiseOptions,
  now: Date,
): Promise<boolean> {
  // A name that no certificate can hold is refused before anything is made.
  if (hosts !== undefined) serverProfile({ names: [...hosts] })
  const folder = dataFolder(resolve(data))
  const isNew = !isInitialised(folder)
  const pathLength = isIssuing ? rootAndIssuing : undefined
  if (isNew || authority !== undefined)
    await createFolder(folder, defaultConfigFile(), { source: authority, keyType, pathLength }, now)
  return isNew
}

/** The server's certificate: at first for the hosts or this machine's names, later for those that it has and the hosts. */
export function credentialsOf(
  opened: Opened,
  hosts: readonly string[] | undefined,
  now: Date,
): Promise<ServerCredentials> {
  const isFirst = !existsSync(opened.folder.serverCertificate)
  const names = isFirst ? [...(hosts ?? defaultHosts()), ...loopback] : (hosts ?? [])
  return serverCredentials(opened, { hosts: names, keyType: opened.config.tls.serverKey }, now)
}
