/**
 * Cluster faults: raised once, told of until they resolve, and kept as resolved.
 *
 * @module
 */
import { type Context, isoTime } from './context.ts'
import { KeyServerError } from './diagnosis.ts'
import type { ClusterFault, ClusterState, FaultCode, Frozen } from './shapes.ts'

export interface Raised {
  readonly code: FaultCode
  /** What it is about; there is one current fault of a code about one thing. */
  readonly about: string
  readonly details: string
  readonly driveIDs?: readonly number[]
  readonly nodeID?: number
}

type Severity = 'warning' | 'error' | 'critical'

const kinds: Readonly<Record<FaultCode, readonly [severity: Severity, type: 'cluster' | 'drive' | 'service']>> = {
  kmipServerFault: ['error', 'cluster'],
  kmipCertificateFault: ['warning', 'cluster'],
  sliceServiceUnhealthy: ['error', 'service'],
  driveFailed: ['error', 'drive'],
  driveAvailable: ['warning', 'drive'],
}

/** Resolved faults beyond these are forgotten, the oldest first. */
const mostResolved = 200

const isCurrent = ({ resolvedDate }: Frozen<ClusterFault>): boolean => resolvedDate === ''

/** Raises a fault, or brings a current one up to date: it no longer clears by itself. About what is gone there is none. */
export async function raise(
  context: Context,
  { code, about, details, driveIDs = [], nodeID = 0 }: Raised,
): Promise<void> {
  const { memory, log } = context
  const isSame = (each: Frozen<ClusterFault>): boolean => isCurrent(each) && each.code === code && each.about === about
  const known = memory.state.faults.find(isSame)
  if (known?.details === details && known.driveIDs.join() === driveIDs.join() && known.clears === undefined) return
  const isNew = await memory.change(draft => {
    if (!isThere(draft, about)) return false
    const current = draft.faults.find(isSame)
    if (current !== undefined) {
      Object.assign(current, { details, driveIDs: [...driveIDs] })
      delete current.clears
      return false
    }
    draft.faults.push({
      clusterFaultID: ++draft.lastID.fault,
      code,
      about,
      details,
      date: isoTime(context),
      resolvedDate: '',
      driveIDs: [...driveIDs],
      nodeID,
    })
    const resolved = draft.faults.filter(each => !isCurrent(each))
    const old = new Set(resolved.slice(0, Math.max(0, resolved.length - mostResolved)))
    draft.faults = draft.faults.filter(each => !old.has(each))
    return true
  })
  if (isNew) log.warn({ fault: code, message: details }, 'cluster: fault')
}

/** Resolves what is current of a code about a thing, if anything is. */
export const resolve = (context: Context, code: FaultCode, about: string): Promise<void> =>
  resolveAll(context, each => each.code === code && each.about === about)

/** Resolves what is about a thing that is gone: nothing else would. */
export const resolveOrphans = (context: Context): Promise<void> =>
  resolveAll(context, ({ about }, state) => !isThere(state, about))

async function resolveAll(
  { memory, log, now }: Context,
  isMeant: (fault: Frozen<ClusterFault>, state: Frozen<ClusterState>) => boolean,
): Promise<void> {
  if (!memory.state.faults.some(each => isCurrent(each) && isMeant(each, memory.state))) return
  const resolved = await memory.change(draft => {
    const meant = draft.faults.filter(each => isCurrent(each) && isMeant(each, draft))
    for (const each of meant) each.resolvedDate = isoTime({ now })
    return meant
  })
  for (const { code } of resolved) log.info({ fault: code }, 'cluster: fault resolved')
}

export const aboutServer = (keyServerID: number): string => `keyServer ${keyServerID}`
export const aboutProvider = (keyProviderID: number): string => `keyProvider ${keyProviderID}`
export const aboutDrive = (driveID: number): string => `drive ${driveID}`
export const aboutNode = (nodeID: number): string => `node ${nodeID}`

/** Nodes stay; all else may have been taken away since somebody began to look at it. */
const isThere = ({ servers, providers, drives }: Frozen<ClusterState>, about: string): boolean =>
  about.startsWith('node ') ||
  servers.some(({ keyServerID }) => aboutServer(keyServerID) === about) ||
  providers.some(({ keyProviderID }) => aboutProvider(keyProviderID) === about) ||
  drives.some(({ driveID }) => aboutDrive(driveID) === about)

/** The three kinds that Element's documentation tells apart. */
const causes = {
  connection: 'connection failure',
  authentication: 'authentication failure',
  server: 'server error',
} as const

/** @throws what is no fault of a key server */
export async function raiseServerFault(context: Context, about: string, error: unknown): Promise<void> {
  if (!(error instanceof KeyServerError)) throw error
  await raise(context, { code: 'kmipServerFault', about, details: `KMIP ${causes[error.kind]}: ${error.message}` })
}

/** As ListClusterFaults shows it. */
export function faultView(fault: Frozen<ClusterFault>): Record<string, unknown> {
  const { clusterFaultID, code, details, date, resolvedDate, driveIDs, nodeID } = fault
  const [severity, type] = kinds[code]
  return {
    clusterFaultID,
    code,
    severity,
    type,
    details,
    date,
    resolved: resolvedDate !== '',
    resolvedDate,
    driveID: driveIDs[0] ?? 0,
    driveIDs,
    nodeID,
    nodeHardwareFaultID: 0,
    serviceID: 0,
    blocksUpgrade: severity !== 'warning',
    data: null,
  }
}
