/**
 * The server, put together: folder, store, authority, register, listener.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import {
  type Authority,
  CertsError,
  createAuthority,
  openAuthority,
  readCertificate,
  serverProfile,
} from '../certs/index.ts'
import { lockFolder, type Store } from '../store/index.ts'
import { type Clients, type ClientSession, clientsOf } from './clients.ts'
import { type Config, defaultConfigFile, loadConfig } from './config.ts'
import {
  type AuthoritySource,
  createFolder,
  createWhole,
  dataFolder,
  defaultHosts,
  finishFolder,
  isInitialised,
  loopback,
  makeServerCredentials,
  namesOf,
  serverCredentials,
  type ServerCredentials,
} from './data-folder.ts'
import { fault } from './diagnosis/faults.ts'
import { issueClient } from './enrollment.ts'
import { exchange, type ExchangeHouse } from './exchange.ts'
import { type Environment, houseOf, type Opened, openEphemeralStore, openHouse } from './house.ts'
import { correlations } from './identifiers.ts'
import { certificateReader } from './known-certificates.ts'
import { listen, type Listener, type Peer } from './listener.ts'
import { openLog, type RunningLog } from './log.ts'
import type { Audit } from './respond.ts'
import { noTrusts, type Trusts } from './trust.ts'

export interface ServerOptions {
  /** The data folder; made at the first start. Default `./data`. */
  readonly data?: string | undefined
  /** In memory, with an authority and one client of its own, and gone with the server. Default false. */
  readonly ephemeral?: boolean | undefined
  /** Address to listen on. Default from the settings: all. */
  readonly host?: string | undefined
  /** 0 for any. Default from the settings: 5696. */
  readonly port?: number | undefined
  /** Host names and addresses for the server certificate. Default: this machine's. */
  readonly hosts?: readonly string[] | undefined
  /** Where secrets and settings may come from. Default none. */
  readonly environment?: Environment | undefined
}

export interface RunningServer {
  readonly kmip: { readonly host: string; readonly port: number }
  /** The data folder. */
  readonly data: string
  /** Path of the authority's certificate, PEM: what clients trust. */
  readonly ca: string
  /** The names and addresses in the server's certificate. */
  readonly hosts: readonly string[]
  /** Whether this start made the data folder. */
  readonly isNew: boolean
  /** Paths of PEM files; ephemeral only. */
  readonly client?: { readonly name: string; readonly cert: string; readonly key: string }
  /** After the log file was moved away: goes on in a new one of the same name. */
  readonly reopenLog: () => void
  /** Answers what has been received, then ends. An ephemeral server's folder goes with it. */
  close(): Promise<void>
}

/**
 * Starts a server; it is ready when the promise resolves.
 *
 * @throws ConfigError, DataFolderError, StoreError, CertsError or ListenError, each saying what to do
 */
export function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  return options.ephemeral === true ? startEphemeral(options) : startKept(options)
}

const configOf = ({
  data = 'data',
  host,
  port,
  environment = {},
  ephemeral = false,
}: ServerOptions): Promise<Config> => {
  const listen = {
    ...(ephemeral ? { host: '127.0.0.1' } : {}),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
  }
  // A server that nobody else is to use is quiet, unless it is told otherwise.
  const isQuiet = ephemeral && environment['KMIPD_LOG_LEVEL'] === undefined
  return loadConfig({
    data: resolve(data),
    environment,
    flags: { listen, ...(isQuiet ? { log: { level: 'warn' } } : {}) },
  })
}

export interface InitialiseOptions {
  readonly data: string
  readonly hosts?: readonly string[] | undefined
  /** An authority that there is already. Default: a new one. */
  readonly authority?: AuthoritySource | undefined
  readonly environment?: Environment | undefined
}

/**
 * Makes a data folder: authority, server certificate, sealed store, settings. On one that is there already, only gives the
 * server certificate the hosts that it lacks.
 *
 * @returns the server's certificate, and whether the folder is new
 */
export async function initialise(options: InitialiseOptions): Promise<{ server: ServerCredentials; isNew: boolean }> {
  const { data, hosts, environment = {} } = options
  const now = new Date()
  const isNew = await makeFolder(options, now)
  const opened = await openHouse(await configOf({ data, environment }), environment, isNew)
  try {
    const server = await credentialsOf(opened, hosts, now)
    await finishFolder(opened.folder)
    return { server, isNew }
  } finally {
    await opened.store.close()
  }
}

/** @returns whether there was none */
async function makeFolder({ data, hosts, authority }: InitialiseOptions, now: Date): Promise<boolean> {
  // A name that no certificate can hold is refused before anything is made.
  if (hosts !== undefined) serverProfile({ names: [...hosts] })
  const folder = dataFolder(resolve(data))
  const isNew = !isInitialised(folder)
  if (isNew || authority !== undefined) await createFolder(folder, defaultConfigFile(), authority, now)
  return isNew
}

const credentialsOf = (
  { folder, authority, config }: Opened,
  hosts: readonly string[] | undefined,
  now: Date,
): Promise<ServerCredentials> => {
  const isFirst = !existsSync(folder.serverCertificate)
  const names = isFirst ? [...(hosts ?? defaultHosts()), ...loopback] : (hosts ?? [])
  return serverCredentials(folder, authority, names, config.tls.serverKey, now)
}

