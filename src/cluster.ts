/**
 * A storage cluster, as a key server sees it: the part of NetApp Element's API that concerns keys in front, real KMIP over
 * mutual TLS to real key servers behind, self-encrypting drives inside.
 *
 * ```ts
 * const cluster = await startCluster({ drives: 8 })   // in memory
 * // POST https://127.0.0.1:<port>/json-rpc/12.3
 * await cluster.close()
 * ```
 *
 * Nothing is canned: keys, certificates and failures are real. A start is a power-on: drives that have an authentication key
 * are locked until a key server gives it. What Element sends over KMIP is not public; see `cluster/key-objects.ts`.
 *
 * @module
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createAuthority,
  exportPrivateKey,
  generateKeyPair,
  isIssuedBy,
  matchesKey,
  openAuthority,
  readCertificate,
  serverProfile,
} from '../certs/index.ts'
import { boot } from './cluster/boot.ts'
import { type Context, openWork } from './cluster/context.ts'
import { checkOf, driveBay, newDrive, wrap } from './cluster/drives.ts'
import { newPassword, writeSecret } from './cluster/files.ts'
import { resumeHardware } from './cluster/hardware.ts'
import { type Credentials, listenHttps } from './cluster/https.ts'
import { resumeRekey } from './cluster/rekey.ts'
import { answer } from './cluster/rpc.ts'
import type { ClusterState } from './cluster/shapes.ts'
import { emptyState, openMemory, type NewCluster } from './cluster/state.ts'
import { sweep } from './cluster/vault.ts'
import { watch } from './cluster/watch.ts'
import { nameFault } from './diagnosis/certificate.ts'
import type { Log } from './log.ts'

export interface ClusterOptions {
  /** Where it is remembered; made at the first start. Default: nowhere. */
  readonly folder?: string | undefined
  /** Default `cluster`. Counts at the first start, as do `drives` and `nodes`. */
  readonly name?: string | undefined
  /** Default 8. */
  readonly drives?: number | undefined
  /** Default 4. The first drive of each is its metadata drive. */
  readonly nodes?: number | undefined
  /** Default 127.0.0.1. */
  readonly host?: string | undefined
  /** Of the cluster's API. Default 0: any. */
  readonly port?: number | undefined
  /** Of the nodes' API, which answers the same. Default: none. */
  readonly nodePort?: number | undefined
  /** Default `admin`, with a password that is made up. */
  readonly credentials?: Partial<Credentials> | undefined
  /** PEM: what the API shows. Default: made here. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined
  /** For each host of a key server, and for each of its answers. Default 10,000. */
  readonly timeoutMs?: number | undefined
  /** How many times faster than in reality back-off and waiting times pass. Default 1. */
  readonly compression?: number | undefined
  /** Milliseconds since 1970. Default the system's clock. */
  readonly now?: (() => number) | undefined
  readonly log?: Log | undefined
}

export interface RunningCluster {
  readonly host: string
  readonly port: number
  readonly nodePort?: number
  readonly credentials: Credentials
  /** How many there are by now, whatever was asked for. */
  readonly drives: number
  /** PEM: what clients of the API trust. */
  readonly ca: string
  /** Whether this start made it. */
  readonly isNew: boolean
  /** Ends it; what is under way goes on at the next start. */
  readonly close: () => Promise<void>
}

