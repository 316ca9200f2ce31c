/**
 * A new master key for software encryption at rest, in steps that survive a crash between any two commits.
 *
 * | step | what is safe when it is over |
 * |---|---|
 * | Ready | that it was asked for |
 * | CreateNewMasterKey | the new key, on every server that can be reached, read back |
 * | RewrapDataEncryptionKeys | every data key under the new key; each was under the old one until its commit |
 * | DecommissionOldMasterKey | that nothing needs the old key: only then it is destroyed |
 *
 * Without a new key it is rolled back; from then on it only goes forward.
 *
 * @module
 */
import { backOff, type Context } from './context.ts'
import { KeyServerError } from './diagnosis.ts'
import { unwrap, wrap } from './drives.ts'
import { ElementError, notPermitted } from './failure.ts'
import { begin, update } from './results.ts'
import type { ClusterKey, ClusterState, Frozen, KeySource, Rekey, RekeyStep } from './shapes.ts'
import { createKey, fetchKey, forget, keyOf, leave, sweep, sweepOnce } from './vault.ts'

const resultType = 'RekeySoftwareEncryptionAtRestMasterKey'

/** Between two steps, and between two data keys, so that whoever polls sees it happen. */
const stepMs = 1_000
const keyMs = 100

/** Tries to make the new key. */
const attempts = 4

/** @returns the handle */
export async function rekey(context: Context, source: KeySource): Promise<number> {
  const asyncHandle = await context.memory.change(draft => {
    if (draft.software.state !== 'enabled') throw notPermitted('software encryption at rest is not enabled')
    if (draft.software.rekey !== undefined)
      throw notPermitted(`a rekey operation is under way: asyncHandle=${draft.software.rekey.asyncHandle}`)
    const handle = begin(context, draft, resultType)
    const oldKeyID = draft.software.keyID
    const old = sourceOf(keyOf(draft, oldKeyID))
    draft.software.rekey = { asyncHandle: handle, state: 'Ready', oldKeyID, newKeyID: '', old, source: { ...source } }
    draft.software.rekeyAsyncID = handle
    note(context, draft)
    return handle
  })
  resumeRekey(context)
  return asyncHandle
}

export function resumeRekey(context: Context): void {
  if (context.memory.state.software.rekey !== undefined) context.work.start('rekey', () => goOn(context))
}

async function goOn(context: Context): Promise<void> {
  const { memory, work } = context
  for (;;) {
    const { rekey: current } = memory.state.software
    if (current === undefined) return
    await work.pause(stepMs)
    await steps[current.state](context, current)
  }
}

const steps: Readonly<Record<RekeyStep, (context: Context, current: Frozen<Rekey>) => Promise<void>>> = {
  Ready: context => advance(context, 'CreateNewMasterKey'),

  async CreateNewMasterKey(context, { source }) {
    for (let attempt = 0; ; attempt++)
      try {
        const key = await createKey(context, 'master', source, (draft, newKeyID) => {
          if (draft.software.rekey === undefined) return
          draft.software.rekey.newKeyID = newKeyID
          draft.software.rekey.state = 'RewrapDataEncryptionKeys'
          note(context, draft)
        })
        key.fill(0)
        return
      } catch (error) {
        if (!(error instanceof KeyServerError || error instanceof ElementError)) throw error
        if (attempt + 1 >= attempts || error instanceof ElementError) return rollBack(context, error)
        await context.work.pause(backOff(attempt))
      }
  },

  async RewrapDataEncryptionKeys(context, { oldKeyID, newKeyID }) {
    const { memory, work } = context
    const [oldKey, newKey] = [await patiently(context, oldKeyID), await patiently(context, newKeyID)]
    for (const { driveID, dataKey } of memory.state.drives) {
      if (dataKey.keyID !== oldKeyID) continue
      const secret = unwrap(oldKey, dataKey.wrapped)
      if (secret === undefined) throw new Error(`the data key of drive ${driveID} does not open under its master key`)
      const wrapped = wrap(newKey, secret)
      secret.fill(0)
      await memory.change(({ drives }) => {
        for (const each of drives) if (each.driveID === driveID) each.dataKey = { keyID: newKeyID, wrapped }
      })
      await work.pause(keyMs)
    }
    oldKey.fill(0)
    newKey.fill(0)
    await advance(context, 'DecommissionOldMasterKey')
  },

  async DecommissionOldMasterKey(context, { oldKeyID, newKeyID, asyncHandle }) {
    const { memory, log } = context
    const view = viewOf(memory.state)
    await memory.change(draft => {
      // A drive that joined meanwhile is under the old key still: once more, then.
      if (draft.drives.some(({ dataKey }) => dataKey.keyID === oldKeyID)) {
        if (draft.software.rekey !== undefined) draft.software.rekey.state = 'RewrapDataEncryptionKeys'
        return
      }
      draft.software.keyID = newKeyID
      leave(draft, oldKeyID)
    })
    if (memory.state.software.rekey?.state !== 'DecommissionOldMasterKey') return
    forget(context, oldKeyID)
    const left = (await sweepOnce(context)).get(oldKeyID)
    if (left !== undefined) log.warn({ message: left.message }, 'cluster: the old master key is not destroyed yet')
    await memory.change(draft => {
      delete draft.software.rekey
      update(context, draft, asyncHandle, {
        status: 'complete',
        result: { ...view, state: 'Ready' },
        ...(left === undefined
          ? { details: undefined }
          : { details: { message: `the old key is not destroyed yet; that goes on: ${left.message}` } }),
      })
    })
    sweep(context)
  },
}

