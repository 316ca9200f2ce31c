import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Create, encode, writeRequest, writeResponse } from '../../protocol/index.ts'
import { done, executable, folder, house, json, kmipd, modeOf, openssl } from './kmipd.ts'

describe('help', () => {
  it('of every command has examples, the global options and the exit codes', async () => {
    const commands = [
      ...['', 'serve', 'init', 'decode', 'status', 'client', 'keys', 'kmip'],
      ...['sign', 'issue', 'trust', 'list', 'show', 'revoke'].map(name => `client ${name}`),
      ...['list', 'show', 'create', 'register', 'export', 'activate', 'revoke', 'destroy'].map(name => `keys ${name}`),
      ...['query', 'discover', 'create', 'locate', 'get', 'register', 'activate', 'revoke', 'destroy'].map(
        name => `kmip ${name}`,
      ),
      'kmip attributes',
      ...['ca', 'ca list', 'ca show', 'ca rollover', 'ca retire', 'ca crl'],
      ...['server-certificate', 'server-certificate show', 'server-certificate renew'],
      ...['trust', 'trust check', 'support-bundle'],
    ]
    for (let at = 0; at < commands.length; at += 4) await Promise.all(commands.slice(at, at + 4).map(check))
  })

  async function check(command: string): Promise<void> {
    const { status, stdout, stderr } = await kmipd([...command.split(' ').filter(Boolean), '--help'])
    expect([command, status, stderr]).toEqual([command, 0, ''])
    expect(stdout).toContain(`Usage: kmipd${command === '' ? '' : ' '}${command} `)
    expect(stdout).toMatch(/\nExamples:\n {2}kmipd /)
    expect(stdout).toMatch(/ {2}--data <dir>[\s\S]*KMIPD_DATA[\s\S]*--json[\s\S]*--no-color/)
    expect(stdout).toMatch(/\nExit codes:\n {2}0 {2}done\n[\s\S]*\n {2}5 /)
  }

  it('is shown in place of a command, as a wrong usage', async () => {
    for (const args of [[], ['keys']]) {
      const { status, stdout, stderr } = await kmipd(args)
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
      expect(stderr).toMatch(/^Usage: kmipd/)
      expect(stderr).not.toContain('outputHelp')
    }
  })

  it('tells the version', async () => {
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    expect((await done(['--version'])).trim()).toBe(version)
  })
})

describe('a mistake', () => {
  const rows: readonly (readonly [args: readonly string[], words: RegExp])[] = [
    [['frobnicate'], /unknown command/],
    [['keys', 'list', '--frob'], /unknown option '--frob'/],
    [['keys', 'list', '--limit', 'many'], /whole number/],
    [['keys', 'list', '--state', 'Asleep'], /"Asleep" is no State; choose one of PreActive/],
    [['keys', 'list', '--attribute', 'Rack'], /"Rack" is no attribute; write NAME=VALUE/],
    [['keys', 'list', '--attribute', 'Rack=1'], /no attribute "Rack"; a custom one begins with x-/],
    [['keys', 'list', '--attribute', 'initialDate=soon'], /"soon" is no value that Initial Date/],
    [['client', 'sign', 'x.csr'], /required option '--name <name>'/],
    [['serve', '--port', '65536'], /whole number from 0 to 65535/],
    [['init', '--ca-cert', 'x.pem'], /give --ca-cert and --ca-key/],
    [['decode', 'xyz'], /"xyz" is neither a file nor hexadecimal/],
  ]
  it.each(rows)('%j ends with 2', async (args, words) => {
    const { status, stdout, stderr } = await kmipd([...args, '--json'], { cwd: await folder() })
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'usage', message: expect.stringMatching(words) as string },
    })
  })

  it('is one line, for people and in JSON', async () => {
    const { stderr } = await kmipd(['keys', 'list', '--limit', 'many'])
    expect(stderr).toMatch(/^kmipd: [^\n]*\n$/)
    const { error } = JSON.parse((await kmipd(['keys', 'list', '--limit', 'many', '--json'])).stderr) as {
      error: { message: string }
    }
    expect(stderr).toBe(`kmipd: ${error.message}\n`)
  })

  it('shows a stack trace to whoever asks for it alone', async () => {
    const cwd = await folder()
    expect((await kmipd(['status'], { cwd })).stderr.split('\n')).toHaveLength(2)
    expect((await kmipd(['status'], { cwd, env: { KMIPD_DEBUG: '1' } })).stderr).toMatch(/\n {4}at /)
  })

  it('in the settings is told', async () => {
    const { data } = await house()
    await writeFile(join(data, 'kmipd.toml'), '[limits]\nidelMs = 5\n')
    const { status, stderr } = await kmipd(['status', '--data', data])
    expect(status).toBe(2)
    expect(stderr).toMatch(/^kmipd: .*limits\.idelMs.*limits\.idleMs.*\n$/)
  })
})

