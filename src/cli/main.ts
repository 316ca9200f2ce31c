/**
 * The command line: which commands there are, and how the process ends.
 *
 * @module
 */
import { Command, CommanderError } from 'commander'
import { addCa } from './ca.ts'
import { addClient } from './client.ts'
import { addCluster } from './cluster.ts'
import { addGlobals, helpEnd } from './command.ts'
import { addDecode } from './decode.ts'
import { complaintOf, endings } from './endings.ts'
import { addEnrollment } from './enrollment.ts'
import { addInit } from './init.ts'
import { addKeys } from './keys.ts'
import { addKmip } from './kmip.ts'
import { release } from '../release.ts'
import { addServe } from './serve.ts'
import { addServerCertificate } from './server-certificate.ts'
import { addStatus } from './status.ts'
import { addTask } from './task.ts'
import { addToken } from './token.ts'
import { addSupportBundle } from './support-bundle.ts'
import { addTrust } from './trust.ts'

function program(): Command {
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
  for (const add of [
    addServe,
    addInit,
    addClient,
    addCa,
    addServerCertificate,
    addKeys,
    addKmip,
    addDecode,
    addStatus,
    addTrust,
    addSupportBundle,
    addToken,
    addCluster,
    addEnrollment,
    addTask,
  ])
    add(root)
  addGlobals(root)
  return root
}

/** Performs a command line; afterwards the process ends by itself, with the exit code set. */
async function run(argv: readonly string[]): Promise<void> {
  // Whoever reads our output may stop when it has read enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') complain(error, argv.includes('--json'))
  })
  process.stderr.on('error', () => undefined)
  try {
    await program().parseAsync([...argv])
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

await run(process.argv)
