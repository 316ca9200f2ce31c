/**
 * `kmipd init`: makes a data folder.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { dataFolder, isInitialised } from '../data-folder.ts'
import { initialise } from '../initialise.ts'
import { namesOf } from '../server-certificate.ts'
import { addAuthorityOptions, authorityFrom, type AuthorityOptions } from './authority-options.ts'
import { addCommand, dataOf, screenOf, several } from './command.ts'
import { CommandError } from './endings.ts'
import { until } from './screen.ts'

interface InitOptions extends AuthorityOptions {
  readonly host?: readonly string[]
  readonly issuing?: boolean
}

export function addInit(program: Command): void {
  addAuthorityOptions(
    addCommand(program, 'init', {
      summary: 'make a data folder: authority, server certificate, sealed store, settings',
      description:
        'Without --ca-cert a new authority is made. Nothing is ever overwritten: on a folder that is there already, init only\nadds the names given with --host to the server certificate.',
      examples: [
        ['init', 'everything new, in ./data'],
        ['init --data /var/lib/kmipd --host kms.example.org --host 192.0.2.7', 'with the names that clients will use'],
        ['init --issuing --ca-key-type P-384', 'a root and an authority under it; move root.key to a safe place'],
        ['init --ca-cert ca.pem --ca-key ca.key', 'with your own authority, which may be a subordinate one'],
      ],
    }),
    'P-256',
  )
    .option('--host <name-or-ip>', "name for the server certificate; repeatable; default this machine's", several)
    .option('--issuing', 'a root, and an authority under it that signs: the key of the root can be kept elsewhere')
    .action((options: InitOptions, command: Command) => init(options, command))
}

async function init(options: InitOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  const data = dataOf(command)
  const folder = dataFolder(data)
  const isIssuing = options.issuing === true
  if (isIssuing && options.caCert !== undefined)
    throw new CommandError('usage', 'your own authority is as it is; leave --issuing out')
  const { source: authority, keyType } = await authorityFrom(options)
  if ((authority !== undefined || keyType !== undefined || isIssuing) && isInitialised(folder))
    throw new CommandError('refused', `${data} has an authority already, and it is not replaced; choose another folder`)
  const { server, isNew } = await initialise({
    ...{ data, hosts: options.host, authority, keyType, isIssuing },
    environment: process.env,
  })
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
        ...(isIssuing && isNew
          ? [`Keep ${folder.rootKey} elsewhere: only kmipd ca rollover needs it again (--root-key).`]
          : []),
        `Next: kmipd serve --data ${data}`,
      ].join('\n'),
  )
}
