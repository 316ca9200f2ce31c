/**
 * `kmipd cluster serve`.
 *
 * @module
 */
import { rmSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { writeSecret } from '../cluster/files.ts'
import { startCluster } from '../cluster.ts'
import { openLog } from '../log.ts'
import type { ServeOptions } from './cluster-options.ts'
import { type PlaceFile, placeFile, readPassword } from './cluster-place.ts'
import { screenOf } from './command.ts'
import { CommandError } from './endings.ts'
import { signalled } from './signal.ts'

export async function serve(options: ServeOptions, command: Command): Promise<void> {
  const {
    ephemeral = false,
    name,
    host,
    port,
    nodePort,
    drives,
    nodes,
    user,
    timeout,
    compression,
    cert,
    key,
  } = options
  const screen = screenOf(command)
  const stop = signalled()
  if ((cert === undefined) !== (key === undefined))
    throw new CommandError('usage', 'give both --cert and --key, or neither')
  const state = ephemeral ? await mkdtemp(join(tmpdir(), 'kmipd-cluster-')) : resolve(options.state)
  if (ephemeral) process.once('exit', () => rmSync(state, { recursive: true, force: true }))
  const passwordFile = options.passwordFile === undefined ? join(state, 'password') : resolve(options.passwordFile)
  const password = options.passwordFile === undefined ? undefined : await readPassword(passwordFile)
  const log = await openLog({ level: ephemeral ? 'error' : 'info' })
  const cluster = await startCluster({
    folder: ephemeral ? undefined : state,
    name,
    host,
    port,
    nodePort,
    drives,
    nodes,
    credentials: { user, ...(password === undefined ? {} : { password }) },
    certificate:
      cert === undefined || key === undefined
        ? undefined
        : { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') },
    timeoutMs: timeout * 1000,
    compression,
    log,
  })
  // What is given vouches for itself, and stays where it is.
  const ca = cert === undefined ? join(state, 'ca.pem') : resolve(cert)
  if (ephemeral && password === undefined) await writeSecret(passwordFile, `${cluster.credentials.password}\n`)
  if (ephemeral && cert === undefined) await writeSecret(ca, cluster.ca)
  // By the name that its certificate has.
  const reached = /^(0\.0\.0\.0|::)$/.test(cluster.host) ? 'localhost' : host
  const url = `https://${reached.includes(':') ? `[${reached}]` : reached}:${cluster.port}`
  const place: PlaceFile = { url, user, passwordFile, ca }
  await writeSecret(placeFile(state), `${JSON.stringify(place)}\n`)
  const at = { host: cluster.host, port: cluster.port }
  const node = cluster.nodePort === undefined ? {} : { node: { host: cluster.host, port: cluster.nodePort } }
  screen.show({ pid: process.pid, api: at, ...node, state, ca, user, passwordFile }, () =>
    [
      screen.colours.bold(`A cluster of ${cluster.drives} drives is ready at ${url}`) +
        (cluster.isNew ? ', and is new' : ''),
      '',
      screen.pairs([
        ['API', `${url}/json-rpc/12.3`],
        ['User', `${user}, password in ${passwordFile}`],
        ['CA certificate', ca],
        ['State', ephemeral ? `${state} (temporary; gone when it stops)` : state],
      ]),
      '',
      'Connect it to a key server, in another shell:',
      `  kmipd cluster enroll --state ${state} --key-server HOST --via https://HOST:PORT`,
      '',
      screen.colours.dim('Ctrl-C stops it.'),
    ].join('\n'),
  )
  await stop
  await cluster.close()
  await rm(placeFile(state), { force: true })
  await log.close()
}
