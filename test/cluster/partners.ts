/**
 * A key server and a cluster, both real, and what stands between them.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectTcp, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { type ApiError, api } from '../../src/cluster/api-client.ts'
import { type ClusterOptions, type RunningCluster, startCluster } from '../../src/cluster.ts'
import { signClient } from '../../src/enrollment.ts'
import { type Client, connect, type RunningServer, startServer } from '../../src/index.ts'
import { executable } from '../cli/kmipd.ts'
import { enrolled, newFolder, removeFolder, within } from '../system/server-process.ts'
import { type MethodName, type ResultOf, results } from './shapes.ts'

export interface KeyServer {
  readonly data: string
  readonly port: number
  readonly ca: string
  /** Stops it, politely. */
  readonly stop: () => Promise<void>
  /** On the same folder and port. */
  readonly start: () => Promise<void>
  /** A certificate for a cluster's request. */
  readonly sign: (request: string, options?: SignOptions) => Promise<string>
  /** A client that sees the keys of a group. */
  readonly spy: (group?: string) => Promise<Client>
}

interface SignOptions {
  readonly group?: string | undefined
  readonly days?: number
}

/** Counts from where no other test file does. */
let nextPort = 10_000 + (process.pid % 1000) * 20

/** A port that is given to nobody else who asks for any: a server that was stopped finds it free when it comes back. */
async function lastingPort(): Promise<number> {
  for (;;) {
    const port = nextPort++
    const probe = createServer().listen(port, '127.0.0.1')
    const isFree = await once(probe, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    probe.close()
    await once(probe, 'close')
    return port
  }
}

/** Ends with the test. */
export async function keyServer(): Promise<KeyServer> {
  const data = await newFolder()
  let server: RunningServer | undefined
  const port = await lastingPort()
  const start = async (): Promise<void> => {
    server = await startServer({
      data,
      host: '127.0.0.1',
      port,
      hosts: ['localhost', '127.0.0.1'],
      environment: { KMIPD_LOG_LEVEL: 'error', KMIPD_LIMITS_DRAIN_MS: '100' },
    })
  }
  await start()
  const stop = async (): Promise<void> => {
    await server?.close()
    server = undefined
  }
  onTestFinished(async () => {
    await stop()
    await removeFolder(data)
  })
  const ca = readFileSync(`${data}/ca.pem`, 'utf8')
  return {
    data,
    port,
    ca,
    start,
    stop,
    sign: (request, asked) =>
      within(data, async opened => {
        const { certificate } = await signClient(request, { name: 'cluster', ...asked }, opened, new Date())
        return certificate.pem
      }),
    async spy(group = 'cluster') {
      const identity = await enrolled(data, 'spy', { group })
      const client = await connect({ host: '127.0.0.1', port, ca, ...identity })
      onTestFinished(() => client.close())
      return client
    },
  }
}

/** The API, with every result checked against the table of shapes. */
export interface Typed {
  readonly call: <M extends MethodName>(method: M, params?: Readonly<Record<string, unknown>>) => Promise<ResultOf<M>>
  /** The error of a call that has to fail: `name: message`. */
  readonly refused: (method: MethodName, params?: Readonly<Record<string, unknown>>) => Promise<string>
}

export function typed(url: string, { user, password }: RunningCluster['credentials'], ca: string): Typed {
  const plain = api({ url, user, password, ca })
  return {
    call: async (method, params) => results[method].parse(await plain.call(method, params)) as never,
    refused: (method, params) =>
      plain.call(method, params).then(
        result => {
          throw new Error(`${method} was not refused: ${JSON.stringify(result)}`)
        },
        (error: unknown) => `${(error as ApiError).errorName}: ${(error as ApiError).message}`,
      ),
  }
}

export interface Cluster extends Typed {
  readonly running: RunningCluster
  /** Waits until something holds of the cluster. */
  readonly until: <T>(look: (cluster: Typed) => Promise<T | undefined>) => Promise<T>
  readonly locked: () => Promise<number>
  readonly faults: () => Promise<readonly string[]>
  readonly close: () => Promise<void>
}

/** Time passes two hundred times as fast. Ends with the test. */
export async function cluster(options: ClusterOptions = {}): Promise<Cluster> {
  const running = await startCluster({ compression: 200, timeoutMs: 20_000, drives: 4, nodes: 2, ...options })
  const client = typed(`https://127.0.0.1:${running.port}`, running.credentials, running.ca)
  onTestFinished(() => running.close())
  return {
    ...client,
    running,
    close: () => running.close(),
    async until(look) {
      for (;;) {
        const found = await look(client)
        if (found !== undefined) return found
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    },
    async locked() {
      const { drives } = await client.call('KmipdListDrives')
      return drives.filter(({ isLocked }) => isLocked).length
    },
    async faults() {
      const { faults } = await client.call('ListClusterFaults', { faultTypes: 'current' })
      return faults.map(({ code, details }) => `${code}: ${details}`)
    },
  }
}

export interface Connected {
  readonly keyServerID: number
  readonly keyProviderID: number
}

interface ConnectOptions {
  readonly host?: string
  readonly port?: number
  /** Default: a new one. */
  readonly keyProviderID?: number
  /** Of the cluster at the key server. */
  readonly group?: string
}

/** Key pair unless there is one, signed request, server, provider, tested and added. */
export async function enroll(
  { call }: Typed,
  server: KeyServer,
  { host = '127.0.0.1', port = server.port, keyProviderID, group }: ConnectOptions = {},
): Promise<Connected> {
  const { kmipKeyServers } = await call('ListKeyServersKmip')
  if (kmipKeyServers.length === 0) await call('CreatePublicPrivateKeyPair', { commonName: 'cluster' })
  const { clientCertificateSignRequest: request } = await call('GetClientCertificateSignRequest')
  const { kmipKeyServer } = await call('CreateKeyServerKmip', {
    kmipCaCertificate: server.ca,
    kmipClientCertificate: await server.sign(request, { group }),
    kmipKeyServerHostnames: [host],
    kmipKeyServerName: `server ${port}`,
    kmipKeyServerPort: port,
  })
  const { keyServerID } = kmipKeyServer
  const provider =
    keyProviderID ?? (await call('CreateKeyProviderKmip', { keyProviderName: 'p' })).kmipKeyProvider.keyProviderID
  await call('AddKeyServerToProviderKmip', { keyServerID, keyProviderID: provider })
  return { keyServerID, keyProviderID: provider }
}

export async function enabled(partner: Cluster, keyProviderID?: number): Promise<void> {
  await partner.call('EnableEncryptionAtRest', keyProviderID === undefined ? {} : { keyProviderID })
  await partner.until(async ({ call }) =>
    (await call('GetEncryptionAtRestInfo')).state === 'enabled' ? true : undefined,
  )
}

/** `drop`: takes connections and says nothing. `cut`: takes connections and ends them. A number: late by so many ms. */
export type Manner = 'pass' | 'drop' | 'cut' | number

export interface Wire {
  readonly port: number
  /** Also of what is connected already. */
  readonly set: (manner: Manner) => void
}

/** What stands between a cluster and a key server. */
export async function wire(target: number): Promise<Wire> {
  let manner: Manner = 'pass'
  const sockets = new Set<Socket>()
  const pass = (from: Socket, to: Socket): void => {
    from.on('data', (chunk: Buffer) => {
      if (manner === 'pass') to.write(chunk)
      else if (typeof manner === 'number') setTimeout(() => to.write(chunk), manner)
    })
    from.on('close', () => to.destroy()).on('error', () => undefined)
  }
  const server: Server = createServer(near => {
    if (manner === 'cut') {
      near.destroy()
      return
    }
    const far = connectTcp(target, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    }
    pass(near, far)
    pass(far, near)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    set(next) {
      manner = next
      if (next === 'cut') for (const socket of sockets) socket.destroy()
    },
  }
}

/** Looks again and again. */
export async function poll(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await new Promise(resolve => setTimeout(resolve, 20))
}

export interface Serving {
  readonly partner: Typed
  readonly port: number
  readonly kill: () => Promise<void>
}

/** A cluster in a process of its own, which can be killed. */
export async function serve(state: string): Promise<Serving> {
  const args = [
    'cluster',
    'serve',
    '--json',
    '--state',
    state,
    '--compression',
    '20',
    '--drives',
    '4',
    '--timeout',
    '20',
  ]
  const child: ChildProcess = spawn(process.execPath, [executable, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  if (child.stdout === null) throw new Error('no output')
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const { api, user } = JSON.parse(line) as { readonly api: { readonly port: number }; readonly user: string }
  const password = readFileSync(join(state, 'password'), 'utf8').trim()
  return {
    port: api.port,
    partner: typed(`https://127.0.0.1:${api.port}`, { user, password }, readFileSync(join(state, 'ca.pem'), 'utf8')),
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
