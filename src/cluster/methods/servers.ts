/**
 * Key servers: made without being contacted, changed only if the change works, tested for real.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util'
import { isIP } from 'node:net'
import * as z from 'zod'
import { Query } from '../../../protocol/index.ts'
import type { Context } from '../context.ts'
import { noSuch, notPermitted } from '../failure.ts'
import { aboutServer, resolve, resolveOrphans } from '../faults.ts'
import { roundTrip } from '../key-objects.ts'
import { type Server, visit } from '../key-server.ts'
import { id, maybe, method } from '../method.ts'
import type { ClusterState, Frozen, KeyServer } from '../shapes.ts'
import { bringInStep, isActive, serversOf } from '../vault.ts'
import { checkCertificates } from '../watch.ts'

const label = '[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?'

/** RFC 1123 §2.1, with underscores, which some have; the last label is no number, since that is a wrong address. */
const hostName = new RegExp(`^(?=.{1,253}$)(?:${label}\\.)*(?!\\d+\\.?$)${label}\\.?$`)

const hostname = z
  .string()
  .refine(
    text => isIP(text) !== 0 || hostName.test(text),
    'a host name or an address is wanted, without a port: that is kmipKeyServerPort',
  )

const fields = {
  kmipCaCertificate: z.string().min(1, 'the PEM of one or more root certificates is wanted'),
  kmipClientCertificate: z.string().min(1, 'the PEM of the certificate of the cluster is wanted'),
  kmipKeyServerHostnames: z.array(hostname).min(1, 'one host name or more is wanted').max(16, 'there are too many'),
  kmipKeyServerName: z.string().min(1, 'a name is wanted').max(256, 'it is too long'),
  kmipKeyServerPort: z.int().min(1, 'a port from 1 to 65535 is wanted').max(65_535, 'a port from 1 to 65535 is wanted'),
}

const keyServerID = id

export function serverIn({ servers }: Frozen<ClusterState>, wanted: number): Frozen<KeyServer> {
  const server = servers.find(each => each.keyServerID === wanted)
  if (server === undefined) throw noSuch(`kmipKeyServers/${wanted}`)
  return server
}

const viewOf = (server: Frozen<KeyServer>, state: Frozen<ClusterState>): Record<string, unknown> => ({
  ...server,
  kmipAssignedProviderIsActive: server.keyProviderID === null ? null : isActive(state, server.keyProviderID),
})

/** Really connects: Discover Versions, Query, and a key's round trip. @throws KeyServerError */
export async function test(context: Context, server: Server): Promise<void> {
  await visit(server, context.caller(), async client => {
    await client.call(Query, { queryFunction: ['QueryOperations', 'QueryObjects', 'QueryServerInformation'] })
    await roundTrip(client, context.memory.state.name)
  })
}

/** Refuses what would leave keys in use without a server. */
function refuseLast(state: Frozen<ClusterState>, { keyServerID: own, keyProviderID }: Frozen<KeyServer>): void {
  if (keyProviderID === null || !isActive(state, keyProviderID)) return
  if (serversOf(state, keyProviderID).some(each => each.keyServerID !== own)) return
  throw notPermitted(
    `key server ${own} is the last one of key provider ${keyProviderID}, which is active: keys that it made are in use`,
  )
}

/** Between a test and the commit that rests on it a server may be changed by somebody else, or deleted. */
function refuseChanged(state: Frozen<ClusterState>, tested: Frozen<KeyServer>): void {
  if (!isDeepStrictEqual(serverIn(state, tested.keyServerID), tested))
    throw notPermitted(`key server ${tested.keyServerID} was changed while it was tested; try again`)
}

/** A server that can be added to a provider; undefined if it is the provider's already. */
function freeServerIn(
  state: Frozen<ClusterState>,
  wanted: number,
  keyProviderID: number,
): Frozen<KeyServer> | undefined {
  if (!state.providers.some(each => each.keyProviderID === keyProviderID))
    throw noSuch(`kmipKeyProviders/${keyProviderID}`)
  const server = serverIn(state, wanted)
  if (server.keyProviderID === keyProviderID) return undefined
  if (server.keyProviderID !== null)
    throw notPermitted(
      `key server ${wanted} is assigned to key provider ${server.keyProviderID}; RemoveKeyServerFromProviderKmip first`,
    )
  return server
}

