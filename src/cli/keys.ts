/**
 * `kmipd keys`: the objects in the data folder, of all groups. A server may be running on it.
 *
 * @module
 */
import type { Command } from 'commander'
import { criteria } from '../objects/criteria.ts'
import { type Inventoried, inventoried, inventory } from '../objects/inventory.ts'
import { instancesOf } from '../objects/stored-object.ts'
import { administer, type Opened } from '../house.ts'
import { addCommand, dataOf, screenOf, withHouse } from './command.ts'
import { attributePairs, plainAttributes } from './describe.ts'
import { CommandError } from './endings.ts'
import { privateMode, refuseExisting, writeNewFile } from './new-file.ts'
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
import { encoded } from './object-file.ts'
import {
  addCriteriaOptions,
  addObjectOptions,
  type CriteriaOptions,
  nameIn,
  type ObjectOptions,
  searchCriteria,
} from './object-options.ts'
import { printable } from './screen.ts'
import { table } from './table.ts'

export function addKeys(program: Command): void {
  const keys = addCommand(program, 'keys', {
    summary: 'look after the objects in the data folder',
    description: 'Works with or without a server running on the same folder.',
    examples: [
      ['keys list --state Active', 'the active objects of all groups'],
      ['keys show UID', 'the attributes of one'],
    ],
  })
  addLooking(keys)
  addMaking(keys)
  addLife(keys)
}

const nowSeconds = (): number => Math.floor(Date.now() / 1000)

function addLooking(keys: Command): void {
  const list = addCommand(keys, 'list', {
    summary: 'list objects, newest first',
    examples: [
      ['keys list', 'every object of every group, destroyed ones too'],
      ['keys list --group cluster-1 --state Active --limit 20', 'the newest 20 active ones of a group'],
      ['keys list --attribute x-Rack=12 --json', 'those with a custom attribute, as JSON'],
    ],
  }).option('--group <group>', 'only objects of this group of clients')
  addCriteriaOptions(list).action((options: CriteriaOptions & { readonly group?: string }, command: Command) =>
    listObjects(options, command),
  )

  addConfirmation(
    addCommand(keys, 'show <uid>', {
      summary: 'show all that is known of an object',
      description: 'Its key material only with --material, and only if that is confirmed.',
      examples: [
        ['keys show UID', 'attributes, group, creator'],
        ['keys show UID --material --yes', 'and the key material in hexadecimal: mind who looks on'],
      ],
    }).option('--material', 'the key material, too'),
  ).action((uid: string, options: ShowOptions, command: Command) => show(uid, options, command))

  addConfirmation(
    addCommand(keys, 'export <uid>', {
      summary: 'write key material to a new file',
      description: 'The file gets mode 0600 and never replaces another.',
      examples: [
        ['keys export UID --out key.bin', 'the bytes as they are, after a question'],
        ['keys export UID --out key.hex --format hex --yes', 'in hexadecimal, without a question'],
      ],
    })
      .requiredOption('--out <file>', 'the new file')
      .option('--format <format>', exportFormats.join(', '), 'raw'),
  ).action((uid: string, options: ExportOptions, command: Command) => exportObject(uid, options, command))
}

async function listObjects(options: CriteriaOptions & { readonly group?: string }, command: Command): Promise<void> {
  const screen = screenOf(command)
  const tests = criteria(searchCriteria(options))
  const { group, limit = Number.POSITIVE_INFINITY } = options
  const objects = await withHouse(command, async ({ store }) => {
    const found: Summary[] = []
    for await (const object of inventory(store, nowSeconds(), id =>
      screen.note(`${id} cannot be read and is left out: restore it from a backup`),
    )) {
      if (found.length >= limit) break
      if ((group === undefined || object.group === group) && tests.every(test => test(object.attributes)))
        found.push(summary(object))
    }
    return found
  })
  screen.show({ objects }, () =>
    table(
      screen,
      ['UNIQUE IDENTIFIER', 'TYPE', 'STATE', 'ALGORITHM', 'GROUP', 'NAME', 'CREATED'],
      objects.map(each => [
        each.uniqueIdentifier,
        each.objectType,
        String(each.state ?? ''),
        [each.cryptographicAlgorithm ?? '', each.cryptographicLength ?? ''].join(' ').trim(),
        printable(each.group),
        printable(each.name.join(', ')),
        each.initialDate.slice(0, 10),
      ]),
      'no objects',
    ),
  )
}

type Summary = ReturnType<typeof summary>

const summary = ({ group, creator, attributes }: Inventoried) => ({
  uniqueIdentifier: attributes.uniqueIdentifier,
  objectType: attributes.objectType,
  state: attributes.state,
  group,
  creator,
  name: (attributes.name ?? []).flatMap(name => (name === undefined ? [] : [name.nameValue])),
  cryptographicAlgorithm: attributes.cryptographicAlgorithm,
  cryptographicLength: attributes.cryptographicLength,
  initialDate: new Date(attributes.initialDate * 1000).toISOString(),
})

interface ShowOptions extends Confirmation {
  readonly material?: boolean
}

