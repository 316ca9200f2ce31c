/**
 * What somebody needs who helps with a kmipd that he cannot see: versions, settings, certificates, the data folder, the
 * last complaints of the log, and whether every record of the store opens. No key material, ever.
 *
 * Each part is made by itself, and what goes wrong there is told in its place: a bundle is asked for when things do not
 * work. Nothing is changed in the data folder.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { arch, cpus, freemem, platform, release as systemRelease, totalmem, uptime } from 'node:os'
import { resolve } from 'node:path'
import { versions } from '../protocol/index.ts'
import { lockHolder, type Store, StoreError } from '../store/index.ts'
import { clientsOf } from './clients.ts'
import { type Config, loadConfig } from './config.ts'
import { type DataFolder, dataFolder } from './data-folder.ts'
import { type Environment, openFolderStore } from './house.ts'
import { inventory } from './objects/inventory.ts'
import { objectTable } from './objects/work.ts'
import { certificateState, certificateStates, listing } from './support-bundle/folder-state.ts'
import { lastComplaints } from './support-bundle/log-lines.ts'
import { redacted, redaction } from './support-bundle/redaction.ts'
import { trustsOf } from './trust.ts'
import { trustReader } from './trust/files.ts'

export interface BundleOptions {
  /** The data folder, absolute. */
  readonly data: string
  readonly environment: Environment
  /** The release of kmipd. */
  readonly release: string
  readonly now: Date
  /** Of the log's warnings and errors. Default 500. */
  readonly logLines?: number | undefined
  /** Told how many records have been opened so far. */
  readonly onProgress?: ((records: number) => void) | undefined
}

/** One JSON document, as an object. */
export type SupportBundle = Readonly<Record<string, unknown>>

export async function supportBundle(options: BundleOptions): Promise<SupportBundle> {
  const { data, environment, now } = options
  const folder = dataFolder(data)
  const config = await loadConfig({ data, environment, flags: {} }).catch((error: unknown) => error as Error)
  const withConfig = <T>(use: (config: Config) => Promise<T>): Promise<T> =>
    config instanceof Error ? Promise.reject(config) : use(config)
  const bundle = {
    supportBundle: 1,
    made: now.toISOString(),
    versions: versionsOf(options.release),
    system: systemOf(),
    settings: await part(() => withConfig(async each => each)),
    environment: Object.keys(environment)
      .filter(name => name.startsWith('KMIPD_'))
      .sort(),
    server: await part(async () => (await lockHolder(data)) ?? 'not running'),
    folder: await part(() => listing(data)),
    certificates: await part(() => certificateStates(folder, now)),
    trusted: await part(() => withConfig(each => trustedStates(each, now))),
    store: await part(() => withConfig(each => storeState(folder, each, options))),
    log: await part(() => withConfig(each => logOf(each, options.logLines ?? 500))),
  }
  return redacted(bundle, redaction(await secretsOf(folder, environment, config))) as SupportBundle
}

/** What it comes to, or what went wrong. */
async function part(make: () => Promise<unknown>): Promise<unknown> {
  try {
    return await make()
  } catch (error) {
    if (!(error instanceof Error)) return { error: String(error) }
    return { error: error.message, ...('code' in error ? { code: error.code } : {}), name: error.name }
  }
}

const versionsOf = (kmipd: string) => ({
  kmipd,
  kmip: versions,
  node: process.versions.node,
  openssl: process.versions.openssl,
})

const systemOf = () => ({
  platform: platform(),
  release: systemRelease(),
  arch: arch(),
  processors: cpus().length,
  memoryMiB: Math.round(totalmem() / 1_048_576),
  freeMiB: Math.round(freemem() / 1_048_576),
  upHours: Math.round(uptime() / 3600),
  user: process.getuid?.(),
  timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
})

async function trustedStates(config: Config, now: Date) {
  const { trust, complaints } = await trustReader()(config)
  return {
    complaints,
    authorities: trust.map(({ authority, group }) => ({ group, ...certificateState(authority, now) })),
  }
}

async function logOf({ log }: Config, most: number) {
  if (log.file === undefined) return 'written to standard error; whoever runs kmipd keeps it (journalctl -u kmipd)'
  return existsSync(log.file) ? lastComplaints(log.file, most) : `${log.file} is not there yet`
}

/** All that records are kept under. */
const tables = [objectTable, 'client', 'issued', 'revocationList', 'enrollment', 'task', 'taskKey', 'token']

async function storeState(folder: DataFolder, config: Config, { environment, now, onProgress }: BundleOptions) {
  const store = await openFolderStore(folder, config, environment)
  try {
    let opened = 0
    const advance = (): void => onProgress?.(++opened)
    const records: Record<string, unknown> = {}
    for (const table of tables) records[table] = await checkTable(store, table, advance)
    return {
      id: store.id,
      created: store.created,
      records,
      objects: await part(() => objectsOf(store, now, advance)),
      clients: await part(() => clientStates(store, config)),
    }
  } finally {
    await store.close()
  }
}

/** Opens every record, and names those that are not what was put there. */
async function checkTable(store: Store, table: string, advance: () => void) {
  let total = 0
  const damaged: string[] = []
  for await (const { id, open } of store.records(table)) {
    try {
      const record = await open()
      record.body.fill(0)
      total += 1
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'damaged') throw error
      damaged.push(id)
    }
    advance()
  }
  return { total, damaged }
}

/** Reads every object, and counts them by type and state. */
async function objectsOf(store: Store, now: Date, advance: () => void) {
  const types: Record<string, Record<string, number>> = {}
  const damaged: string[] = []
  for await (const { attributes } of inventory(store, Math.floor(now.getTime() / 1000), id => damaged.push(id))) {
    const states = (types[attributes.objectType] ??= {})
    const state = String(attributes.state ?? 'none')
    states[state] = (states[state] ?? 0) + 1
    advance()
  }
  return { types, damaged }
}

/** Of the register, the newest. */
const mostClients = 1000

async function clientStates(store: Store, { policy: { clientName } }: Config) {
  const entries = await clientsOf(store, () => ({ trusts: trustsOf([]), clientName })).list()
  return entries.slice(-mostClients).map(({ notBefore, notAfter, issued, revoked, ...rest }) => ({
    ...rest,
    ...{ notBefore: new Date(notBefore), notAfter: new Date(notAfter), issued: new Date(issued) },
    ...(revoked === undefined ? {} : { revoked: { ...revoked, date: new Date(revoked.date) } }),
  }))
}

/** Where secrets of this server are kept. */
async function secretsOf(
  { masterKey, caKey, rootKey, previousKey, serverKey, path }: DataFolder,
  environment: Environment,
  config: Config | Error,
): Promise<(string | Uint8Array)[]> {
  const named = config instanceof Error ? undefined : config.store.masterKeyFile
  const files = [
    masterKey,
    caKey,
    rootKey,
    previousKey,
    serverKey,
    ...(named === undefined ? [] : [resolve(path, named)]),
  ]
  const contents = await Promise.all(files.map(file => readFile(file).catch(() => undefined)))
  const variables = Object.entries(environment).filter(([name]) => /^KMIPD_.*(PASSPHRASE|KEY|TOKEN|SECRET)$/.test(name))
  return [
    ...contents.flatMap(content => (content === undefined ? [] : [new Uint8Array(content), content.toString('utf8')])),
    ...variables.flatMap(([, value]) => (value === undefined || value === '' ? [] : [value])),
  ]
}
