/**
 * `kmipd ca`: the authorities there are, and what they have revoked.
 *
 * @module
 */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { type Authority, type Certificate, type RevocationList } from '../../certs/index.ts'
import { type Authorities, authorityId } from '../authorities.ts'
import { writeWhole } from '../data-folder.ts'
import type { Opened } from '../house.ts'
import type { IssuedEntry } from '../issued.ts'
import { dependentsOf } from '../retirement.ts'
import { publications } from '../revocation.ts'
import { addRollover } from './ca-rollover.ts'
import { counted } from './client-entry.ts'
import { addCommand, screenOf, withHouse } from './command.ts'
import { CommandError } from './endings.ts'
import { publicMode } from './new-file.ts'
import { dayOf, daysUntil, printable, type Screen, until } from './screen.ts'
import { table } from './table.ts'

export function addCa(program: Command): void {
  const ca = addCommand(program, 'ca', {
    summary: 'show the authorities, make the next one, write revocation lists',
    description: 'A running server takes up every change by itself, within two seconds and without a restart.',
    examples: [
      ['ca list', 'which authorities there are, and how many clients depend on each'],
      ['ca rollover', 'a new authority signs from now on; the old one stays trusted'],
      ['ca retire', 'the old one is trusted no longer'],
    ],
  })
  addShowing(ca)
  addRollover(ca)
  addCrl(ca)
}

/** `signs`: new certificates. `previous`: trusted until it is retired. `root`: above one of these. */
type State = 'signs' | 'previous' | 'root' | 'retired'

type Facts = Omit<IssuedEntry, 'kind' | 'issued' | 'revoked'>

interface Row extends Facts {
  readonly state: State
  /** By which its publications are found; not of those that publish no more. */
  readonly id?: string
  /** Certificates of clients, signed by it, that are good. */
  readonly clients: number
  readonly pem?: string
}

async function rowsOf({ authorities, clients, issued }: Opened): Promise<Row[]> {
  const { signing, previous } = authorities
  const counted = async (authority: Authority): Promise<number> =>
    (await dependentsOf(authority, clients, new Date())).length
  const above = [signing, ...(previous === undefined ? [] : [previous])]
    .flatMap(({ certificates }) => certificates.slice(1))
    .map(each => [each.fingerprint, each] as const)
  const retired = (await issued.list()).filter(({ kind, revoked }) => kind === 'authority' && revoked !== undefined)
  return [
    { ...factsOf(signing.certificate), state: 'signs', clients: await counted(signing) },
    ...(previous === undefined
      ? []
      : [{ ...factsOf(previous.certificate), state: 'previous' as const, clients: await counted(previous) }]),
    ...[...new Map(above).values()].map(each => ({ ...factsOf(each), state: 'root' as const, clients: 0 })),
    ...retired.map(({ kind: _, issued: __, revoked: ___, ...facts }) => ({
      ...facts,
      state: 'retired' as const,
      clients: 0,
    })),
  ]
}

const factsOf = (certificate: Certificate) => ({
  id: authorityId(certificate),
  subject: certificate.subject.text,
  issuer: certificate.issuer.text,
  publicKey: certificate.publicKey.description,
  serialNumber: certificate.serialNumber,
  fingerprint: certificate.fingerprint,
  notBefore: certificate.notBefore.getTime(),
  notAfter: certificate.notAfter.getTime(),
  pem: certificate.pem,
})

const rowJson = (row: Row) => ({
  ...row,
  notBefore: new Date(row.notBefore).toISOString(),
  notAfter: new Date(row.notAfter).toISOString(),
  daysLeft: daysUntil(row.notAfter),
})

function addShowing(ca: Command): void {
  addCommand(ca, 'list', {
    summary: 'list the authorities: the one that signs, the one before, those above, those that were retired',
    examples: [['ca list --json', 'as JSON, with the certificates']],
  }).action(async (_: unknown, command: Command) => {
    const screen = screenOf(command)
    const rows = await withHouse(command, rowsOf)
    screen.show({ authorities: rows.map(rowJson) }, () =>
      table(
        screen,
        ['ID', 'STATE', 'SUBJECT', 'KEY', 'VALID UNTIL', 'CLIENTS'],
        rows.map(({ id = '', state, subject, publicKey, notAfter, clients }) => [
          id,
          state,
          printable(subject),
          publicKey,
          until(notAfter, screen.colours),
          String(clients),
        ]),
        '',
      ),
    )
  })

  addCommand(ca, 'show [id]', {
    summary: 'show an authority; default: the one that signs',
    examples: [
      ['ca show', 'what clients are to trust, with its fingerprint'],
      ['ca show --json', 'with the certificate'],
    ],
  }).action(async (id: string | undefined, _: unknown, command: Command) => {
    const screen = screenOf(command)
    await withHouse(command, async opened => {
      const rows = await rowsOf(opened)
      const row = rows.find(each => (id === undefined ? each.state === 'signs' : each.id === id))
      if (row === undefined) throw unknownAuthority(id)
      const file = row.state === 'signs' ? opened.folder.caCertificate : undefined
      screen.show({ ...rowJson(row), ...(file === undefined ? {} : { file }) }, () => shown(row, file, screen))
    })
  })
}

