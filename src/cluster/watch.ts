/**
 * What the cluster looks at by itself, every minute: the certificates of its key servers, whether each key server of a
 * provider can be used, and whether it has the keys in use. What is wrong is raised as a fault, and resolves when it is
 * right again; a key that is absent is brought.
 *
 * @module
 */
import { CertsError, readCertificate, readCertificates } from '../../certs/index.ts'
import type { Context } from './context.ts'
import { KeyServerError } from './diagnosis.ts'
import { unlockLimit } from './drives.ts'
import { aboutDrive, aboutServer, aboutProvider, raise, raiseServerFault, resolve, resolveOrphans } from './faults.ts'
import type { Frozen, KeyServer } from './shapes.ts'
import { bringInStep, serversOf, sweep } from './vault.ts'

const watchMs = 60_000

export function watch(context: Context): void {
  context.work.start('watch', async () => {
    for (;;) {
      await checkCertificates(context)
      await checkServers(context)
      await checkDrives(context)
      await resolveOrphans(context)
      await clearDue(context)
      sweep(context)
      await context.work.pause(watchMs)
    }
  })
}

const warningDays = 30
const dayMs = 86_400_000

const certificateKinds = [
  ['client certificate', 'kmipClientCertificate'],
  ['root CA certificate', 'kmipCaCertificate'],
] as const

export async function checkCertificates(context: Context): Promise<void> {
  for (const server of context.memory.state.servers) {
    const about = aboutServer(server.keyServerID)
    const details = complaintsOf(server, context.now()).join(' ')
    if (details === '') await resolve(context, 'kmipCertificateFault', about)
    else await raise(context, { code: 'kmipCertificateFault', about, details })
  }
}

function complaintsOf(server: Frozen<KeyServer>, now: number): string[] {
  const name = `key server "${server.kmipKeyServerName}" (${server.keyServerID})`
  return certificateKinds.flatMap(([words, field]) => {
    try {
      const all = field === 'kmipCaCertificate' ? readCertificates(server[field]) : [readCertificate(server[field])]
      return all.flatMap(({ subject, notAfter }) => {
        const days = Math.floor((notAfter.getTime() - now) / dayMs)
        if (days >= warningDays) return []
        const end = days < 0 ? 'has expired' : `expires in ${days} days, on ${notAfter.toISOString().slice(0, 10)}`
        return [`The ${words} "${subject.text}" of ${name} ${end}.`]
      })
    } catch (error) {
      if (error instanceof CertsError) return [`The ${words} of ${name} is in error: ${error.message}.`]
      throw error
    }
  })
}

/** Each server of a provider with keys in use. */
async function checkServers(context: Context): Promise<void> {
  const { memory } = context
  for (const { keyServerID } of memory.state.servers) {
    const { servers, keys } = memory.state
    const server = servers.find(each => each.keyServerID === keyServerID)
    const { keyProviderID = null } = server ?? {}
    const isUsed = keys.some(key => key.status === 'inUse' && key.keyProviderID === keyProviderID)
    if (server !== undefined && keyProviderID !== null && isUsed) await checkServer(context, server, keyProviderID)
    else await resolve(context, 'kmipServerFault', aboutServer(keyServerID))
  }
  for (const { keyProviderID } of memory.state.providers)
    if (serversOf(memory.state, keyProviderID).length > 0)
      await resolve(context, 'kmipServerFault', aboutProvider(keyProviderID))
}

async function checkServer(context: Context, server: Frozen<KeyServer>, keyProviderID: number): Promise<void> {
  const about = aboutServer(server.keyServerID)
  const others = serversOf(context.memory.state, keyProviderID).filter(each => each !== server)
  try {
    await bringInStep(context, server, keyProviderID, others)
    await resolve(context, 'kmipServerFault', about)
  } catch (error) {
    if (!(error instanceof KeyServerError)) throw error
    await raiseServerFault(context, about, error)
  }
}

/** Drives that no key opens any longer. */
export async function checkDrives(context: Context): Promise<void> {
  for (const { driveID, nodeID, medium } of context.memory.state.drives)
    if (medium.kind === 'lost')
      await raise(context, {
        code: 'driveFailed',
        about: aboutDrive(driveID),
        details: `Drive ${driveID} is locked and the authentication key cannot be acquired: it was tried with ${unlockLimit} wrong keys, and its data is lost. Take it away (RemoveDrives).`,
        driveIDs: [driveID],
        nodeID,
      })
}

/** Some faults clear a while after what they were about was put right. */
export async function clearDue(context: Context): Promise<void> {
  const { memory, now } = context
  for (const { code, driveIDs, clears, resolvedDate } of memory.state.faults)
    if (resolvedDate === '' && clears !== undefined && Date.parse(clears) <= now())
      await resolve(context, code, aboutDrive(driveIDs[0] ?? 0))
}

/** After a metadata drive was added again: 3 to 4 minutes. */
const healMs = 210_000

/** The slice service of an added drive becomes healthy after a while. */
export async function heal(context: Context, driveID: number): Promise<void> {
  const { memory, work, now } = context
  const about = aboutDrive(driveID)
  if (!memory.state.faults.some(each => each.about === about && each.resolvedDate === '')) return
  const clears = new Date(now() + work.ms(healMs)).toISOString()
  await memory.change(({ faults, drives }) => {
    // It may have failed again meanwhile.
    if (!drives.some(each => each.driveID === driveID && each.status === 'active')) return
    for (const each of faults) if (each.about === about && each.resolvedDate === '') each.clears = clears
  })
  work.start(`heal ${about}`, () => waitUntilClear(context, about))
}

async function waitUntilClear(context: Context, about: string): Promise<void> {
  const { memory, work } = context
  while (
    memory.state.faults.some(each => each.about === about && each.resolvedDate === '' && each.clears !== undefined)
  ) {
    await work.pause(healMs / 20)
    await clearDue(context)
  }
}
