/**
 * `kmipd cluster`: the other side of the key server. What each command does is loaded when it is called, so that other
 * commands do not pay for it.
 *
 * @module
 */
import type { Command } from 'commander'
import type { ApiPlace, EnrollOptions, PlayOptions, PowerCycleOptions, ServeOptions } from './cluster-options.ts'
import { addCommand, several, wholeNumber } from './command.ts'
import { CommandError } from './endings.ts'

export function addCluster(program: Command): void {
  const cluster = addCommand(program, 'cluster', {
    summary: 'play a storage cluster: enroll at a key server, lock and unlock drives',
    description:
      "serve runs the part of NetApp Element's API that concerns keys, with self-encrypting drives inside and real KMIP to real\nkey servers behind. What Element sends over KMIP is not public: what is sent here is an assumption, and named as ours.\n\nWith --flavour sased, plays the conversation of a storage array in the Self-Encrypting Drives profile instead, as a\nreconstruction of what ONTAP does: secrets registered on up to 4 primary servers, fetched at boot with retries, destroyed.",
    examples: [
      ['cluster serve --state cluster --port 8443', 'a cluster of 8 drives'],
      [
        'cluster enroll --key-server keys.lab.example --via https://keys.lab.example:5697',
        'the whole way to locked drives',
      ],
      ['cluster status', 'drives, keys, key servers, faults'],
      ['cluster power-cycle', 'locks all drives, and unlocks them with keys of the key server'],
      ['cluster --flavour sased --server HOST --ca ca.pem --cert c.pem --key c.key', "an array's conversation"],
    ],
  })
  addPlay(cluster)
  addServe(cluster)
  addEnroll(cluster)
  addLooking(cluster)
}

function addPlay(cluster: Command): void {
  cluster
    .option('--flavour <flavour>', 'sased: plays a conversation and ends')
    .option('--server <host[:port]>', 'key server, up to 4, the preferred one first', several)
    .option('--ca <file>', 'PEM: the authorities that may have signed the server certificates')
    .option('--cert <file>', 'PEM: the client certificate')
    .option('--key <file>', 'PEM: its private key')
    .option('--drives <number>', 'how many drives have a secret', wholeNumber(1, 1000), 4)
    .option('--group <name>', 'Object Group of the secrets; default a new one')
    .option('--patience <seconds>', 'how long a boot waits for a server', wholeNumber(0, 86_400), 10_800)
    .option(
      '--compression <times>',
      'how many times faster than in reality back-off passes',
      wholeNumber(1, 100_000),
      1,
    )
    .option('--keep', 'do not destroy the secrets at the end')
    .action(async (options: PlayOptions, command: Command) => {
      if (options.flavour === undefined) return command.help({ error: true })
      if (options.flavour !== 'sased')
        throw new CommandError(
          'usage',
          `there is no flavour ${options.flavour}; sased is one, and Element is cluster serve`,
        )
      await (await import('./cluster-play.ts')).play(options, command)
    })
}

function addServe(cluster: Command): void {
  addCommand(cluster, 'serve', {
    summary: 'run a cluster, until it is told to stop',
    description:
      'The first start on an empty folder makes the cluster; its state survives restarts, and a start is a power-on.\nThe API is POST https://HOST:PORT/json-rpc/12.3 with Basic authentication; GetAPI lists its methods. The password is in\nthe file "password" of the folder, unless it is given.\n\nWith --json, one line when it is ready: {"pid", "api": {"host", "port"}, "state", "ca", "user", "passwordFile"}.',
    examples: [
      ['cluster serve --state cluster --port 8443', 'kept in ./cluster'],
      ['cluster serve --ephemeral --json', 'for a test: in memory, any port, leaves nothing'],
      ['cluster serve --drives 24 --compression 60', 'a minute of waiting is a second'],
    ],
  })
    .option('--state <dir>', 'where it is remembered', 'cluster')
    .option('--name <name>', 'of the cluster', 'cluster')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port of the API, 0 for any free one', wholeNumber(0, 65_535), 0)
    .option('--node-port <port>', "port of the nodes' API; default none", wholeNumber(0, 65_535))
    .option('--drives <number>', 'self-encrypting drives', wholeNumber(1, 1000), 8)
    .option('--nodes <number>', 'nodes; the first drive of each is its metadata drive', wholeNumber(1, 100), 4)
    .option('--user <name>', 'who may call the API', 'admin')
    .option('--password-file <file>', 'file with the password; default: one is made up')
    .option('--cert <file>', 'PEM: what the API shows; default: made here')
    .option('--key <file>', 'PEM: its private key')
    .option('--timeout <seconds>', 'for each host of a key server, and each answer', wholeNumber(1, 600), 10)
    .option('--compression <times>', 'how many times faster than in reality waiting passes', wholeNumber(1, 100_000), 1)
    .option('--ephemeral', 'keep everything in memory and a temporary folder, which goes when it stops')
    .action(async (options: ServeOptions, command: Command) => {
      await (await import('./cluster-serve.ts')).serve(options, command)
    })
}

