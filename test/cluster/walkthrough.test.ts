/**
 * The published walk-through, step by step as an administrator does it, with curl; and the commands that walk it alone.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { done, folder, house, json, kmipd, newHouse, serving } from '../cli/kmipd.ts'
import { clusterServing, type Ready } from './serving.ts'
import { results, type MethodName, type ResultOf } from './shapes.ts'

/** A call as the documentation shows it. */
const curling =
  ({ api, ca, user, passwordFile }: Ready) =>
  <M extends MethodName>(method: M, params: Readonly<Record<string, unknown>> = {}): ResultOf<M> => {
    const { stdout, stderr } = spawnSync(
      'curl',
      [
        ...[
          '--silent',
          '--show-error',
          '--cacert',
          ca,
          '--user',
          `${user}:${readFileSync(passwordFile, 'utf8').trim()}`,
        ],
        ...['--header', 'Content-Type: application/json-rpc', '--data-binary', '@-'],
        `https://${api.host}:${api.port}/json-rpc/12.3`,
      ],
      { encoding: 'utf8', input: JSON.stringify({ method: method.toLowerCase(), params, id: 1 }) },
    )
    const answer = JSON.parse(stdout === '' ? JSON.stringify({ error: stderr }) : stdout) as {
      readonly result: unknown
    }
    if (answer.result === undefined) throw new Error(stdout + stderr)
    return results[method].parse(answer.result) as ResultOf<M>
  }

const until = async (look: () => boolean): Promise<void> => {
  while (!look()) await new Promise(resolve => setTimeout(resolve, 50))
}

/** What the key server has that is not destroyed. */
async function kept(data: string): Promise<readonly unknown[]> {
  const { objects } = (await json(['keys', 'list', '--data', data])) as {
    readonly objects: readonly { readonly state: string }[]
  }
  return objects.filter(({ state }) => state !== 'Destroyed')
}

const keyServing = async (data: string, ...more: readonly string[]): Promise<number> => {
  const { ready } = await serving(['--data', data, '--host', '127.0.0.1', '--port', '0', ...more])
  return (ready as { readonly kmip: { readonly port: number } }).kmip.port
}

describe('the published walk-through', () => {
  it('goes from a key pair to a rekeyed master key', async () => {
    const { path, data } = await house()
    const port = await keyServing(data)
    const cluster = await clusterServing(['--state', join(path, 'cluster')])
    const curl = curling(cluster)

    // Trust.
    curl('CreatePublicPrivateKeyPair', { commonName: 'cluster-1', organization: 'Example', country: 'US' })
    const csr = join(path, 'cluster.csr')
    writeFileSync(csr, curl('GetClientCertificateSignRequest').clientCertificateSignRequest)
    await done(['client', 'sign', csr, '--name', 'cluster-1', '--data', data, '--out', join(path, 'cluster.pem')])

    // Provider and server, tested.
    const { keyProviderID } = curl('CreateKeyProviderKmip', { keyProviderName: 'lab' }).kmipKeyProvider
    const { keyServerID } = curl('CreateKeyServerKmip', {
      kmipCaCertificate: readFileSync(join(data, 'ca.pem'), 'utf8'),
      kmipClientCertificate: readFileSync(join(path, 'cluster.pem'), 'utf8'),
      kmipKeyServerHostnames: ['localhost'],
      kmipKeyServerName: 'kmipd',
      kmipKeyServerPort: port,
    }).kmipKeyServer
    curl('TestKeyServerKmip', { keyServerID })
    curl('AddKeyServerToProviderKmip', { keyProviderID, keyServerID })
    curl('TestKeyProviderKmip', { keyProviderID })

    // Hardware encryption.
    curl('EnableEncryptionAtRest', { keyProviderID })
    await until(() => curl('GetClusterInfo').clusterInfo.encryptionAtRestState === 'enabled')
    curl('KmipdPowerCycle')
    await until(() => curl('KmipdListDrives').drives.every(({ isLocked }) => !isLocked))

    // Software encryption: words and numbers as the documentation writes them.
    const [provider] = curl('ListKeyProvidersKmip').kmipKeyProviders
    const { asyncHandle } = curl('RekeySoftwareEncryptionAtRestMasterKey', {
      keyManagementType: 'external',
      keyProviderID: String(provider?.keyProviderID),
    })
    await until(() => curl('GetAsyncResult', { asyncHandle, keepResult: true }).status === 'complete')
    const { result } = curl('GetAsyncResult', { asyncHandle })
    const { masterKeyInfo } = curl('GetSoftwareEncryptionAtRestInfo')
    expect(result).toMatchObject({ newKey: { keyID: masterKeyInfo?.keyID, keyManagementType: 'External' } })
    expect(masterKeyInfo?.keyProviderID).toBe(keyProviderID)

    // Both keys are the cluster's at the key server.
    expect(await kept(data)).toHaveLength(2)
    expect(curl('ListClusterFaults').faults).toEqual([])
    expect(await cluster.stop()).toBe(0)
  })
})

