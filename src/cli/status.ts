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
import type { Opened } from '../house.ts'
import { inventory } from '../objects/inventory.ts'
import { namesOf } from '../server-certificate.ts'
import { stateOf } from './client-entry.ts'
import { addCommand, dataOf, screenOf, withHouse } from './command.ts'
import { release } from './release.ts'
import { daysUntil, fewDays, printable, type Screen, until } from './screen.ts'

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
  const { folder, authority } = opened
  const holder = await lockHolder(data)
  const clients = await clientsOf(opened)
  const certificates = { server: await serverCertificate(folder), ca: validity(authority.certificate) }
  return {
    version: { kmipd: release(), node: process.versions.node, kmip: versions },
    data,
    server: { running: holder !== undefined, ...holder },
    objects: await objectsOf(opened),
    clients,
    certificates,
    warnings: [...certificateWarnings(certificates), ...clientWarnings(clients), ...(await modeWarnings(folder))],
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

async function serverCertificate({ serverCertificate: path }: DataFolder) {
  if (!existsSync(path)) return undefined
  const certificate = readCertificate(await readFile(path, 'utf8'))
  return { ...validity(certificate), names: namesOf(certificate) }
}

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

type ClientStatus = Awaited<ReturnType<typeof clientsOf>>[number]

/** The authority's clients need its new certificate before the old one ends. */
const authorityDays = 365

function* certificateWarnings({ server, ca }: { readonly server: Validity | undefined; readonly ca: Validity }) {
  if (server === undefined) yield 'there is no server certificate; the next kmipd serve makes one'
  else if (server.daysLeft < fewDays)
    yield `the server certificate ${ends(server.daysLeft)}; kmipd serve renews it when it starts`
  if (ca.daysLeft < authorityDays)
    yield `the certificate of the authority ${ends(ca.daysLeft)}; no certificate that it signs lasts longer`
}

function* clientWarnings(clients: readonly ClientStatus[]) {
  for (const { name, state, daysLeft } of clients)
    if (state === 'expired' || (state === 'valid' && daysLeft < fewDays))
      yield `the certificate of ${printable(name)} ${ends(daysLeft)}; sign a new request: kmipd client sign`
}

const ends = (daysLeft: number): string => (daysLeft < 0 ? 'has expired' : `ends in ${daysLeft} days`)

/** Secrets that others on this machine may read. */
async function modeWarnings({ masterKey, caKey, serverKey }: DataFolder): Promise<string[]> {
  if (process.platform === 'win32') return []
  const secrets = [masterKey, caKey, serverKey].filter(path => existsSync(path))
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
    ]),
    '',
    screen.table(
      ['OBJECTS', 'STATE', 'COUNT'],
      Object.entries(objects.types).flatMap(([type, states]) =>
        Object.entries(states).map(([state, count]) => [type, state, String(count)]),
      ),
      'no objects',
    ),
    '',
    screen.table(
      ['CLIENT', 'GROUP', 'STATE', 'VALID UNTIL'],
      clients.map(each => [printable(each.name), printable(each.group), each.state, last(each)]),
      'no clients',
    ),
    ...(warnings.length === 0 ? [] : ['', ...warnings.map(words => colours.yellow(`warning: ${words}`))]),
  ].join('\n')
}
