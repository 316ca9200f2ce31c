/**
 * Key providers: who makes keys, through the servers assigned to it.
 *
 * @module
 */
import * as z from 'zod'
import { noSuch, notPermitted } from '../failure.ts'
import { resolveOrphans } from '../faults.ts'
import { id, maybe, method } from '../method.ts'
import type { ClusterState, Frozen, KeyProvider } from '../shapes.ts'
import { bringInStep, isActive, serversOf } from '../vault.ts'
import { test } from './servers.ts'

export function providerIn({ providers }: Frozen<ClusterState>, wanted: number): Frozen<KeyProvider> {
  const provider = providers.find(each => each.keyProviderID === wanted)
  if (provider === undefined) throw noSuch(`kmipKeyProviders/${wanted}`)
  return provider
}

const viewOf = ({ keyProviderID, keyProviderName }: Frozen<KeyProvider>, state: Frozen<ClusterState>) => ({
  keyProviderID,
  keyProviderName,
  keyProviderIsActive: isActive(state, keyProviderID),
  keyServerIDs: serversOf(state, keyProviderID).map(({ keyServerID }) => keyServerID),
  kmipCapabilities: 'SSL',
})

const keyProviderID = id

export const providerMethods = [
  method(
    'CreateKeyProviderKmip',
    { keyProviderName: z.string().min(1, 'a name is wanted').max(256, 'it is too long') },
    async ({ memory }, { keyProviderName }) => {
      const provider = await memory.change(draft => {
        const made: KeyProvider = { keyProviderID: ++draft.lastID.provider, keyProviderName }
        draft.providers.push(made)
        return made
      })
      return { kmipKeyProvider: viewOf(provider, memory.state) }
    },
  ),

  method('DeleteKeyProviderKmip', { keyProviderID }, async (context, { keyProviderID: wanted }) => {
    await context.memory.change(draft => {
      providerIn(draft, wanted)
      if (isActive(draft, wanted))
        throw notPermitted(`key provider ${wanted} is active: keys that it made are not all deleted yet`)
      draft.providers = draft.providers.filter(each => each.keyProviderID !== wanted)
      for (const server of draft.servers) if (server.keyProviderID === wanted) server.keyProviderID = null
    })
    await resolveOrphans(context)
    return {}
  }),

  method('GetKeyProviderKmip', { keyProviderID }, ({ memory: { state } }, { keyProviderID: wanted }) => ({
    kmipKeyProvider: viewOf(providerIn(state, wanted), state),
  })),

  method(
    'ListKeyProvidersKmip',
    { keyProviderIsActive: maybe(z.boolean()), kmipKeyProviderHasServerAssigned: maybe(z.boolean()) },
    ({ memory: { state } }, { keyProviderIsActive: active, kmipKeyProviderHasServerAssigned: has }) => ({
      kmipKeyProviders: state.providers
        .map(each => viewOf(each, state))
        .filter(each => active === undefined || each.keyProviderIsActive === active)
        .filter(each => has === undefined || each.keyServerIDs.length > 0 === has),
    }),
  ),

  method('TestKeyProviderKmip', { keyProviderID }, async (context, { keyProviderID: wanted }) => {
    const { state } = context.memory
    providerIn(state, wanted)
    const servers = serversOf(state, wanted)
    if (servers.length === 0)
      throw notPermitted(`key provider ${wanted} has no key server; AddKeyServerToProviderKmip adds one`)
    for (const server of servers) {
      await test(context, server)
      const others = servers.filter(each => each !== server)
      await bringInStep(context, server, wanted, others)
    }
    return {}
  }),
]
