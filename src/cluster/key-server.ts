/**
 * A visit to a key server: its hosts in order, each with a time-out, until one answers.
 *
 * The first question is always Discover Versions: only its answer tells that the key server admits this client, since with
 * TLS 1.3 a server refuses a client certificate after the handshake has succeeded here.
 *
 * @module
 */
import { DiscoverVersions, isVersion, type Version, versions } from '../../protocol/index.ts'
import { type Client, connect, KmipError } from '../client.ts'
import { type Call, explain, KeyServerError, ownFault, wordsOf } from './diagnosis.ts'
import type { Frozen, KeyServer } from './shapes.ts'

/** What a visit needs beside the server. */
export interface Caller {
  /** PEM; there is none before CreatePublicPrivateKeyPair. */
  readonly key: string | undefined
  /** For a connection, and for each answer. */
  readonly timeoutMs: number
  /** Ends conversations. */
  readonly ended: AbortSignal
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export type Server = Pick<
  Frozen<KeyServer>,
  'kmipCaCertificate' | 'kmipClientCertificate' | 'kmipKeyServerHostnames' | 'kmipKeyServerPort' | 'kmipKeyServerName'
>

/**
 * What `use` throws of KMIP is told of the host that it happened with; the next host is tried only if there was no
 * conversation at all, so that nothing is asked for twice.
 *
 * @throws KeyServerError
 */
export async function visit<T>(server: Server, caller: Caller, use: (client: Client) => Promise<T>): Promise<T> {
  const { kmipKeyServerHostnames: hosts, kmipKeyServerPort: port } = server
  const { key, timeoutMs, now, ended } = caller
  if (key === undefined)
    throw new KeyServerError(
      'authentication',
      'the cluster has no key pair (on the cluster: CreatePublicPrivateKeyPair, and have the request signed)',
    )
  const identity = { ca: server.kmipCaCertificate, cert: server.kmipClientCertificate, key }
  const own = ownFault(identity, now())
  if (own !== undefined) throw new KeyServerError('authentication', wordsOf(own))
  const failures: KeyServerError[] = []
  for (const host of hosts) {
    const call: Call = { ...identity, host, port, timeoutMs }
    const client = await arrive(call).catch(async (error: unknown) => {
      failures.push(await explain(error, call, now()))
    })
    if (client === undefined) continue
    const hangUp = (): void => void client.close()
    ended.addEventListener('abort', hangUp)
    try {
      return await use(client)
    } catch (error) {
      throw at(server, host, await explain(error, call, now()), true)
    } finally {
      ended.removeEventListener('abort', hangUp)
      await client.close()
    }
  }
  const [first] = failures
  if (failures.length === 1 && first !== undefined) throw at(server, hosts[0], first)
  throw new KeyServerError(
    failures.find(({ kind }) => kind !== 'connection')?.kind ?? 'connection',
    `no host of key server "${server.kmipKeyServerName}" can be used: ${failures.map(({ message }, index) => `${hosts[index] ?? ''}: ${message}`).join('; ')}`,
  )
}

const at = (
  { kmipKeyServerName: name }: Server,
  host: string | undefined,
  { kind, message, isConflict }: KeyServerError,
  wasAsked = false,
) => new KeyServerError(kind, `key server "${name}" at ${host ?? 'no host'}: ${message}`, wasAsked, isConflict)

/** @throws ConnectionError, KmipError, or what the system or TLS complains of */
async function arrive(call: Call): Promise<Client> {
  const client = await connect(call)
  try {
    const { protocolVersion } = await client.call(DiscoverVersions, { protocolVersion: [] })
    const spoken = protocolVersion
      .map(({ protocolVersionMajor: major, protocolVersionMinor: minor }) => `${major}.${minor}`)
      .filter(isVersion)
    return client.at(versionFor(client.version, spoken))
  } catch (error) {
    // KMIP 1.0 has no such question; who says so admits us.
    if (error instanceof KmipError && error.reason === 'OperationNotSupported') return client.at(versions[0])
    await client.close()
    throw error
  }
}

/** The client's own, unless the server does not speak it; then the first that the server prefers. */
const versionFor = (own: Version, spoken: readonly Version[]): Version =>
  spoken.includes(own) ? own : (spoken[0] ?? own)
