/**
 * `kmipd cluster enroll`: the way from a fresh cluster to locked drives, as an administrator walks it.
 *
 * @module
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { type Api, ApiError, postJson } from '../cluster/api-client.ts'
import { addressOf } from './address.ts'
import type { EnrollOptions } from './cluster-options.ts'
import { apiAt } from './cluster-place.ts'
import { screenOf } from './command.ts'
import { CommandError } from './endings.ts'
import { privateMode, refuseUnwritable, writeNewFile } from './new-file.ts'
import type { Screen } from './screen.ts'

interface Trust {
  readonly cert: string
  readonly ca: string
}

export async function enroll(options: EnrollOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  const api = await apiAt(options)
  const hosts = options.keyServer.map(addressOf)
  const port = hosts.find(each => each.port !== undefined)?.port ?? 5696
  const said: string[] = []
  const did = (words: string): void => {
    said.push(words)
    screen.note(`${screen.colours.green('✓')} ${words}`)
  }
  const trust = await trustFor(options, api, did, screen)
  if (trust === undefined) return
  const keyProviderID = await provider(api, options.provider, did)
  const keyServerID = await keyServer(
    api,
    trust,
    hosts.map(({ host }) => host),
    port,
    did,
  )
  await api.call('TestKeyServerKmip', { keyServerID })
  did(`key server ${keyServerID} answers: Discover Versions, Query, and a key made, found, read and destroyed`)
  await api.call('AddKeyServerToProviderKmip', { keyProviderID, keyServerID })
  did(`key server ${keyServerID} is assigned to key provider ${keyProviderID}`)
  await api.call('TestKeyProviderKmip', { keyProviderID })
  did(`key provider ${keyProviderID} is tested`)
  if (options.enable) await enable(api, keyProviderID, did)
  if (options.rekey === true) await rekey(api, keyProviderID, did)
  screen.show(
    { keyServerID, keyProviderID, steps: said },
    () => '\nkmipd cluster status shows it; kmipd cluster power-cycle tries it.',
  )
}

type Did = (words: string) => void

/** The certificate of the cluster, and what vouches for the key server; nothing where the request waits to be signed. */
async function trustFor(options: EnrollOptions, api: Api, did: Did, screen: Screen): Promise<Trust | undefined> {
  const { via, csr, cert, ca, viaCa, newKeyPair } = options
  if (cert !== undefined) {
    if (ca === undefined)
      throw new CommandError('usage', '--cert wants --ca beside it: the authority of the key server')
    if (newKeyPair === true)
      throw new CommandError(
        'usage',
        '--cert is of the key pair that there is; give --new-key-pair with --csr or --via',
      )
    return { cert: await readFile(cert, 'utf8'), ca: await readFile(ca, 'utf8') }
  }
  if (via === undefined && csr === undefined)
    throw new CommandError(
      'usage',
      'say how the request is signed: --via URL; or --csr FILE, and later --cert and --ca',
    )
  if (csr !== undefined) refuseUnwritable(csr)
  // Whatever is lacking is told before a key pair is made.
  const token = csr === undefined ? await tokenOf(options) : ''
  const { clusterInfo } = await api.call<{ readonly clusterInfo: { readonly name: string } }>('GetClusterInfo')
  const name = options.as ?? clusterInfo.name
  const request = await requestOf(api, name, options, did)
  if (csr !== undefined) {
    await writeNewFile(csr, request, privateMode)
    did(`the request is in ${csr}`)
    screen.show({ csr }, () =>
      [
        '',
        'Have it signed, on the key server:',
        `  kmipd client sign ${csr} --name ${name} --out ${name}.pem`,
        'Then go on:',
        `  kmipd cluster enroll --key-server ${options.keyServer.join(' --key-server ')} --cert ${name}.pem --ca ca.pem`,
      ].join('\n'),
    )
    return undefined
  }
  const issued = await submit(via ?? '', token, { request, name }, options)
  did(`the request is signed by ${via ?? ''}`)
  const chain = issued.chain ?? (viaCa === undefined ? undefined : await readFile(viaCa, 'utf8'))
  if (chain === undefined) throw new CommandError('refused', 'the API does not tell its authority; give --via-ca')
  return { cert: issued.certificate, ca: ca === undefined ? chain : await readFile(ca, 'utf8') }
}

