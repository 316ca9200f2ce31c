/**
 * `kmipd trust check`: a handshake with any TLS server, step by step, and at which of them it stops.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { dataFolder } from '../data-folder.ts'
import { type Fault, FaultError } from '../diagnosis/faults.ts'
import { checkTrust, type Outcome, passphraseVariable, type StepName, type TrustReport } from '../trust-check.ts'
import { addressOf } from './address.ts'
import { addCommand, dataOf, screenOf, wholeNumber } from './command.ts'
import { CommandError } from './endings.ts'
import { type Colours, printable, type Screen, until } from './screen.ts'
import { table } from './table.ts'

interface TrustOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly serverName?: string
  readonly insecure?: boolean
  readonly timeout: number
}

export function addTrust(program: Command): void {
  const trust = addCommand(program, 'trust', {
    summary: 'find out why client and server do not trust each other',
    examples: [['trust check keys.example.org --ca ca.pem --cert cert.pem --key key.pem', 'the whole handshake']],
  })
  addCommand(trust, 'check <host[:port]>', {
    summary: 'make a handshake step by step, and say where it stops, whose side is wrong and what to do',
    description: `Connects as a storage controller does, some six times in all, which the log of the server shows. Any TLS server will\ndo; of one that speaks KMIP it discovers the versions. Without --ca the ca.pem of the data folder is trusted, else the\npublic authorities. The passphrase of an encrypted key is taken from ${passphraseVariable}.`,
    examples: [
      ['trust check keys.example.org --ca ca.pem --cert cert.pem --key key.pem', 'as a KMIP client, on port 5696'],
      ['trust check support.example.org:443 --ca cacert.pem', 'as a client of an HTTPS server'],
      ['trust check [2001:db8::7]:5696 --server-name keys.example.org', 'another name than that of the address'],
      ['trust check keys.example.org --insecure --json', 'go on with a server that is not trusted; as JSON'],
    ],
  })
    .option('--ca <file>', 'the authorities that are trusted, such as cacert.pem; it may hold many')
    .option('--cert <file>', 'PEM: the client certificate; its issuers may follow it')
    .option('--key <file>', 'PEM: its private key; default: in the file of the certificate')
    .option('--server-name <name>', 'what the certificate has to name, if not the host')
    .option('--insecure', 'go on with a server that is not trusted; for looking, never for working')
    .option('--timeout <seconds>', 'for each connection and answer', wholeNumber(1, 600), 10)
    .action((server: string, options: TrustOptions, command: Command) => check(server, options, command))
}

async function check(server: string, options: TrustOptions, command: Command): Promise<void> {
  const { cert, key, serverName, insecure: isInsecure = false, timeout } = options
  if (key !== undefined && cert === undefined)
    throw new CommandError('usage', 'a key is of no use without its certificate; give --cert, too')
  const screen = screenOf(command)
  if (isInsecure) screen.shout('--insecure: the server is not verified. Send it nothing that matters.')
  const report = await checkTrust({
    ...{ port: 5696, ...addressOf(server) },
    ca: options.ca ?? ownAuthority(dataOf(command)),
    ...{ cert, key, serverName, isInsecure, timeoutMs: timeout * 1000 },
    passphrase: process.env[passphraseVariable],
  })
  screen.show(reportJson(report, isInsecure), () => reportText(report, screen))
  const { stopped, steps } = report
  if (stopped === undefined) return
  const number = steps.findIndex(({ name }) => name === stopped.step) + 1
  throw new FaultError(
    stopped.fault,
    `the handshake stops at step ${number} of ${steps.length}, ${titles[stopped.step].toLowerCase()}: ${stopped.fault.code}`,
  )
}

/** The authority of this machine's own server, if there is one. */
function ownAuthority(data: string): string | undefined {
  const { caCertificate } = dataFolder(data)
  return existsSync(caCertificate) ? caCertificate : undefined
}

const titles: Readonly<Record<StepName, string>> = {
  files: 'Files here',
  name: 'Name',
  connection: 'Connection',
  tls: 'TLS',
  certificate: 'Server certificate',
  trust: 'Trust store',
  keyExchange: 'Key exchange',
  clientCertificate: 'Client certificate',
  traffic: 'Encrypted traffic',
}

