/**
 * The server, put together: folder, store, authority, register, listener.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type Certificate, CertsError, createAuthority, openAuthority, readCertificate } from '../certs/index.ts'
import { lockFolder, type Store, StoreError } from '../store/index.ts'
import type { ClientSession } from './clients.ts'
import { type Config, loadConfig } from './config.ts'
import { createWhole, dataFolder, finishFolder } from './data-folder.ts'
import { fault, type Refusal } from './diagnosis/faults.ts'
import { issueClient } from './enrollment.ts'
import { exchange, type ExchangeHouse } from './exchange.ts'
import { type Environment, houseOf, openEphemeralStore, openHouse } from './house.ts'
import { tally } from './https/metrics.ts'
import { correlations } from './identifiers.ts'
import { credentialsOf, makeDataFolder } from './initialise.ts'
import { issuedOf } from './issued.ts'
import { knownCertificates } from './known-certificates.ts'
import { type Endpoint } from './listener/bind.ts'
import { listen, type Listener, type Peer } from './listener.ts'
import { openLog, type RunningLog } from './log.ts'
import { Opening } from './opening.ts'
import type { Audit } from './respond.ts'
import { loopback, makeServerCredentials, namesOf } from './server-certificate.ts'
import { credentialsIn, stand, type Standing } from './standing.ts'

export interface ServerOptions {
  /** The data folder; made at the first start. Default `./data`. */
  readonly data?: string | undefined
  /** In memory, with an authority and one client of its own, and gone with the server. Default false. */
  readonly ephemeral?: boolean | undefined
  /** Address to listen on. Default from the settings: all. */
  readonly host?: string | undefined
  /** 0 for any. Default from the settings: 5696. */
  readonly port?: number | undefined
  /** Port of the HTTPS API, 0 for any. Default from the settings: none. */
  readonly httpsPort?: number | undefined
  /** Host names and addresses for the server certificate. Default: this machine's. */
  readonly hosts?: readonly string[] | undefined
  /** Where secrets and settings may come from. Default none. */
  readonly environment?: Environment | undefined
}

export interface RunningServer {
  readonly kmip: Endpoint
  /** The HTTPS API, if it is switched on. */
  readonly https?: Endpoint
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
  /** After certificates, keys or settings were changed: reads them anew at once, and not only within a second or two. */
  readonly reload: () => Promise<void>
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
  httpsPort,
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
    flags: { listen, https: { port: httpsPort }, ...(isQuiet ? { log: { level: 'warn' } } : {}) },
  })
}

function startKept(options: ServerOptions): Promise<RunningServer> {
  const { data = 'data', environment = {}, hosts } = options
  const folder = dataFolder(resolve(data))
  const opening = new Opening()
  return opening.orClose(async () => {
    opening.with(await lockFolder(folder.path), lock => lock.release())
    const now = new Date()
    const isNew = await makeDataFolder({ data, hosts }, now)
    const config = await configOf(options)
    const log = opening.with(await openLog(config.log), log => log.close())
    const opened = await openHouse(config, environment, { isNew, isServer: true })
    opening.with(opened.store, store => store.close())
    await raised(opened.store, log)
    const server = await credentialsOf(opened, hosts, now)
    await finishFolder(folder)
    const { store, authorities, policy, trusts, issued, readTrusts } = opened
    const findings = { config, authorities, policy, trust: trusts.trust, server }
    const sources = { folder, issued, readTrusts, readConfig: () => configOf(options), log }
    const standing = opening.with(stand(store, findings, sources), each => each.close())
    const endpoints = await serve({ config, store, standing, log }, opening)
    return {
      ...endpoints,
      data: folder.path,
      ca: folder.caCertificate,
      hosts: namesOf(server.leaf),
      isNew,
      reopenLog: log.reopen,
      reload: () => standing.reload(),
      close: () => opening.close(),
    }
  })
}

