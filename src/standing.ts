/**
 * What a running server goes by and that may change while it runs: its authorities, its certificate, whom else it trusts,
 * and what it may issue.
 *
 * The files are looked at every second. All is read anew when one of them has changed, when somebody asks, and every hour:
 * then a certificate that is about to end is renewed, and open connections are judged again, since time alone changes
 * things. What cannot be read leaves in force what was.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Store } from '../store/index.ts'
import { type Authorities, issuersIn, openAuthorities, trustedChain } from './authorities.ts'
import { type Clients, clientsOf, type Hospitality } from './clients.ts'
import type { Config } from './config.ts'
import type { DataFolder } from './data-folder.ts'
import type { Office } from './enrollment.ts'
import { type Expiry, expiriesOf, expiryWarner } from './expiries.ts'
import type { Issued } from './issued.ts'
import type { Credentials } from './listener.ts'
import type { Log } from './log.ts'
import type { Policy } from './policy.ts'
import { namesOf, serverCredentials, type ServerCredentials } from './server-certificate.ts'
import { type Trust, trustsOf, verifiedPaths } from './trust.ts'
import { trustPaths, type TrustReader } from './trust/files.ts'

/** At one time; another object after every reading. */
export interface Held extends Hospitality {
  readonly authorities: Authorities
  readonly server: ServerCredentials
  /** Who issues to clients. */
  readonly office: Office
}

export interface Standing {
  /** As of now: not to be kept. */
  readonly current: Held
  readonly clients: Clients
  /** Calls back after each reading. */
  subscribe(heed: (held: Held) => void): void
  /** Everything that ends, the soonest first. */
  expiries(): Promise<Expiry[]>
  /** Reads everything anew. Never fails: what cannot be read is told in the log. */
  reload(): Promise<void>
  close(): Promise<void>
}

/** What was read. */
export interface Findings {
  readonly authorities: Authorities
  readonly server: ServerCredentials
  readonly trust: readonly Trust[]
  readonly policy: Policy
}

/** Where it is read from. */
export interface Sources {
  readonly folder: DataFolder
  readonly issued: Issued
  readonly readTrusts: TrustReader
  readonly readConfig: () => Promise<Config>
  readonly log: Log
  /** Milliseconds since 1970. Default the system's clock. */
  readonly now?: () => number
}

/** @param sources absent, nothing ever changes: of a server without a folder */
export function stand(store: Store, start: Findings & { readonly config: Config }, sources?: Sources): Standing {
  const verified = verifiedPaths()
  const heeding: ((held: Held) => void)[] = []
  const clients = clientsOf(store, () => current)
  let current = heldFrom(start)

  function heldFrom({ authorities, server, trust, policy }: Findings): Held {
    const office = { authority: authorities.signing, clients, policy }
    const hospitality = { trusts: trustsOf(trust, verified), clientName: policy.clientName }
    return { ...hospitality, ownIssuers: issuersIn(authorities), authorities, server, office }
  }

  function hold(findings: Findings): void {
    current = heldFrom(findings)
    for (const heed of heeding) heed(current)
  }

  const expiries = (): Promise<Expiry[]> => expiriesOf({ ...current, server: current.server.leaf, clients })

  const watching = sources && watch(sources, start.config, () => current, hold, expiries)
  return {
    clients,
    get current() {
      return current
    },
    subscribe: heed => void heeding.push(heed),
    expiries,
    reload: async () => watching?.reload(),
    close: async () => watching?.close(),
  }
}

/** What a listener shows and whom it trusts. */
export const credentialsIn = ({ server, authorities, trusts }: Held): Credentials => ({
  key: server.key,
  certificate: server.certificate,
  clientCa: [
    ...new Set([
      ...trustedChain(authorities),
      ...trusts.trust.flatMap(({ authority, above = [] }) => [authority, ...above].map(({ pem }) => pem)),
    ]),
  ],
})

const lookMs = 1000
const hourMs = 3_600_000