const shown = (row: Row, file: string | undefined, screen: Screen): string =>
  screen.pairs([
    ['Authority', printable(row.subject)],
    ['State', row.state],
    ['ID', row.id],
    ['Issuer', printable(row.issuer)],
    ['Serial number', row.serialNumber],
    ['SHA-256', row.fingerprint],
    ['Public key', row.publicKey],
    ['Valid', `${dayOf(row.notBefore)} to ${until(row.notAfter, screen.colours)}`],
    ['Clients', `${counted(row.clients)} still in use`],
    ['File', file && `${file} (clients install it)`],
  ])

const unknownAuthority = (id = ''): CommandError =>
  new CommandError('notFound', `there is no authority ${JSON.stringify(id)}; kmipd ca list shows which there are`)

/** A root whose key is kept elsewhere signs no list, here. */
function noListOf({ signing }: Authorities, id: string | undefined): CommandError {
  const root = signing.certificates.find(each => authorityId(each) === id)
  if (root === undefined) return unknownAuthority(id)
  return new CommandError(
    'refused',
    `the key of ${root.subject.text} is not in the data folder; put root.key back for as long as it takes`,
  )
}

interface CrlOptions {
  readonly delta?: boolean
  readonly der?: boolean
  readonly authority?: string
  readonly out?: string
}

function addCrl(ca: Command): void {
  addCommand(ca, 'crl', {
    summary: 'write the revocation list of an authority',
    description:
      'A list is good for 7 days, a delta for one. A new one is made when something was revoked since the last, and twice a day at most otherwise. kmipd itself asks its register, not this list: it is for others. An issuing authority that was retired stands in the list of its root, which is made while root.key is in the data folder.',
    examples: [
      ['ca crl --out kmipd.crl', 'PEM; a file that is there is replaced'],
      ['ca crl --delta --der --out kmipd-delta.crl', 'what was added to the base'],
      ['ca crl | openssl crl -noout -text', 'on standard output'],
    ],
  })
    .option('--delta', 'what was revoked since the list that is its base')
    .option('--der', 'DER in place of PEM')
    .option('--authority <id>', 'whose list, as kmipd ca list shows it; default: of the one that signs')
    .option('--out <file>', 'where to; default: standard output')
    .action((options: CrlOptions, command: Command) => crl(options, command))
}

async function crl({ delta, der, authority, out }: CrlOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  await withHouse(command, async ({ store, authorities }) => {
    const publisher = publications({ store, authorities: () => authorities }).of(authority)
    if (publisher === undefined) throw noListOf(authorities, authority)
    const list = await publisher.list(delta === true ? 'delta' : 'full')
    const content = der === true ? list.der : list.pem
    if (out !== undefined) await writeWhole(resolve(out), content, publicMode)
    if (out === undefined && der === true && !screen.isJson) process.stdout.write(content)
    else screen.show(listJson(list, out), () => (out === undefined ? list.pem : listFacts(list, out, screen)))
  })
}

const listJson = ({ number, base, thisUpdate, nextUpdate, revoked, pem }: RevocationList, out: string | undefined) => ({
  number: String(number),
  ...(base === undefined ? {} : { base: String(base) }),
  thisUpdate: thisUpdate.toISOString(),
  nextUpdate: nextUpdate?.toISOString(),
  revoked: revoked.size,
  ...(out === undefined ? { crl: pem } : { file: resolve(out) }),
})

const listFacts = (list: RevocationList, out: string, screen: Screen): string =>
  screen.pairs([
    ['Revocation list', `number ${String(list.number)} of ${printable(list.issuer.text)}`],
    ['Base', list.base === undefined ? undefined : `number ${String(list.base)}`],
    ['Revoked', counted(list.revoked.size)],
    ['Next list', list.nextUpdate?.toISOString()],
    ['File', resolve(out)],
  ])
