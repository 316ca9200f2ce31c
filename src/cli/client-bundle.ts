/**
 * The files that `kmipd client issue` and `sign` write for a client, and what they say of them.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { access, constants, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { checkPassphrase, readCertificate } from '../../certs/index.ts'
import { makeFolder } from '../../store/index.ts'
import {
  type Bundle,
  type BundleFile,
  type BundleName,
  bundleNames,
  bundles,
  hostAndPort,
  newPassphrase,
  type Passphrase,
  readme,
  type Recipe,
  type ServerAddress,
} from '../bundles.ts'
import type { Opened } from '../house.ts'
import { loopback, namesOf } from '../server-certificate.ts'
import { addressOf } from './address.ts'
import { CommandError } from './endings.ts'
import { privateMode, publicMode, refuseFilled, writeNewFiles } from './new-file.ts'
import { nameIn } from './object-options.ts'

export interface BundleOptions {
  readonly bundle?: string
  readonly server?: string
}

export const addBundleOptions = (command: Command): Command =>
  command
    .option('--bundle <client>', `files and steps for a known client: ${bundleNames.join(', ')}`)
    .option(
      '--server <host[:port]>',
      'with --bundle: how the client reaches this server; default as its certificate says',
    )

export interface PassphraseOptions {
  readonly p12?: boolean
  readonly p12PassphraseFile?: string
}

export const addPassphraseOptions = (command: Command): Command =>
  command
    .option('--p12', 'a PKCS#12 key store, too')
    .option(
      '--p12-passphrase-file <file>',
      'file that holds its passphrase (env: KMIPD_P12_PASSPHRASE); default a new one',
    )

/** A bundle as it was asked for. */
export interface Chosen<Contents> {
  readonly name: BundleName
  readonly bundle: Bundle
  readonly recipe: Recipe<Contents>
}

/** How a client gets its certificate. */
type Way = 'issue' | 'sign'

const otherWays: Readonly<Record<Way, (name: BundleName) => string>> = {
  issue: name =>
    `a client of the kind ${name} makes its own key, which stays there; sign its request: kmipd client sign --bundle ${name}`,
  sign: name =>
    `a client of the kind ${name} takes a key that is made here; issue it one: kmipd client issue --bundle ${name}`,
}

/** @throws CommandError `usage` if there is none of that name, or it is for the other way */
export function chosen<W extends Way>(way: W, text: string): Chosen<Parameters<NonNullable<Bundle[W]>['files']>[0]> {
  const name = nameIn({ words: 'known client', names: bundleNames }, text)
  const bundle: Bundle = bundles[name]
  const recipe = bundle[way] as Recipe<Parameters<NonNullable<Bundle[W]>['files']>[0]> | undefined
  if (recipe === undefined) throw new CommandError('usage', otherWays[way](name))
  return { name, bundle, recipe }
}

/**
 * How clients reach the server: as asked for, else by the first name of its certificate that others can use.
 *
 * @throws CommandError if the port is not known, or the certificate does not have the name
 */
export async function serverAddress(given: string | undefined, { folder, config }: Opened): Promise<ServerAddress> {
  const leaf = existsSync(folder.serverCertificate)
    ? readCertificate(await readFile(folder.serverCertificate, 'utf8'))
    : undefined
  const names = leaf === undefined ? [] : namesOf(leaf)
  const usual = names.find(name => !loopback.includes(name)) ?? names[0] ?? loopback[0] ?? ''
  const { host, port = config.listen.port } = given === undefined ? { host: usual } : addressOf(given)
  if (port === 0)
    throw new CommandError('usage', 'the settings leave the port open; say where clients find it: --server HOST:PORT')
  if (leaf !== undefined && !names.some(name => isNamed(host, name)))
    throw new CommandError(
      'refused',
      `the server certificate is for ${names.join(', ')}, and a client that looks for ${host} may refuse it; add the name: kmipd init --host ${host}`,
    )
  return { host, port, fingerprint: leaf?.fingerprint }
}

/** Whether a name in a certificate is that of the host; a first label `*` is any. RFC 6125 §6.4.3 */
function isNamed(host: string, name: string): boolean {
  const wanted = host.toLowerCase()
  return name === wanted || (name.startsWith('*.') && name.slice(1) === wanted.replace(/^[^.]+/, ''))
}

/** @throws CertsError `badPassphrase` */
export async function passphraseOf(file: string | undefined): Promise<Passphrase> {
  const given =
    file === undefined
      ? process.env['KMIPD_P12_PASSPHRASE'] || undefined
      : (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
  if (given === undefined) return newPassphrase()
  checkPassphrase(given)
  return { text: given, isGenerated: false }
}

/** Makes the folder of a bundle before anything is signed. @throws CommandError if there is something in it */
export async function makeBundleFolder(out: string): Promise<void> {
  refuseFilled(out)
  await makeWritable(out)
}

/** Better now than after a certificate was signed for nothing. */
export async function makeWritable(out: string): Promise<void> {
  await makeFolder(out)
  await access(out, constants.W_OK)
}

/** Writes all of the files or none. @returns their paths */
export async function writeBundle(out: string, files: readonly BundleFile[]): Promise<Record<string, string>> {
  await writeNewFiles(
    files.map(({ name, content, isSecret = false }) => ({
      path: join(out, name),
      content,
      mode: isSecret ? privateMode : publicMode,
    })),
  )
  return Object.fromEntries(files.map(({ role, name }) => [role, join(out, name)]))
}

export interface Packed {
  /** For JSON. */
  readonly facts: { readonly bundle: BundleName; readonly server: string; readonly files: Record<string, string> }
  /** For people. */
  readonly folder: string
  readonly text: string
}

/** The files of a bundle in their folder, and its README.txt. */
export async function pack<Contents extends { readonly name: string; readonly server: ServerAddress }>(
  out: string,
  { name, bundle, recipe }: Chosen<Contents>,
  files: readonly BundleFile[],
  contents: Contents,
): Promise<Packed> {
  const notes = readme(bundle.words, files, recipe, contents)
  const paths = await writeBundle(out, [...files, notes])
  return {
    facts: { bundle: name, server: hostAndPort(contents.server), files: paths },
    folder: resolve(out),
    text: String(notes.content),
  }
}
