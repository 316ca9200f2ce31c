/**
 * `kmipd client list`, `show` and `revoke`: the register of those who may connect.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { readCertificate, type RevocationReason } from '../../certs/index.ts'
import { type ClientEntry, type Clients, isKeyLost } from '../clients.ts'
import { counted, entryJson, entryPairs, stateInColour } from './client-entry.ts'
import { addCommand, screenOf, withHouse } from './command.ts'
import { CommandError } from './endings.ts'
import { addConfirmation, type Confirmation } from './object-actions.ts'
import { nameIn } from './object-options.ts'
import { printable, until } from './screen.ts'
import { table } from './table.ts'

export function addRegister(client: Command): void {
  addCommand(client, 'list', {
    summary: 'list the certificates of all clients, oldest first',
    examples: [['client list --json', 'as JSON']],
  }).action(async (_: unknown, command: Command) => {
    const screen = screenOf(command)
    const entries = await withHouse(command, ({ clients }) => clients.list())
    screen.show({ clients: entries.map(entryJson) }, () =>
      table(
        screen,
        ['NAME', 'GROUP', 'SERIAL NUMBER', 'VALID UNTIL', 'STATE'],
        entries.map(entry => [
          printable(entry.name),
          printable(entry.group),
          entry.serialNumber,
          until(entry.notAfter, screen.colours),
          stateInColour(entry, screen),
        ]),
        'no clients; sign a certificate request: kmipd client sign',
      ),
    )
  })

  const wanted = 'A client is named by its name, a serial number, or a SHA-256 fingerprint or its first 8 digits.'
  addCommand(client, 'show <wanted>', {
    summary: "show a client's certificates",
    description: wanted,
    examples: [['client show cluster-1', 'all that were signed for it']],
  }).action(async (text: string, _: unknown, command: Command) => {
    const screen = screenOf(command)
    const entries = await withHouse(command, ({ clients }) => found(clients.find(text), text))
    screen.show({ clients: entries.map(entryJson) }, () =>
      entries.map(entry => screen.pairs(entryPairs(entry, screen))).join('\n\n'),
    )
  })

  addConfirmation(
    addCommand(client, 'revoke <wanted>', {
      summary: 'shut a client out, at once',
      description: `${wanted}\nUnder a name all of its certificates are revoked, and with the reason keyCompromise all others of their keys. A certificate that is not in the register is named by its file.\nThe reason goes into the revocation list: ${reasons.join(', ')}.`,
      examples: [
        ['client revoke cluster-1 --reason cessationOfOperation', 'all certificates of a client'],
        ['client revoke 4f0c9a1b7d --yes', 'one, by its fingerprint or serial number'],
        ['client revoke node.pem', 'one that an authority under [[tls.trust]] vouches for'],
      ],
    }).option('--reason <reason>', 'why: a word of RFC 5280 §5.3.1', 'unspecified'),
  ).action((text: string, options: RevokeOptions, command: Command) => revoke(text, options, command))
}

interface RevokeOptions extends Confirmation {
  readonly reason: string
}

/** Those that fit a client; others are for authorities, or can be taken back, which a revocation here cannot. */
const reasons: readonly RevocationReason[] = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
]

async function revoke(text: string, { yes = false, ...options }: RevokeOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  const reason = nameIn({ words: 'reason', names: reasons }, options.reason)
  await withHouse(command, async ({ clients }) => {
    const entries = await revocable(clients, text)
    const isLost = reason === 'keyCompromise'
    const others = isLost ? await othersOfKeys(clients, entries) : []
    const open = [...entries, ...others].filter(entry => (isLost ? !isKeyLost(entry) : entry.revoked === undefined))
    const serials = open.map(({ serialNumber }) => serialNumber)
    if (open.length > 0) {
      const what = `${counted(open.length)} of ${[...new Set(open.map(({ name }) => printable(name)))].join(', ')}`
      const why = others.length === 0 ? '' : ', all of the compromised key'
      await screen.confirm(`Revoke ${what}${why}? The client is shut out at once.`, yes)
      await clients.revoke(open, reason, Date.now())
    }
    const after = await Promise.all(
      [...entries, ...others].map(({ fingerprint, serialNumber }) => clients.find(fingerprint || serialNumber)),
    )
    const isOther = (entry: ClientEntry): boolean => others.includes(entry)
    screen.show({ revoked: serials, clients: after.flat().map(entryJson) }, () =>
      open.length === 0
        ? `nothing to do: ${counted(entries.length)} of ${printable(text)} revoked already`
        : `revoked ${counted(open.length)}:\n${open.map(each => `  ${printable(each.name)} ${each.serialNumber}${isOther(each) ? ' (of the same key)' : ''}`).join('\n')}`,
    )
  })
}

/** The other certificates of what is compromised: whoever has the key has these as well. */
async function othersOfKeys(clients: Clients, entries: readonly ClientEntry[]): Promise<ClientEntry[]> {
  const known = new Set(entries.map(({ issuer, serialNumber }) => `${serialNumber} ${issuer}`))
  const all = await clients.ofSameKeys(entries)
  return all.filter(({ issuer, serialNumber }) => !known.has(`${serialNumber} ${issuer}`))
}

/** What a word names in the register; else the certificate in the file of that name, entered or not. */
async function revocable(clients: Clients, text: string): Promise<ClientEntry[]> {
  const named = clients.find(text)
  if ((await named).length > 0 || !existsSync(text)) return found(named, text)
  const certificate = readCertificate(await readFile(text))
  return [(await clients.entered(certificate)) ?? clients.guest(certificate, Date.now())]
}

async function found(finding: Promise<ClientEntry[]>, text: string): Promise<ClientEntry[]> {
  const entries = await finding
  if (entries.length === 0)
    throw new CommandError(
      'notFound',
      `there is no client ${JSON.stringify(text)}; kmipd client list shows which there are`,
    )
  return entries
}