describe('the commands', () => {
  it('walk it alone, by the enrollment API, and show it', async () => {
    const { path, data } = await house()
    const { ready } = await serving(['--data', data, '--host', '127.0.0.1', '--port', '0', '--https-port', '0'])
    const { kmip, https } = ready as Record<'kmip' | 'https', { readonly port: number }>
    const state = join(path, 'cluster')
    await clusterServing(['--state', state, '--drives', '4', '--name', 'rack-4'])
    const { token } = (await json([
      ...['token', 'create', 'rack-4', '--scope', 'enroll', '--once', '--client', 'rack-4', '--data', data],
    ])) as { readonly token: string }
    const enrolled = await json(
      [
        ...['cluster', 'enroll', '--state', state, '--key-server', `localhost:${kmip.port}`, '--rekey'],
        ...['--via', `https://localhost:${https.port}`, '--via-ca', join(data, 'ca.pem')],
      ],
      { env: { KMIPD_TOKEN: token } },
    )
    expect(enrolled).toMatchObject({ keyServerID: 1, keyProviderID: 1 })
    expect(await done(['cluster', 'power-cycle', '--state', state])).toMatch(/^4 drives are unlocked/)
    const shown = await done(['cluster', 'status', '--state', state])
    expect(shown).toMatch(/of drives enabled, all drives unlocked/)
    expect(shown.match(/ unlocked /g)).toHaveLength(4)
    expect(shown).toMatch(/No faults\./)
    const { clusterInfo } = (await json([
      'cluster',
      'call',
      'getclusterinfo',
      '--state',
      state,
    ])) as ResultOf<'GetClusterInfo'>
    expect(clusterInfo.name).toBe('rack-4')
    const refused = await kmipd(['cluster', 'call', 'GetKeyServerKmip', '{"keyServerID": 9}', '--state', state])
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringMatching(/xDBNoSuchPath/) as unknown })
  })

  it('keep the key pair of a cluster that uses it, whoever refuses, and enroll at a second key server', async () => {
    const [first, second] = [await house(), await newHouse()]
    const state = join(first.path, 'cluster')
    await clusterServing(['--state', state, '--drives', '2', '--name', 'rack-5'])
    const begin = async (data: string): Promise<readonly string[]> => {
      const all = ['--data', data, '--host', '127.0.0.1', '--port', '0', '--https-port', '0']
      const { kmip, https } = (await serving(all)).ready as Record<'kmip' | 'https', { readonly port: number }>
      return [
        ...['cluster', 'enroll', '--state', state, '--key-server', `localhost:${kmip.port}`],
        ...['--via', `https://localhost:${https.port}`, '--via-ca', join(data, 'ca.pem')],
      ]
    }
    const tokenOf = async (data: string): Promise<string> => {
      const create = ['token', 'create', 'rack-5', '--scope', 'enroll', '--once', '--client', 'rack-5', '--data', data]
      return ((await json(create)) as { readonly token: string }).token
    }
    const one = await begin(first.data)
    await done(one, { env: { KMIPD_TOKEN: await tokenOf(first.data) } })

    const two = await begin(second.data)
    expect(await kmipd(two, { env: { KMIPD_TOKEN: 'wrong' } })).toMatchObject({ status: 1 })
    expect(await kmipd([...two, '--new-key-pair'])).toMatchObject({ status: 2 })
    expect(await done(['cluster', 'power-cycle', '--state', state])).toMatch(/^2 drives are unlocked/)

    const { keyServerID, steps } = (await json(two, { env: { KMIPD_TOKEN: await tokenOf(second.data) } })) as {
      readonly keyServerID: number
      readonly steps: readonly string[]
    }
    expect([keyServerID, steps[0]]).toEqual([2, expect.stringContaining('the key pair that there is stays')])
    expect(await kept(second.data)).toHaveLength(1)
    expect(await done(['cluster', 'power-cycle', '--state', state])).toMatch(/^2 drives are unlocked/)

    // Another pair is made where it is asked for; the certificates that there are do not fit it.
    const csr = join(first.path, 'new.csr')
    const old = await json(['cluster', 'call', 'GetClientCertificateSignRequest', '--state', state])
    await done([...one.slice(0, 6), '--csr', csr, '--new-key-pair'])
    expect(old).not.toEqual({ clientCertificateSignRequest: readFileSync(csr, 'utf8') })
    const stranded = await kmipd(['cluster', 'power-cycle', '--state', state, '--wait', '1'])
    expect(stranded).toMatchObject({ status: 1, stderr: expect.stringMatching(/2 of 2 drives are/) as unknown })
  })

  it('walk it in two halves, by file', async () => {
    const { path, data } = await house()
    const port = await keyServing(data)
    const state = join(path, 'cluster')
    await clusterServing(['--state', state])
    const common = ['cluster', 'enroll', '--state', state, '--key-server', `127.0.0.1:${port}`]
    const csr = join(path, 'c.csr')
    expect(await done([...common, '--csr', csr])).toContain('kmipd client sign')
    const cert = join(path, 'c.pem')
    await done(['client', 'sign', csr, '--name', 'c', '--data', data, '--out', cert])
    await done([...common, '--cert', cert, '--ca', join(data, 'ca.pem'), '--no-enable'])
    const shown = (await json(['cluster', 'status', '--state', state])) as { readonly keyServers: readonly unknown[] }
    expect(shown.keyServers).toMatchObject([{ keyServerID: 1, keyProviderID: 1 }])
    // Once more, with another certificate: the same server.
    await done([...common, '--cert', cert, '--ca', join(data, 'ca.pem')])
    expect(await done(['cluster', 'status', '--state', state])).toMatch(/of drives enabled/)
  })

  it.each<[readonly string[], number, RegExp]>([
    [['cluster'], 2, /Usage/],
    [['cluster', '--flavour', 'vanilla'], 2, /no flavour vanilla/],
    [['cluster', '--flavour', 'sased'], 2, /--server/],
    [['cluster', 'status', '--state', '/nonexistent'], 4, /no cluster runs/],
    [['cluster', 'enroll', '--state', '/nonexistent', '--key-server', 'x'], 4, /no cluster runs/],
    [['cluster', 'enroll'], 2, /--key-server/],
  ])('%j ends with %i', async (args, status, words) => {
    const ended = await kmipd(args)
    expect(ended.stderr + ended.stdout).toMatch(words)
    expect(ended.status).toBe(status)
  })

  it('leaves nothing of an ephemeral cluster', async () => {
    const cluster = await clusterServing(['--ephemeral'])
    expect(curling(cluster)('ListDrives').drives).toHaveLength(8)
    expect(await cluster.stop()).toBe(0)
    expect(existsSync(cluster.state)).toBe(false)
  })
})

