/**
 * The data folder: what is in it, how it is made, and how it is opened.
 *
 * ```
 * data/
 * ├─ kmipd.toml      settings
 * ├─ master.key      opens the store; 0600
 * ├─ ca.pem ca.key   the authority that signs, and those above it; 0600
 * ├─ root.key        of the root, where the authority that signs is under one of ours; may be kept elsewhere
 * ├─ ca-previous.pem ca-previous.key   the authority before the last rollover, trusted until it is retired
 * ├─ ca-cross.pem    the new root as the previous one certifies it
 * ├─ server.pem server.key
 * ├─ changes/        there for a moment, while several files change as one
 * └─ store/          sealed objects and the client register
 * ```
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, open, readFile, rename, rm } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import {
  type Authority,
  type Certificate,
  createAuthority,
  exportPrivateKey,
  generateKeyPair,
  isIssuedBy,
  type KeyType,
  matchesKey,
  openAuthority,
  readCertificate,
  readPrivateKey,
  serverProfile,
} from '../certs/index.ts'
import { makeFolder } from '../store/index.ts'

/** A data folder that is not as it should be, with what to do about it. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError'
}

/** Where everything is. */
export interface DataFolder {
  readonly path: string
  readonly config: string
  readonly masterKey: string
  readonly caCertificate: string
  readonly caKey: string
  readonly rootKey: string
  readonly previousCertificate: string
  readonly previousKey: string
  readonly crossCertificate: string
  readonly serverCertificate: string
  readonly serverKey: string
  readonly changes: string
  readonly store: string
  /** There while the folder is being made: what stands beside it has served nobody yet. */
  readonly unfinished: string
}

export const dataFolder = (path: string): DataFolder => ({
  path,
  config: join(path, 'kmipd.toml'),
  masterKey: join(path, 'master.key'),
  caCertificate: join(path, 'ca.pem'),
  caKey: join(path, 'ca.key'),
  rootKey: join(path, 'root.key'),
  previousCertificate: join(path, 'ca-previous.pem'),
  previousKey: join(path, 'ca-previous.key'),
  crossCertificate: join(path, 'ca-cross.pem'),
  changes: join(path, 'changes'),
  serverCertificate: join(path, 'server.pem'),
  serverKey: join(path, 'server.key'),
  store: join(path, 'store'),
  unfinished: join(path, 'unfinished'),
})

/** Without these there is no key server. */
const essentials = ({ caCertificate, caKey, store }: DataFolder): string[] => [caCertificate, caKey, store]

export const isInitialised = (folder: DataFolder): boolean =>
  essentials(folder).every(path => existsSync(path)) && !existsSync(folder.unfinished)

/** Why a folder that is not initialised cannot be opened, and what to do. */
export function notInitialised(folder: DataFolder): DataFolderError {
  const missing = essentials(folder).filter(path => !existsSync(path))
  if (existsSync(folder.unfinished))
    return new DataFolderError(
      `${folder.path} was left half made; run kmipd init --data ${folder.path} to make it whole`,
    )
  if (missing.length === essentials(folder).length)
    return new DataFolderError(
      `${folder.path} is no data folder of kmipd; make one with kmipd init --data ${folder.path}`,
    )
  return new DataFolderError(
    `${missing.join(' and ')} is missing; restore it from a backup, or make another data folder with kmipd init`,
  )
}

