/**
 * What every command shares: the global options, before or after its name; help with examples; the screen; the data
 * folder, opened and closed.
 *
 * @module
 */
import { resolve } from 'node:path'
import { isatty } from 'node:tty'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { loadConfig } from '../config.ts'
import { type Opened, openHouse } from '../house.ts'
import { CommandError, endings } from './endings.ts'
import { type Screen, screen } from './screen.ts'

interface Description {
  readonly summary: string
  /** What the help says beyond the summary. */
  readonly description?: string
  /** Command lines, without `kmipd`, each with what it does. */
  readonly examples: readonly (readonly [commandLine: string, words: string])[]
}

/** Adds a command to another; `usage` is its name and arguments. */
export function addCommand(parent: Command, usage: string, { summary, description, examples }: Description): Command {
  const command = parent.command(usage).summary(summary)
  command.description(description === undefined ? summary : `${summary}\n\n${flowing(description)}`)
  return command.addHelpText('after', helpEnd(examples))
}

/** Paragraphs of one line each: they are broken where the terminal ends. */
const flowing = (text: string): string => text.replace(/([^\n])\n(?=[^\n])/g, '$1 ')

const globalGroup = 'Global options:'

/** Gives the global options to a command and all that are under it; the last step, so that help shows them last. */
export function addGlobals(command: Command): void {
  command
    .addOption(new Option('--data <dir>', 'data folder (env: KMIPD_DATA, default: ./data)').helpGroup(globalGroup))
    .addOption(new Option('--json', 'one JSON document instead of text').helpGroup(globalGroup))
    .addOption(new Option('--no-color', 'no colours (env: NO_COLOR)').helpGroup(globalGroup))
  command.commands.forEach(addGlobals)
}

export function helpEnd(examples: Description['examples']): string {
  const width = Math.max(...examples.map(([commandLine]) => commandLine.length))
  const lines = examples.map(([commandLine, words]) =>
    width > longExample ? `  kmipd ${commandLine}\n      ${words}` : `  kmipd ${commandLine.padEnd(width)}  ${words}`,
  )
  return `\nExamples:\n${lines.join('\n')}\n\nExit codes:\n${exitCodes}`
}

const longExample = 60

const exitCodes = Object.values(endings)
  .map(([exitCode, words]) => `  ${exitCode}  ${words}`)
  .join('\n')

interface Globals {
  readonly data?: string
  readonly json?: boolean
  readonly color: boolean
}

/** The command and those it is under, the innermost first. */
function* lineage(command: Command): Generator<Command> {
  for (let each: Command | null = command; each !== null; each = each.parent) yield each
}

const globalsOf = (command: Command): Globals[] => [...lineage(command)].map(each => each.opts<Globals>())

/** Where the command keeps its data: the option, else KMIPD_DATA, else ./data. */
export function dataOf(command: Command): string {
  const given = globalsOf(command).find(({ data }) => data !== undefined)?.data
  if (given === '') throw new CommandError('usage', '--data is empty; name a folder')
  return resolve(given ?? (process.env['KMIPD_DATA'] || 'data'))
}

export function screenOf(command: Command): Screen {
  const globals = globalsOf(command)
  return screen({
    isJson: globals.some(({ json }) => json === true),
    hasColour: globals.every(({ color }) => color) && isColourful(),
  })
}

const isColourful = (): boolean => isatty(1) && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb'

/** Opens the data folder for as long as `use` takes; a server may have it open as well. */
export async function withHouse<T>(command: Command, use: (opened: Opened) => Promise<T>): Promise<T> {
  const config = await loadConfig({ data: dataOf(command), environment: process.env, flags: {} })
  const opened = await openHouse(config, process.env)
  try {
    return await use(opened)
  } finally {
    await opened.store.close()
  }
}

/** An option's value as a whole number. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return text => {
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (!(number >= least && number <= most))
      throw new InvalidArgumentError(`A whole number from ${least} to ${most} is wanted.`)
    return number
  }
}

/** An option that may be given several times: its values in order. */
export const several = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  value,
]
