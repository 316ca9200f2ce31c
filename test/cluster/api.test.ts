/**
 * The API by itself: transport, envelope, errors, and the rules of its objects.
 *
 * @module
 */
import { request } from 'node:https'
import { describe, expect, it } from 'vitest'
import { type Cluster, cluster } from './partners.ts'
import { results } from './shapes.ts'

interface Sent {
  readonly path?: string
  readonly method?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly password?: string
}

function send(
  { running }: Cluster,
  { path = '/json-rpc/12.3', method = 'POST', body = '', headers = {}, password }: Sent,
) {
  const { user, password: right } = running.credentials
  const authorization = `Basic ${Buffer.from(`${user}:${password ?? right}`).toString('base64')}`
  return new Promise<{ readonly status: number | undefined; readonly text: string; readonly json: () => unknown }>(
    (resolve, reject) => {
      const asking = request(
        {
          host: '127.0.0.1',
          port: running.port,
          path,
          method,
          ca: running.ca,
          agent: false,
          headers: { authorization, ...headers },
        },
        response => {
          let text = ''
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
          response.on('end', () =>
            resolve({ status: response.statusCode, text, json: () => JSON.parse(text) as unknown }),
          )
        },
      )
      asking.on('error', reject)
      asking.end(body)
    },
  )
}

const getInfo = JSON.stringify({ method: 'GetClusterInfo', params: {}, id: 7 })

describe('transport', () => {
  it('is the same for every content type, path and case of a method name', async () => {
    const partner = await cluster()
    const rows: readonly Sent[] = [
      { headers: { 'content-type': 'application/json-rpc' } },
      { headers: { 'content-type': 'application/json' } },
      {},
      { path: '/json-rpc/7.0' },
      { path: '/json-rpc/12.3/' },
      { body: getInfo.replace('GetClusterInfo', 'getclusterinfo') },
      { body: JSON.stringify({ method: 'GetClusterInfo', id: 7 }) },
      { body: JSON.stringify({ method: 'GetClusterInfo', params: null, id: 7 }) },
    ]
    for (const row of rows) {
      const { status, json } = await send(partner, { body: getInfo, ...row })
      expect(status).toBe(200)
      expect(json()).toMatchObject({ id: 7, result: { clusterInfo: { name: 'cluster' } } })
    }
  })

  it('admits nobody without the password, and says so to all alike', async () => {
    const partner = await cluster()
    for (const headers of [{ authorization: '' }, { authorization: 'Bearer x' }, { authorization: 'Basic !' }]) {
      const { status } = await send(partner, { body: getInfo, headers })
      expect(status).toBe(401)
    }
    expect((await send(partner, { body: getInfo, password: 'wrong' })).status).toBe(401)
    expect((await send(partner, { path: '/elsewhere', password: 'wrong' })).status).toBe(401)
  })

  it.each([
    [{ method: 'GET' }, 405],
    [{ path: '/json-rpc/' }, 404],
    [{ path: '/' }, 404],
    [{ body: `{"method": "GetAPI", "x": "${'x'.repeat(1_100_000)}"}` }, 413],
  ] satisfies [Sent, number][])('%# has its HTTP status', async (sent, wanted) => {
    const partner = await cluster()
    const { status } = await send(partner, sent).catch(() => ({ status: 413 }))
    expect(status).toBe(wanted)
  })

  it('answers at the port of a node, too', async () => {
    const partner = await cluster({ nodePort: 0 })
    const node = { ...partner, running: { ...partner.running, port: partner.running.nodePort ?? 0 } }
    expect(node.running.port).not.toBe(partner.running.port)
    expect((await send(node, { body: getInfo })).json()).toMatchObject({ id: 7 })
  })
})

