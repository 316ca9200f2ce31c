import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { done, executable, folder, house, json, kmipd, modeOf, request, serving } from './kmipd.ts'

interface Ready {
  readonly pid: number
  readonly kmip: { readonly host: string; readonly port: number }
  readonly data: string
  readonly ca: string
  readonly client?: { readonly name: string; readonly cert: string; readonly key: string }
}

const connection = ({ kmip, ca, client }: Ready): string[] => [
  ...['--server', `127.0.0.1:${kmip.port}`, '--ca', ca],
  ...['--cert', client?.cert ?? '', '--key', client?.key ?? ''],
]

describe('serve --ephemeral', () => {
  it('says in one line how to connect, serves, and leaves nothing', async () => {
    const server = await serving(['--ephemeral', '--port', '0'])
    const ready = server.ready as Ready
    expect(ready).toEqual({
      pid: server.process.pid,
      kmip: { host: '127.0.0.1', port: expect.any(Number) as number },
      data: expect.any(String) as string,
      ca: join(ready.data, 'ca.pem'),
      client: {
        name: 'client',
        cert: expect.stringContaining(ready.data) as string,
        key: expect.stringContaining(ready.data) as string,
      },
    })
    expect(await modeOf(ready.client?.key ?? '')).toBe('600')
    expect((await stat(ready.data)).mode & 0o077).toBe(0)
    const query = await json(['kmip', 'query', ...connection(ready)])
    expect(query).toMatchObject({ vendorIdentification: 'kmipd' })
    expect(await server.stop('SIGINT')).toBe(0)
    expect(existsSync(ready.data)).toBe(false)
  })

  it('performs every operation of kmipd kmip', async () => {
    const server = await serving(['--ephemeral', '--port', '0'])
    const to = connection(server.ready as Ready)
    const kmip = async (...args: string[]) => (await done(['kmip', ...args, ...to])).trim()
    expect(await kmip('discover')).toBe('2.1\n2.0\n1.4\n1.3\n1.2\n1.1\n1.0')
    const uid = await kmip('create', '--name', 'n', '--attribute', 'x-Rack=12')
    expect(await kmip('locate', '--attribute', 'x-Rack=12', '--limit', '5')).toBe(uid)
    for (const version of ['1.0', '1.4', '2.1']) {
      const shown = await json(['kmip', 'attributes', uid, '--version', version, ...to])
      expect(shown).toMatchObject({ uniqueIdentifier: uid, attributes: { state: 'PreActive', 'x-Rack': ['12'] } })
    }
    const hidden = await json(['kmip', 'get', uid, ...to])
    const { material } = (await json(['kmip', 'get', uid, '--material', ...to])) as { material: string }
    expect(material).toMatch(/^[0-9a-f]{64}$/)
    expect(JSON.stringify(hidden)).not.toContain(material)
    await kmip('activate', uid)
    await kmip('revoke', uid, '--reason', 'KeyCompromise', '--yes')
    expect(await kmip('locate', '--state', 'Compromised')).toBe(uid)
    expect((await kmipd(['kmip', 'destroy', uid, ...to])).status).toBe(5)
    expect(await kmip('destroy', uid, '--yes')).toBe(`${uid} destroyed`)
    const secret = await kmipd(['kmip', 'register', '-', '--type', 'SecretData', ...to], { input: 'sesame' })
    expect(await json(['kmip', 'get', secret.stdout.trim(), '--material', ...to])).toMatchObject({
      objectType: 'SecretData',
      material: Buffer.from('sesame').toString('hex'),
    })
    const nope = await kmipd(['kmip', 'get', 'nope', ...to])
    expect([nope.status, nope.stdout]).toEqual([3, ''])
    const version = await kmipd(['kmip', 'query', '--version', '3.0', ...to])
    expect([version.status, version.stderr]).toEqual([2, expect.stringContaining('there is no KMIP version 3.0')])
    const stranger = await kmipd(['kmip', 'query', ...to, '--ca', (await house()).data + '/ca.pem', '--json'])
    expect(stranger.status).toBe(4)
    expect(JSON.parse(stranger.stderr)).toMatchObject({
      error: {
        code: 'untrustedRoot',
        message: expect.stringContaining('the issuer of the server certificate is not trusted') as string,
      },
    })
    expect(await server.stop()).toBe(0)
    expect((await kmipd(['kmip', 'query', ...to])).status).toBe(4)
  })
})

describe('serve', () => {
  it('makes a data folder at its first start, heeds the other commands, and ends gracefully', async () => {
    const path = await folder()
    const data = join(path, 'data')
    const server = await serving(['--port', '0', '--host', '127.0.0.1', '--data', data])
    const ready = server.ready as Ready
    expect(ready).toEqual({ pid: server.process.pid, kmip: ready.kmip, data, ca: join(data, 'ca.pem') })

    const cert = join(path, 'cluster.pem')
    await done(['client', 'sign', request(path), '--name', 'cluster', '--out', cert, '--data', data])
    const to = connection({ ...ready, client: { name: 'cluster', cert, key: join(path, 'cluster.key') } })
    const uid = (await done(['keys', 'create', '--group', 'cluster', '--data', data])).trim()
    expect((await done(['kmip', 'locate', ...to])).trim()).toBe(uid)
    expect(await json(['status', '--data', data])).toMatchObject({
      server: { running: true, pid: String(server.process.pid) },
      objects: { total: 1, types: { SymmetricKey: { PreActive: 1 } } },
      clients: [{ name: 'cluster', state: 'valid' }],
    })

    const second = await kmipd(['serve', '--port', '0', '--data', data, '--json'])
    expect([second.status, second.stdout]).toEqual([4, ''])
    expect(JSON.parse(second.stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({ error: { code: 'locked' } })

    await done(['client', 'revoke', 'cluster', '--yes', '--data', data])
    const refused = await kmipd(['kmip', 'locate', ...to])
    expect([refused.status, refused.stdout]).toEqual([4, ''])
    expect(refused.stderr).toMatch(/^kmipd: .*it may not admit this client certificate.*\n$/)

    expect(await server.stop()).toBe(0)
    expect(await json(['status', '--data', data])).toMatchObject({ server: { running: false } })
    const again = await serving(['--port', '0', '--host', '127.0.0.1', '--data', data])
    expect(await again.stop()).toBe(0)
  })

  it('tells people what they need next', async () => {
    const { data } = await house()
    const child = spawn(process.execPath, [executable, 'serve', '--port', '0', '--host', '127.0.0.1', '--data', data])
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (more: string) => {
      text += more
      if (text.includes('Ctrl-C')) child.kill('SIGTERM')
    })
    await once(child, 'close')
    expect(child.exitCode).toBe(0)
    expect(text).toMatch(/^kmipd is ready at 127\.0\.0\.1:\d+\n/)
    expect(text).toContain('localhost, 127.0.0.1')
    expect(text).toContain(join(data, 'ca.pem'))
    expect(text).toContain(`kmipd client sign cluster.csr --name cluster-1 --data ${data}`)
  })

  it('ends with 4 where the port is taken', async () => {
    const server = await serving(['--ephemeral', '--port', '0'])
    const { kmip } = server.ready as Ready
    const { status, stdout, stderr } = await kmipd(['serve', '--ephemeral', '--port', String(kmip.port)])
    expect({ status, stdout }).toEqual({ status: 4, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^kmipd: .*${kmip.port}`, 'm'))
    expect(await server.stop()).toBe(0)
  })
})
