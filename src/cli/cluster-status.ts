/**
 * `kmipd cluster status`, `power-cycle` and `call`.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Api } from '../cluster/api-client.ts'
import { screenOf } from './command.ts'
import type { ApiPlace, PowerCycleOptions } from './cluster-options.ts'
import { apiAt } from './cluster-place.ts'
import { CommandError } from './endings.ts'
import { printable, type Screen } from './screen.ts'
import { table } from './table.ts'

interface DriveRow {
  readonly driveID: number
  readonly nodeID: number
  readonly type: string
  readonly status: string
  readonly isLocked: boolean
  readonly isLost: boolean
  readonly failedUnlocks: number
  readonly keyID: string | null
  readonly keyProviderID: number | null
}

interface Drives {
  readonly unlockLimit: number
  readonly drives: readonly DriveRow[]
}

interface KeyRow {
  readonly keyID: string
  readonly purpose: string
  readonly keyManagementType: string
  readonly keyProviderID: number | null
  readonly status: string
  readonly created: string
}

interface ServerRow {
  readonly keyServerID: number
  readonly keyProviderID: number | null
  readonly kmipKeyServerName: string
  readonly kmipKeyServerHostnames: readonly string[]
  readonly kmipKeyServerPort: number
}

interface FaultRow {
  readonly code: string
  readonly severity: string
  readonly details: string
  readonly date: string
}

async function lookAt(api: Api) {
  const { clusterInfo } = await api.call<{
    readonly clusterInfo: {
      readonly name: string
      readonly encryptionAtRestState: string
      readonly softwareEncryptionAtRestState: string
    }
  }>('GetClusterInfo')
  const { drives, unlockLimit } = await api.call<Drives>('KmipdListDrives')
  const { keys } = await api.call<{ readonly keys: readonly KeyRow[] }>('KmipdListKeys')
  const { kmipKeyServers } = await api.call<{ readonly kmipKeyServers: readonly ServerRow[] }>('ListKeyServersKmip')
  const { faults } = await api.call<{ readonly faults: readonly FaultRow[] }>('ListClusterFaults', {
    faultTypes: 'current',
  })
  return { cluster: clusterInfo, drives, unlockLimit, keys, keyServers: kmipKeyServers, faults }
}

/** A drive that is lost is locked, too, but waits for nothing. */
const isWaiting = ({ isLocked, isLost }: DriveRow): boolean => isLocked && !isLost

type Look = Awaited<ReturnType<typeof lookAt>>

export async function status(options: ApiPlace, command: Command): Promise<void> {
  const screen = screenOf(command)
  const look = await lookAt(await apiAt(options))
  screen.show(look, () => report(look, screen))
}

function report({ cluster, drives, unlockLimit, keys, keyServers, faults }: Look, screen: Screen): string {
  const { bold, red, green, yellow } = screen.colours
  const locked = drives.filter(isWaiting).length
  const lost = drives.filter(({ isLost }) => isLost).length
  const locks =
    cluster.encryptionAtRestState === 'disabled'
      ? ''
      : locked + lost === 0
        ? green(', all drives unlocked')
        : red(`, ${locked} of ${drives.length} drives locked${lost === 0 ? '' : `, ${lost} lost`}`)
  return [
    screen.pairs([
      ['Cluster', bold(printable(cluster.name))],
      [
        'Encryption',
        `of drives ${cluster.encryptionAtRestState}${locks}; in software ${cluster.softwareEncryptionAtRestState}`,
      ],
    ]),
    '',
    table(
      screen,
      ['DRIVE', 'NODE', 'TYPE', 'STATUS', 'LOCK', 'KEY', 'WRONG KEYS'],
      drives.map(each => [
        String(each.driveID),
        String(each.nodeID),
        each.type === 'volume' ? 'metadata' : each.type,
        each.status === 'active' ? each.status : yellow(each.status),
        each.isLost ? red('lost') : each.isLocked ? red('locked') : each.keyID === null ? 'none' : green('unlocked'),
        each.keyID ?? '-',
        each.failedUnlocks === 0 ? '-' : red(`${each.failedUnlocks} of ${unlockLimit}`),
      ]),
      'no drives',
    ),
    '',
    table(
      screen,
      ['KEY', 'PURPOSE', 'KEPT BY', 'STATUS', 'CREATED'],
      keys.map(each => [
        each.keyID,
        each.purpose,
        each.keyProviderID === null ? 'the cluster' : `provider ${each.keyProviderID}`,
        each.status === 'inUse' ? 'in use' : yellow(each.status),
        each.created,
      ]),
      'no keys',
    ),
    '',
    table(
      screen,
      ['KEY SERVER', 'NAME', 'PROVIDER', 'HOSTS', 'PORT'],
      keyServers.map(each => [
        String(each.keyServerID),
        printable(each.kmipKeyServerName),
        each.keyProviderID === null ? '-' : String(each.keyProviderID),
        each.kmipKeyServerHostnames.join(', '),
        String(each.kmipKeyServerPort),
      ]),
      'no key servers; connect one: kmipd cluster enroll',
    ),
    '',
    faults.length === 0
      ? green('No faults.')
      : faults.map(({ code, details, date }) => `${red(code)} ${date}\n  ${printable(details)}`).join('\n'),
  ].join('\n')
}

const pollMs = 250

export async function powerCycle({ wait, ...place }: PowerCycleOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  const api = await apiAt(place)
  await api.call('KmipdPowerCycle')
  const began = performance.now()
  for (;;) {
    const { drives } = await api.call<Drives>('KmipdListDrives')
    const locked = drives.filter(isWaiting)
    const lost = drives.filter(({ isLost }) => isLost).length
    const seconds = (performance.now() - began) / 1000
    if (locked.length === 0) {
      const { green, red } = screen.colours
      screen.show(
        { drives: drives.length, locked: 0, lost, seconds },
        () =>
          green(`${drives.length - lost} drives are unlocked, after ${seconds.toFixed(1)} s`) +
          (lost === 0 ? '' : red(`; lost, after too many wrong keys: ${lost}`)),
      )
      return
    }
    if (seconds >= wait) {
      const { faults } = await api.call<{ readonly faults: readonly FaultRow[] }>('ListClusterFaults', {
        faultTypes: 'current',
      })
      const why = faults.find(({ code }) => code === 'kmipServerFault')?.details ?? 'kmipd cluster status tells more'
      throw new CommandError('refused', `${locked.length} of ${drives.length} drives are still locked: ${why}`)
    }
    await sleep(pollMs)
  }
}

export async function call(
  method: string,
  params: string | undefined,
  place: ApiPlace,
  command: Command,
): Promise<void> {
  let given: Record<string, unknown> = {}
  try {
    given = JSON.parse(params ?? '{}') as Record<string, unknown>
  } catch {
    throw new CommandError('usage', `the parameters are not JSON: ${JSON.stringify(params)}`)
  }
  const result = await (await apiAt(place)).call(method, given)
  screenOf(command).show(result, () => JSON.stringify(result, undefined, 2))
}
