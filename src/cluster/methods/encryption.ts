/**
 * Encryption at rest, of drives and of software.
 *
 * @module
 */
import * as z from 'zod'
import { invalid } from '../failure.ts'
import { disable, enable } from '../hardware.ts'
import { id, maybe, method, word } from '../method.ts'
import { presentSource, rekey } from '../rekey.ts'
import { takeResult } from '../results.ts'
import type { ClusterKey, ClusterState, Frozen, KeySource } from '../shapes.ts'
import { providerIn } from './providers.ts'

/** Element's EncryptionKeyInfo. */
function infoOf({ keys }: Frozen<ClusterState>, keyID: string | undefined): Record<string, unknown> | undefined {
  const key = keys.find((each: Frozen<ClusterKey>) => each.keyID === keyID)
  if (key === undefined) return undefined
  const { created, keyManagementType, keyProviderID } = key
  return {
    keyCreatedTime: created,
    keyID: key.keyID,
    keyManagementType,
    ...(keyProviderID === undefined ? {} : { keyProviderID }),
  }
}

const external = (state: Frozen<ClusterState>, keyProviderID: number): KeySource => {
  providerIn(state, keyProviderID)
  return { keyManagementType: 'External', keyProviderID }
}

function sourceOf(
  state: Frozen<ClusterState>,
  type: 'Internal' | 'External' | undefined,
  keyProviderID: number | undefined,
): KeySource {
  if (type === 'External') {
    if (keyProviderID === undefined) throw invalid('keyProviderID is required when keyManagementType is External')
    return external(state, keyProviderID)
  }
  if (keyProviderID !== undefined) throw invalid('keyProviderID is only valid when keyManagementType is External')
  return type === undefined ? presentSource(state) : { keyManagementType: type }
}

export const encryptionMethods = [
  method('EnableEncryptionAtRest', { keyProviderID: maybe(id) }, async (context, { keyProviderID }) => {
    const { state } = context.memory
    await enable(
      context,
      keyProviderID === undefined ? { keyManagementType: 'Internal' } : external(state, keyProviderID),
    )
    return {}
  }),

  method('DisableEncryptionAtRest', {}, async context => {
    await disable(context)
    return {}
  }),

  method('GetEncryptionAtRestInfo', {}, ({ memory: { state } }) => {
    const info = infoOf(state, state.hardware.keyID)
    return { state: state.hardware.state, ...(info === undefined ? {} : { authenticationKeyInfo: info }) }
  }),

  method('GetSoftwareEncryptionAtRestInfo', {}, ({ memory: { state } }) => {
    const { state: own, version, keyID, rekeyAsyncID } = state.software
    const info = infoOf(state, keyID)
    return {
      state: own,
      version,
      ...(info === undefined ? {} : { masterKeyInfo: info }),
      ...(rekeyAsyncID === undefined ? {} : { rekeyMasterKeyAsyncResultID: rekeyAsyncID }),
    }
  }),

  method(
    'RekeySoftwareEncryptionAtRestMasterKey',
    { keyManagementType: maybe(word('Internal', 'External')), keyProviderID: maybe(id) },
    async (context, { keyManagementType, keyProviderID }) => ({
      asyncHandle: await rekey(context, sourceOf(context.memory.state, keyManagementType, keyProviderID)),
    }),
  ),

  method(
    'GetAsyncResult',
    { asyncHandle: id, keepResult: maybe(z.boolean()) },
    (context, { asyncHandle, keepResult }) => takeResult(context, asyncHandle, keepResult ?? false),
  ),
]
