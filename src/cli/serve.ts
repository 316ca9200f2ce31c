/**
 * `kmipd serve`: runs the server until it is told to stop.
 *
 * @module
 */
import { rmSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import type { Command } from 'commander'
import { type RunningServer, startServer } from '../server.ts'
import { addCommand, dataOf, screenOf, wholeNumber } from './command.ts'
import type { Screen } from './screen.ts'
import { signalled } from './signal.ts'

interface ServeOptions {
  readonly host?: string
  readonly port?: number
  readonly httpsPort?: number
  readonly ephemeral?: boolean
}

export function addServe(program: Command): void {
  addCommand(program, 'serve', {
    summary: 'run the key server',
    description:
      'The first start on an empty folder makes all that is needed, as init does. The log goes to standard error.\nCertificates, keys, trust and policy that change are taken up within two seconds, without a restart; SIGHUP:\nat once, and a log file is opened anew.\nSIGTERM or SIGINT: answers what has been received, then ends; a second one: ends at once,\nwith 143 or 130.\n\nWith --json, one line when it is ready: {"pid", "kmip": {"host", "port"}, "data", "ca"}, with HTTPS\n"https": {"host", "port"}, and with --ephemeral "client": {"name", "cert", "key"}: paths of PEM files.',
    examples: [
      ['serve', 'on port 5696 of all addresses, data in ./data'],
      ['serve --data /var/lib/kmipd --host 192.0.2.7', 'on one address'],
      ['serve --https-port 5697', 'with enrollment over HTTPS; what there is, /openapi.json says'],
      [
        'serve --ephemeral --port 0 --json',
        'for a test: in memory, any port, with a client certificate; leaves nothing',
      ],
    ],
  })
    .option('--host <address>', 'address to listen on; default from the settings: all (with --ephemeral 127.0.0.1)')
    .option('--port <port>', 'port, 0 for any free one; default from the settings: 5696', wholeNumber(0, 65_535))
    .option(
      '--https-port <port>',
      'HTTPS API, 0 for any free port; default from the settings: none',
      wholeNumber(0, 65_535),
    )
    .option('--ephemeral', 'keep everything in memory and a temporary folder, which goes when it stops')
    .action((options: ServeOptions, command: Command) => serve(options, command))
}

async function serve({ ephemeral = false, ...listen }: ServeOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  const stop = signalled()
  // Hardly anything survives a young collection here: four helper threads would wake up for nothing.
  setFlagsFromString('--no-parallel-scavenge')
  const server = await startServer({ data: dataOf(command), ephemeral, ...listen, environment: process.env })
  const { kmip, https, data, ca, client } = server
  const ready = { pid: process.pid, kmip, ...(https && { https }), data, ca, ...(client && { client }) }
  screen.show(ready, () => welcome(server, screen))
  // However it ends, nothing of an ephemeral server stays.
  if (ephemeral) process.once('exit', () => rmSync(data, { recursive: true, force: true }))
  process.on('SIGHUP', () => {
    server.reopenLog()
    void server.reload()
  })
  await stop
  screen.note('stopping: answering what has been received; a second signal ends at once')
  await server.close()
}

/** What a user needs next. */
function welcome({ kmip, https, data, ca, client, hosts, isNew }: RunningServer, screen: Screen): string {
  const { bold, dim } = screen.colours
  const address = addressOf(kmip)
  const name = hosts.find(each => each !== 'localhost') ?? kmip.host
  const next =
    client === undefined
      ? [
          'Admit a client, in another shell:',
          `  kmipd client sign cluster.csr --name cluster-1 --data ${data} --out cluster-1.pem`,
        ]
      : [
          'Try it, in another shell:',
          `  kmipd kmip query --server ${address} --ca ${ca} --cert ${client.cert} --key ${client.key}`,
        ]
  return [
    bold(`kmipd is ready at ${address}`) + (isNew && client === undefined ? ', with a new data folder' : ''),
    '',
    screen.pairs([
      ['Names', `${hosts.join(', ')} ${dim('(in the server certificate; more with kmipd init --host NAME)')}`],
      ['CA certificate', `${ca} ${dim('(clients install it)')}`],
      ['HTTPS', https && `https://${addressOf(https)} ${dim('(/openapi.json says what there is)')}`],
      ['Data folder', client === undefined ? data : `${data} ${dim('(temporary; gone when it stops)')}`],
      ['Client', client && `${client.cert}, ${client.key}`],
    ]),
    '',
    ...next,
    ...(client === undefined && name !== kmip.host ? [dim(`Clients reach it as ${name}:${kmip.port}.`)] : []),
    '',
    dim('Ctrl-C stops it.'),
  ].join('\n')
}

const addressOf = ({ host, port }: RunningServer['kmip']): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