/** @throws StoreError, or the system's error where it cannot listen */
export async function startCluster(options: ClusterOptions = {}): Promise<RunningCluster> {
  const { folder, now = Date.now, timeoutMs = 10_000, compression = 1, log = silent, host = '127.0.0.1' } = options
  const { name = 'cluster', drives = 8, nodes = 4 } = options
  let isNew = false
  const memory = await openMemory(folder, () => {
    isNew = true
    return newCluster({ name, drives, nodes })
  })
  const work = openWork(log, compression)
  const closers: (() => Promise<void>)[] = [() => memory.close(), () => work.close()]
  const close = async (): Promise<void> => {
    for (const each of closers.splice(0).reverse()) await each()
  }
  try {
    const context: Context = {
      memory,
      bay: driveBay(memory),
      work,
      held: new Map(),
      log,
      now,
      caller: () => ({ key: memory.state.keyPair?.privateKey, timeoutMs, now, ended: work.ended }),
    }
    const password: string = options.credentials?.password ?? (await passwordIn(folder))
    const credentials = { user: options.credentials?.user ?? 'admin', password }
    const shown: Shown = ownCertificate(options) ?? (await certificateFor(folder, host, new Date(now())))
    const listener = {
      ...shown,
      host,
      credentials,
      answer: (version: string, body: string) => answer(context, version, body),
    }
    const cluster = await listenHttps({ ...listener, port: options.port ?? 0 })
    closers.push(() => cluster.close())
    const { nodePort } = options
    const node = nodePort === undefined ? undefined : await listenHttps({ ...listener, port: nodePort })
    if (node !== undefined) closers.push(() => node.close())
    await resume(context)
    return {
      host: cluster.host,
      port: cluster.port,
      ...(node === undefined ? {} : { nodePort: node.port }),
      credentials,
      drives: memory.state.drives.length,
      ca: shown.ca,
      isNew,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Goes on where the cluster ended, and boots. */
async function resume(context: Context): Promise<void> {
  if (context.memory.state.keys.some(({ status }) => status === 'making'))
    await context.memory.change(({ keys }) => {
      for (const key of keys) if (key.status === 'making') key.status = 'leaving'
    })
  boot(context)
  resumeHardware(context)
  resumeRekey(context)
  sweep(context)
  watch(context)
}

/** Encrypted in software from the beginning, with an internal key. */
function newCluster(options: NewCluster): ClusterState {
  const state = emptyState(options)
  const keyID = randomUUID()
  const masterKey = randomBytes(32)
  state.keys.push({
    keyID,
    purpose: 'master',
    keyManagementType: 'Internal',
    status: 'inUse',
    created: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    check: checkOf(keyID, masterKey),
    material: masterKey.toString('base64'),
  })
  state.software.keyID = keyID
  state.lastID.drive = options.drives
  for (let driveID = 1; driveID <= options.drives; driveID++)
    state.drives.push(newDrive(driveID, options.nodes, { keyID, wrapped: wrap(masterKey, randomBytes(32)) }))
  return state
}

async function passwordIn(folder: string | undefined): Promise<string> {
  if (folder === undefined) return newPassword()
  const path = join(folder, 'password')
  if (!existsSync(path)) await writeSecret(path, `${newPassword()}\n`)
  return (await readFile(path, 'utf8')).trim()
}

interface Shown {
  readonly cert: string
  readonly key: string
  readonly ca: string
}

/** One that is given vouches for itself, as far as is known here. */
const ownCertificate = ({ certificate }: ClusterOptions): Shown | undefined =>
  certificate === undefined ? undefined : { ...certificate, ca: certificate.cert }

/** Of an authority of its own, kept with the cluster; made anew where it does not fit any longer. */
async function certificateFor(folder: string | undefined, host: string, now: Date): Promise<Shown> {
  // The certificate is written last: until then the old one does not fit the key, and all are made again.
  const paths =
    folder === undefined ? undefined : [join(folder, 'api.key'), join(folder, 'ca.pem'), join(folder, 'api.pem')]
  const names = isAnyAddress(host) ? [] : [host]
  if (paths?.every(path => existsSync(path)) === true) {
    const [key = '', ca = '', cert = ''] = await Promise.all(paths.map(path => readFile(path, 'utf8')))
    if (isGood({ cert, key, ca }, names, now)) return { cert, key, ca }
  }
  const files = await createAuthority({ subject: { commonName: 'kmipd cluster' }, now })
  const authority = openAuthority(files)
  const { publicKey, privateKey } = await generateKeyPair('P-256')
  const profile = serverProfile({ names: [...new Set(['localhost', '127.0.0.1', '::1', ...names])] })
  const { pem } = await authority.sign(authority.plan(publicKey, profile, now))
  const shown = { cert: pem, key: exportPrivateKey(privateKey), ca: files.certificate }
  if (paths !== undefined)
    for (const [index, text] of [shown.key, shown.ca, shown.cert].entries()) await writeSecret(paths[index] ?? '', text)
  return shown
}

const isAnyAddress = (host: string): boolean => /^(0\.0\.0\.0|::)$/.test(host)

function isGood({ cert, key, ca }: Shown, names: readonly string[], now: Date): boolean {
  const leaf = readCertificate(cert)
  const fits = matchesKey(leaf, key) && isIssuedBy(leaf, readCertificate(ca))
  return fits && now < leaf.notAfter && names.every(name => nameFault(leaf, name) === undefined)
}

const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