/** What has been opened so far, closed in reverse: at the end, or when a later step fails. */
class Opening {
  readonly #closers: (() => Promise<void>)[] = []

  /** Notes how to close what was opened, and gives it back. */
  with<T>(opened: T, close: (opened: T) => Promise<void>): T {
    this.#closers.push(() => close(opened))
    return opened
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close()
  }

  /** Goes on with `start`, and closes everything if it fails. */
  async orClose<T>(start: () => Promise<T>): Promise<T> {
    try {
      return await start()
    } catch (error) {
      await this.close()
      throw error
    }
  }
}

function startKept(options: ServerOptions): Promise<RunningServer> {
  const { data = 'data', environment = {}, hosts } = options
  const folder = dataFolder(resolve(data))
  const opening = new Opening()
  return opening.orClose(async () => {
    opening.with(await lockFolder(folder.path), lock => lock.release())
    const now = new Date()
    const isNew = await makeFolder({ data, hosts }, now)
    const config = await configOf(options)
    const log = opening.with(await openLog(config.log), log => log.close())
    const opened = await openHouse(config, environment, isNew)
    opening.with(opened.store, store => store.close())
    const server = await credentialsOf(opened, hosts, now)
    await finishFolder(folder)
    const listener = opening.with(await serve({ ...opened, server, log }), listener => listener.close())
    return {
      kmip: { host: listener.host, port: listener.port },
      data: folder.path,
      ca: folder.caCertificate,
      hosts: namesOf(server.leaf),
      isNew,
      reopenLog: log.reopen,
      close: () => opening.close(),
    }
  })
}

const ephemeralClient = 'client'

function startEphemeral(options: ServerOptions): Promise<RunningServer> {
  const opening = new Opening()
  return opening.orClose(async () => {
    const data = opening.with(await mkdtemp(join(tmpdir(), 'kmipd-')), folder =>
      rm(folder, { recursive: true, force: true }),
    )
    const config = await configOf({ ...options, data })
    const log = opening.with(await openLog(config.log), log => log.close())
    const store = opening.with(await openEphemeralStore(), store => store.close())
    const now = new Date()
    const authority = openAuthority(await createAuthority({ now }))
    const clients = clientsOf(store)
    const hosts = options.hosts ?? loopback
    const server = await makeServerCredentials(authority, hosts, config.tls.serverKey, now)
    const client = await issueClient(
      { name: ephemeralClient },
      'P-256',
      { authority, clients, policy: config.policy },
      now,
    )
    const files = { ca: join(data, 'ca.pem'), cert: join(data, 'client.pem'), key: join(data, 'client.key') }
    await createWhole(files.ca, authority.chain.join(''), 0o644)
    await createWhole(files.cert, client.certificate.pem, 0o644)
    await createWhole(files.key, client.key)
    const parts: Parts = { config, store, clients, authority, trusts: noTrusts, server, log }
    const listener = opening.with(await serve(parts), listener => listener.close())
    return {
      kmip: { host: listener.host, port: listener.port },
      data,
      ca: files.ca,
      hosts,
      isNew: true,
      client: { name: ephemeralClient, cert: files.cert, key: files.key },
      reopenLog: log.reopen,
      close: () => opening.close(),
    }
  })
}

interface Parts {
  readonly config: Config
  readonly store: Store
  readonly clients: Clients
  readonly authority: Authority
  readonly trusts: Trusts
  readonly server: ServerCredentials
  readonly log: RunningLog
}

function serve({ config, store, clients, authority, trusts, server, log }: Parts): Promise<Listener> {
  const base = houseOf(store, config.limits)
  const read = certificateReader()
  const house: ExchangeHouse<ClientSession> = {
    ...base,
    newCorrelation: correlations(base.random),
    confirm: session => clients.confirm(session, base.now()),
    audit: (session, correlation, audit) => tell(log, session, correlation, audit),
  }
  return listen<ClientSession>({
    host: config.listen.host,
    port: config.listen.port,
    key: server.key,
    certificate: server.certificate,
    clientCa: [...authority.chain, ...trusts.trust.map(trust => trust.authority.pem)],
    clientUsage: config.tls.clientUsage,
    limits: config.limits,
    admit: async ({ certificate, fingerprint, chainError, issuers }: Peer) => {
      try {
        const offered = issuers.map(each => readCertificate(each))
        return await clients.admit(read(certificate, fingerprint), chainError === undefined, base.now(), offered)
      } catch (error) {
        if (!(error instanceof CertsError)) throw error
        return fault('unreadable', 'client', { words: error.message })
      }
    },
    exchange: (message, session) => exchange(message, session, house),
    log,
  })
}

/** One line per batch item; an error that the client is not told of goes here alone. */
function tell(log: RunningLog, { client, group }: ClientSession, correlation: string, audit: Audit): void {
  const { response, uniqueIdentifier, durationMs, notes, error } = audit
  log.item({
    client,
    group,
    operation: text(response.operation),
    uniqueIdentifier,
    result: String(response.resultStatus),
    reason: text(response.resultReason),
    message: response.resultMessage,
    durationMs,
    correlation,
  })
  for (const note of notes) log.info({ client, correlation, note }, 'client note')
  if (error !== undefined) log.error({ client, correlation, error }, 'internal error')
}

const text = (value: string | number | undefined): string | undefined =>
  value === undefined ? undefined : String(value)
