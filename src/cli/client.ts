/**
 * `kmipd client`: who may connect. Works with or without a server running: it asks the register at every message.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { type KeyType, readCertificate } from '../../certs/index.ts'
import { makeFolder } from '../../store/index.ts'
import type { ClientEntry, Clients } from '../clients.ts'
import { type Enrolled, issueClient, signClient, trustClient } from '../enrollment.ts'
import { addCommand, screenOf, wholeNumber, withHouse } from './command.ts'
import { CommandError } from './endings.ts'
import { privateMode, publicMode, refuseExisting, refuseUnwritable, writeNewFile } from './new-file.ts'
import { addConfirmation, type Confirmation } from './object-actions.ts'
import { readInput } from './object-file.ts'
import { nameIn } from './object-options.ts'
import { dayOf, daysUntil, fewDays, printable, type Screen, until } from './screen.ts'

interface NameOptions {
  readonly name: string
  readonly group?: string
}

interface LifetimeOptions {
  readonly group?: string
  readonly days?: number
}

export function addClient(program: Command): void {
  const client = addCommand(program, 'client', {
    summary: 'say which clients may connect, and as whom',
    description: 'A running server heeds every change at once.',
    examples: [
      ['client sign cluster.csr --name cluster-1 --out cluster-1.pem', "sign a cluster's certificate request"],
      ['client list', 'who is admitted, and until when'],
    ],
  })
  addAdmitting(client)
  addRegister(client)
}

const groupHelp = 'clients of one group share their objects; default: the group the name has, else a new one of its own'

const withLifetime = (command: Command): Command =>
  command.option('--group <group>', groupHelp).option('--days <days>', 'validity; default 730', wholeNumber(1, 36_500))

function addAdmitting(client: Command): void {
  withLifetime(
    addCommand(client, 'sign <csr>', {
      summary: "sign a client's certificate request (- is standard input)",
      description:
        'The signed certificate goes to --out, else to standard output. The client installs it, and the\ncertificate of the authority, whose path is printed.',
      examples: [
        ['client sign cluster.csr --name cluster-1 --out cluster-1.pem', 'the certificate into a new file'],
        ['client sign - --name cluster-1 < cluster.csr > cluster-1.pem', 'in a pipe'],
        ['client sign cluster.csr --name cluster-1 --json', 'with the certificates of client and authority as JSON'],
      ],
    }).requiredOption('--name <name>', 'what the client is called here'),
  )
    .option('--out <file>', 'new file for the certificate; default standard output')
    .action((csr: string, options: SignOptions, command: Command) => sign(csr, options, command))

  withLifetime(
    addCommand(client, 'issue <name>', {
      summary: 'make a key and a certificate for a client that cannot make its own',
      description: 'Writes cert.pem, key.pem (mode 0600) and ca.pem into a folder; never over files that are there.',
      examples: [
        ['client issue backup --out backup/', 'a client with a group of its own'],
        ['client issue node-2 --group cluster-1 --key-type RSA-2048 --out node-2/', 'one that shares keys'],
      ],
    }),
  )
    .option('--key-type <type>', keyTypes.join(', '), 'P-256')
    .requiredOption('--out <dir>', 'folder for the files')
    .action((name: string, options: IssueOptions, command: Command) => issue(name, options, command))

  addCommand(client, 'trust <cert>', {
    summary: 'admit a certificate that another authority signed, or its owner did',
    examples: [['client trust node.pem --name node-3 --group cluster-1', 'this very certificate, no other']],
  })
    .requiredOption('--name <name>', 'what the client is called here')
    .option('--group <group>', groupHelp)
    .action((cert: string, options: NameOptions, command: Command) => trust(cert, options, command))
}

interface SignOptions extends NameOptions, LifetimeOptions {
  readonly out?: string
}

async function sign(csr: string, { out, ...asked }: SignOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  if (out !== undefined) refuseUnwritable(out)
  const request = await readInput(csr)
  await withHouse(command, async ({ authority, clients, folder }) => {
    const enrolled = await signClient(request, asked, authority, clients, new Date())
    const { pem } = enrolled.certificate
    if (out !== undefined) await writeNewFile(out, pem, publicMode)
    const facts = (): string => signedFacts(enrolled, folder.caCertificate, out, screen)
    // The certificate alone goes to standard output if that is where it is wanted.
    if (out === undefined) screen.note(facts())
    screen.show(enrolledJson(enrolled, folder.caCertificate), () => (out === undefined ? pem : facts()))
    warnOfDays(enrolled.entry, screen)
  })
}

const keyTypes: readonly KeyType[] = ['P-256', 'P-384', 'RSA-2048', 'RSA-3072', 'RSA-4096', 'Ed25519']

interface IssueOptions extends LifetimeOptions {
  readonly keyType: string
  readonly out: string
}

async function issue(name: string, { out, keyType: wanted, ...asked }: IssueOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  const keyType = nameIn({ words: 'key type', names: keyTypes }, wanted)
  const files = { cert: join(out, 'cert.pem'), key: join(out, 'key.pem'), ca: join(out, 'ca.pem') }
  Object.values(files).forEach(refuseExisting)
  await withHouse(command, async ({ authority, clients, folder }) => {
    await makeFolder(out)
    const enrolled = await issueClient({ name, ...asked }, keyType, authority, clients, new Date())
    await writeNewFile(files.key, enrolled.key, privateMode)
    await writeNewFile(files.cert, enrolled.certificate.pem, publicMode)
    await writeNewFile(files.ca, enrolled.chain.join(''), publicMode)
    screen.show({ ...enrolledJson(enrolled, folder.caCertificate), files }, () =>
      signedFacts(enrolled, files.ca, files.cert, screen, files.key),
    )
    warnOfDays(enrolled.entry, screen)
  })
}

function signedFacts({ entry }: Enrolled, ca: string, out: string | undefined, screen: Screen, key?: string): string {
  return screen.pairs([
    ['Client', printable(entry.name)],
    ['Group', printable(entry.group)],
    ['Serial number', entry.serialNumber],
    ['Valid', `${dayOf(entry.notBefore)} to ${until(entry.notAfter, screen.colours)}`],
    ['Certificate', out === undefined ? undefined : `${resolve(out)} (install it on the client)`],
    ['Private key', key && `${resolve(key)} (mode 0600; keep it secret)`],
    ['CA certificate', `${resolve(ca)} (install it on the client, too)`],
  ])
}

const enrolledJson = ({ entry, certificate, chain }: Enrolled, caFile: string) => ({
  ...entryJson(entry),
  certificate: certificate.pem,
  ca: chain.join(''),
  caFile,
})

function warnOfDays({ name, notAfter }: ClientEntry, screen: Screen): void {
  const days = daysUntil(notAfter)
  if (days < fewDays)
    screen.note(
      screen.colours.yellow(
        `warning: the certificate of ${printable(name)} is valid for ${days} days only; a cluster reports a fault below ${fewDays}. Sign again with more --days, or renew the authority if it ends then.`,
      ),
    )
}

async function trust(cert: string, asked: NameOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  const pem = cert === '-' ? await readInput(cert) : await readFile(cert)
  await withHouse(command, async ({ authority, clients }) => {
    const entry = await trustClient(pem, asked, authority, clients, new Date())
    screen.show(entryJson(entry), () => screen.pairs(entryPairs(entry, screen)))
    warnOfDays(entry, screen)
  })
}

function addRegister(client: Command): void {
  addCommand(client, 'list', {
    summary: 'list the certificates of all clients, oldest first',
    examples: [['client list --json', 'as JSON']],
  }).action(async (_: unknown, command: Command) => {
    const screen = screenOf(command)
    const entries = await withHouse(command, ({ clients }) => clients.list())
    screen.show({ clients: entries.map(entryJson) }, () =>
      screen.table(
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
      description: `${wanted}\nUnder a name all of its certificates are revoked. A certificate that is not in the register is named by its file.\nOn a terminal you are asked; in a script you are not.`,
      examples: [
        ['client revoke cluster-1 --reason "decommissioned"', 'all certificates of a client'],
        ['client revoke 4f0c9a1b7d --yes', 'one, by its fingerprint or serial number'],
        ['client revoke node.pem', 'one that an authority under [[tls.trust]] vouches for'],
      ],
    }).option('--reason <text>', 'for the register', 'unspecified'),
  ).action((text: string, options: RevokeOptions, command: Command) => revoke(text, options, command))
}

interface RevokeOptions extends Confirmation {
  readonly reason: string
}

async function revoke(text: string, { reason, yes = false }: RevokeOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  await withHouse(command, async ({ clients }) => {
    const entries = await revocable(clients, text)
    const open = entries.filter(({ revoked }) => revoked === undefined)
    const serials = open.map(({ serialNumber }) => serialNumber)
    if (open.length > 0) {
      const what = `${counted(open.length)} of ${[...new Set(open.map(({ name }) => printable(name)))].join(', ')}`
      await screen.confirm(`Revoke ${what}? The client is shut out at once.`, yes || !process.stdin.isTTY)
      await clients.revoke(open, reason, Date.now())
    }
    const after = await Promise.all(
      entries.map(({ fingerprint, serialNumber }) => clients.find(fingerprint || serialNumber)),
    )
    screen.show({ revoked: serials, clients: after.flat().map(entryJson) }, () =>
      open.length === 0
        ? `nothing to do: ${counted(entries.length)} of ${printable(text)} revoked already`
        : `revoked ${counted(open.length)}:\n${open.map(({ name, serialNumber }) => `  ${printable(name)} ${serialNumber}`).join('\n')}`,
    )
  })
}

/** What a word names in the register; else the certificate in the file of that name, entered or not. */
async function revocable(clients: Clients, text: string): Promise<ClientEntry[]> {
  const named = clients.find(text)
  if ((await named).length > 0 || !existsSync(text)) return found(named, text)
  const certificate = readCertificate(await readFile(text))
  return [(await clients.entered(certificate)) ?? clients.guest(certificate, Date.now())]
}