/** A full disk must not keep a server from handing out keys: the store is raised by its first commit, then. */
async function raised(store: Store, log: RunningLog): Promise<void> {
  try {
    await store.raise()
  } catch (error) {
    if (!(error instanceof StoreError && (error.code === 'full' || error.code === 'io'))) throw error
    log.warn({ error }, 'the store stays of its older format until it can be written')
  }
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
    const { policy } = config
    const hosts = options.hosts ?? loopback
    const authorities = { signing: authority }
    const server = await makeServerCredentials(authorities, issuedOf(store), hosts, config.tls.serverKey, now)
    const standing = stand(store, { config, authorities, server, trust: [], policy })
    const asked = { name: ephemeralClient, administrator: config.https.port !== undefined }
    const client = await issueClient(asked, 'P-256', standing.current.office, now)
    const files = { ca: join(data, 'ca.pem'), cert: join(data, 'client.pem'), key: join(data, 'client.key') }
    await createWhole(files.ca, authority.chain.join(''), 0o644)
    await createWhole(files.cert, client.certificate.pem, 0o644)
    await createWhole(files.key, client.key)
    const endpoints = await serve({ config, store, standing, log }, opening)
    return {
      ...endpoints,
      data,
      ca: files.ca,
      hosts,
      isNew: true,
      client: { name: ephemeralClient, cert: files.cert, key: files.key },
      reopenLog: log.reopen,
      reload: () => standing.reload(),
      close: () => opening.close(),
    }
  })
}

interface Parts {
  readonly config: Config
  readonly store: Store
  readonly standing: Standing
  readonly log: RunningLog
}

/** Listens, on the HTTPS port too if there is to be one. */
async function serve({ config, store, standing, log }: Parts, opening: Opening): Promise<Endpoints> {
  const { clients } = standing
  const base = houseOf(store, config.limits)
  const newCorrelation = correlations(base.random)
  const known = knownCertificates<Certificate>(({ der }) => der)
  const operations = tally()
  const house: ExchangeHouse<ClientSession> = {
    ...base,
    newCorrelation,
    confirm: session => clients.confirm(session, base.now()),
    audit(session, correlation, audit) {
      operations.count(String(audit.response.operation), String(audit.response.resultStatus))
      tell(log, session, correlation, audit)
    },
  }

  async function admit({
    certificate,
    fingerprint,
    chainError,
    issuers,
    resumed,
  }: Peer): Promise<ClientSession | Refusal> {
    try {
      const client = known(fingerprint, () => readCertificate(certificate))
      const isVouched = chainError === undefined
      const offered = () => (resumed ? undefined : issuers().map(each => readCertificate(each)))
      return await clients.admit(client, isVouched, base.now(), offered)
    } catch (error) {
      if (!(error instanceof CertsError)) throw error
      return fault('unreadable', 'client', { words: error.message })
    }
  }

  const listener = await listen<ClientSession>({
    host: config.listen.host,
    port: config.listen.port,
    ...credentialsIn(standing.current),
    clientUsage: config.tls.clientUsage,
    limits: config.limits,
    admit,
    exchange: (message, session, isGone) => exchange(message, session, house, isGone),
    log,
  })
  opening.with(listener, each => each.close())
  const kmip = { host: listener.host, port: listener.port }
  heedCredentials(standing, listener)
  if (config.https.port === undefined) return { kmip }
  const { startHttps } = await import('./https.ts')
  const connections = (): number => listener.connections
  const https = await startHttps({ config, store, standing, kmip, admit, connections, operations, newCorrelation, log })
  opening.with(https, each => each.close())
  heedCredentials(standing, https)
  return { kmip, https: { host: https.host, port: https.port } }
}

type Endpoints = Pick<RunningServer, 'kmip' | 'https'>

/** Gives new connections the certificate that the server has by then. */
function heedCredentials(standing: Standing, { replaceCredentials }: Pick<Listener, 'replaceCredentials'>): void {
  let shown = credentialsIn(standing.current)
  standing.subscribe(held => {
    const wanted = credentialsIn(held)
    // A new context costs all clients a full handshake or a ticket.
    if (!isDeepStrictEqual(wanted, shown)) replaceCredentials(wanted)
    shown = wanted
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
