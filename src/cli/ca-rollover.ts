/**
 * `kmipd ca rollover` and `kmipd ca retire`: from one authority to the next.
 *
 * @module
 */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { dependentsOf, noPrevious, retire, stranded } from '../retirement.ts'
import { rollOver } from '../rollover.ts'
import { presentCredentials } from '../server-certificate.ts'
import { addAuthorityOptions, authorityFrom, type AuthorityOptions } from './authority-options.ts'
import { counted } from './client-entry.ts'
import { addCommand, screenOf, withHouse } from './command.ts'
import { addConfirmation, type Confirmation } from './object-actions.ts'
import { printable, type Screen, until } from './screen.ts'

export function addRollover(ca: Command): void {
  addAuthorityOptions(
    addCommand(ca, 'rollover', {
      summary: 'make a new authority, which signs from now on; the old one stays trusted until it is retired',
      description:
        'The server gets a certificate of the new authority, and shows with it that the old one certifies the new one: clients\nthat trust either of the two go on. Nothing has to be restarted.',
      examples: [
        ['ca rollover', 'a new authority with a key of the same type'],
        ['ca rollover --ca-key-type RSA-3072', 'with another one'],
        ['ca rollover --ca-cert new-ca.pem --ca-key new-ca.key', 'to your own authority'],
      ],
    }),
    'that of the present one',
  )
    .option('--root', 'make a new root, too, where an authority under a root signs')
    .option('--root-key <file>', 'PEM: the key of the root, if it is not kept in the data folder')
    .option('--no-cross', 'without a certificate of the new authority by the old: clients must trust the new one first')
    .action((options: RolloverFlags, command: Command) => rollover(options, command))

  addConfirmation(
    addCommand(ca, 'retire', {
      summary: 'trust the authority from before the rollover no longer: its clients are shut out at once',
      description:
        'What it signed for clients is revoked, its key is removed, and the server no longer shows that it certifies the new\none. You are told which clients have no other certificate, and asked.',
      examples: [
        ['ca retire', 'after all clients have certificates of the new authority, and trust it'],
        ['ca retire --yes', 'without being asked'],
      ],
    }),
  ).action((options: Confirmation, command: Command) => retireIt(options, command))
}

interface RolloverFlags extends AuthorityOptions {
  readonly root?: boolean
  readonly rootKey?: string
  readonly cross: boolean
}

async function rollover(
  { root, rootKey: rootKeyFile, cross, ...options }: RolloverFlags,
  command: Command,
): Promise<void> {
  const screen = screenOf(command)
  const authority = await authorityFrom(options)
  const rootKey = rootKeyFile === undefined ? undefined : await readFile(rootKeyFile, 'utf8')
  await withHouse(command, async opened => {
    const now = new Date()
    const flags = { isRoot: root, rootKey, isWithoutCross: !cross }
    const { signing, previous, cross: crossed } = await rollOver(opened, { ...authority, ...flags }, now)
    const old = previous ?? signing
    const clients = await dependentsOf(old, opened.clients, now)
    const server = await presentCredentials(opened.folder)
    const ca = opened.folder.caCertificate
    const result = {
      authority: signing.certificate.subject.text,
      fingerprint: signing.certificate.fingerprint,
      notAfter: signing.certificate.notAfter.toISOString(),
      previous: old.certificate.subject.text,
      isCrossCertified: crossed !== undefined,
      serverCertificateNotAfter: server?.leaf.notAfter.toISOString(),
      ca,
      clients: [...new Set(clients.map(({ name }) => name))],
    }
    screen.show(result, () =>
      [
        screen.pairs([
          ['Authority', printable(result.authority)],
          ['Valid', `until ${until(signing.certificate.notAfter.getTime(), screen.colours)}`],
          ['SHA-256', result.fingerprint],
          ['CA certificate', `${ca} (clients install it)`],
          ['Previous', `${printable(result.previous)}, trusted until kmipd ca retire`],
          ['Server certificate', server && until(server.leaf.notAfter.getTime(), screen.colours)],
        ]),
        '',
        ...(cross ? [] : [screen.colours.yellow(`Clients that do not trust ${ca} yet no longer accept the server.`)]),
        `Next: install ${ca} in all clients, beside the old one; sign their requests anew (the previous`,
        `authority signed ${counted(clients.length)} still in use); then end the rollover: kmipd ca retire`,
      ].join('\n'),
    )
  })
}

async function retireIt({ yes = false }: Confirmation, command: Command): Promise<void> {
  const screen = screenOf(command)
  await withHouse(command, async opened => {
    const now = new Date()
    const { previous } = opened.authorities
    if (previous === undefined) throw noPrevious()
    const certificates = await dependentsOf(previous, opened.clients, now)
    const names = await stranded(previous, opened.clients, now)
    await screen.confirm(question(previous.certificate.subject.text, certificates.length, names, screen), yes)
    const retired = await retire(opened, now)
    const subject = retired.subject.text
    screen.show(
      { retired: subject, revoked: certificates.map(({ serialNumber }) => serialNumber), clients: names },
      () =>
        [
          `${printable(subject)} is no longer trusted; ${counted(certificates.length)} revoked.`,
          ...(names.length === 0
            ? []
            : [`Shut out until they get a new certificate: ${names.map(printable).join(', ')}`]),
        ].join('\n'),
    )
  })
}

function question(subject: string, certificates: number, names: readonly string[], screen: Screen): string {
  const who =
    names.length === 0
      ? 'All clients have other certificates.'
      : screen.colours.red(
          `These clients have no other one and are shut out at once: ${names.map(printable).join(', ')}.`,
        )
  return `Retire ${printable(subject)}? Of its clients, ${counted(certificates)} will be revoked. ${who} Clients that trust it alone no longer accept the server.`
}