/** Nothing was rewrapped, and nothing is lost. */
const rollBack = (context: Context, error: Error): Promise<void> =>
  context.memory.change(draft => {
    const { rekey: current } = draft.software
    if (current === undefined) return
    delete draft.software.rekey
    const name = error instanceof ElementError ? error.errorName : 'xKmipServerError'
    update(context, draft, current.asyncHandle, { status: 'complete', error: { name, message: error.message } })
  })

const advance = (context: Context, state: RekeyStep): Promise<void> =>
  context.memory.change(draft => {
    if (draft.software.rekey === undefined) return
    draft.software.rekey.state = state
    note(context, draft)
  })

async function patiently(context: Context, keyID: string): Promise<Buffer> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await fetchKey(context, keyID)
    } catch (error) {
      if (!(error instanceof KeyServerError)) throw error
    }
    await context.work.pause(backOff(attempt))
  }
}

/** What GetAsyncResult tells while it goes on. */
function note(context: Context, draft: ClusterState): void {
  const { rekey: current } = draft.software
  if (current !== undefined) update(context, draft, current.asyncHandle, { details: viewOf(draft) })
}

/** Element's SearRekeyMasterKeyInfo. */
function viewOf(state: Frozen<ClusterState>): Record<string, unknown> | undefined {
  const { rekey: current } = state.software
  if (current === undefined) return undefined
  const { oldKeyID, newKeyID, old, source } = current
  return {
    keyToDecommission: shown({ ...old, keyID: oldKeyID }),
    newKey: shown({ ...source, ...(newKeyID === '' ? {} : { keyID: newKeyID }) }),
    operation: `Rekeying Master Key. Master Key management being transferred from ${words(old)} to ${words(source)}`,
    state: current.state,
  }
}

const sourceOf = ({ keyManagementType, keyProviderID }: Frozen<ClusterKey>): KeySource =>
  keyManagementType === 'External' && keyProviderID !== undefined
    ? { keyManagementType, keyProviderID }
    : { keyManagementType: 'Internal' }

/** Where a new master key comes from, unless that is said: from where the present one did. */
export const presentSource = (state: Frozen<ClusterState>): KeySource => sourceOf(keyOf(state, state.software.keyID))

interface Managed {
  readonly keyID?: string | undefined
  readonly keyManagementType: string
  readonly keyProviderID?: number | undefined
}

const shown = ({ keyID, keyManagementType, keyProviderID }: Managed): Record<string, unknown> => ({
  ...(keyID === undefined ? {} : { keyID }),
  keyManagementType,
  ...(keyProviderID === undefined ? {} : { keyProviderID }),
})

const words = ({ keyManagementType, keyProviderID }: Managed): string =>
  keyProviderID === undefined
    ? `${keyManagementType} Key Management`
    : `${keyManagementType} Key Management with keyProviderID=${keyProviderID}`