const counted = (count: number): string => (count === 1 ? '1 certificate' : `${count} certificates`)

async function found(finding: Promise<ClientEntry[]>, text: string): Promise<ClientEntry[]> {
  const entries = await finding
  if (entries.length === 0)
    throw new CommandError(
      'notFound',
      `there is no client ${JSON.stringify(text)}; kmipd client list shows which there are`,
    )
  return entries
}

export type ClientState = 'valid' | 'notYetValid' | 'expired' | 'revoked' | 'planned'

/** How an entry stands; `planned`: entered, but its certificate was never seen. */
export function stateOf({ revoked, fingerprint, notBefore, notAfter }: ClientEntry, now = Date.now()): ClientState {
  if (revoked !== undefined) return 'revoked'
  if (fingerprint === '') return 'planned'
  if (now > notAfter) return 'expired'
  return now < notBefore ? 'notYetValid' : 'valid'
}

function stateInColour(entry: ClientEntry, { colours }: Screen): string {
  const state = stateOf(entry)
  return state === 'valid' ? colours.green(state) : colours.red(state)
}

const entryJson = (entry: ClientEntry) => ({
  name: entry.name,
  group: entry.group,
  state: stateOf(entry),
  serialNumber: entry.serialNumber,
  fingerprint: entry.fingerprint,
  subject: entry.subject,
  issuer: entry.issuer,
  publicKey: entry.publicKey,
  notBefore: new Date(entry.notBefore).toISOString(),
  notAfter: new Date(entry.notAfter).toISOString(),
  daysLeft: daysUntil(entry.notAfter),
  ...(entry.revoked === undefined
    ? {}
    : { revoked: { date: new Date(entry.revoked.date).toISOString(), reason: entry.revoked.reason } }),
})

const entryPairs = (entry: ClientEntry, screen: Screen): (readonly [string, string | undefined])[] => [
  ['Client', printable(entry.name)],
  ['Group', printable(entry.group)],
  ['State', stateInColour(entry, screen)],
  ['Revoked', entry.revoked && `${dayOf(entry.revoked.date)}: ${printable(entry.revoked.reason)}`],
  ['Serial number', entry.serialNumber],
  ['SHA-256', entry.fingerprint],
  ['Subject', printable(entry.subject)],
  ['Issuer', printable(entry.issuer)],
  ['Public key', entry.publicKey],
  ['Valid', `${dayOf(entry.notBefore)} to ${until(entry.notAfter, screen.colours)}`],
]
