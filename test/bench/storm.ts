/**
 * A boot storm: `npm run bench:storm`. Power comes back for 40 clusters of 24 drives at once, and one key server has all
 * their keys: each node of a cluster connects, and asks for the key of each of its drives (Locate, Get Attributes, Get).
 *
 * The clusters are real ones, in this process; the key server is a process of its own, whose CPU time alone is counted.
 * `-- --clusters N --drives N` for other sizes, `-- --json` for machines.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { initialise } from '../../src/initialise.ts'
import { type Api, api } from '../../src/cluster/api-client.ts'
import { startCluster } from '../../src/cluster.ts'
import { loadConfig } from '../../src/config.ts'
import { signClient } from '../../src/enrollment.ts'
import { openHouse } from '../../src/house.ts'
import { startKmipd } from './processes.ts'

const { values } = parseArgs({
  options: {
    clusters: { type: 'string', default: '40' },
    drives: { type: 'string', default: '24' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
})
const [clusters, drives, rounds] = [Number(values.clusters), Number(values.drives), Number(values.rounds)]

const tell = (words: string): void => void process.stderr.write(`${words}\n`)

/** CPU time that a process has used, in seconds: proc(5). */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

interface Booting {
  readonly api: Api
  readonly close: () => Promise<void>
}

/** A cluster whose drives have a key of the key server. */
async function lockedUp(port: number, data: string, number: number): Promise<Booting> {
  const cluster = await startCluster({ name: `cluster-${number}`, drives, compression: 1000, timeoutMs: 60_000 })
  const { call } = api({ url: `https://127.0.0.1:${cluster.port}`, ...cluster.credentials, ca: cluster.ca })
  await call('CreatePublicPrivateKeyPair')
  const { clientCertificateSignRequest: request } = await call<{ readonly clientCertificateSignRequest: string }>(
    'GetClientCertificateSignRequest',
  )
  const opened = await openHouse(await loadConfig({ data }), {})
  const { certificate } = await signClient(request, { name: `cluster-${number}` }, opened, new Date())
  await opened.store.close()
  await call('CreateKeyProviderKmip', { keyProviderName: 'storm' })
  await call('CreateKeyServerKmip', {
    kmipCaCertificate: readFileSync(join(data, 'ca.pem'), 'utf8'),
    kmipClientCertificate: certificate.pem,
    kmipKeyServerHostnames: ['127.0.0.1'],
    kmipKeyServerName: 'storm',
    kmipKeyServerPort: port,
  })
  await call('AddKeyServerToProviderKmip', { keyProviderID: 1, keyServerID: 1 })
  await call('EnableEncryptionAtRest', { keyProviderID: 1 })
  while ((await call<{ readonly state: string }>('GetEncryptionAtRestInfo')).state !== 'enabled') await pause()
  return { api: { call }, close: cluster.close }
}

const pause = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 100))

async function untilUnlocked(cluster: Api): Promise<void> {
  for (;;) {
    const { drives: all } = await cluster.call<{ readonly drives: readonly { readonly isLocked: boolean }[] }>(
      'KmipdListDrives',
    )
    if (all.every(({ isLocked }) => !isLocked)) return
    await pause()
  }
}

const folder = await mkdtemp(join(tmpdir(), 'kmipd-storm-'))
const data = join(folder, 'data')
const closing: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
try {
  await initialise({ data, hosts: ['127.0.0.1'] })
  const server = await startKmipd(data)
  closing.push(server.close)
  tell(`enrolling ${clusters} clusters of ${drives} drives`)
  const booting: Booting[] = []
  for (let number = 1; number <= clusters; number++) {
    const each = await lockedUp(server.port, data, number)
    booting.push(each)
    closing.push(each.close)
  }
  const results: { readonly seconds: number; readonly cpuSeconds: number }[] = []
  for (let round = 1; round <= rounds; round++) {
    const [began, cpu] = [performance.now(), cpuOf(server.pid)]
    await Promise.all(booting.map(each => each.api.call('KmipdPowerCycle')))
    await Promise.all(booting.map(each => untilUnlocked(each.api)))
    const result = { seconds: (performance.now() - began) / 1000, cpuSeconds: cpuOf(server.pid) - cpu }
    results.push(result)
    const perUnlock = (1000 * result.cpuSeconds) / (clusters * drives)
    tell(
      `round ${round}: ${clusters * drives} drives unlocked in ${result.seconds.toFixed(2)} s; the server used ${result.cpuSeconds.toFixed(2)} s of CPU, ${perUnlock.toFixed(2)} ms an unlock`,
    )
  }
  const faults = await Promise.all(
    booting.map(
      async each => (await each.api.call<{ readonly faults: readonly unknown[] }>('ListClusterFaults')).faults.length,
    ),
  )
  const sorted = [...results].sort((one, other) => one.seconds - other.seconds)
  const { seconds = 0, cpuSeconds = 0 } = sorted[sorted.length >> 1] ?? {}
  const report = {
    clusters,
    drives: clusters * drives,
    seconds,
    cpuSeconds,
    cpuMsPerUnlock: (1000 * cpuSeconds) / (clusters * drives),
    faults: faults.reduce((sum, each) => sum + each, 0),
  }
  process.stdout.write(
    values.json
      ? `${JSON.stringify(report)}\n`
      : `${report.drives} drives of ${clusters} clusters: ${seconds.toFixed(2)} s, ${report.cpuMsPerUnlock.toFixed(2)} ms of the server's CPU for an unlock, ${report.faults} faults\n`,
  )
} finally {
  for (const close of closing.reverse()) await close()
}