const addPlace = (command: Command): Command =>
  command
    .option('--state <dir>', 'folder of a cluster that runs on this machine', 'cluster')
    .option('--url <url>', "of the cluster's API; default from the folder")
    .option('--user <name>', 'default from the folder')
    .option('--password-file <file>', 'default from the folder')
    .option('--api-ca <file>', "PEM: what vouches for the API's certificate; default from the folder")

function addEnroll(cluster: Command): void {
  addPlace(
    addCommand(cluster, 'enroll', {
      summary: 'connect a cluster to a key server: key pair, certificate, tests, encryption',
      description:
        'With --via the request is signed by the HTTPS API of a kmipd, with a token (--token-file, or KMIPD_TOKEN). Without,\nthe request is written to --csr; have it signed, and go on with --cert and --ca.\n\nA key pair is made if the cluster has none. A key server of the same host and port gets the new certificate; otherwise\nit is made.',
      examples: [
        [
          'cluster enroll --key-server keys.lab.example --via https://keys.lab.example:5697 --via-ca ca.pem --token-file token',
          'all at once',
        ],
        ['cluster enroll --key-server keys.lab.example --csr cluster.csr', 'first half: the request'],
        [
          'cluster enroll --key-server keys.lab.example --cert cluster.pem --ca ca.pem',
          'second half, once it is signed',
        ],
      ],
    }),
  )
    .requiredOption('--key-server <host[:port]>', 'KMIP server; several are the hosts of one clustered server', several)
    .option('--via <url>', 'HTTPS API that signs the request')
    .option('--via-ca <file>', 'PEM: what vouches for it; also what the cluster trusts, unless the API tells')
    .option('--token-file <file>', 'file with a token of that API (env: KMIPD_TOKEN)')
    .option('--as <name>', 'what the key server shall call the cluster; default the name of the cluster')
    .option('--new-key-pair', 'replace the key pair of the cluster: every key server then needs a new certificate')
    .option('--csr <file>', 'write the request there, and stop')
    .option('--cert <file>', 'PEM: the certificate that was signed for the request')
    .option('--ca <file>', 'PEM: the authority of the key server')
    .option('--provider <name>', 'key provider, made unless there is one', 'kmipd')
    .option('--wait <seconds>', 'how long to wait for an approval', wholeNumber(0, 86_400), 0)
    .option('--no-enable', 'do not enable hardware encryption at rest')
    .option('--rekey', 'bring the master key of software encryption to the key server, too')
    .action(async (options: EnrollOptions, command: Command) => {
      await (await import('./cluster-enroll.ts')).enroll(options, command)
    })
}

function addLooking(cluster: Command): void {
  addPlace(
    addCommand(cluster, 'status', {
      summary: 'show drives, keys, key servers and faults',
      examples: [['cluster status --json', 'for scripts']],
    }),
  ).action(async (options: ApiPlace, command: Command) => {
    await (await import('./cluster-status.ts')).status(options, command)
  })

  addPlace(
    addCommand(cluster, 'power-cycle', {
      summary: 'cut the power of all drives and boot',
      examples: [['cluster power-cycle --wait 60', 'fails if a drive is still locked after a minute']],
    }),
  )
    .option('--wait <seconds>', 'how long to wait until all drives are unlocked', wholeNumber(0, 86_400), 30)
    .action(async (options: PowerCycleOptions, command: Command) => {
      await (await import('./cluster-status.ts')).powerCycle(options, command)
    })

  addPlace(
    addCommand(cluster, 'call <method> [params]', {
      summary: 'call a method of the API with parameters in JSON, and print its result',
      description: 'Methods beyond those of Element begin with Kmipd.',
      examples: [
        ['cluster call GetClusterInfo', 'without parameters'],
        [`cluster call TestKeyServerKmip '{"keyServerID": 1}'`, 'with'],
      ],
    }),
  ).action(async (method: string, params: string | undefined, options: ApiPlace, command: Command) => {
    await (await import('./cluster-status.ts')).call(method, params, options, command)
  })
}
