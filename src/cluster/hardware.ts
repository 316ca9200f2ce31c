/**
 * Hardware encryption at rest: one authentication key for all drives, set and taken away one drive after another.
 *
 * The key is noted as the cluster's before the first drive gets it, and goes only after the last drive has given it up;
 * whichever was under way when the cluster ended goes on when it starts.
 *
 * @module
 */
import { backOff, type Context } from './context.ts'
import { KeyServerError } from './diagnosis.ts'
import { notPermitted } from './failure.ts'
import { createKey, fetchKey, keyOf, leave, sweep } from './vault.ts'
import type { Hardware, KeySource } from './shapes.ts'

/** Between two drives, so that whoever looks on sees it happen. */
const driveMs = 200

/** @throws ElementError or KeyServerError: then nothing has changed */
export async function enable(context: Context, source: KeySource): Promise<void> {
  const { memory } = context
  const { state, keyID } = memory.state.hardware
  if (state === 'enabled' || state === 'enabling') {
    const { keyProviderID } = keyID === undefined ? {} : keyOf(memory.state, keyID)
    const asked = source.keyManagementType === 'External' ? source.keyProviderID : undefined
    if (keyProviderID === asked) return
    throw notPermitted(
      `encryption at rest is ${state} with ${keyProviderID === undefined ? 'internal keys' : `keys of provider ${keyProviderID}`}; DisableEncryptionAtRest first`,
    )
  }
  if (state === 'disabling') throw notPermitted('encryption at rest is being disabled; wait until it is')
  const key = await createKey(context, 'authentication', source, (draft, newID) => {
    if (draft.hardware.state !== 'disabled')
      throw notPermitted(`encryption at rest is ${draft.hardware.state}: another request came first`)
    draft.hardware = { state: 'enabling', keyID: newID }
  })
  key.fill(0)
  resumeHardware(context)
}

/** Also while it is being enabled. @throws ElementError while a drive is locked */
export async function disable(context: Context): Promise<void> {
  const { memory, bay, work } = context
  await memory.change(({ hardware, drives }) => {
    if (hardware.state === 'disabled' || hardware.state === 'disabling') return
    const locked = drives.filter(drive => drive.medium.kind === 'sealed' && bay.isLocked(drive))
    if (locked.length > 0)
      throw notPermitted(
        `drives ${locked.map(({ driveID }) => driveID).join(', ')} are locked and cannot give up their key; see ListClusterFaults`,
      )
    hardware.state = 'disabling'
  })
  work.nudge()
  resumeHardware(context)
}

const steps: Readonly<Record<Hardware['state'], (context: Context) => Promise<void>>> = {
  disabled: async () => undefined,
  enabling: setAll,
  enabled: async () => undefined,
  disabling: clearAll,
}

/** Goes on with what is under way, if anything is: one thing at a time, so that no drive gets a key that others give up. */
export function resumeHardware(context: Context): void {
  context.work.start('hardware', () => steps[context.memory.state.hardware.state](context))
}

/** As long as nobody disables it meanwhile. */
async function setAll(context: Context): Promise<void> {
  const { memory, work } = context
  const { keyID } = memory.state.hardware
  const isMeant = (): boolean => memory.state.hardware.state === 'enabling'
  const key = keyID === undefined ? undefined : await patiently(context, () => fetchKey(context, keyID), isMeant)
  if (keyID === undefined || key === undefined) return
  // Drives come and go, and newcomers may have got it already.
  const nextOpen = () => memory.state.drives.find(({ medium }) => medium.kind === 'open')
  for (let drive = nextOpen(); drive !== undefined && isMeant(); drive = nextOpen()) {
    await context.bay.setKey(drive.driveID, keyID, key)
    await work.pause(driveMs)
  }
  key.fill(0)
  await memory.change(({ hardware }) => {
    if (hardware.state === 'enabling') hardware.state = 'enabled'
  })
}

async function clearAll(context: Context): Promise<void> {
  const { memory, bay, work } = context
  const { keyID } = memory.state.hardware
  for (let attempt = 0; !(await letGo(context, keyID)); attempt++) {
    const sealed = memory.state.drives.filter(({ medium }) => medium.kind === 'sealed')
    for (const drive of sealed)
      if (!bay.isLocked(drive)) {
        await bay.clearKey(drive.driveID)
        await work.pause(driveMs)
      }
    // After a restart they are locked until the boot has unlocked them.
    if (sealed.some(bay.isLocked)) await work.pause(backOff(attempt))
  }
  sweep(context)
}

/** In one commit: no drive has the key, and it may be destroyed. @returns whether that is so */
const letGo = ({ memory }: Context, keyID: string | undefined): Promise<boolean> =>
  memory.change(draft => {
    if (draft.drives.some(({ medium }) => medium.kind === 'sealed')) return false
    draft.hardware = { state: 'disabled' }
    if (keyID !== undefined) leave(draft, keyID)
    return true
  })

/** Until the key server answers, or nobody wants to know any longer. */
async function patiently<T>(context: Context, ask: () => Promise<T>, isMeant: () => boolean): Promise<T | undefined> {
  for (let attempt = 0; isMeant(); attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof KeyServerError)) throw error
    }
    if (isMeant()) await context.work.pause(backOff(attempt))
  }
  return undefined
}

/** A drive that joins gets the current key, if there is one. */
export async function keyForNewcomer(context: Context, driveID: number): Promise<void> {
  const { memory, bay } = context
  const { state, keyID } = memory.state.hardware
  const drive = memory.state.drives.find(each => each.driveID === driveID)
  if (keyID === undefined || state === 'disabling' || drive?.medium.kind !== 'open') return
  const key = await fetchKey(context, keyID)
  await bay.setKey(driveID, keyID, key).catch((error: unknown) => {
    // Encryption was disabled meanwhile: there is no key to have.
    if (memory.state.hardware.keyID === keyID) throw error
  })
  key.fill(0)
}