/** Writes a file whole or not at all, durably. */
export async function writeWhole(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.new`
  try {
    await writeDurably(temporary, content, mode)
    await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
}

/** As `writeWhole`, and never over a file that is there. */
export async function createWhole(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.new`
  try {
    await writeDurably(temporary, content, mode)
    await link(temporary, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new DataFolderError(`${path} is there already and is not overwritten`)
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
}

async function writeDurably(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Reads a file of the folder, or says which one is missing. */
async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new DataFolderError(
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}); restore it from a backup, or make a new data folder with kmipd init`,
    )
  }
}

export interface AuthoritySource {
  /** PEM of an authority that there is already, and its key. */
  readonly certificate: string
  readonly key: string
  readonly passphrase?: string | undefined
}

/**
 * Begins a folder: its settings and its authority, a new one or the user's own. What an earlier attempt left half made is
 * made anew; `finishFolder` ends it.
 *
 * @throws DataFolderError if something is there already: nothing that may have served is overwritten
 */
export async function createFolder(
  folder: DataFolder,
  config: string,
  source: AuthoritySource | undefined,
  now: Date,
): Promise<void> {
  await makeFolder(folder.path)
  if (isInitialised(folder)) throw new DataFolderError(`${folder.path} is initialised already`)
  if (existsSync(folder.unfinished)) await clear(folder)
  else if (essentials(folder).some(path => existsSync(path))) throw notInitialised(folder)
  const files =
    source === undefined
      ? await createAuthority({ subject: { commonName: `kmipd CA ${randomBytes(4).toString('hex')}` }, now })
      : adopted(source)
  if (!existsSync(folder.unfinished)) await createWhole(folder.unfinished, '')
  if (!existsSync(folder.config)) await createWhole(folder.config, config)
  await createWhole(folder.caKey, files.key)
  await createWhole(folder.caCertificate, files.certificate, 0o644)
}

async function clear(folder: DataFolder): Promise<void> {
  const made = [...essentials(folder), folder.serverCertificate, folder.serverKey]
  for (const path of made) await rm(path, { recursive: true, force: true })
}

/** The folder is whole from now on. */
export const finishFolder = (folder: DataFolder): Promise<void> => rm(folder.unfinished, { force: true })

/** The user's own authority, if it can sign; its key is kept unencrypted, since the server must start unattended. */
function adopted({ certificate, key, passphrase }: AuthoritySource): AuthoritySource {
  openAuthority({ certificate, key, ...(passphrase === undefined ? {} : { passphrase }) })
  return { certificate, key: exportPrivateKey(readPrivateKey(key, passphrase)) }
}

export const openFolderAuthority = async (folder: DataFolder): Promise<Authority> =>
  openAuthority({ certificate: await read(folder.caCertificate), key: await read(folder.caKey) })

/** What the server shows: PEM, the leaf first, and its key. */
export interface ServerCredentials {
  readonly certificate: string
  readonly key: string
  readonly leaf: Certificate
}

/** Renewed when it has fewer days left. */
const renewalDays = 30
const dayMs = 86_400_000

/**
 * The server's certificate: the one that is there if it names every host and lasts, else a new one for a new key. One
 * that another authority signed is the administrator's own and is used as it is.
 *
 * @throws DataFolderError if the certificate is the administrator's own and its key is another one's
 */
export async function serverCredentials(
  folder: DataFolder,
  authority: Authority,
  hosts: readonly string[],
  keyType: KeyType,
  now: Date,
): Promise<ServerCredentials> {
  const present = await presentCredentials(folder)
  if (present !== undefined && !isIssuedBy(present.leaf, authority.certificate)) {
    if (matchesKey(present.leaf, present.key)) return present
    throw new DataFolderError(
      `${folder.serverKey} is not the key of ${folder.serverCertificate}; put the right one there, or remove both to have new ones made`,
    )
  }
  const named = present === undefined ? [] : namesOf(present.leaf)
  const names = [...new Set([...named, ...hosts.map(canonical)])]
  if (present !== undefined && names.length === named.length && isGood(present, keyType, now)) return present
  const made = await makeServerCredentials(authority, names, keyType, now)
  await writeWhole(folder.serverKey, made.key)
  await writeWhole(folder.serverCertificate, made.certificate, 0o644)
  return made
}

async function presentCredentials(folder: DataFolder): Promise<ServerCredentials | undefined> {
  if (!existsSync(folder.serverCertificate) || !existsSync(folder.serverKey)) return undefined
  const certificate = await read(folder.serverCertificate)
  return { certificate, key: await read(folder.serverKey), leaf: readCertificate(certificate) }
}

/** A pair of which a crash left one half old does not match, and is made anew. */
const isGood = ({ leaf, key }: ServerCredentials, keyType: KeyType, now: Date): boolean =>
  leaf.notAfter.getTime() - now.getTime() > renewalDays * dayMs &&
  leaf.publicKey.description === describe(keyType) &&
  matchesKey(leaf, key)

/** As certificates spell it: an IPv6 address in its short form, a name in lower case. RFC 5952 */
const canonical = (host: string): string =>
  isIPv6(host) ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host.toLowerCase()

const describe = (keyType: KeyType): string =>
  keyType.replace(/^P-/, 'EC P-').replace('-', keyType.startsWith('RSA') ? ' ' : '-')

export async function makeServerCredentials(
  authority: Authority,
  hosts: readonly string[],
  keyType: KeyType,
  now: Date,
): Promise<ServerCredentials> {
  const { publicKey, privateKey } = await generateKeyPair(keyType)
  const leaf = await authority.sign(authority.plan(publicKey, serverProfile({ names: [...hosts] }), now))
  // A root is what the client has; what leads to it is what the client needs.
  const intermediates = authority.chain.filter(pem => !isSelfSigned(pem))
  return { certificate: [leaf.pem, ...intermediates].join(''), key: exportPrivateKey(privateKey), leaf }
}

const isSelfSigned = (pem: string): boolean => {
  const { subject, issuer } = readCertificate(pem)
  return subject.text === issuer.text
}

export const namesOf = ({ subjectAlternativeName }: Certificate): string[] =>
  subjectAlternativeName.filter(({ type }) => type === 'dNSName' || type === 'iPAddress').map(({ value }) => value)

/** By which this machine calls itself, whatever others call it. */
export const loopback: readonly string[] = ['localhost', '127.0.0.1', '::1']

/** The names and addresses by which clients may call this machine, unless told otherwise. */
export function defaultHosts(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap(list =>
    (list ?? []).filter(({ internal, address }) => !internal && !isLinkLocal(address)).map(({ address }) => address),
  )
  return [...new Set([hostname(), ...addresses])]
}

const isLinkLocal = (address: string): boolean => /^fe80:/i.test(address)
