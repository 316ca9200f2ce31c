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
import { dirname, join } from 'node:path'
import {
  type AuthorityFiles,
  CertsError,
  createAuthority,
  exportPrivateKey,
  openAuthority,
  readPrivateKey,
} from '../certs/index.ts'
import { giveToOwner, makeFolder } from '../store/index.ts'

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
    `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing; restore it from a backup, or make another data folder with kmipd init`,
  )
}

/** Writes a file whole or not at all, durably. */
export async function writeWhole(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.new`
  try {
    await writeDurably(temporary, content, mode)
    await rename(temporary, path)
    await syncFolder(dirname(path))
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
    await syncFolder(dirname(path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new DataFolderError(`${path} is there already and is not overwritten`)
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
}

/** A new file's name is durable only once its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function writeDurably(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode)
  try {
    await giveToOwner(path, file)
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Reads a file of the folder, or says which one is missing. */
export async function readWhole(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    const advice =
      code === 'EACCES' || code === 'EPERM'
        ? 'run as the user who owns it, or give it to the owner of the folder'
        : 'restore it from a backup, or make a new data folder with kmipd init'
    throw new DataFolderError(`${path} cannot be read (${code}); ${advice}`)
  }
}

/** What a file holds; a complaint about it names the file. @throws CertsError */
export function inFile<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof CertsError ? new CertsError(error.code, `${path}: ${error.message}`) : error
  }
}

/** As `inFile`, of a certificate and its key. @throws CertsError */
export function inFiles<T>(certificate: string, key: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof CertsError)) throw error
    const path = error.code === 'keyMismatch' ? `${key} and ${certificate}` : isAboutKey(error) ? key : certificate
    throw new CertsError(error.code, `${path}: ${error.message}`)
  }
}

const isAboutKey = ({ code }: CertsError): boolean => code === 'notAKey' || code === 'keyEncrypted'

export interface AuthoritySource {
  /** PEM of an authority that there is already, and its key. */
  readonly certificate: string
  readonly key: string
  readonly passphrase?: string | undefined
}

/** Which types of key an authority may have. */
export type AuthorityKeyType = NonNullable<Parameters<typeof createAuthority>[0]['keyType']>

export const authorityKeyTypes: readonly AuthorityKeyType[] = ['P-256', 'P-384', 'RSA-3072']

export interface FolderOptions {
  /** An authority that there is already. Default: a new root. */
  readonly source?: AuthoritySource | undefined
  /** Of a new authority. Default P-256. */
  readonly keyType?: AuthorityKeyType | undefined
  /** How many authorities may follow below a new root. Default 1: the next root, until the rollover to that has ended. */
  readonly pathLength?: number | undefined
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
  { source, ...options }: FolderOptions,
  now: Date,
): Promise<void> {
  await makeFolder(folder.path)
  if (isInitialised(folder)) throw new DataFolderError(`${folder.path} is initialised already`)
  if (existsSync(folder.unfinished)) await clear(folder)
  else if (essentials(folder).some(path => existsSync(path))) throw notInitialised(folder)
  const files = source === undefined ? await newRoot(options, now) : adopted(source)
  if (!existsSync(folder.unfinished)) await createWhole(folder.unfinished, '')
  if (!existsSync(folder.config)) await createWhole(folder.config, config)
  await createWhole(folder.caKey, files.key)
  await createWhole(folder.caCertificate, files.certificate, 0o644)
}

async function clear(folder: DataFolder): Promise<void> {
  const { rootKey, serverCertificate, serverKey, changes } = folder
  const made = [...essentials(folder), rootKey, serverCertificate, serverKey, changes]
  for (const path of made) await rm(path, { recursive: true, force: true })
}

/** Named apart, so that nobody takes one for another. */
export const newRoot = (
  { keyType, pathLength }: Pick<FolderOptions, 'keyType' | 'pathLength'>,
  now: Date,
): Promise<AuthorityFiles> =>
  createAuthority({
    subject: { commonName: `kmipd CA ${randomBytes(4).toString('hex')}` },
    ...(keyType === undefined ? {} : { keyType }),
    ...(pathLength === undefined ? {} : { pathLength }),
    now,
  })

/** The folder is whole from now on. */
export const finishFolder = (folder: DataFolder): Promise<void> => rm(folder.unfinished, { force: true })

/** The user's own authority, if it can sign; its key is kept unencrypted, since the server must start unattended. */
export function adopted({ certificate, key, passphrase }: AuthoritySource): AuthorityFiles {
  openAuthority({ certificate, key, ...(passphrase === undefined ? {} : { passphrase }) })
  return { certificate, key: exportPrivateKey(readPrivateKey(key, passphrase)) }
}
