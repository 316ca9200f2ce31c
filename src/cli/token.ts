/**
 * `kmipd token`: who may call the HTTPS API without a certificate.
 *
 * @module
 */
import type { Command } from 'commander'
import { type Scope, scopes, type Token, tokensOf } from '../tokens.ts'
import { addCommand, screenOf, wholeNumber, withHouse } from './command.ts'
import { nameIn } from './object-options.ts'
import { printable, type Screen, until } from './screen.ts'
import { table } from './table.ts'

export function addToken(program: Command): void {
  const token = addCommand(program, 'token', {
    summary: 'make tokens for the HTTPS API, and take them back',
    description: 'A running server heeds every change at once.',
    examples: [['token create rack-4 --scope enroll --once --client cluster-4', 'for one enrollment of one client']],
  })

  addCommand(token, 'create <name>', {
    summary: 'make a token, which is shown this once',
    description:
      'Scopes: enroll submits requests and fetches what comes of them, read looks at everything, admin does\neverything. With --once the token enrolls once, and that at once: it is your approval in advance. With --client\nit is for this client alone, also if there is one of the name already, whose objects the new certificate then\nshares; with --group for this group alone.',
    examples: [
      ['token create rack-4 --scope enroll --once --client cluster-4', 'one client, once'],
      ['token create portal --scope enroll --days 365', 'requests that wait for approval'],
      ['token create prometheus --scope read', 'for monitoring'],
    ],
  })
    .requiredOption('--scope <list>', `${scopes.join(', ')}: one or more, with commas between`)
    .option('--days <days>', 'how long it is accepted; default 90, with --once 7', wholeNumber(1, 3650))
    .option('--once', 'for one enrollment, without approval')
    .option('--client <name>', 'for this client alone')
    .option('--group <group>', 'for this group alone')
    .action((name: string, options: CreateOptions, command: Command) => create(name, options, command))

  addCommand(token, 'list', {
    summary: 'list tokens, oldest first, without what they are',
    examples: [['token list --json', 'as JSON']],
  }).action(async (_: unknown, command: Command) => {
    const screen = screenOf(command)
    const tokens = await withHouse(command, ({ store }) => tokensOf(store).list())
    screen.show({ tokens: tokens.map(tokenJson) }, () =>
      table(
        screen,
        ['NAME', 'ID', 'SCOPE', 'FOR', 'EXPIRES', 'STATE'],
        tokens.map(each => [
          printable(each.name),
          each.id,
          each.scope.join(','),
          printable(forWhom(each)),
          until(each.expires, screen.colours),
          stateOf(each),
        ]),
        'no tokens; make one: kmipd token create',
      ),
    )
  })

  addCommand(token, 'revoke <wanted>', {
    summary: 'take a token back, by its name or ID',
    examples: [['token revoke rack-4', 'it is refused from now on']],
  }).action(async (wanted: string, _: unknown, command: Command) => {
    const screen = screenOf(command)
    const revoked = await withHouse(command, ({ store }) => tokensOf(store).revoke(wanted, Date.now()))
    screen.show(tokenJson(revoked), () => `the token ${printable(revoked.name)} is refused from now on`)
  })
}

interface CreateOptions {
  readonly scope: string
  readonly days?: number
  readonly once?: boolean
  readonly client?: string
  readonly group?: string
}

async function create(name: string, { scope, ...options }: CreateOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  const wanted = scope.split(',').map((each): Scope => nameIn({ words: 'scope', names: scopes }, each))
  await withHouse(command, async ({ store }) => {
    const { token, text } = await tokensOf(store).create({ name, scope: wanted, ...options }, Date.now())
    // The token alone goes to standard output, for a pipe.
    screen.note(facts(token, screen))
    screen.show({ ...tokenJson(token), token: text }, () => text)
  })
}

const facts = (token: Token, screen: Screen): string =>
  screen.pairs([
    ['Token', `${printable(token.name)} (ID ${token.id})`],
    ['Scope', token.scope.join(', ')],
    ['For', token.once ? `one enrollment: ${printable(forWhom(token))}` : printable(forWhom(token))],
    ['Expires', until(token.expires, screen.colours)],
    ['Shown once', 'keep it secret: whoever has it may do all of this'],
  ])

const forWhom = ({ client, group }: Token): string =>
  [client, group && `group ${group}`].filter(each => each !== undefined).join(', ') || 'anybody'

type TokenState = 'valid' | 'used' | 'expired' | 'revoked'

function stateOf({ revoked, expires, used }: Token): TokenState {
  if (revoked !== undefined) return 'revoked'
  if (Date.now() >= expires) return 'expired'
  return used === undefined ? 'valid' : 'used'
}

const tokenJson = (token: Token) => ({
  name: token.name,
  id: token.id,
  state: stateOf(token),
  scope: token.scope,
  once: token.once,
  ...(token.client === undefined ? {} : { client: token.client }),
  ...(token.group === undefined ? {} : { group: token.group }),
  created: new Date(token.created).toISOString(),
  expires: new Date(token.expires).toISOString(),
  ...(token.used === undefined ? {} : { used: { date: new Date(token.used.date).toISOString(), by: token.used.by } }),
  ...(token.revoked === undefined ? {} : { revoked: new Date(token.revoked).toISOString() }),
})