/**
 * The request of the key pair that there is: key servers that the cluster uses know it by that, and another one would lock
 * it out of them. A pair is made only where there is none, or by request.
 */
async function requestOf(api: Api, name: string, { newKeyPair = false }: EnrollOptions, did: Did): Promise<string> {
  const ask = async (): Promise<string> => {
    const { clientCertificateSignRequest } = await api.call<{ readonly clientCertificateSignRequest: string }>(
      'GetClientCertificateSignRequest',
    )
    return clientCertificateSignRequest
  }
  if (!newKeyPair)
    try {
      const request = await ask()
      did('the key pair that there is stays; --new-key-pair makes another')
      return request
    } catch (error) {
      if (!isWithoutPair(error)) throw error
    }
  await api.call('CreatePublicPrivateKeyPair', {
    commonName: name,
    organization: 'kmipd',
    organizationalUnit: 'cluster',
  })
  did('a key pair is made; the private key stays in the cluster')
  return ask()
}

const isWithoutPair = (error: unknown): boolean =>
  error instanceof CommandError && error.cause instanceof ApiError && error.cause.errorName === 'xAPINotPermitted'

interface Issued {
  readonly certificate: string
  readonly chain: string | undefined
}

const pollMs = 2_000

async function tokenOf({ tokenFile }: EnrollOptions): Promise<string> {
  const token = tokenFile === undefined ? process.env['KMIPD_TOKEN'] : (await readFile(tokenFile, 'utf8')).trim()
  if (token === undefined || token === '')
    throw new CommandError('usage', 'a token is wanted: --token-file, or KMIPD_TOKEN; kmipd token create makes one')
  return token
}

interface Asked {
  readonly request: string
  readonly name: string
}

/** The same request again is the same enrollment: so it is asked until it is approved. */
async function submit(via: string, token: string, asked: Asked, { viaCa, wait }: EnrollOptions): Promise<Issued> {
  const ca = viaCa === undefined ? undefined : await readFile(viaCa, 'utf8')
  const url = `${via.replace(/\/+$/, '')}/v1/enrollments`
  for (const until = Date.now() + wait * 1000; ;) {
    const { status, body } = await postJson(url, asked, { ca, authorization: `Bearer ${token}`, timeoutMs: 30_000 })
    const reply = replyOf(body)
    if (status >= 300)
      throw new CommandError('refused', `${via} refuses the request (HTTP status ${status}): ${wordsOf(reply, body)}`)
    const { certificate, chain, state } = reply
    if (state === 'rejected') throw new CommandError('refused', `the request was rejected: ${String(reply['note'])}`)
    if (state === 'revoked')
      throw new CommandError('refused', `the certificate of this key pair was revoked; ${anew(reply['id'])}`)
    if (typeof certificate === 'string') return { certificate, chain: typeof chain === 'string' ? chain : undefined }
    if (state === 'issued')
      throw new CommandError('refused', `the request was submitted with another token; give that, or --new-key-pair`)
    if (Date.now() >= until)
      throw new CommandError(
        'refused',
        `the request waits for approval (enrollment ${String(reply['id'])}); have it approved, and enroll again with --wait`,
      )
    await sleep(pollMs)
  }
}

const anew = (id: unknown): string =>
  `have another issued (POST /v1/enrollments/${String(id)}/renew), or make another pair with --new-key-pair`

