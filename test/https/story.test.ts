/**
 * Enrollment from a shell, with curl and openssl alone, as the README tells it: a request, its approval, a certificate, a
 * key from the key server, revocation, renewal; and what is published, judged by openssl.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  Create,
  decode,
  encode,
  framer,
  Get,
  readResponse,
  type ResponseItem,
  writeRequest,
} from '../../protocol/index.ts'
import { newFolder, removeFolder } from '../system/server-process.ts'
import { type Api, type Body, request, startApi } from './server.ts'

let api: Api
let folder: string

beforeAll(async () => {
  api = await startApi()
  folder = await newFolder()
  writeFileSync(join(folder, 'admin.pem'), api.admin.cert + api.admin.key)
  writeFileSync(join(folder, 'ca.pem'), api.ca)
})

afterAll(async () => {
  await api.end()
  await removeFolder(folder)
})

/** A line of shell in the folder; variables by name. */
async function shell(line: string, variables: Readonly<Record<string, string>> = {}): Promise<Buffer> {
  const url = `https://127.0.0.1:${api.port}`
  const child = spawn('bash', ['--norc', '-ec', `set -o pipefail; ${line}`], {
    cwd: folder,
    env: { PATH: process.env['PATH'], url, kmip: `127.0.0.1:${api.kmipPort}`, ...variables },
  })
  const chunks: Buffer[] = []
  let complaint = ''
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on('data', chunk => (complaint += String(chunk)))
  const [status] = (await once(child, 'close')) as [number]
  if (status !== 0) throw new Error(`${line} ended with ${status}: ${complaint}`)
  return Buffer.concat(chunks)
}

const json = async (line: string, variables?: Readonly<Record<string, string>>): Promise<Body> =>
  JSON.parse((await shell(line, variables)).toString()) as Body

