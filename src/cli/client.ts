/**
 * `kmipd client`: who may connect. Works with or without a server running: it asks the register at every message.
 *
 * @module
 */
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { KeyType } from '../../certs/index.ts'
import { makeFolder } from '../../store/index.ts'
import { type Enrolled, issueClient, signClient, trustClient } from '../enrollment.ts'
import { entryJson, entryPairs, warnOfDays } from './client-entry.ts'
import { addRegister } from './client-register.ts'
import { addCommand, screenOf, wholeNumber, withHouse } from './command.ts'
import { privateMode, publicMode, refuseExisting, refuseUnwritable, writeNewFile } from './new-file.ts'
import { readInput } from './object-file.ts'
import { nameIn } from './object-options.ts'
import { dayOf, printable, type Screen, until } from './screen.ts'

interface NameOptions {
  readonly name: string
  readonly group?: string
}

interface LifetimeOptions {
  readonly group?: string
  readonly days?: number
  readonly administrator?: boolean
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
  command
    .option('--group <group>', groupHelp)
    .option('--days <days>', 'validity; default 730', wholeNumber(1, 36_500))
    .option('--administrator', 'the certificate may call the HTTPS API as an administrator')

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
        ['client issue ops --administrator --out ops/', 'one that may approve enrollments over HTTPS'],
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
  await withHouse(command, async opened => {
    const { folder } = opened
    const enrolled = await signClient(request, asked, opened, new Date())
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
  await withHouse(command, async opened => {
    const { folder } = opened
    await makeFolder(out)
    const enrolled = await issueClient({ name, ...asked }, keyType, opened, new Date())
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

async function trust(cert: string, asked: NameOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  const pem = cert === '-' ? await readInput(cert) : await readFile(cert)
  await withHouse(command, async opened => {
    const entry = await trustClient(pem, asked, opened, new Date())
    screen.show(entryJson(entry), () => screen.pairs(entryPairs(entry, screen)))
    warnOfDays(entry, screen)
  })
}