describe('the launcher', () => {
  it('says what to do where nothing is built', async () => {
    const path = await folder()
    await writeFile(join(path, 'package.json'), '{"type":"module"}')
    await cp(dirname(executable), join(path, 'bin'), { recursive: true })
    const { status, stderr } = spawnSync(process.execPath, [join(path, 'bin/kmipd')], { encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 4, stderr: 'kmipd: it is not built yet; run: npm run build\n' })
    expect(await modeOf(executable)).toBe('755')
  })
})

describe('a pipe', () => {
  it('that closes early is no error', async () => {
    const child = spawn('sh', ['-c', `"${process.execPath}" "${executable}" --help | head -1`])
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    await once(child, 'close')
    expect(output).toBe('Usage: kmipd [options] [command]\n')
  })
})

describe('decode', () => {
  const message = encode(
    writeRequest([{ operation: Create, payload: { objectType: 'SymmetricKey', attributes: [] } }], '1.4', {
      authentication: {
        credential: [
          { credentialType: 'UsernameAndPassword', credentialValue: { username: 'joe', password: 'sesame' } },
        ],
      },
    }),
  )
  const hex = Buffer.from(message).toString('hex')

  it('shows a message as a tree, from a file, hexadecimal text and standard input', async () => {
    const path = await folder()
    await writeFile(join(path, 'binary'), message)
    await writeFile(join(path, 'text'), hex.toUpperCase().replace(/(..)/g, '$1 '))
    const tree = await done(['decode', hex])
    expect(tree).toMatch(/^Request Message \(Structure\)\n {2}Request Header/)
    expect(tree).toContain('Operation (Enumeration): Create\n')
    expect(await done(['decode', join(path, 'binary')])).toBe(tree)
    expect(await done(['decode', join(path, 'text')])).toBe(tree)
    expect(await done(['decode', '-'], { input: message })).toBe(tree)
    expect(await done(['decode', hex.replace(/(.{8})/g, '$1 | ')])).toBe(tree)
  })

  it('hides secrets unless told otherwise', async () => {
    expect(await done(['decode', hex])).not.toContain('sesame')
    expect(JSON.stringify(await json(['decode', hex]))).not.toContain('sesame')
    expect(await done(['decode', hex, '--secrets'])).toContain('sesame')
    expect(await json(['decode', hex])).toMatchObject({ tag: 'RequestMessage', type: 'Structure' })
  })

  it('refuses what is no message, and shows no control characters', async () => {
    const broken = await kmipd(['decode', hex.slice(0, -2)])
    expect([broken.status, broken.stdout]).toEqual([1, ''])
    const version = '1.4'
    const batchItem = [{ resultStatus: 'OperationFailed', resultMessage: '\u001b[2J' } as const]
    const nasty = encode(writeResponse({ version, timeStamp: 0, batchItem }))
    expect(await done(['decode', '-'], { input: nasty })).toContain('\\u001b[2J')
  })
})

