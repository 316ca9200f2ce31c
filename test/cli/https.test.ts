import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { done, house, json, kmipd, openssl, request, serving } from './kmipd.ts'

interface Token {
  readonly token: string
  readonly id: string
  readonly state: string
}

/** The JSON that is answered; `$url` stands for the server. */
async function curl(data: string, port: number, ...args: readonly string[]): Promise<Record<string, string>> {
  const line = args.map(each => each.replace('$url', `https://localhost:${port}`))
  const child = spawn('curl', ['-sS', '--cacert', join(data, 'ca.pem'), ...line], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
  await once(child, 'close')
  return JSON.parse(text) as Record<string, string>
}

const portOf = ({ ready }: { readonly ready: unknown }): number => (ready as { https: { port: number } }).https.port

describe('token', () => {
  it('is shown once, listed without its text, and taken back', async () => {
    const { data } = await house()
    const create = ['token', 'create', 'rack-4', '--scope', 'enroll', '--once', '--client', 'cluster-4', '--data', data]
    const { status, stdout, stderr } = await kmipd(create)
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^kmipd_[\w-]{43}\n$/)])
    expect(stderr).toMatch(/For +one enrollment: cluster-4\nExpires +\d{4}-\d\d-\d\d \(7 days\)\nShown once/)

    const again = await kmipd(create)
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('there is a token "rack-4"')])
    const listed = await done(['token', 'list', '--data', data])
    expect(listed).toMatch(/rack-4 +[0-9a-f]{16} +enroll +cluster-4 +\d{4}-\d\d-\d\d \(7 days\) +valid\n/)
    expect(listed).not.toContain(stdout.trim())
    expect(await done(['token', 'revoke', 'rack-4', '--data', data])).toContain('is refused from now on')
    expect((await json(['token', 'list', '--data', data])) as object).toMatchObject({
      tokens: [{ name: 'rack-4', state: 'revoked' }],
    })
    expect((await kmipd(create)).status).toBe(0)
    expect((await kmipd(['token', 'revoke', 'nobody', '--data', data])).status).toBe(3)
  })

  it('has a scope that there is, and no more of it than makes sense', async () => {
    const { data } = await house()
    const rows: readonly (readonly [args: string, status: number, words: RegExp])[] = [
      ['--scope all', 2, /choose one of enroll, read, admin/],
      ['--scope admin --once', 1, /one-time token is for enrolling/],
      ['--scope read --client a', 1, /only if it enrolls/],
      ['--scope enroll --days 0', 2, /whole number/],
    ]
    for (const [args, status, words] of rows) {
      const ended = await kmipd(['token', 'create', 'a', ...args.split(' '), '--data', data])
      expect([args, ended.status, ended.stderr]).toEqual([args, status, expect.stringMatching(words)])
    }
  })
})

describe('enrollment', () => {
  it('is approved from a shell, beside a running server', async () => {
    const { path, data } = await house()
    const server = await serving(['--data', data, '--host', 'localhost', '--port', '0', '--https-port', '0'])
    const { token } = (await json(['token', 'create', 'portal', '--scope', 'enroll', '--data', data])) as Token
    const csr = await readFile(request(path, '/CN=cluster-4'), 'utf8')
    const submit = ['-H', 'content-type: application/json', '-H', `x-auth-token: ${token}`, '$url/v1/enrollments']
    const submitted = await curl(data, portOf(server), ...submit, '-d', JSON.stringify({ request: csr }))
    const { id = '' } = submitted
    expect(submitted).toMatchObject({ state: 'pending', name: 'cluster-4' })

    expect(await done(['enrollment', 'list', '--state', 'pending', '--data', data])).toMatch(
      new RegExp(`${id} +cluster-4 +\\d{4}-\\d\\d-\\d\\d +token portal +pending\n`),
    )
    const approved = await done(['enrollment', 'approve', id, '--group', 'rack', '--days', '90', '--data', data])
    expect(approved).toMatch(/Group +rack\nState +issued\n[\s\S]*Decided +\d{4}-\d\d-\d\d by shell\n/)
    const out = join(path, 'cluster-4.pem')
    await done(['enrollment', 'show', id, '--out', out, '--data', data])
    expect(openssl('verify', '-CAfile', join(data, 'ca.pem'), out)).toContain('OK')
    expect(await curl(data, portOf(server), ...submit.slice(2, 4), `$url/v1/enrollments/${id}`)).toMatchObject({
      state: 'issued',
      group: 'rack',
      certificate: await readFile(out, 'utf8'),
    })
    const late = await kmipd(['enrollment', 'reject', id, '--data', data])
    expect([late.status, late.stderr]).toEqual([1, expect.stringContaining('revoke it instead')])
    expect((await kmipd(['enrollment', 'show', 'none', '--data', data])).status).toBe(3)
    expect(await server.stop()).toBe(0)
  })
})

describe('task', () => {
  it('is made in a shell, and fetched once by an agent', async () => {
    const { data } = await house()
    const server = await serving(['--data', data, '--host', 'localhost', '--port', '0', '--https-port', '0'])
    const { id } = (await json(['task', 'create', '--source', 'old', '--target', 'new', '--data', data])) as Token
    const { token } = (await json(['token', 'create', 'agent', '--scope', 'enroll', '--data', data])) as Token
    const fetch = ['-H', `x-auth-token: ${token}`, `$url/v3/tasks/${id}/certkey`]
    expect(await done(['task', 'list', '--data', data])).toMatch(/old +new +old +\d{4}-\d\d-\d\d +here\n/)
    expect(await curl(data, portOf(server), ...fetch)).toHaveProperty('private_key')
    expect(await curl(data, portOf(server), ...fetch)).not.toHaveProperty('private_key')
    expect(await done(['task', 'list', '--data', data])).toMatch(/fetched \d{4}-\d\d-\d\d by token agent\n/)
  })
})

describe('client issue --administrator', () => {
  it('makes a certificate that may call the API', async () => {
    const { path, data } = await house()
    const server = await serving(['--data', data, '--host', 'localhost', '--port', '0', '--https-port', '0'])
    for (const [name, flags] of [['ops', ['--administrator']] as const, ['client', []] as const])
      await done(['client', 'issue', name, ...flags, '--out', join(path, name), '--data', data])
    const list = (name: string): Promise<Record<string, string>> => {
      const files = ['--cert', join(path, name, 'cert.pem'), '--key', join(path, name, 'key.pem')]
      return curl(data, portOf(server), ...files, '$url/v1/enrollments')
    }
    expect(await list('ops')).toEqual({ enrollments: [] })
    expect(await list('client')).toMatchObject({ error_code: 'SMS.9004' })
    expect(await done(['client', 'show', 'ops', '--data', data])).toMatch(/Administrator +yes/)
  })
})

describe('serve', () => {
  it('speaks no HTTPS unless told to', async () => {
    const { data } = await house()
    const server = await serving(['--data', data, '--host', 'localhost', '--port', '0'])
    expect(server.ready).not.toHaveProperty('https')
  })

  it('says which port is taken', async () => {
    const { data } = await house()
    const server = await serving(['--ephemeral', '--port', '0', '--https-port', '0'])
    const port = String(portOf(server))
    const flags = ['--data', data, '--host', '127.0.0.1', '--port', '0', '--https-port', port]
    const { status, stderr } = await kmipd(['serve', ...flags])
    expect([status, stderr]).toEqual([4, expect.stringContaining('set https.port')])
  })
})
