/**
 * HTTPS: enrollment, certificates for tasks, and the state of the server. Loaded only if it is switched on.
 *
 * A thin room: what is decided is decided in src/enrollments, src/tasks and src/tokens, which know nothing of HTTP.
 *
 * @module
 */
import { versions } from '../protocol/index.ts'
import type { Store } from '../store/index.ts'
import { release } from './release.ts'
import type { ClientSession } from './clients.ts'
import type { Config } from './config.ts'
import type { Refusal } from './diagnosis/faults.ts'
import type { Office } from './enrollment.ts'
import { enrollmentsOf } from './enrollments.ts'
import type { Tally } from './https/metrics.ts'
import type { Route } from './https/route.ts'
import { authorityRoutes } from './https/routes/authority.ts'
import { enrollmentRoutes } from './https/routes/enrollments.ts'
import { type ServerFacts, serverRoutes } from './https/routes/server.ts'
import { taskRoutes } from './https/routes/tasks.ts'
import { type RunningApi, serveApi } from './https/serve.ts'
import type { Peer } from './listener/peer.ts'
import type { Endpoint } from './listener/bind.ts'
import type { Log } from './log.ts'
import { publications } from './revocation.ts'
import { namesOf } from './server-certificate.ts'
import { credentialsIn, type Held, type Standing } from './standing.ts'
import { tasksOf } from './tasks.ts'
import { tokensOf } from './tokens.ts'

export type { RunningApi } from './https/serve.ts'

export interface HttpsOptions {
  readonly config: Pick<Config, 'https' | 'listen' | 'tls' | 'limits'>
  readonly store: Store
  readonly standing: Standing
  /** Where KMIP is spoken. */
  readonly kmip: Endpoint
  readonly admit: (peer: Peer) => Promise<ClientSession | Refusal>
  /** KMIP clients that are connected. */
  readonly connections: () => number
  readonly operations: Tally
  readonly newCorrelation: () => string
  readonly log: Log
  /** Milliseconds since 1970. Default the system's clock. */
  readonly now?: () => number
}

/** Starts HTTPS as the settings say. @throws ListenError */
export function startHttps(options: HttpsOptions): Promise<RunningApi> {
  const { config, store, standing, kmip, admit, newCorrelation, log, now = Date.now } = options
  const { https, listen, tls, limits } = config
  const office = (): Office => standing.current.office
  const tokens = tokensOf(store)
  const enrollments = enrollmentsOf({ store, tokens, office, now })
  const tasks = tasksOf({ store, tokens, office, now })
  const version = release()
  const routes: Route[] = [
    ...enrollmentRoutes(enrollments),
    ...taskRoutes(tasks),
    ...authorityRoutes(publications({ store, authorities: () => standing.current.authorities, now })),
    ...serverRoutes({
      facts: () => factsOf(standing.current, kmip, version),
      measures: async () => ({
        version,
        connections: options.connections(),
        operations: options.operations.entries(),
        expiries: await standing.expiries(),
        pendingEnrollments: await enrollments.pending(),
      }),
      checkReady: async () => {
        await enrollments.pending()
      },
      all: () => routes,
    }),
  ]
  return serveApi({
    host: https.host ?? listen.host,
    port: https.port ?? 0,
    credentials: credentialsIn(standing.current),
    routes,
    limits,
    tokens,
    admit,
    clientUsage: tls.clientUsage,
    anonymousPerMinute: https.anonymousPerMinute,
    failuresPerMinute: https.failuresPerMinute,
    newCorrelation,
    log,
    now,
  })
}

function factsOf({ server, authorities }: Held, { host, port }: Endpoint, version: string): ServerFacts {
  const { subject, fingerprint, notAfter } = authorities.signing.certificate
  return {
    version,
    kmip: { host, port, versions: [...versions], names: namesOf(server.leaf) },
    ca: { subject: subject.text, fingerprint, notAfter: notAfter.toISOString() },
  }
}