function watch(
  sources: Sources,
  start: Config,
  held: () => Held,
  hold: (findings: Findings) => void,
  expiries: () => Promise<Expiry[]>,
) {
  const { folder, log, readConfig, now = Date.now } = sources
  let config = start
  let seen: string | undefined
  let dueMs = now() + hourMs
  let reading = Promise.resolve()
  let isLooking = false
  const warn = expiryWarner(log)

  async function read(): Promise<void> {
    dueMs = now() + hourMs
    try {
      const wanted = await orBefore('kmipd.toml', readConfig, config, log)
      if (!isDeepStrictEqual(fixedIn(wanted), fixedIn(config)))
        log.warn({}, 'settings were changed that count at the next start only')
      config = wanted
      // Taken before the files are read: what changes meanwhile is read once more.
      seen = await stampOf(folder, config)
      const before = held()
      hold(await findingsFrom(sources, config, before, new Date(now())))
      tellChanges(before, held(), log)
      warn(await expiries(), now())
    } catch (error) {
      log.error({ error }, 'what changed in the data folder cannot be used; what held before goes on to hold')
    }
  }

  const reload = (): Promise<void> => (reading = reading.then(read))

  async function look(): Promise<void> {
    if (isLooking) return
    isLooking = true
    const stamp = await stampOf(folder, config)
    seen ??= stamp
    if (stamp !== seen || now() >= dueMs) await reload()
    isLooking = false
  }

  for (const reason of new Set(held().trusts.trust.flatMap(({ fault = [] }) => fault)))
    log.error({ reason }, 'a revocation list cannot be used')
  reading = expiries().then(
    found => warn(found, now()),
    (error: unknown) => log.error({ error }, 'what ends soon cannot be told'),
  )
  const timer = setInterval(() => void look(), lookMs).unref()
  void look()
  return {
    reload,
    close(): Promise<void> {
      clearInterval(timer)
      return reading
    },
  }
}

/** What a listener or the store was made with. */
const fixedIn = ({ listen, https, limits, store, log, tls: { clientUsage } }: Config): unknown => [
  ...[listen, https, limits, store, log, clientUsage],
]

/** Each part by itself: a server certificate that was put there by halves must not keep a revocation from being heeded. */
async function findingsFrom(
  { folder, issued, readTrusts, log }: Sources,
  config: Config,
  before: Held,
  now: Date,
): Promise<Findings> {
  const authorities = await orBefore(
    'the authorities',
    () => openAuthorities(folder, config.https.address),
    before.authorities,
    log,
  )
  // Whoever removes the certificate to have a new one made does not mean to remove its names.
  const hosts = existsSync(folder.serverCertificate) ? [] : namesOf(before.server.leaf)
  const wishes = { hosts, keyType: config.tls.serverKey }
  const server = await orBefore(
    'the server certificate',
    () => serverCredentials({ folder, authorities, issued }, wishes, now),
    before.server,
    log,
  )
  const nothingNew = { trust: before.trusts.trust, complaints: [] }
  const { trust, complaints } = await orBefore('[[tls.trust]]', () => readTrusts(config), nothingNew, log)
  for (const reason of complaints) log.error({ reason }, 'a revocation list cannot be used')
  return { authorities, server, trust, policy: config.policy }
}

async function orBefore<T>(what: string, read: () => Promise<T>, before: T, log: Log): Promise<T> {
  try {
    return await read()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    log.error({ reason }, `${what} cannot be used as it is now; what held before goes on to hold`)
    return before
  }
}

function tellChanges(before: Held, after: Held, log: Log): void {
  const { signing, previous } = after.authorities
  const fields = ({ subject, fingerprint, notAfter }: ServerCredentials['leaf']) => ({
    subject: subject.text,
    fingerprint,
    notAfter: notAfter.toISOString(),
  })
  if (signing.certificate.fingerprint !== before.authorities.signing.certificate.fingerprint)
    log.info(fields(signing.certificate), 'this authority signs from now on')
  if (before.authorities.previous !== undefined && previous === undefined)
    log.info(fields(before.authorities.previous.certificate), 'this authority is no longer trusted')
  if (after.server.leaf.fingerprint !== before.server.leaf.fingerprint)
    log.info(fields(after.server.leaf), 'the server has a new certificate')
}

/** Tells whether any file has changed; one that is not there counts as well. */
async function stampOf(folder: DataFolder, config: Config): Promise<string> {
  const { caCertificate, caKey, rootKey, previousCertificate, previousKey, crossCertificate } = folder
  const authorities = [caCertificate, caKey, rootKey, previousCertificate, previousKey, crossCertificate]
  const paths = [folder.config, ...authorities, folder.serverCertificate, folder.serverKey, ...trustPaths(config)]
  const stamps = paths.map(path =>
    stat(path).then(
      ({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`,
      () => 'absent',
    ),
  )
  return (await Promise.all(stamps)).join()
}