export const serverMethods = [
  method(
    'CreateKeyServerKmip',
    { ...fields, kmipKeyServerPort: maybe(fields.kmipKeyServerPort) },
    async (context, { kmipKeyServerPort = 5696, ...params }) => {
      const server = await context.memory.change(draft => {
        const keyServerID = ++draft.lastID.server
        const made: KeyServer = { keyServerID, keyProviderID: null, ...params, kmipKeyServerPort }
        draft.servers.push(made)
        return made
      })
      await checkCertificates(context)
      return { kmipKeyServer: viewOf(server, context.memory.state) }
    },
  ),

  method(
    'ModifyKeyServerKmip',
    {
      keyServerID,
      kmipCaCertificate: maybe(fields.kmipCaCertificate),
      kmipClientCertificate: maybe(fields.kmipClientCertificate),
      kmipKeyServerHostnames: maybe(fields.kmipKeyServerHostnames),
      kmipKeyServerName: maybe(fields.kmipKeyServerName),
      kmipKeyServerPort: maybe(fields.kmipKeyServerPort),
    },
    async (context, { keyServerID: wanted, ...params }) => {
      const { memory, work } = context
      const server = serverIn(memory.state, wanted)
      const changes = Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined))
      if (Object.keys(changes).length > 0) {
        const changed: Frozen<KeyServer> = { ...server, ...changes }
        await test(context, changed)
        if (changed.keyProviderID !== null) await stepIn(context, changed, changed.keyProviderID)
        await memory.change(draft => {
          refuseChanged(draft, server)
          for (const each of draft.servers) if (each.keyServerID === wanted) Object.assign(each, changes)
        })
        await checkCertificates(context)
        work.nudge()
      }
      return { kmipKeyServer: viewOf(serverIn(memory.state, wanted), memory.state) }
    },
  ),

  method('DeleteKeyServerKmip', { keyServerID }, async (context, { keyServerID: wanted }) => {
    const { memory } = context
    refuseLast(memory.state, serverIn(memory.state, wanted))
    await memory.change(draft => {
      refuseLast(draft, serverIn(draft, wanted))
      draft.servers = draft.servers.filter(each => each.keyServerID !== wanted)
    })
    await resolveOrphans(context)
    return {}
  }),

  method('GetKeyServerKmip', { keyServerID }, ({ memory: { state } }, { keyServerID: wanted }) => ({
    kmipKeyServer: viewOf(serverIn(state, wanted), state),
  })),

  method(
    'ListKeyServersKmip',
    {
      keyProviderID: maybe(id),
      kmipAssignedProviderIsActive: maybe(z.boolean()),
      kmipHasProviderAssigned: maybe(z.boolean()),
    },
    ({ memory: { state } }, { keyProviderID, kmipAssignedProviderIsActive: active, kmipHasProviderAssigned: has }) => ({
      kmipKeyServers: state.servers
        .filter(each => keyProviderID === undefined || each.keyProviderID === keyProviderID)
        .filter(each => has === undefined || (each.keyProviderID !== null) === has)
        .filter(
          each =>
            active === undefined || (each.keyProviderID !== null && isActive(state, each.keyProviderID) === active),
        )
        .map(each => viewOf(each, state)),
    }),
  ),

  method('TestKeyServerKmip', { keyServerID }, async (context, { keyServerID: wanted }) => {
    await test(context, serverIn(context.memory.state, wanted))
    return {}
  }),

  method(
    'AddKeyServerToProviderKmip',
    { keyProviderID: id, keyServerID },
    async (context, { keyProviderID, keyServerID: wanted }) => {
      const { memory, work } = context
      const server = freeServerIn(memory.state, wanted, keyProviderID)
      if (server === undefined) return {}
      await test(context, server)
      await stepIn(context, server, keyProviderID)
      await memory.change(draft => {
        if (freeServerIn(draft, wanted, keyProviderID) === undefined) return
        refuseChanged(draft, server)
        for (const each of draft.servers) if (each.keyServerID === wanted) each.keyProviderID = keyProviderID
      })
      work.nudge()
      return {}
    },
  ),

  method('RemoveKeyServerFromProviderKmip', { keyServerID }, async (context, { keyServerID: wanted }) => {
    const { memory } = context
    const { keyProviderID } = serverIn(memory.state, wanted)
    if (keyProviderID === null) return {}
    await memory.change(draft => {
      refuseLast(draft, serverIn(draft, wanted))
      for (const each of draft.servers) if (each.keyServerID === wanted) each.keyProviderID = null
    })
    await resolve(context, 'kmipServerFault', aboutServer(wanted))
    return {}
  }),
]

async function stepIn(context: Context, server: Frozen<KeyServer>, keyProviderID: number): Promise<void> {
  const others = serversOf(context.memory.state, keyProviderID).filter(
    ({ keyServerID: other }) => other !== server.keyServerID,
  )
  await bringInStep(context, server, keyProviderID, others)
}
