/**
 * Options that say which authority there is to be: one's own, or a new one of some type.
 *
 * @module
 */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { adopted, type AuthorityKeyType, authorityKeyTypes, type AuthoritySource, inFiles } from '../data-folder.ts'
import { CommandError } from './endings.ts'
import { nameIn } from './object-options.ts'

export interface AuthorityOptions {
  readonly caCert?: string
  readonly caKey?: string
  readonly caPassphraseFile?: string
  readonly caKeyType?: string
}

export const addAuthorityOptions = (command: Command, keyTypeDefault: string): Command =>
  command
    .option('--ca-key-type <type>', `of a new authority: ${authorityKeyTypes.join(', ')}; default ${keyTypeDefault}`)
    .option('--ca-cert <file>', 'PEM: your own authority, and the chain above it')
    .option('--ca-key <file>', 'PEM: its private key; kept unencrypted in the data folder, mode 0600')
    .option('--ca-passphrase-file <file>', 'file that holds the passphrase of --ca-key')

/** @throws CommandError `usage` for options that do not belong together */
export async function authorityFrom(
  options: AuthorityOptions,
): Promise<{ readonly source?: AuthoritySource; readonly keyType?: AuthorityKeyType }> {
  const { caCert, caKey, caPassphraseFile, caKeyType } = options
  const keyType =
    caKeyType === undefined ? undefined : nameIn({ words: 'key type', names: authorityKeyTypes }, caKeyType)
  if (caCert === undefined && caKey === undefined && caPassphraseFile === undefined)
    return keyType === undefined ? {} : { keyType }
  if (caCert === undefined || caKey === undefined)
    throw new CommandError('usage', 'an authority is a certificate and its key; give --ca-cert and --ca-key')
  if (keyType !== undefined)
    throw new CommandError('usage', 'your own authority has a key already; leave --ca-key-type out')
  const passphrase =
    caPassphraseFile === undefined ? undefined : (await readFile(caPassphraseFile, 'utf8')).replace(/\r?\n$/, '')
  const source = { certificate: await readFile(caCert, 'utf8'), key: await readFile(caKey, 'utf8'), passphrase }
  // Whatever is wrong with them is told now, while it is known which files they are.
  inFiles(caCert, caKey, () => adopted(source))
  return { source }
}
