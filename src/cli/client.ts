/**
 * `kmipd client`: who may connect. Works with or without a server running: it asks the register at every message.
 *
 * @module
 */
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { KeyType } from '../../certs/index.ts'
import { type Issued, type Passphrase, plainFiles, type Signed, withKeyStore } from '../bundles.ts'
import { type ClientRequest, type Enrolled, issueClient, signClient, trustClient } from '../enrollment.ts'
import { entryJson, entryPairs, noteJoined, warnOfDays } from './client-entry.ts'
import {
  addBundleOptions,
  addPassphraseOptions,
  type BundleOptions,
  type Chosen,
  chosen,
  makeBundleFolder,
  makeWritable,
  pack,
  type Packed,
  type PassphraseOptions,
  passphraseOf,
  serverAddress,
  writeBundle,
} from './client-bundle.ts'
import { addRegister } from './client-register.ts'
import { addCommand, screenOf, wholeNumber, withHouse } from './command.ts'
import { CommandError } from './endings.ts'
import { publicMode, refuseExisting, refuseUnwritable, writeNewFile } from './new-file.ts'
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
  addBundleOptions(
    withLifetime(
      addCommand(client, 'sign <csr>', {
        summary: "sign a client's certificate request (- is standard input)",
        description:
          'The signed certificate goes to --out, else to standard output. The client installs it, and the\ncertificate of the authority, whose path is printed. With --bundle, --out is a new folder for all that the\nclient takes, and README.txt says what to do with it.',
        examples: [
          ['client sign cluster.csr --name cluster-1 --out cluster-1.pem', 'the certificate into a new file'],
          ['client sign - --name cluster-1 < cluster.csr > cluster-1.pem', 'in a pipe'],
          ['client sign cluster.csr --name cluster-1 --bundle element --out cluster-1/', 'with requests to paste'],
          ['client sign cluster.csr --name cluster-1 --json', 'with the certificates of client and authority as JSON'],
        ],
      }).requiredOption('--name <name>', 'what the client is called here'),
    ),
  )
    .option('--out <file>', 'new file for the certificate; default standard output')
    .action((csr: string, options: SignOptions, command: Command) => sign(csr, options, command))

  addPassphraseOptions(
    addBundleOptions(
      withLifetime(
        addCommand(client, 'issue <name>', {
          summary: 'make a key and a certificate for a client that cannot make its own',
          description:
            'Writes cert.pem, key.pem (mode 0600) and ca.pem into a folder; never over files that are there. With\n--bundle: what the client takes, into a new folder, and README.txt says what to do with it. The passphrase of a\nPKCS#12 key store that you do not give is made, and written to passphrase.txt (mode 0600).',
          examples: [
            ['client issue backup --out backup/', 'a client with a group of its own'],
            ['client issue node-2 --group cluster-1 --key-type RSA-2048 --out node-2/', 'one that shares keys'],
            ['client issue array-1 --bundle ontap --out array-1/', 'files and commands for ONTAP'],
            ['client issue app --p12 --out app/', 'with a PKCS#12 key store'],
            ['client issue ops --administrator --out ops/', 'one that may approve enrollments over HTTPS'],
          ],
        }),
      ),
    ),
  )
    .option('--key-type <type>', `${keyTypes.join(', ')}; default P-256, with some bundles RSA-2048`)
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

interface SignOptions extends NameOptions, LifetimeOptions, BundleOptions {
  readonly out?: string
}

async function sign(csr: string, { bundle, server, ...options }: SignOptions, command: Command): Promise<void> {
  if (bundle !== undefined) return signBundle(csr, chosen('sign', bundle), server, options, command)
  const screen = screenOf(command)
  refuseServerAlone(server)
  const { out, ...asked } = options
  if (out !== undefined) refuseUnwritable(out)
  const request = await readInput(csr)
  await withHouse(command, async opened => {
    const { folder } = opened
    const enrolled = await signClient(request, asked, opened, new Date())
    const { pem } = enrolled.certificate
    if (out !== undefined) await writeNewFile(out, pem, publicMode)
    const facts = (): string =>
      entryFacts(enrolled, screen, [
        ['Certificate', out === undefined ? undefined : `${resolve(out)} (install it on the client)`],
        ['CA certificate', `${resolve(folder.caCertificate)} (install it on the client, too)`],
      ])
    // The certificate alone goes to standard output if that is where it is wanted.
    if (out === undefined) screen.note(facts())
    screen.show(enrolledJson(enrolled, folder.caCertificate), () => (out === undefined ? pem : facts()))
    tellOfEnrolled(enrolled, screen)
  })
}

async function signBundle(
  csr: string,
  bundle: Chosen<Signed>,
  given: string | undefined,
  { out, ...asked }: SignOptions,
  command: Command,
): Promise<void> {
  if (out === undefined) throw new CommandError('usage', 'a bundle is several files; name a folder for them: --out DIR')
  const request = await readInput(csr)
  await withHouse(command, async opened => {
    const server = await serverAddress(given, opened)
    await makeBundleFolder(out)
    const enrolled = await signClient(request, asked, opened, new Date())
    const contents = { ...enrolled, name: asked.name, server, folder: resolve(out) }
    const packed = await pack(out, bundle, await bundle.recipe.files(contents), contents)
    showPacked(enrolled, packed, opened.folder.caCertificate, screenOf(command))
  })
}

