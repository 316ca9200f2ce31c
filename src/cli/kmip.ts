/**
 * `kmipd kmip`: operations on any KMIP server, over mutual TLS.
 *
 * @module
 */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import {
  DiscoverVersions,
  GetAttributes,
  isTagName,
  isVersion,
  Locate,
  type Operation,
  Query,
  type RequestOf,
  tagNumber,
  tagWords,
  versions,
} from '../../protocol/index.ts'
import { type Client, connect } from '../client.ts'
import { addressOf } from './address.ts'
import { addCommand, screenOf } from './command.ts'
import { attributePairs, lineOf, plain } from './describe.ts'
import { diagnosed } from './diagnosed.ts'
import { CommandError } from './endings.ts'
import {
  activate,
  addConfirmation,
  addRegisterOptions,
  addRevokeOptions,
  type Confirmation,
  contents,
  create,
  createHelp,
  destroy,
  hexOf,
  register,
  type RegisterFileOptions,
  revoke,
  type RevokeOptions,
} from './object-actions.ts'
import {
  addCriteriaOptions,
  addObjectOptions,
  type CriteriaOptions,
  type ObjectOptions,
  searchCriteria,
} from './object-options.ts'

interface ServerOptions {
  readonly server: string
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly version?: string
}

const toServer = '--server HOST --ca ca.pem --cert cert.pem --key key.pem'

export function addKmip(program: Command): void {
  const kmip = addCommand(program, 'kmip', {
    summary: 'perform operations on any KMIP server, as a client',
    description: 'For trying a connection, and for scripts. The files are those of kmipd client issue, or any PEM.',
    examples: [[`kmip query ${toServer}`, 'whether the server is there and what it can do']],
  })
  addAsking(kmip)
  addMaking(kmip)
  addLife(kmip)
}

/** A command with the options of the connection. */
const addOperation = (kmip: Command, usage: string, summary: string, example: string, description?: string): Command =>
  addCommand(kmip, usage, {
    summary,
    ...(description === undefined ? {} : { description }),
    examples: [[`kmip ${example} ${toServer}`, summary]],
  })
    .requiredOption('--server <host[:port]>', 'the server; an IPv6 address with a port as [::1]:5696')
    .requiredOption('--ca <file>', 'PEM: the authorities that may have signed the server certificate')
    .requiredOption('--cert <file>', 'PEM: the client certificate')
    .requiredOption('--key <file>', 'PEM: its private key')
    .option('--version <version>', `KMIP version: ${versions.join(', ')}; default 1.4`)

async function withServer(
  { server, ca, cert, key, version }: ServerOptions,
  use: (client: Client) => Promise<void>,
): Promise<void> {
  if (version !== undefined && !isVersion(version))
    throw new CommandError('usage', `there is no KMIP version ${version}; choose one of ${versions.join(', ')}`)
  const address = addressOf(server)
  try {
    const client = await connect({
      ...address,
      ca: await readFile(ca, 'utf8'),
      cert: await readFile(cert, 'utf8'),
      key: await readFile(key, 'utf8'),
      version,
    })
    try {
      await use(client)
    } finally {
      await client.close()
    }
  } catch (error) {
    throw await diagnosed(error, { port: 5696, ...address, ca, cert, key })
  }
}

