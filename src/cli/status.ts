/**
 * `kmipd status`: what is in the data folder, whether it is served, and what needs care.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { readCertificate } from '../../certs/index.ts'
import { versions } from '../../protocol/index.ts'
import { lockHolder } from '../../store/index.ts'
import type { DataFolder } from '../data-folder.ts'
import { expiriesOf, urgent, warningOf } from '../expiries.ts'
import type { Opened } from '../house.ts'
import { inventory } from '../objects/inventory.ts'
import { namesOf } from '../server-certificate.ts'
import { stateOf } from './client-entry.ts'
import { addCommand, dataOf, screenOf, withHouse } from './command.ts'
import { release } from '../release.ts'
import { daysUntil, printable, type Screen, until } from './screen.ts'
import { table } from './table.ts'

export function addStatus(program: Command): void {
  addCommand(program, 'status', {
    summary: 'show versions, objects, clients, certificates, and what needs care',
    description: 'Warnings do not change the exit code; with --json they are the list "warnings".',
    examples: [
      ['status', 'of ./data'],
      ['status --data /var/lib/kmipd --json', 'for monitoring'],
    ],
  }).action(async (_: unknown, command: Command) => {
    const screen = screenOf(command)
    const status = await withHouse(command, opened => statusOf(opened, dataOf(command)))
    screen.show(status, () => report(status, screen))
  })
}

type Status = Awaited<ReturnType<typeof statusOf>>

async function statusOf(opened: Opened, data: string) {
  const { folder, authorities, authority } = opened
  const now = Date.now()
  const holder = await lockHolder(data)
  const clients = await clientsOf(opened)
  const leaf = await serverCertificate(folder)
  const certificates = {
    server: leaf && { ...validity(leaf), names: namesOf(leaf) },
    ca: validity(authority.certificate),
    ...(authorities.previous === undefined ? {} : { previousCa: validity(authorities.previous.certificate) }),
  }
  const expiries = await expiriesOf({ ...opened, server: leaf })
  return {
    version: { kmipd: release(), node: process.versions.node, kmip: versions },
    data,
    server: { running: holder !== undefined, ...holder },
    objects: await objectsOf(opened),
    clients,
    certificates,
    expiries: expiries.map(each => ({
      ...each,
      notAfter: new Date(each.notAfter).toISOString(),
      daysLeft: daysUntil(each.notAfter),
    })),
    warnings: [
      ...certificateWarnings(certificates),
      ...urgent(expiries, now).map(each => printable(warningOf(each, now))),
      ...new Set(opened.trusts.trust.flatMap(({ fault }) => fault ?? [])),
      ...(await modeWarnings(folder)),
    ],
  }
}

interface Validity {
  readonly subject: string
  readonly notAfter: string
  readonly daysLeft: number
}

const validity = ({ subject, notAfter }: ReturnType<typeof readCertificate>): Validity => ({
  subject: subject.text,
  notAfter: notAfter.toISOString(),
  daysLeft: daysUntil(notAfter.getTime()),
})

const serverCertificate = async ({ serverCertificate: path }: DataFolder) =>
  existsSync(path) ? readCertificate(await readFile(path, 'utf8')) : undefined

/** How many objects there are, by type and by state. */
async function objectsOf({ store }: Opened) {
  const types: Record<string, Record<string, number>> = {}
  let total = 0
  const damaged: string[] = []
  for await (const { attributes } of inventory(store, Math.floor(Date.now() / 1000), id => damaged.push(id))) {
    const states = (types[attributes.objectType] ??= {})
    const state = String(attributes.state ?? 'none')
    states[state] = (states[state] ?? 0) + 1
    total += 1
  }
  return { total, types, damaged }
}

/** One line a name: the certificate that lasts longest of those that are valid, else the last that there was. */
async function clientsOf({ clients }: Opened) {
  const byName = new Map<string, Awaited<ReturnType<typeof clients.list>>>()
  for (const entry of await clients.list()) byName.set(entry.name, [...(byName.get(entry.name) ?? []), entry])
  return [...byName].map(([name, entries]) => {
    const best = entries.reduce((one, other) => {
      const [isOne, isOther] = [stateOf(one) === 'valid', stateOf(other) === 'valid']
      return isOne === isOther ? (one.notAfter > other.notAfter ? one : other) : isOne ? one : other
    })
    return {
      name,
      group: best.group,
      state: stateOf(best),
      notAfter: new Date(best.notAfter).toISOString(),
      daysLeft: daysUntil(best.notAfter),
      certificates: entries.length,
    }
  })
}

/** Whatever ends sooner is told of by itself. */
const warnedDays = 60

/** The clients of an authority need the certificate of the next before this one ends. */
const authorityDays = 365

function* certificateWarnings({ server, ca }: { readonly server: Validity | undefined; readonly ca: Validity }) {
  if (server === undefined) yield 'there is no server certificate; the next kmipd serve makes one'
  if (ca.daysLeft >= warnedDays && ca.daysLeft < authorityDays)
    yield `the certificate of the authority ends in ${ca.daysLeft} days; no certificate that it signs lasts longer`
}

/** Secrets that others on this machine may read. */
async function modeWarnings(folder: DataFolder): Promise<string[]> {
  if (process.platform === 'win32') return []
  const { masterKey, caKey, rootKey, previousKey, serverKey } = folder
  const secrets = [masterKey, caKey, rootKey, previousKey, serverKey].filter(path => existsSync(path))
  const modes = await Promise.all(secrets.map(async path => [path, (await stat(path)).mode & 0o077] as const))
  return modes.flatMap(([path, others]) => (others === 0 ? [] : [`${path} is open to others; run: chmod 600 ${path}`]))
}

function report({ version, data, server, objects, clients, certificates, warnings }: Status, screen: Screen): string {
  const { colours } = screen
  const last = ({ notAfter }: { readonly notAfter: string }): string => until(Date.parse(notAfter), colours)
  const running = server.running
    ? colours.green(`running (process ${server.pid ?? '?'} on ${server.host ?? '?'} since ${server.since ?? '?'})`)
    : colours.yellow('not running')
  return [
    screen.pairs([
      ['kmipd', `${version.kmipd} on Node.js ${version.node}, KMIP ${version.kmip.join(', ')}`],
      ['Data folder', data],
      ['Server', running],
      ['Server names', certificates.server?.names.join(', ')],
      ['Server certificate', certificates.server && last(certificates.server)],
      ['CA certificate', last(certificates.ca)],
      ['Previous CA', certificates.previousCa && `${last(certificates.previousCa)}, trusted until kmipd ca retire`],
    ]),
    '',
    table(
      screen,
      ['OBJECTS', 'STATE', 'COUNT'],
      Object.entries(objects.types).flatMap(([type, states]) =>
        Object.entries(states).map(([state, count]) => [type, state, String(count)]),
      ),
      'no objects',
    ),
    '',
    table(
      screen,
      ['CLIENT', 'GROUP', 'STATE', 'VALID UNTIL'],
      clients.map(each => [printable(each.name), printable(each.group), each.state, last(each)]),
      'no clients',
    ),
    ...(warnings.length === 0 ? [] : ['', ...warnings.map(words => colours.yellow(`warning: ${words}`))]),
  ].join('\n')
}
