import { readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:https'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { done, folder, house, json, kmipd, modeOf, openssl, serving } from './kmipd.ts'

interface Ready {
  readonly kmip: { readonly port: number }
  readonly ca: string
  readonly client: { readonly cert: string; readonly key: string }
}

interface Report {
  readonly steps: readonly { readonly name: string; readonly outcome: string }[]
  readonly versions: readonly { readonly version: string; readonly suite?: string }[]
  readonly chain: readonly { readonly subject: string; readonly source: string; readonly names: readonly string[] }[]
  readonly stopped?: { readonly step: string; readonly fault: { readonly code: string } }
  readonly isInsecure: boolean
}

async function ephemeral(): Promise<{ ready: Ready; at: string }> {
  const { ready } = await serving(['--ephemeral', '--port', '0'])
  return { ready: ready as Ready, at: `localhost:${(ready as Ready).kmip.port}` }
}

describe('trust check', () => {
  it('shows every step, and ends with 0', async () => {
    const { ready, at } = await ephemeral()
    const files = ['--ca', ready.ca, '--cert', ready.client.cert, '--key', ready.client.key]
    const text = await done(['trust', 'check', at, ...files])
    for (const line of [
      /^✓ {2}1 {2}Files here/m,
      /^✓ {2}9 {2}Encrypted traffic +KMIP 2\.1, 2\.0, 1\.4/m,
      /^1\.1 {2}not spoken$/m,
    ])
      expect(text).toMatch(line)
    expect(text).toMatch(/\nThe handshake works\.\n$/)
    expect(text).not.toContain('\u001b[')
    const report = (await json(['trust', 'check', at, ...files])) as Report
    expect(report.steps.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 9 }, () => 'passed'))
    expect(report.versions.filter(({ suite }) => suite !== undefined).map(({ version }) => version)).toEqual([
      'TLSv1.3',
      'TLSv1.2',
    ])
    expect(report.chain[0]).toMatchObject({
      source: 'server',
      names: expect.arrayContaining(['localhost']) as string[],
    })
    expect(report.stopped).toBeUndefined()
  })

  it('says where it stops, whose side is wrong and what to do, and ends with 4', async () => {
    const { ready, at } = await ephemeral()
    const { data } = await house()
    const stranger = ['--ca', join(data, 'ca.pem')]
    const { status, stdout, stderr } = await kmipd(['trust', 'check', at, ...stranger])
    expect(status).toBe(4)
    expect(stdout).toMatch(/^✗ {2}6 {2}Trust store +not trusted$/m)
    expect(stdout).toMatch(/^– {2}9 {2}Encrypted traffic +not reached$/m)
    expect(stdout).toMatch(/^✗ Trust store: the issuer of the server certificate is not trusted/m)
    expect(stdout).toMatch(/^ {2}To do {2}if .*ca\.pem.*\(on the side of the client\)$/m)
    expect(stderr).toMatch(/^kmipd: the handshake stops at step 6 of 9, trust store: \w+\n$/)
    const inJson = await kmipd(['trust', 'check', at, ...stranger, '--json'])
    expect((JSON.parse(inJson.stdout) as Report).stopped).toMatchObject({ step: 'trust' })
    expect(JSON.parse(inJson.stderr)).toMatchObject({
      error: { code: (JSON.parse(inJson.stdout) as Report).stopped?.fault.code },
    })
    expect(ready.kmip.port).toBeGreaterThan(0)
  })

  it('is loud about --insecure, also in JSON', async () => {
    const { ready, at } = await ephemeral()
    const { data } = await house()
    const shown = ['--cert', ready.client.cert, '--key', ready.client.key]
    for (const more of [[], ['--json']]) {
      const args = ['trust', 'check', at, '--ca', join(data, 'ca.pem'), ...shown, '--insecure', ...more]
      const { status, stdout, stderr } = await kmipd(args)
      expect([status, stderr]).toEqual([0, expect.stringContaining('WARNING: --insecure: the server is not verified')])
      expect(stdout).toMatch(more.length > 0 ? /"isInsecure":true/ : /not trusted \(bypassed\)/)
    }
    // What is not verified is the server; the server verifies as ever.
    const without = await kmipd(['trust', 'check', at, '--ca', ready.ca, '--insecure'])
    expect([without.status, without.stdout]).toEqual([4, expect.stringContaining('(certificateWanted)')])
  })

  it('trusts the authority of the data folder where no other is named, and says what is wrong on the command line', async () => {
    const { data } = await house()
    const server = await serving(['--data', data, '--port', '0', '--host', '127.0.0.1'])
    const { kmip } = server.ready as Ready
    const own = await kmipd(['trust', 'check', `127.0.0.1:${kmip.port}`, '--data', data])
    expect(own.stdout).toMatch(/^✓ {2}6 {2}Trust store +leads to "CN=kmipd CA \w+" in .*ca\.pem$/m)
    expect((await kmipd(['trust', 'check', 'localhost', '--key', 'x'])).status).toBe(2)
    expect((await kmipd(['trust', 'check', 'localhost:0'])).status).toBe(2)
    expect((await kmipd(['trust', 'check'])).status).toBe(2)
  })
})