function addAsking(kmip: Command): void {
  addOperation(kmip, 'query', 'ask what the server can do', 'query').action(
    (options: ServerOptions, command: Command) =>
      withServer(options, client => ask(client, command, Query, { queryFunction: queryFunctions })),
  )

  addOperation(kmip, 'discover', 'ask which versions of KMIP the server speaks', 'discover').action(
    (options: ServerOptions, command: Command) =>
      withServer(options, async client => {
        const { protocolVersion } = await client.call(DiscoverVersions, { protocolVersion: [] })
        const spoken = protocolVersion.map(
          ({ protocolVersionMajor, protocolVersionMinor }) => `${protocolVersionMajor}.${protocolVersionMinor}`,
        )
        screenOf(command).show({ versions: spoken }, () => spoken.join('\n'))
      }),
  )

  addCriteriaOptions(
    addOperation(kmip, 'locate', 'find objects and print their Unique Identifiers', 'locate --state Active'),
  ).action(({ limit: maximumItems, ...options }: ServerOptions & CriteriaOptions, command: Command) =>
    withServer(options, async client => {
      const found = await client.call(Locate, { attributes: searchCriteria(options), maximumItems })
      screenOf(command).show(plain(Locate.response, found), () => found.uniqueIdentifier.join('\n'))
    }),
  )

  addOperation(kmip, 'attributes <uid>', 'show the attributes of an object', 'attributes UID').action(
    (uniqueIdentifier: string, options: ServerOptions, command: Command) =>
      withServer(options, async client => {
        const found = await client.call(GetAttributes, { uniqueIdentifier, attributeReference: [] })
        const screen = screenOf(command)
        screen.show(plain(GetAttributes.response, found), () => screen.pairs(attributePairs(found.attributes)))
      }),
  )

  addOperation(
    kmip,
    'get <uid>',
    'get an object',
    'get UID',
    'Its key material is shown only with --material, in hexadecimal: mind who looks on.',
  )
    .option('--material', 'show the key material')
    .action((uid: string, { material = false, ...options }: ServerOptions & Material, command: Command) =>
      withServer(options, async client => {
        const { kept, bytes } = await contents(client, uid)
        const found = { uniqueIdentifier: uid, ...kept, ...(material ? { material: hexOf(bytes()) } : {}) }
        const screen = screenOf(command)
        screen.show(found, () => pairs(found, screen))
      }),
    )
}

interface Material {
  readonly material?: boolean
}

/** Those that every version has. */
const queryFunctions: RequestOf<typeof Query>['queryFunction'] = [
  'QueryOperations',
  'QueryObjects',
  'QueryServerInformation',
  'QueryApplicationNamespaces',
]

async function ask<Q, R>(client: Client, command: Command, operation: Operation<Q, R>, payload: Q): Promise<void> {
  const answer = plain(operation.response, await client.call(operation, payload)) as Record<string, unknown>
  const screen = screenOf(command)
  screen.show(answer, () => pairs(answer, screen))
}

const pairs = (record: Readonly<Record<string, unknown>>, screen: ReturnType<typeof screenOf>): string =>
  screen.pairs(
    Object.entries(record).flatMap(([name, value]) =>
      value === undefined || (Array.isArray(value) && value.length === 0)
        ? []
        : [[isTagName(name) ? tagWords(tagNumber(name)) : name, lineOf(value)] as const],
    ),
  )

function addMaking(kmip: Command): void {
  addObjectOptions(
    addOperation(kmip, 'create', 'make a symmetric key and print its Unique Identifier', 'create', createHelp),
  ).action((options: ServerOptions & ObjectOptions, command: Command) =>
    withServer(options, client => create(client, screenOf(command), options)),
  )

  addRegisterOptions(
    addOperation(
      kmip,
      'register <file>',
      'register an object from a file (- is standard input) and print its Unique Identifier',
      'register password.txt --type SecretData',
    ),
  ).action((file: string, options: ServerOptions & RegisterFileOptions, command: Command) =>
    withServer(options, client => register(client, screenOf(command), file, options)),
  )
}

function addLife(kmip: Command): void {
  addOperation(kmip, 'activate <uid...>', 'activate objects', 'activate UID').action(
    (uids: readonly string[], options: ServerOptions, command: Command) =>
      withServer(options, client => activate(client, screenOf(command), uids)),
  )

  addRevokeOptions(
    addOperation(kmip, 'revoke <uid...>', 'revoke objects', 'revoke UID --reason Superseded --yes'),
  ).action((uids: readonly string[], options: ServerOptions & RevokeOptions, command: Command) =>
    withServer(options, client => revoke(client, screenOf(command), uids, options)),
  )

  addConfirmation(addOperation(kmip, 'destroy <uid...>', 'destroy objects for good', 'destroy UID --yes')).action(
    (uids: readonly string[], options: ServerOptions & Confirmation, command: Command) =>
      withServer(options, client => destroy(client, screenOf(command), uids, options)),
  )
}
