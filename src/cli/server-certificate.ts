/**
 * `kmipd server-certificate`: what the server shows to clients.
 *
 * @module
 */
import type { Command } from 'commander'
import type { RevocationReason } from '../../certs/index.ts'
import { namesOf, presentCredentials, serverCredentials, type ServerCredentials } from '../server-certificate.ts'
import { addCommand, screenOf, several, withHouse } from './command.ts'
import { CommandError } from './endings.ts'
import { nameIn } from './object-options.ts'
import { dayOf, printable, type Screen, until } from './screen.ts'

export function addServerCertificate(program: Command): void {
  const certificate = addCommand(program, 'server-certificate', {
    summary: 'show the certificate of the server, or make a new one',
    examples: [
      ['server-certificate show', 'its names, and until when it is valid'],
      ['server-certificate renew', 'a new key and certificate at once, without a restart'],
    ],
  })

  addCommand(certificate, 'show', {
    summary: 'show the certificate of the server',
    examples: [['server-certificate show --json', 'as JSON, with the certificates']],
  }).action(async (_: unknown, command: Command) => {
    const screen = screenOf(command)
    const credentials = await withHouse(command, ({ folder }) => presentCredentials(folder))
    if (credentials === undefined)
      throw new CommandError('notFound', 'there is no server certificate; the next kmipd serve makes one')
    screen.show(facts(credentials), () => text(credentials, screen))
  })

  addCommand(certificate, 'renew', {
    summary: 'make a new key and certificate for the server; a running one takes them up, and drops no connection',
    description:
      'The names stay, and --host adds to them. Without this, a certificate is renewed 30 days before its end.',
    examples: [
      ['server-certificate renew', 'the same names'],
      ['server-certificate renew --host keys.example.net', 'and one more'],
      ['server-certificate renew --revoke keyCompromise', 'after the key got into wrong hands'],
    ],
  })
    .option('--host <name-or-ip>', 'one more name; repeatable', several)
    .option('--revoke <reason>', `revoke the one before: ${reasons.join(', ')}`)
    .action((options: RenewOptions, command: Command) => renew(options, command))
}

interface RenewOptions {
  readonly host?: readonly string[]
  readonly revoke?: string
}

const reasons: readonly RevocationReason[] = ['superseded', 'keyCompromise', 'cessationOfOperation']

async function renew({ host = [], revoke }: RenewOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  const reason = revoke === undefined ? undefined : nameIn({ words: 'reason', names: reasons }, revoke)
  await withHouse(command, async opened => {
    const { folder, issued, config } = opened
    const before = await presentCredentials(folder)
    const now = new Date()
    const wishes = { hosts: host, keyType: config.tls.serverKey, isRenewal: true }
    const credentials = await serverCredentials(opened, wishes, now)
    if (reason !== undefined && before !== undefined) await issued.revoke(before.leaf, 'server', reason, now)
    screen.show({ ...facts(credentials), replaced: before?.leaf.serialNumber }, () => text(credentials, screen))
  })
}

const facts = ({ leaf, certificate }: ServerCredentials) => ({
  names: namesOf(leaf),
  serialNumber: leaf.serialNumber,
  fingerprint: leaf.fingerprint,
  issuer: leaf.issuer.text,
  publicKey: leaf.publicKey.description,
  notBefore: leaf.notBefore.toISOString(),
  notAfter: leaf.notAfter.toISOString(),
  certificate,
})

const text = ({ leaf }: ServerCredentials, screen: Screen): string =>
  screen.pairs([
    ['Server names', namesOf(leaf).join(', ')],
    ['Serial number', leaf.serialNumber],
    ['SHA-256', leaf.fingerprint],
    ['Issuer', printable(leaf.issuer.text)],
    ['Public key', leaf.publicKey.description],
    ['Valid', `${dayOf(leaf.notBefore.getTime())} to ${until(leaf.notAfter.getTime(), screen.colours)}`],
  ])