describe('the conversation of the SASED profile', () => {
  it('registers secrets on all primaries, boots from any, and destroys them', async () => {
    const path = await folder()
    const { data } = await house()
    const port = await keyServing(data)
    await done(['client', 'issue', 'array', '--data', data, '--out', path])
    const files = ['--ca', join(path, 'ca.pem'), '--cert', join(path, 'cert.pem'), '--key', join(path, 'key.pem')]
    const play = ['cluster', '--flavour', 'sased', ...files, '--drives', '2', '--compression', '100']
    const both = [...play, '--server', '127.0.0.1:1', '--server', `127.0.0.1:${port}`]
    const played = (await json(both)) as { readonly steps: readonly Readonly<Record<string, unknown>>[] }
    expect(played).toMatchObject({ registered: 2, unlocked: 2, destroyed: 2 })
    expect(played.steps.filter(({ step, outcome }) => step === 'boot' && outcome === 'done')).toHaveLength(2)
    expect(await kept(data)).toEqual([])
    await done([...play, '--server', `127.0.0.1:${port}`, '--keep', '--group', 'array-1'])
    expect(await kept(data)).toHaveLength(2)
    // What was done until it failed is told, too.
    const failed = await kmipd([...play, '--server', '127.0.0.1:1', '--json'])
    expect(JSON.parse(failed.stdout)).toMatchObject({
      steps: [{ step: 'query' }, { step: 'register', drive: 1 }],
      error: { code: 'notTaken' },
    })
    const alone = await kmipd([...play, '--server', '127.0.0.1:1', '--patience', '1'])
    expect(alone).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/no server took the secret of drive 1/) as unknown,
    })
  })
})