/** A refusal by policy has its reason among the details. */
function wordsOf({ error_msg: message, details }: Record<string, unknown>, body: string): string {
  const [detail] = Array.isArray(details) ? (details as readonly { readonly error_msg?: unknown }[]) : []
  return [detail?.error_msg, message, body].find(each => typeof each === 'string') ?? ''
}

function replyOf(body: string): Record<string, unknown> {
  try {
    return JSON.parse(body) as Record<string, unknown>
  } catch {
    return {}
  }
}

async function provider(api: Api, name: string, did: Did): Promise<number> {
  const { kmipKeyProviders } = await api.call<{
    readonly kmipKeyProviders: readonly { readonly keyProviderID: number; readonly keyProviderName: string }[]
  }>('ListKeyProvidersKmip')
  const known = kmipKeyProviders.find(each => each.keyProviderName === name)
  if (known !== undefined) return known.keyProviderID
  const { kmipKeyProvider } = await api.call<{ readonly kmipKeyProvider: { readonly keyProviderID: number } }>(
    'CreateKeyProviderKmip',
    { keyProviderName: name },
  )
  did(`key provider ${kmipKeyProvider.keyProviderID} is made: ${name}`)
  return kmipKeyProvider.keyProviderID
}

interface KeyServer {
  readonly keyServerID: number
  readonly kmipKeyServerHostnames: readonly string[]
  readonly kmipKeyServerPort: number
}

async function keyServer(api: Api, trust: Trust, hosts: readonly string[], port: number, did: Did): Promise<number> {
  const certificates = { kmipClientCertificate: trust.cert, kmipCaCertificate: trust.ca }
  const { kmipKeyServers } = await api.call<{ readonly kmipKeyServers: readonly KeyServer[] }>('ListKeyServersKmip')
  const known = kmipKeyServers.find(
    each => each.kmipKeyServerPort === port && each.kmipKeyServerHostnames.join() === hosts.join(),
  )
  if (known !== undefined) {
    await api.call('ModifyKeyServerKmip', { keyServerID: known.keyServerID, ...certificates })
    did(`key server ${known.keyServerID} has the new certificates`)
    return known.keyServerID
  }
  const { kmipKeyServer } = await api.call<{ readonly kmipKeyServer: KeyServer }>('CreateKeyServerKmip', {
    ...certificates,
    kmipKeyServerHostnames: hosts,
    kmipKeyServerName: hosts[0],
    kmipKeyServerPort: port,
  })
  did(`key server ${kmipKeyServer.keyServerID} is made: ${hosts.join(', ')} port ${port}`)
  return kmipKeyServer.keyServerID
}

async function enable(api: Api, keyProviderID: number, did: Did): Promise<void> {
  await api.call('EnableEncryptionAtRest', { keyProviderID })
  for (;;) {
    const { state, authenticationKeyInfo } = await api.call<{
      readonly state: string
      readonly authenticationKeyInfo?: { readonly keyID: string }
    }>('GetEncryptionAtRestInfo')
    if (state !== 'enabling') {
      did(`encryption at rest is ${state}, with key ${authenticationKeyInfo?.keyID ?? ''}`)
      return
    }
    await sleep(200)
  }
}

async function rekey(api: Api, keyProviderID: number, did: Did): Promise<void> {
  const { asyncHandle } = await api.call<{ readonly asyncHandle: number }>('RekeySoftwareEncryptionAtRestMasterKey', {
    keyManagementType: 'External',
    keyProviderID,
  })
  for (;;) {
    const { status, result, error } = await api.call<{
      readonly status: string
      readonly result?: { readonly newKey: { readonly keyID: string } }
      readonly error?: { readonly message: string }
    }>('GetAsyncResult', { asyncHandle })
    if (error !== undefined) throw new CommandError('refused', `the master key was not replaced: ${error.message}`)
    if (status === 'complete') {
      did(`the master key is on the key server: ${result?.newKey.keyID ?? ''}`)
      return
    }
    await sleep(500)
  }
}