async function show(uid: string, { material = false, yes = false }: ShowOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  await withHouse(command, async opened => {
    const object = await inventoried(opened.store, uid, nowSeconds())
    if (material) await screen.confirm(`Show the key material of ${uid} on this screen?`, yes)
    const shown = material ? hexOf((await contents(administer(opened), uid)).bytes()) : undefined
    const { group, creator, attributes } = object
    screen.show(
      {
        ...summary(object),
        attributes: plainAttributes(attributes),
        ...(shown === undefined ? {} : { material: shown }),
      },
      () =>
        screen.pairs([
          ['Group', printable(group)],
          ['Creator', printable(creator)],
          ...attributePairs(instancesOf(attributes)),
          ['Key Material', shown],
        ]),
    )
  })
}

const exportFormats = ['raw', 'hex', 'base64'] as const

interface ExportOptions extends Confirmation {
  readonly out: string
  readonly format: string
}

async function exportObject(
  uid: string,
  { out, format: wanted, yes = false }: ExportOptions,
  command: Command,
): Promise<void> {
  const screen = screenOf(command)
  const format = nameIn({ words: 'format', names: exportFormats }, wanted)
  refuseExisting(out)
  await withHouse(command, async opened => {
    await inventoried(opened.store, uid, nowSeconds())
    await screen.confirm(`Write the key material of ${uid} to ${out}? Whoever reads the file has the key.`, yes)
    const { kept, bytes } = await contents(administer(opened), uid)
    const material = bytes()
    await writeNewFile(out, encoded(material, format), privateMode).finally(() => material.fill(0))
    screen.show({ uniqueIdentifier: uid, ...kept, format, file: out }, () => `${uid} written to ${out} (${format})`)
  })
}

const withGroup = (command: Command): Command =>
  command.requiredOption('--group <group>', 'the group of clients that shall see it: see kmipd client list')

function addMaking(keys: Command): void {
  addObjectOptions(
    withGroup(
      addCommand(keys, 'create', {
        summary: 'make a symmetric key and print its Unique Identifier',
        description: createHelp,
        examples: [
          ['keys create --group cluster-1', 'an AES-256 key, pre-active'],
          ['keys create --group cluster-1 --name backup --attribute x-Rack=12', 'with a name and a custom attribute'],
          ['keys activate $(kmipd keys create --group cluster-1)', 'made and activated'],
        ],
      }),
    ),
  ).action((options: ObjectOptions & GroupOption, command: Command) =>
    withHouse(command, async opened => {
      await checkGroup(options.group, opened, command)
      await create(administer(opened, options.group), screenOf(command), options)
    }),
  )

  addRegisterOptions(
    withGroup(
      addCommand(keys, 'register <file>', {
        summary: 'keep an object from a file (- is standard input) and print its Unique Identifier',
        examples: [
          ['keys register key.hex --format hex --type SymmetricKey --algorithm AES --group cluster-1', 'an AES key'],
          ['keys register password.txt --type SecretData --name boot --group cluster-1', 'a password, byte for byte'],
          ['keys register ca.pem --type Certificate --group cluster-1', 'a certificate'],
        ],
      }),
    ),
  ).action((file: string, options: RegisterFileOptions & GroupOption, command: Command) =>
    withHouse(command, async opened => {
      await checkGroup(options.group, opened, command)
      await register(administer(opened, options.group), screenOf(command), file, options)
    }),
  )
}

interface GroupOption {
  readonly group: string
}

/** Nobody may be there yet to see it; a slip of the fingers looks the same. */
async function checkGroup(group: string, { clients }: Opened, command: Command): Promise<void> {
  if (group === '') throw new CommandError('usage', 'the group is empty; name one with --group')
  if ((await clients.list()).every(entry => entry.group !== group))
    screenOf(command).note(`note: no client in ${dataOf(command)} is in the group ${JSON.stringify(group)} yet`)
}

function addLife(keys: Command): void {
  addCommand(keys, 'activate <uid...>', {
    summary: 'make pre-active objects active',
    examples: [['keys activate UID', 'from now on it may be used']],
  }).action((uids: readonly string[], _: unknown, command: Command) =>
    withHouse(command, opened => activate(administer(opened), screenOf(command), uids)),
  )

  addRevokeOptions(
    addCommand(keys, 'revoke <uid...>', {
      summary: 'deactivate objects, or mark them as compromised',
      description: 'The reason KeyCompromise or CACompromise makes them Compromised, any other Deactivated.',
      examples: [
        ['keys revoke UID --reason Superseded', 'after a question'],
        ['keys revoke UID UID --reason KeyCompromise --message "disk lost" --yes', 'several, without a question'],
      ],
    }),
  ).action((uids: readonly string[], options: RevokeOptions, command: Command) =>
    withHouse(command, opened => revoke(administer(opened), screenOf(command), uids, options)),
  )

  addConfirmation(
    addCommand(keys, 'destroy <uid...>', {
      summary: 'destroy the contents of objects for good',
      description: 'Active objects are revoked first. Attributes stay, so that there is a record.',
      examples: [['keys destroy UID', 'after a question']],
    }),
  ).action((uids: readonly string[], options: Confirmation, command: Command) =>
    withHouse(command, opened => destroy(administer(opened), screenOf(command), uids, options)),
  )
}