/** One KMIP request through openssl; undefined if the server ends the connection. */
async function kmip(message: Uint8Array, identity: string): Promise<ResponseItem | undefined> {
  const to = `s_client -quiet -no_ign_eof -connect 127.0.0.1:${api.kmipPort} -CAfile ca.pem -verify_return_error`
  const args = [...to.split(' '), '-cert', `${identity}.pem`, '-key', `${identity}.key`]
  const child = spawn('openssl', args, { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'] })
  const frames = framer('response', 65_536)
  let answer: Uint8Array | undefined
  child.stdout.on('data', (chunk: Buffer) => {
    answer ??= frames.push(chunk)[0]
    if (answer !== undefined) child.stdin.end()
  })
  child.stdin.on('error', () => undefined).write(message)
  await once(child, 'close')
  return answer && readResponse(decode(answer)).batchItem[0]
}

const create = encode(
  writeRequest(
    [
      {
        operation: Create,
        payload: {
          objectType: 'SymmetricKey',
          attributes: [
            { name: 'cryptographicAlgorithm', value: 'AES' },
            { name: 'cryptographicLength', value: 256 },
            { name: 'cryptographicUsageMask', value: 12 },
          ],
        },
      },
    ],
    '1.4',
  ),
)

const curl = 'curl -sS --fail-with-body --cacert ca.pem'
const post = `${curl} -H 'content-type: application/json'`
const admin = '--cert admin.pem'

describe('with curl and openssl alone', () => {
  test('a client enrolls, is served, is shut out, and is served again', async () => {
    const token = await api.token({ name: 'portal', scope: ['enroll'] })
    await shell(
      "openssl req -new -newkey rsa:2048 -nodes -keyout cluster-a.key -outform DER -out cluster-a.der -subj '/CN=cluster-a/O=Example'",
    )
    const { id } = await json(
      `${post} -H "X-Auth-Token: $token" -d '{"request":"'$(base64 -w0 cluster-a.der)'"}' $url/v1/enrollments`,
      { token },
    )
    const certificate = `${curl} -H "Authorization: Bearer $token" $url/v1/enrollments/${id}/certificate`
    await expect(shell(certificate, { token })).rejects.toThrow(/ended with 22/)

    await shell(`${curl} ${admin} -X POST $url/v1/enrollments/${id}/approve`)
    await shell(`${certificate} -o cluster-a.pem`, { token })
    await shell('openssl verify -x509_strict -purpose sslclient -CAfile ca.pem cluster-a.pem')
    const created = await kmip(create, 'cluster-a')
    expect(created).toMatchObject({ resultStatus: 'Success' })
    const { uniqueIdentifier } = created?.payload as { uniqueIdentifier: string }
    const get = encode(writeRequest([{ operation: Get, payload: { uniqueIdentifier } }], '1.4'))
    expect(await kmip(get, 'cluster-a')).toMatchObject({
      resultStatus: 'Success',
      payload: { objectType: 'SymmetricKey' },
    })

    await shell(`${post} ${admin} -d '{"reason":"superseded"}' $url/v1/enrollments/${id}/revoke`)
    expect(await kmip(get, 'cluster-a')).toBeUndefined()
    await shell(`${curl} $url/v1/crl?format=pem -o crl.pem`)
    const verify = 'openssl verify -x509_strict -crl_check -CAfile ca.pem -CRLfile crl.pem cluster-a.pem'
    await expect(shell(verify)).rejects.toThrow(/certificate revoked/)

    await shell(`${curl} ${admin} -X POST $url/v1/enrollments/${id}/renew`)
    await shell(`${certificate} -o cluster-a.pem`, { token })
    await shell(verify)
    expect(await kmip(get, 'cluster-a')).toMatchObject({ resultStatus: 'Success', payload: { uniqueIdentifier } })
  })

  test('a one-time token answers a request at once', async () => {
    const token = await api.token({ name: 'rack-4', scope: ['enroll'], once: true, client: 'rack-4' })
    await shell(
      'openssl req -new -newkey ed25519 -nodes -keyout rack-4.key -outform DER -out rack-4.der -subj /CN=rack-4',
    )
    const line = `${post} -H "X-Auth-Token: $token" -d '{"request":"'$(base64 -w0 rack-4.der)'"}' $url/v1/enrollments`
    expect(await json(line, { token })).toMatchObject({ state: 'issued', name: 'rack-4' })
  })
})

describe('what is published', () => {
  const status = async (): Promise<string> =>
    (await shell('openssl ocsp -issuer ca.pem -cert leaf.pem -respin answer.der -CAfile ca.pem 2>&1')).toString()

  test('holds before openssl: authority, lists, answers by POST and GET', async () => {
    await shell(`${curl} $url/v1/ca -o chain.pem`)
    expect(readFileSync(join(folder, 'chain.pem'), 'utf8')).toBe(api.ca)
    await shell(`${curl} '$url/v1/ca?format=der' | openssl x509 -inform DER -noout -checkend 1`.replaceAll("'", '"'))

    await shell('openssl req -new -newkey rsa:2048 -nodes -keyout leaf.key -outform DER -out leaf.der -subj /CN=leaf')
    const submit = `${post} ${admin} -d '{"request":"'$(base64 -w0 leaf.der)'"}' $url/v1/enrollments`
    const { id, certificate, serialNumber } = await json(submit)
    writeFileSync(join(folder, 'leaf.pem'), certificate)

    await shell('openssl ocsp -issuer ca.pem -cert leaf.pem -reqout query.der -no_nonce')
    const ask = `${curl} -H 'content-type: application/ocsp-request' --data-binary @query.der $url/v1/ocsp -o answer.der`
    await shell(ask)
    expect(await status()).toMatch(/Response verify OK\n(.*\n)*leaf\.pem: good/)

    await shell(`${post} ${admin} -d '{"reason":"keyCompromise"}' $url/v1/enrollments/${id}/revoke`)
    const query = encodeURIComponent(readFileSync(join(folder, 'query.der')).toString('base64'))
    for (const path of [`/v1/ocsp/${query}`, `/v1/ocsp/0123456789abcdef/${query}`]) {
      await shell(`${curl} $url${path} -o answer.der`)
      expect(await status()).toMatch(/leaf\.pem: revoked\n(.*\n)*\s*Reason: keyCompromise/)
    }
    await shell(ask)
    expect(await status()).toMatch(/leaf\.pem: revoked/)

    for (const path of ['/v1/crl', '/v1/crl/delta']) {
      const list = await shell(
        `${curl} -D headers $url${path} | openssl crl -inform DER -CAfile ca.pem -text -noout 2>&1`,
      )
      expect(list.toString()).toMatch(/verify OK/)
      expect(list.toString().toLowerCase()).toContain(serialNumber)
      expect(readFileSync(join(folder, 'headers'), 'utf8')).toMatch(/content-type: application\/pkix-crl/i)
    }
    await shell(`head -c 100 leaf.der > bad.der`)
    await shell(`${curl} -H 'content-type: application/ocsp-request' --data-binary @bad.der $url/v1/ocsp -o answer.der`)
    expect(readFileSync(join(folder, 'answer.der')).toString('hex')).toBe('30030a0101')
  })
})

describe('where certificates say', () => {
  test('is what they say', async () => {
    const other = await startApi({ KMIPD_HTTPS_ADDRESS: 'https://keys.example.net:5697' })
    const { csr } = await request('leaf')
    const { certificate } = (await other.order('/v1/enrollments', { request: csr })).body
    writeFileSync(join(folder, 'named.pem'), certificate)
    const shown = (await shell('openssl x509 -in named.pem -noout -text')).toString()
    const addresses = [...shown.matchAll(/URI:https:\/\/keys\.example\.net:5697(\S+)/g)].map(([, path = '']) => path)
    expect(addresses.length).toBe(4)
    for (const path of addresses) {
      const headers = { 'content-type': 'application/ocsp-request' }
      const query = { method: 'POST', body: new Uint8Array([1]), headers }
      expect([path, (await other.call(path, path.includes('ocsp') ? query : {})).status]).toEqual([path, 200])
    }
    await other.end()
  })
})

describe('monitoring', () => {
  test('reads connections, operations and expiries', async () => {
    const token = await api.token({ name: 'prometheus', scope: ['read'] })
    const { text, headers } = await api.call('/metrics', { token })
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(text).toMatch(/^kmipd_operations_total\{operation="Get",result="Success"\} 2$/m)
    expect(text).toMatch(/^kmipd_connections \d+$/m)
    expect(text).toMatch(/^kmipd_expiry_timestamp_seconds\{kind="server",name="[^"]+"\} \d{10}$/m)
    expect(text).toMatch(/^kmipd_expiry_timestamp_seconds\{kind="client",name="cluster-a"\} \d{10}$/m)
    for (const line of text.trimEnd().split('\n'))
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [\d.e+]+)$/)
    const server = await api.call('/v1/server', { token })
    expect(server.body).toMatchObject({
      kmip: { port: api.kmipPort, names: expect.arrayContaining(['localhost']) as string[] },
    })
    expect((await api.call('/readyz')).body).toEqual({ status: 'ok' })
  })
})