const keyTypes: readonly KeyType[] = ['P-256', 'P-384', 'RSA-2048', 'RSA-3072', 'RSA-4096', 'Ed25519']
const keyTypeNames = { words: 'key type', names: keyTypes }

interface IssueOptions extends LifetimeOptions, BundleOptions, PassphraseOptions {
  readonly keyType?: string
  readonly out: string
}

async function issue(name: string, options: IssueOptions, command: Command): Promise<void> {
  const { out, bundle: known, server, keyType, p12 = false, p12PassphraseFile, ...asked } = options
  const bundle = known === undefined ? undefined : chosen('issue', known)
  const wish: Wish = {
    asked: { name, ...asked },
    keyType: keyType === undefined ? (bundle?.bundle.keyType ?? 'P-256') : nameIn(keyTypeNames, keyType),
    hasKeyStore: p12 || p12PassphraseFile !== undefined,
    passphrase: await passphraseOf(p12PassphraseFile),
    out,
  }
  if (bundle !== undefined) return issueBundle(wish, bundle, server, command)
  refuseServerAlone(server)
  return issuePlain(wish, command)
}

interface Wish {
  readonly asked: ClientRequest
  readonly keyType: KeyType
  readonly hasKeyStore: boolean
  readonly passphrase: Passphrase
  readonly out: string
}

/** What `issue` may write without a bundle. */
const plainNames = ['cert.pem', 'key.pem', 'ca.pem', 'client.p12', 'passphrase.txt']

async function issuePlain({ asked, keyType, hasKeyStore, passphrase, out }: Wish, command: Command): Promise<void> {
  const screen = screenOf(command)
  plainNames.forEach(each => refuseExisting(join(out, each)))
  await withHouse(command, async opened => {
    await makeWritable(out)
    const enrolled = await issueClient(asked, keyType, opened, new Date())
    const contents = { ...enrolled, name: asked.name, passphrase }
    const pems = plainFiles(contents)
    const files = await writeBundle(out, hasKeyStore ? await withKeyStore(pems, contents) : pems)
    screen.show({ ...enrolledJson(enrolled, opened.folder.caCertificate), files }, () =>
      issuedFacts(enrolled, files, screen),
    )
    tellOfEnrolled(enrolled, screen)
  })
}

async function issueBundle(
  { asked, keyType, hasKeyStore, passphrase, out }: Wish,
  bundle: Chosen<Issued>,
  given: string | undefined,
  command: Command,
): Promise<void> {
  await withHouse(command, async opened => {
    const server = await serverAddress(given, opened)
    await makeBundleFolder(out)
    const enrolled = await issueClient(asked, keyType, opened, new Date())
    const contents = { ...enrolled, name: asked.name, server, passphrase, folder: resolve(out) }
    const files = await bundle.recipe.files(contents)
    const packed = await pack(out, bundle, hasKeyStore ? await withKeyStore(files, contents) : files, contents)
    showPacked(enrolled, packed, opened.folder.caCertificate, screenOf(command))
  })
}

function refuseServerAlone(server: string | undefined): void {
  if (server !== undefined)
    throw new CommandError('usage', '--server goes into the files of a bundle; name one: --bundle')
}

function showPacked(enrolled: Enrolled, { facts, folder, text }: Packed, ca: string, screen: Screen): void {
  screen.show(
    { ...enrolledJson(enrolled, ca), ...facts },
    () => `${entryFacts(enrolled, screen, [['Folder', `${folder} (README.txt is what follows)`]])}\n\n${text}`,
  )
  tellOfEnrolled(enrolled, screen)
}

function tellOfEnrolled({ entry, joined }: Enrolled, screen: Screen): void {
  if (joined !== undefined) noteJoined(entry, joined, screen)
  warnOfDays(entry, screen)
}

const issuedFacts = (
  enrolled: Enrolled,
  { cert, key, ca, keyStore, passphrase }: Record<string, string>,
  screen: Screen,
): string =>
  entryFacts(enrolled, screen, [
    ['Certificate', cert && `${resolve(cert)} (install it on the client)`],
    ['Private key', key && `${resolve(key)} (mode 0600; keep it secret)`],
    ['Key store', keyStore && `${resolve(keyStore)} (PKCS#12, with all three)`],
    ['Passphrase', passphrase && `in ${resolve(passphrase)} (mode 0600; keep it secret)`],
    ['CA certificate', ca && `${resolve(ca)} (install it on the client, too)`],
  ])

const entryFacts = (
  { entry }: Enrolled,
  screen: Screen,
  more: readonly (readonly [name: string, value: string | undefined])[],
): string =>
  screen.pairs([
    ['Client', printable(entry.name)],
    ['Group', printable(entry.group)],
    ['Serial number', entry.serialNumber],
    ['Valid', `${dayOf(entry.notBefore)} to ${until(entry.notAfter, screen.colours)}`],
    ...more,
  ])

const enrolledJson = ({ entry, certificate, chain, joined }: Enrolled, caFile: string) => ({
  ...entryJson(entry),
  ...(joined === undefined ? {} : { joined }),
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