describe('a file that is not what it should be', () => {
  it('is named', async () => {
    const { path, data } = await house()
    const good = await readFile(join(data, 'ca.key'))
    const other = join(path, 'other.key')
    openssl(...`genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ${other}`.split(' '))
    const rows = [
      ['ca.key', 'nonsense', /ca\.key: found text without any PEM/],
      ['ca.key', await readFile(other), /ca\.key and .*ca\.pem: the key does not belong/],
      ['server.pem', good, /server\.pem: found a private key/],
      ['server.key', await readFile(join(data, 'server.pem')), /server\.key: found a certificate/],
    ] as const
    for (const [name, content, words] of rows) {
      const before = await readFile(join(data, name))
      await writeFile(join(data, name), content)
      const { status, stderr } = await kmipd(['serve', '--data', data, '--port', '0'])
      expect([name, status === 0, stderr]).toEqual([name, false, expect.stringMatching(words)])
      await writeFile(join(data, name), before)
    }
    const init = ['init', '--data', join(path, 'new'), '--ca-cert', join(data, 'ca.pem'), '--ca-key']
    expect((await kmipd([...init, other])).stderr).toMatch(/other\.key and .*ca\.pem: the key does not belong/)
  })
})

interface Received {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A server of whoever helps, with its authority. */
async function helper(status = 201): Promise<{ url: string; ca: string; received: Received[] }> {
  const path = await folder()
  const [key, ca] = [join(path, 'helper.key'), join(path, 'helper.pem')]
  openssl(
    ...`req -x509 -newkey rsa:2048 -nodes -keyout ${key} -out ${ca} -days 2 -subj /CN=helper -addext`.split(' '),
    'subjectAltName=DNS:localhost',
  )
  const received: Received[] = []
  const server: Server = createServer({ cert: await readFile(ca), key: await readFile(key) }, (request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      received.push({ method: request.method, url: request.url, headers: request.headers, body })
      response.writeHead(status, { location: 'https://elsewhere.example.org/' }).end(status < 300 ? 'case 4711' : 'no')
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { url: `https://localhost:${(server.address() as { port: number }).port}/cases/`, ca, received }
}

describe('support-bundle', () => {
  it('is a new file for its owner alone', async () => {
    const { path, data } = await house()
    const out = join(path, 'bundle.json')
    expect(await done(['support-bundle', '--data', data, '--out', out])).toContain(`${out} (mode 0600`)
    expect(await modeOf(out)).toBe('600')
    const bundle = JSON.parse(await readFile(out, 'utf8')) as Record<string, unknown>
    expect(bundle).toMatchObject({
      supportBundle: 1,
      settings: { listen: { port: 5696 } },
      server: 'not running',
      store: { records: { object: { total: 0, damaged: [] } } },
      certificates: { 'server.pem': { isOfItsKey: true }, 'ca.pem': { isOfItsKey: true } },
    })
    const again = await kmipd(['support-bundle', '--data', data, '--out', out])
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('is not overwritten')])
    expect(JSON.parse(await done(['support-bundle', '--data', data, '--out', '-']))).toMatchObject({ supportBundle: 1 })
    await done(['support-bundle', '--data', data], { cwd: path })
  })

  it('is sent by HTTPS, by PUT or POST, with headers', async () => {
    const { path, data } = await house()
    const { url, ca, received } = await helper()
    const secret = join(path, 'headers.txt')
    await writeFile(secret, 'Authorization: Bearer sesame\n\n')
    const args = ['support-bundle', '--data', data, '--ca', ca, '--to', url]
    expect(await done([...args, '--header', `@${secret}`, '--header', 'X-Case: 4711'])).toMatch(/Answer +201 case 4711/)
    expect(await json([...args, '--method', 'POST'])).toMatchObject({ url, method: 'POST', status: 201 })
    expect(received.map(({ method, url }) => [method, url])).toEqual([
      ['PUT', expect.stringMatching(/^\/cases\/kmipd-support-\d{8}T\d{6}Z\.json$/)],
      ['POST', '/cases/'],
    ])
    expect(received[0]?.headers).toMatchObject({
      authorization: 'Bearer sesame',
      'x-case': '4711',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(received[0]?.body ?? '')),
    })
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({ supportBundle: 1 })
  })

  it('goes to nobody who is not trusted, but on demand, which is loud', async () => {
    const { data } = await house()
    const { url, received } = await helper()
    for (const trusted of [[], ['--ca', join(data, 'ca.pem')]]) {
      const { status, stderr } = await kmipd(['support-bundle', '--data', data, '--to', url, ...trusted])
      expect([status, stderr]).toEqual([4, expect.stringContaining('the server certificate is self-signed')])
    }
    expect(received).toEqual([])
    const { status, stderr } = await kmipd(['support-bundle', '--data', data, '--to', url, '--insecure', '--json'])
    expect([status, stderr]).toEqual([0, expect.stringContaining('WARNING: --insecure')])
    expect(received).toHaveLength(1)
  })

  it('tells what the server says, follows nobody, and takes no other protocol', async () => {
    const { data } = await house()
    const { url, ca, received } = await helper(302)
    const { status, stderr } = await kmipd(['support-bundle', '--data', data, '--to', url, '--ca', ca])
    expect([status, stderr]).toEqual([1, expect.stringMatching(/answers PUT with 302: no; check URL/)])
    expect(received).toHaveLength(1)
    for (const wrong of [
      ['--to', 'http://localhost/'],
      ['--to', 'localhost'],
      ['--to', url, '--out', 'x'],
      ['--to', url, '--method', 'GET'],
      ['--to', url, '--header', 'none'],
    ])
      expect((await kmipd(['support-bundle', '--data', data, ...wrong])).status).toBe(2)
  })

  it('is made of a folder that is in ruins, too', async () => {
    const { data } = await house()
    await writeFile(join(data, 'ca.pem'), 'ruined')
    await writeFile(join(data, 'master.key'), 'ruined')
    await writeFile(join(data, 'kmipd.toml'), '[log]\nlevle = "debug"\n')
    const bundle = JSON.parse(await done(['support-bundle', '--data', data, '--out', '-'])) as Record<string, unknown>
    expect(bundle).toMatchObject({
      settings: { error: expect.stringContaining('log.levle') as string },
      certificates: { 'ca.pem': { error: expect.stringContaining('wanted') as string } },
    })
    await writeFile(join(data, 'kmipd.toml'), '')
    expect(JSON.parse(await done(['support-bundle', '--data', data, '--out', '-']))).toMatchObject({
      store: { code: 'masterKey', error: expect.stringContaining('master.key') as string },
    })
    expect(await json(['support-bundle', '--out', '-', '--data', join(data, 'nowhere')])).toMatchObject({
      folder: { code: 'ENOENT' },
    })
  })
})