describe('envelope', () => {
  const error = (name: string, message: RegExp, id: unknown = 1) => ({
    id,
    error: { code: 500, name, message: expect.stringMatching(message) as unknown },
  })

  it.each<[string, string, object]>([
    ['an unknown method', '{"method":"Nope","id":1}', error('xUnknownAPIMethod', /^method=Nope$/)],
    ['no method', '{"id":1}', error('xInvalidRequest', /method/)],
    ['no JSON', '{', error('xInvalidRequest', /JSON/, null)],
    ['a text', '"GetAPI"', error('xInvalidRequest', /no object/, null)],
    ['a batch', '[{"method":"GetAPI","id":1}]', error('xInvalidRequest', /batches/, null)],
    ['an object for an id', '{"method":"GetAPI","id":{}}', error('xInvalidRequest', /id/, null)],
    [
      'a deep id',
      `{"method":"GetAPI","id":${'['.repeat(9e4)}${']'.repeat(9e4)}}`,
      error('xInvalidRequest', /id/, null),
    ],
    ['positions', '{"method":"GetKeyServerKmip","params":[1],"id":1}', error('xInvalidParameter', /names/)],
    ['a text for params', '{"method":"GetAPI","params":"x","id":1}', error('xInvalidParameter', /no object/)],
    [
      'a missing parameter',
      '{"method":"GetKeyServerKmip","params":{},"id":1}',
      error('xMissingParameter', /\[keyServerID\]/),
    ],
    [
      'another case',
      '{"method":"GetKeyServerKmip","params":{"keyserverid":1},"id":1}',
      error('xMissingParameter', /\[keyServerID\]/),
    ],
    [
      'a wrong type',
      '{"method":"GetKeyServerKmip","params":{"keyServerID":true},"id":1}',
      error('xInvalidParameter', /keyServerID/),
    ],
    [
      'a number for a text',
      '{"method":"CreateKeyProviderKmip","params":{"keyProviderName":7},"id":1}',
      error('xInvalidParameter', /^parameter keyProviderName: found a number, wanted a text$/),
    ],
    [
      'too many',
      '{"method":"KmipdInsertDrives","params":{"count":999},"id":1}',
      error('xInvalidParameter', /^parameter count: found 999, wanted 256 or less$/),
    ],
    ...['keys.lab:5696', '192.0.2.300', 'a..b', '-a', '192.0.2.1:5696', 'https://keys.lab'].map(
      (host): [string, string, object] => [
        `the host ${host}`,
        JSON.stringify({
          method: 'ModifyKeyServerKmip',
          params: { keyServerID: 1, kmipKeyServerHostnames: [host] },
          id: 1,
        }),
        error('xInvalidParameter', /kmipKeyServerHostnames.*without a port: that is kmipKeyServerPort/),
      ],
    ),
    [
      'an unknown ID',
      '{"method":"GetKeyServerKmip","params":{"keyServerID":9},"id":1}',
      error('xDBNoSuchPath', /kmipKeyServers\/9/),
    ],
    [
      'an unknown provider',
      '{"method":"EnableEncryptionAtRest","params":{"keyProviderID":9},"id":1}',
      error('xDBNoSuchPath', /kmipKeyProviders\/9/),
    ],
    [
      'an unknown handle',
      '{"method":"GetAsyncResult","params":{"asyncHandle":9},"id":1}',
      error('xAsyncHandleDoesNotExist', /9/),
    ],
    [
      'no key pair',
      '{"method":"GetClientCertificateSignRequest","id":1}',
      error('xAPINotPermitted', /CreatePublicPrivateKeyPair/),
    ],
    [
      'External without provider',
      '{"method":"RekeySoftwareEncryptionAtRestMasterKey","params":{"keyManagementType":"external"},"id":1}',
      error('xInvalidParameter', /keyProviderID/),
    ],
    [
      'Internal with provider',
      '{"method":"RekeySoftwareEncryptionAtRestMasterKey","params":{"keyManagementType":"Internal","keyProviderID":1},"id":1}',
      error('xInvalidParameter', /External/),
    ],
    [
      'another management',
      '{"method":"RekeySoftwareEncryptionAtRestMasterKey","params":{"keyManagementType":"cloud"},"id":1}',
      error('xInvalidParameter', /Internal, External/),
    ],
    [
      'an empty list of drives',
      '{"method":"AddDrives","params":{"drives":[]},"id":1}',
      error('xInvalidParameter', /drives/),
    ],
    [
      'a drive that is active',
      '{"method":"AddDrives","params":{"drives":[{"driveID":1}]},"id":1}',
      error('xAPINotPermitted', /active/),
    ],
    [
      'an unknown drive',
      '{"method":"AddDrives","params":{"drives":[{"driveID":99}]},"id":1}',
      error('xDBNoSuchPath', /drives\/99/),
    ],
  ])('answers to %s', async (_, body, wanted) => {
    const partner = await cluster()
    const { status, json } = await send(partner, { body })
    expect(status).toBe(200)
    expect(json()).toEqual(wanted)
  })

  it('refuses a version that there is not', async () => {
    const partner = await cluster()
    const { json } = await send(partner, { path: '/json-rpc/99.0', body: getInfo })
    expect(json()).toMatchObject({ id: 7, error: { code: 500, name: 'xUnknownAPIVersion' } })
  })

  it('tells of parameters that are not used, and takes null for absent', async () => {
    const partner = await cluster()
    const body = JSON.stringify({ method: 'ListKeyServersKmip', params: { keyProviderID: null, colour: 1 }, id: 'a' })
    expect((await send(partner, { body })).json()).toEqual({
      id: 'a',
      result: { kmipKeyServers: [] },
      unusedParameters: ['colour'],
    })
  })

  it('takes host names and addresses, and a port of null for the usual one', async () => {
    const { call } = await cluster()
    const kmipKeyServerHostnames = ['keys', 'keys.lab.example.', 'key_1.lab', '192.0.2.1', '::1', '4u.example']
    const { kmipKeyServer } = await call('CreateKeyServerKmip', {
      kmipCaCertificate: 'x',
      kmipClientCertificate: 'x',
      kmipKeyServerHostnames,
      kmipKeyServerName: 'x',
      kmipKeyServerPort: null,
    })
    expect(kmipKeyServer).toMatchObject({ kmipKeyServerHostnames, kmipKeyServerPort: 5696 })
  })

  it('lists in GetAPI exactly the methods whose results are checked here', async () => {
    const { call } = await cluster()
    const { supportedVersions, ...api } = await call('GetAPI')
    expect(api['12.3']).toEqual(Object.keys(results).sort())
    expect(supportedVersions).toContain('7.0')
    expect(supportedVersions.at(-1)).toBe(api.currentVersion)
  })
})
