/**
 * The command line: the program, and how the process ends.
 *
 * @module
 */
import { Command, CommanderError } from 'commander'
import { addGlobals, helpEnd } from './command.ts'
import { complaintOf, endings } from './endings.ts'
import { release } from '../release.ts'

type AddCommand = (program: Command) => void

function program(commands: readonly AddCommand[]): Command {
  const root = new Command('kmipd')
    .description('A KMIP key server: keeps the keys of self-encrypting drives and hands them back at boot.')
    .version(release(), '--version', 'print the version')
    // So that --version of `kmip` is its own.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .helpCommand(false)
    .addHelpText(
      'after',
      helpEnd([
        ['serve', 'start; the first start makes a data folder'],
        ['client sign cluster.csr --name cluster-1 --out cluster-1.pem', 'admit a cluster'],
        ['status', 'what is there, and what needs care'],
        ['keys list --help', 'help of a command, with examples'],
      ]) + '\n\nKMIPD_DEBUG=1 adds the stack trace to an error.',
    )
  for (const add of commands) add(root)
  addGlobals(root)
  return root
}

/** Performs a command line; afterwards the process ends by itself, with the exit code set. */
export async function run(commands: readonly AddCommand[], argv: readonly string[]): Promise<void> {
  // Whoever reads our output may stop when it has read enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') complain(error, argv.includes('--json'))
  })
  process.stderr.on('error', () => undefined)
  try {
    await program(commands).parseAsync([...argv])
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return
    complain(error, argv.includes('--json'))
  }
}

function complain(error: unknown, isJson: boolean): void {
  const { ending, code, message } = complaintOf(error)
  process.exitCode = endings[ending][0]
  // Help has been shown in place of a complaint.
  if (error instanceof CommanderError && error.code === 'commander.help') return
  const line = isJson ? JSON.stringify({ error: { code, message } }) : `kmipd: ${message}`
  process.stderr.write(`${line}\n`)
  if (process.env['KMIPD_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
}
