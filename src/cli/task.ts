/**
 * `kmipd task`: keys and certificates for a source and a target that cannot make their own; an agent fetches them over
 * HTTPS.
 *
 * @module
 */
import type { Command } from 'commander'
import { shell } from '../caller.ts'
import { type Task, taskKeyTypes, tasksOf } from '../tasks.ts'
import { tokensOf } from '../tokens.ts'
import { addCommand, screenOf, wholeNumber, withHouse } from './command.ts'
import { nameIn } from './object-options.ts'
import { dayOf, printable } from './screen.ts'
import { table } from './table.ts'

export function addTask(program: Command): void {
  const task = addCommand(program, 'task', {
    summary: 'make keys and certificates that an agent fetches over HTTPS',
    examples: [['task create --source old-array --target new-array', 'three clients of one group']],
  })

  addCommand(task, 'create', {
    summary: 'make keys and certificates for a source and a target',
    description:
      'The source becomes a client, and the target two: NAME-management and NAME-data. All are of one group. The agent\nfetches them, the private keys once, with a token of the scope enroll:\n  GET /v3/tasks/ID/certkey',
    examples: [['task create --source old-array --target new-array', 'in the group of the source']],
  })
    .requiredOption('--source <name>', 'client that is migrated from')
    .requiredOption('--target <name>', 'what is migrated to')
    .option('--group <group>', "whose objects all of them share; default the source's")
    .option('--days <days>', 'validity; default 730', wholeNumber(1, 36_500))
    .option('--key-type <type>', taskKeyTypes.join(', '), 'RSA-2048')
    .action((options: CreateOptions, command: Command) => create(options, command))

  addCommand(task, 'list', {
    summary: 'list tasks, the oldest first',
    examples: [['task list', 'and whether the keys have been fetched']],
  }).action(async (_: unknown, command: Command) => {
    const screen = screenOf(command)
    const tasks = await withHouse(command, opened =>
      tasksOf({ store: opened.store, tokens: tokensOf(opened.store), office: () => opened }).list(),
    )
    screen.show({ tasks: tasks.map(json) }, () =>
      table(
        screen,
        ['ID', 'SOURCE', 'TARGET', 'GROUP', 'CREATED', 'KEYS'],
        tasks.map(({ id, source, target, group, created, released }) => [
          id,
          printable(source),
          printable(target),
          printable(group),
          dayOf(created),
          released === undefined ? 'here' : `fetched ${dayOf(released.date)} by ${printable(released.by)}`,
        ]),
        'no tasks',
      ),
    )
  })
}

interface CreateOptions {
  readonly source: string
  readonly target: string
  readonly group?: string
  readonly days?: number
  readonly keyType: string
}

async function create({ keyType: wanted, ...options }: CreateOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  const keyType = nameIn({ words: 'key type', names: taskKeyTypes }, wanted)
  const task = await withHouse(command, opened =>
    tasksOf({ store: opened.store, tokens: tokensOf(opened.store), office: () => opened }).create(
      { ...options, keyType },
      shell,
    ),
  )
  screen.show(json(task), () =>
    screen.pairs([
      ['Task', task.id],
      ['Source', printable(task.source)],
      ['Target', printable(task.target)],
      ['Group', printable(task.group)],
      ['Fetch', `GET /v3/tasks/${task.id}/certkey, with a token of the scope enroll: kmipd token create`],
    ]),
  )
}

const json = ({ id, source, target, group, created, createdBy, released }: Task) => ({
  id,
  source,
  target,
  group,
  created: new Date(created).toISOString(),
  createdBy,
  ...(released === undefined ? {} : { released: { date: new Date(released.date).toISOString(), by: released.by } }),
})