describe('init', () => {
  it('makes a folder for its owner alone, once', async () => {
    const path = await folder()
    const data = join(path, 'data')
    const made = await json(['init', '--data', data, '--host', 'kms.example.org', '--host', '192.0.2.7'])
    expect(made).toMatchObject({
      data,
      isNew: true,
      names: ['kms.example.org', '192.0.2.7', 'localhost', '127.0.0.1', '::1'],
      ca: join(data, 'ca.pem'),
    })
    expect(await modeOf(data)).toBe('700')
    for (const secret of ['master.key', 'ca.key', 'server.key']) expect(await modeOf(join(data, secret))).toBe('600')
    const verified = openssl(
      ...['verify', '-x509_strict', '-verify_hostname', 'kms.example.org', '-CAfile'],
      ...[join(data, 'ca.pem'), join(data, 'server.pem')],
    )
    expect(verified).toContain('OK')

    const ca = await readFile(join(data, 'ca.pem'))
    const again = await json(['init', '--data', data, '--host', 'other.example.org'])
    expect(again).toMatchObject({
      isNew: false,
      names: expect.arrayContaining(['kms.example.org', 'other.example.org']) as string[],
    })
    expect(await readFile(join(data, 'ca.pem'))).toEqual(ca)
  })

  it('makes whole what a kill left half made', async () => {
    const data = join(await folder(), 'data')
    await kmipd(['init', '--data', data])
    // As a kill leaves it: the marker there, an authority, a store without a header, no server certificate.
    await writeFile(join(data, 'unfinished'), '')
    await rm(join(data, 'server.pem'))
    await writeFile(join(data, 'store', 'data.mdb'), '')
    expect((await kmipd(['status', '--data', data])).status).toBe(4)
    expect((await kmipd(['init', '--data', data])).status).toBe(0)
    expect((await kmipd(['status', '--data', data])).status).toBe(0)
  })

  it('misses a store that is gone', async () => {
    const data = join(await folder(), 'data')
    await kmipd(['init', '--data', data])
    await rm(join(data, 'store'), { recursive: true })
    for (const command of ['status', 'init', 'serve']) {
      const { status, stderr } = await kmipd([command, '--data', data])
      expect([status, stderr]).toEqual([
        4,
        `kmipd: ${join(data, 'store')} is missing; restore it from a backup, or make another data folder with kmipd init\n`,
      ])
    }
  })

  it('makes nothing for a name that no certificate can hold', async () => {
    const data = join(await folder(), 'data')
    expect((await kmipd(['init', '--data', data, '--host', 'bad host'])).status).toBe(1)
    await expect(readFile(join(data, 'ca.pem'))).rejects.toThrow('ENOENT')
  })

  it("takes the user's own authority", async () => {
    const path = await folder()
    const [cert, key, phrase] = ['ca.pem', 'ca.key', 'phrase'].map(name => join(path, name)) as [string, string, string]
    await writeFile(phrase, 'correct horse\n')
    openssl(
      ...`req -x509 -newkey rsa:2048 -keyout ${key} -passout file:${phrase} -out ${cert} -days 1000 -subj`.split(' '),
      '/CN=Our own',
    )
    const own = ['--ca-cert', cert, '--ca-key', key]
    const data = join(path, 'data')
    const locked = await kmipd(['init', '--data', data, ...own, '--json'])
    expect([locked.status, JSON.parse(locked.stderr)]).toMatchObject([1, { error: { code: 'keyEncrypted' } }])
    await done(['init', '--data', data, ...own, '--ca-passphrase-file', phrase])
    await done(['client', 'issue', 'a', '--out', join(path, 'a'), '--data', data])
    expect(openssl('verify', '-CAfile', cert, join(path, 'a/cert.pem'))).toContain('OK')
    const twice = await kmipd(['init', '--data', data, ...own, '--ca-passphrase-file', phrase])
    expect([twice.status, twice.stderr]).toEqual([1, expect.stringContaining('has an authority already')])
  })
})

describe('status', () => {
  it('warns of what needs care', async () => {
    const { path, data } = await house()
    expect(await json(['status', '--data', data])).toMatchObject({ warnings: [], server: { running: false } })
    await done(['client', 'issue', 'short', '--days', '5', '--out', join(path, 'a'), '--data', data])
    await chmod(join(data, 'ca.key'), 0o644)
    const { warnings } = (await json(['status', '--data', data])) as { warnings: string[] }
    expect(warnings).toEqual([
      'the certificate of short ends in 4 days; sign a new request: kmipd client sign',
      `${join(data, 'ca.key')} is open to others; run: chmod 600 ${join(data, 'ca.key')}`,
    ])
    expect(await done(['status', '--data', data])).toMatch(/Server +not running\n[\s\S]*warning: /)
    await done(['client', 'issue', 'short', '--out', join(path, 'b'), '--data', data])
    const { warnings: later } = (await json(['status', '--data', data])) as { warnings: string[] }
    expect(later).toHaveLength(1)
  })
})
