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
import { aboutDrive, aboutServer, raise, raiseServerFault, resolve } from './faults.ts'
import type { Frozen, KeyServer } from './shapes.ts'
import { bringInStep, serversOf, sweep } from './vault.ts'

const watchMs = 60_000

export function watch(context: Context): void {
  context.work.start('watch', async () => {
    for (;;) {
      await checkCertificates(context)
      await checkServers(context)
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
  const { state } = context.memory
  const used = new Set(state.keys.flatMap(({ status, keyProviderID }) => (status === 'inUse' ? [keyProviderID] : [])))
  for (const server of state.servers)
    if (server.keyProviderID !== null && used.has(server.keyProviderID))
      await checkServer(context, server, server.keyProviderID)
    else await resolve(context, 'kmipServerFault', aboutServer(server.keyServerID))
}

export async function checkServer(context: Context, server: Frozen<KeyServer>, keyProviderID: number): Promise<void> {
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
  await memory.change(({ faults }) => {
    for (const each of faults) if (each.about === about && each.resolvedDate === '') each.clears = clears
  })
  work.start(`heal ${about}`, () => waitUntilClear(context, about))
}

async function waitUntilClear(context: Context, about: string): Promise<void> {
  const { memory, work } = context
  while (memory.state.faults.some(each => each.about === about && each.resolvedDate === '')) {
    await work.pause(healMs / 20)
    await clearDue(context)
  }
}