const marks: Readonly<Record<Outcome, (colours: Colours) => string>> = {
  passed: ({ green }) => green('✓'),
  warned: ({ yellow }) => yellow('!'),
  bypassed: ({ red }) => red('!'),
  failed: ({ red }) => red('✗'),
  notReached: ({ dim }) => dim('–'),
}

const sides: Readonly<Record<Fault['side'], string>> = {
  client: 'on the side of the client',
  server: 'on the side of the server',
  network: 'between the two',
}

function reportText({ host, port, name, steps, versions, chain, stopped }: TrustReport, screen: Screen): string {
  const { bold, dim, green, red } = screen.colours
  const called = name === host ? '' : `, called ${name}`
  const rows = steps.map(({ name, outcome, found }, index) => [
    marks[outcome](screen.colours),
    `${index + 1}`,
    outcome === 'notReached' ? dim(titles[name]) : titles[name],
    outcome === 'bypassed'
      ? `${printable(found)} ${red('(bypassed)')}`
      : outcome === 'notReached'
        ? dim('not reached')
        : printable(found),
  ])
  const faults = steps.flatMap(step => step.faults.map(fault => ({ ...step, fault })))
  return [
    bold(`Handshake with ${host} port ${port}${called}`),
    '',
    table(screen, ['', '', 'STEP', 'FOUND'], rows, ''),
    ...(versions.length === 0 ? [] : ['', table(screen, ['TLS', 'SUITE'], versions.map(versionRow(screen)), '')]),
    ...(chain.length === 0 ? [] : ['', table(screen, chainHead, chain.map(chainRow(screen)), '')]),
    ...faults.flatMap(({ name, outcome, fault }) => [
      '',
      `${marks[outcome](screen.colours)} ${bold(titles[name])}: ${printable(fault.reason)} ${dim(`(${fault.code})`)}`,
      `  ${dim('To do')}  ${printable(fault.hint)} ${dim(`(${sides[fault.side]})`)}`,
    ]),
    '',
    verdict(),
  ].join('\n')

  function verdict(): string {
    if (stopped !== undefined) return red(`The handshake stops at: ${titles[stopped.step]}.`)
    const bypassed = steps.filter(({ outcome }) => outcome === 'bypassed').map(({ name }) => titles[name])
    if (bypassed.length === 0) return green('The handshake works.')
    return red(`The handshake works only because --insecure passes over: ${bypassed.join(', ')}.`)
  }
}

const versionRow =
  ({ colours }: Screen) =>
  ({ version, suite }: TrustReport['versions'][number]): string[] => [
    version.replace('TLSv', '').padEnd(3, '.0'),
    suite ?? colours.dim('not spoken'),
  ]

const chainHead = ['CERTIFICATE', 'ISSUER', 'VALID UNTIL', 'KEY', 'SIGNATURE', 'FROM']

const chainRow =
  ({ colours }: Screen) =>
  ({ certificate, source }: TrustReport['chain'][number]): string[] => [
    printable(certificate.subject.text),
    printable(certificate.issuer.text),
    until(certificate.notAfter.getTime(), colours),
    certificate.publicKey.description,
    certificate.signatureAlgorithm,
    source === 'server' ? 'server' : 'trust store',
  ]

const reportJson = ({ chain, steps, ...rest }: TrustReport, isInsecure: boolean) => ({
  ...rest,
  isInsecure,
  steps,
  chain: chain.map(({ certificate, source }) => ({
    subject: certificate.subject.text,
    issuer: certificate.issuer.text,
    serialNumber: certificate.serialNumber,
    fingerprint: certificate.fingerprint,
    notBefore: certificate.notBefore.toISOString(),
    notAfter: certificate.notAfter.toISOString(),
    names: certificate.subjectAlternativeName.map(({ value }) => value),
    publicKey: certificate.publicKey.description,
    signatureAlgorithm: certificate.signatureAlgorithm,
    isAuthority: certificate.isAuthority,
    keyUsage: certificate.keyUsage,
    extendedKeyUsage: certificate.extendedKeyUsage,
    source,
  })),
})
