/**
 * `kmipd init`: makes a data folder.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { type AuthoritySource, dataFolder, isInitialised } from '../data-folder.ts'
import { initialise } from '../initialise.ts'
import { namesOf } from '../server-certificate.ts'
import { addCommand, dataOf, screenOf, several } from './command.ts'
import { CommandError } from './endings.ts'
import { until } from './screen.ts'

interface InitOptions {
  readonly host?: readonly string[]
  readonly caCert?: string
  readonly caKey?: string
  readonly caPassphraseFile?: string
}

export function addInit(program: Command): void {
  addCommand(program, 'init', {
    summary: 'make a data folder: authority, server certificate, sealed store, settings',
    description:
      'Without --ca-cert a new authority is made. Nothing is ever overwritten: on a folder that is there already, init only\nadds the names given with --host to the server certificate.',
    examples: [
      ['init', 'everything new, in ./data'],
      ['init --data /var/lib/kmipd --host kms.example.org --host 192.0.2.7', 'with the names that clients will use'],
      ['init --ca-cert ca.pem --ca-key ca.key', 'with your own authority, which may be a subordinate one'],
    ],
  })
    .option('--host <name-or-ip>', "name for the server certificate; repeatable; default this machine's", several)
    .option('--ca-cert <file>', 'PEM: your own authority, and the chain above it')
    .option('--ca-key <file>', 'PEM: its private key; kept unencrypted in the data folder, mode 0600')
    .option('--ca-passphrase-file <file>', 'file that holds the passphrase of --ca-key')
    .action((options: InitOptions, command: Command) => init(options, command))
}

async function init(options: InitOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  const data = dataOf(command)
  const folder = dataFolder(data)
  const authority = await authorityFrom(options)
  if (authority !== undefined && isInitialised(folder))
    throw new CommandError('refused', `${data} has an authority already, and it is not replaced; choose another folder`)
  const { server, isNew } = await initialise({ data, hosts: options.host, authority, environment: process.env })
  const names = namesOf(server.leaf)
  const { config, caCertificate, masterKey } = folder
  const notAfter = server.leaf.notAfter
  screen.show(
    { data, isNew, names, ca: caCertificate, config, serverCertificateNotAfter: notAfter.toISOString() },
    () =>
      [
        isNew ? 'The data folder is ready.' : 'The data folder was there already; nothing was overwritten.',
        '',
        screen.pairs([
          ['Data folder', data],
          ['Settings', config],
          ['CA certificate', `${caCertificate} (clients install it)`],
          ['Server names', names.join(', ')],
          ['Server certificate', until(notAfter.getTime(), screen.colours)],
        ]),
        '',
        existsSync(masterKey)
          ? 'Back up the folder now, master.key apart from the rest: without it the store cannot be opened.'
          : 'Back up the folder now; keep the master key safe, too: without it the store cannot be opened.',
        `Next: kmipd serve --data ${data}`,
      ].join('\n'),
  )
}

async function authorityFrom({ caCert, caKey, caPassphraseFile }: InitOptions): Promise<AuthoritySource | undefined> {
  if (caCert === undefined && caKey === undefined && caPassphraseFile === undefined) return undefined
  if (caCert === undefined || caKey === undefined)
    throw new CommandError('usage', 'an authority is a certificate and its key; give --ca-cert and --ca-key')
  return {
    certificate: await readFile(caCert, 'utf8'),
    key: await readFile(caKey, 'utf8'),
    ...(caPassphraseFile === undefined
      ? {}
      : { passphrase: (await readFile(caPassphraseFile, 'utf8')).replace(/\r?\n$/, '') }),
  }
}
