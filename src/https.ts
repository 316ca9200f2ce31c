/**
 * HTTPS: enrollment, certificates for tasks, and the state of the server. Loaded only if it is switched on.
 *
 * A thin room: what is decided is decided in src/enrollments, src/tasks and src/tokens, which know nothing of HTTP.
 *
 * @module
 */
import type { Store } from '../store/index.ts'
import type { ClientSession } from './clients.ts'
import type { Config } from './config.ts'
import type { Refusal } from './diagnosis/faults.ts'
import type { Office } from './enrollment.ts'
import { enrollmentsOf } from './enrollments.ts'
import type { Expiry, Tally } from './https/metrics.ts'
import type { Route } from './https/route.ts'
import { authorityRoutes, type Publisher } from './https/routes/authority.ts'
import { enrollmentRoutes } from './https/routes/enrollments.ts'
import { type ServerFacts, serverRoutes } from './https/routes/server.ts'
import { taskRoutes } from './https/routes/tasks.ts'
import { type RunningApi, serveApi } from './https/serve.ts'
import type { Peer } from './listener/peer.ts'
import type { Credentials } from './listener/secure-context.ts'
import type { Log } from './log.ts'
import { tasksOf } from './tasks.ts'
import { tokensOf } from './tokens.ts'

export type { RunningApi } from './https/serve.ts'

export interface HttpsOptions {
  readonly config: Pick<Config, 'https' | 'listen' | 'tls' | 'limits'>
  readonly store: Store
  readonly credentials: Credentials
  /** The one that issues now. */
  readonly office: () => Office
  readonly admit: (peer: Peer) => Promise<ClientSession | Refusal>
  readonly publisher: Publisher
  readonly facts: () => ServerFacts
  /** KMIP clients that are connected. */
  readonly connections: () => number
  readonly operations: Tally
  readonly expiries: (now: number) => Promise<readonly Expiry[]>
  readonly newCorrelation: () => string
  readonly log: Log
  readonly now: () => number
}

/** Starts HTTPS as the settings say. @throws ListenError */
export function startHttps(options: HttpsOptions): Promise<RunningApi> {
  const { config, store, credentials, office, admit, publisher, facts, newCorrelation, log, now } = options
  const { https, listen, tls, limits } = config
  const tokens = tokensOf(store)
  const enrollments = enrollmentsOf({ store, tokens, office, now })
  const tasks = tasksOf({ store, tokens, office, now })
  const routes: Route[] = [
    ...enrollmentRoutes(enrollments),
    ...taskRoutes(tasks),
    ...authorityRoutes(publisher),
    ...serverRoutes({
      facts,
      measures: async () => ({
        version: facts().version,
        connections: options.connections(),
        operations: options.operations.entries(),
        expiries: await options.expiries(now()),
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
    credentials,
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
