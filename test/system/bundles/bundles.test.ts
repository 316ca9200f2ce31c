/**
 * Bundles as clients use them: what the real command writes is given to a real client, which gets a key of a real server.
 *
 * PyKMIP and Java are used where they are installed; in CI PyKMIP must be.
 *
 * @module
 */
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { connect as connectTls, createSecureContext } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BundleName, bundleNames, bundles } from '../../../src/bundles.ts'
import { writeNewFiles } from '../../../src/cli/new-file.ts'
import { connect, encode, Get, writeRequest } from '../../../src/index.ts'
import { done, executable, kmipd, openssl, request } from '../../cli/kmipd.ts'
import { create, materialOf } from '../requests.ts'
import { launch, newFolder, removeFolder, type ServerProcess } from '../server-process.ts'

const local = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const python = '/usr/bin/python3'
const run = promisify(execFile)

/** A name that everything which quotes or expands must get right. */
const trickyName = "it's 100% new"

let folder: string
let server: ServerProcess
let address: string
/** Of the group that all clients here are in: they see the same keys. */
const group = 'storage'
let identifier: string
let material: string

beforeAll(async () => {
  folder = await newFolder()
  server = await launch(join(folder, 'data'))
  address = `127.0.0.1:${server.port}`
  await mkdir(join(folder, trickyName))
  const { files } = await issue('maker')
  const maker = await connect(optionsOf(files))
  identifier = await create(maker)
  material = await materialOf(maker, identifier)
  await maker.close()
})

afterAll(async () => {
  await server.end()
  await removeFolder(folder)
})

type Files = Readonly<Record<string, string>>

interface Written {
  readonly stdout: string
  readonly stderr: string
  readonly folder: string
  readonly files: Files
}

const out = (name: string): string => join(folder, trickyName, name)

async function written(args: readonly string[], name: string, env: Readonly<Record<string, string>>): Promise<Written> {
  const all = [...args, '--group', group, '--out', out(name), '--data', server.data, '--json']
  const { status, stdout, stderr } = await kmipd(all, { env })
  if (status !== 0) throw new Error(stderr)
  return { stdout, stderr, folder: out(name), files: (JSON.parse(stdout) as { files: Files }).files }
}

const issue = (name: string, args: readonly string[] = [], env = {}): Promise<Written> =>
  written(['client', 'issue', name, ...args], name, env)

const bundle = (name: BundleName, env = {}): Promise<Written> =>
  issue(name, ['--bundle', name, '--server', address], env)

function sign(name: BundleName, into: string): Promise<Written> {
  const csr = request(folder, `/O=Example/CN=${name}`)
  return written(['client', 'sign', csr, '--name', into, '--bundle', name, '--server', address], into, {})
}

const read = (path = ''): string => readFileSync(path, 'utf8')

const optionsOf = ({ cert, key, ca }: Files) => ({
  host: '127.0.0.1',
  port: server.port,
  cert: read(cert ?? key),
  key: read(key),
  ca: read(ca),
})

async function gotten(files: Files): Promise<string> {
  const client = await connect(optionsOf(files))
  try {
    return await materialOf(client, identifier)
  } finally {
    await client.close()
  }
}

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

const issued = bundleNames.filter(name => 'issue' in bundles[name])
const signed = bundleNames.filter(name => 'sign' in bundles[name])

describe.each(issued)('the bundle for %s', name => {
  let made: Written
  let readme: string

  beforeAll(async () => {
    made = await bundle(name)
    readme = read(made.files['readme'])
  })

  it('has files that get a key', async () => {
    if (made.files['key'] === undefined) expect(Object.keys(made.files)).toContain('keyStore')
    else expect(await gotten(made.files)).toBe(material)
  })

  it('keeps secrets to their owner, and out of README.txt and the output', () => {
    expect(readdirSync(made.folder).sort()).toEqual(
      Object.values(made.files)
        .map(path => path.slice(made.folder.length + 1))
        .sort(),
    )
    const passphrase = made.files['passphrase'] === undefined ? undefined : read(made.files['passphrase']).trim()
    for (const path of Object.values(made.files)) {
      const content = readFileSync(path, 'latin1')
      const isSecret =
        content.includes('PRIVATE KEY') ||
        path === made.files['keyStore'] ||
        (passphrase !== undefined && content.includes(passphrase))
      expect([path, modeOf(path)]).toEqual([path, isSecret ? '600' : '644'])
    }
    expect(modeOf(made.folder)).toBe('700')
    for (const text of [readme, made.stdout, made.stderr]) {
      expect(text).not.toContain('PRIVATE KEY')
      if (passphrase !== undefined) expect(text).not.toContain(passphrase)
    }
  })

  it('tells commands of kmipd that work as they stand', async () => {
    const path = `${dirname(executable)}:${process.env['PATH'] ?? ''}`
    const commands = readme.match(/^ +kmipd .*$/gm) ?? []
    expect(commands.length).toBeGreaterThan(made.files['key'] === undefined ? -1 : 0)
    for (const command of commands) await run('sh', ['-c', command], { env: { PATH: path } })
  })

  it('says what each file is, and the server where it matters', () => {
    for (const [role, file] of Object.entries(made.files))
      if (role !== 'readme') expect(readme).toContain(`  ${file.slice(made.folder.length + 1)}  `)
    expect(readme + Object.values(made.files).map(read).join('')).toContain('127.0.0.1')
  })
})

describe.each(signed)('the bundle for %s, of a request', name => {
  it('has a certificate for the key of the request, which is not there', async () => {
    const made = await sign(name, `${name}-signed`)
    const { cert, ca } = made.files
    expect(await gotten({ cert: cert ?? '', ca: ca ?? '', key: join(folder, 'cluster.key') })).toBe(material)
    for (const path of Object.values(made.files)) expect(read(path)).not.toContain('PRIVATE KEY')
  })
})

it('has the requests that an Element cluster is sent', async () => {
  const { files } = await sign('element', 'cluster')
  const { cert, ca, createKeyProvider, createKeyServer, readme } = files
  expect(JSON.parse(read(createKeyProvider))).toMatchObject({ method: 'CreateKeyProviderKmip', id: 1 })
  expect(JSON.parse(read(createKeyServer))).toEqual({
    method: 'CreateKeyServerKmip',
    params: {
      kmipCaCertificate: read(ca),
      kmipClientCertificate: read(cert),
      kmipKeyServerHostnames: ['127.0.0.1'],
      kmipKeyServerName: 'kmipd',
      kmipKeyServerPort: server.port,
    },
    id: 1,
  })
  const bodies = read(readme).match(/(?<=--data ').*(?=' https)/g) ?? []
  const methods = bodies.map(
    body => (JSON.parse(body.replace(/KEY_(SERVER|PROVIDER)_ID/g, '1')) as { method: string }).method,
  )
  expect(methods).toEqual([
    'TestKeyServerKmip',
    'AddKeyServerToProviderKmip',
    'TestKeyProviderKmip',
    'EnableEncryptionAtRest',
    'RekeySoftwareEncryptionAtRestMasterKey',
  ])
})

describe('openssl', () => {
  it.each([
    ['ontap', 'cert.pem', 'key.pem', 'ca.pem'],
    ['synology', 'client.crt', 'client.key', 'ca.crt'],
    ['mongodb', 'client.pem', 'client.pem', 'ca.pem'],
  ] as const)('shakes hands with the files for %s', (name, cert, key, ca) => {
    const [certPath, keyPath, caPath] = [cert, key, ca].map(each => join(out(name), each)) as [string, string, string]
    const files = ['-cert', certPath, '-key', keyPath, '-CAfile', caPath]
    const args = ['s_client', '-connect', address, '-verify_return_error', '-verify_ip', '127.0.0.1', ...files]
    const { status, stdout } = spawnSync('openssl', args, { input: '', encoding: 'utf8' })
    expect([status, /Verification: (.*)/.exec(stdout)?.[1]]).toEqual([0, 'OK'])
  })
})

describe('a PKCS#12 key store', () => {
  it('has a passphrase of its own, in a file', async () => {
    const { files, stdout } = await issue('app', ['--p12'])
    expect(Object.keys(files)).toEqual(['cert', 'key', 'ca', 'keyStore', 'passphrase'])
    const { keyStore = '', passphrase = '' } = files
    expect(read(passphrase)).toMatch(/^[\w-]{32}\n$/)
    expect([modeOf(keyStore), modeOf(passphrase)]).toEqual(['600', '600'])
    expect(stdout).not.toContain(read(passphrase).trim())
    const opened = openssl('pkcs12', '-in', keyStore, '-passin', `file:${passphrase}`, '-noenc')
    expect(opened).toContain(read(files['cert']).trim())
    expect(opened).toContain(read(files['key']).trim())
    const pfx = readFileSync(keyStore)
    const context = createSecureContext({ pfx, passphrase: read(passphrase).trim(), ca: server.ca })
    const socket = connectTls({ host: '127.0.0.1', port: server.port, secureContext: context })
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
    expect(socket.authorized).toBe(true)
    socket.destroy()
  })

  it('has the passphrase that is given, which is written nowhere', async () => {
    const given = 'correct horse "battery"'
    const file = join(folder, 'given.txt')
    await writeFile(file, `${given}\n`)
    const made = [
      await issue('by-environment', ['--p12'], { KMIPD_P12_PASSPHRASE: given }),
      await issue('by-file', ['--p12-passphrase-file', file], { KMIPD_P12_PASSPHRASE: 'another one' }),
      await issue('by-java', ['--bundle', 'java', '--server', address], { KMIPD_P12_PASSPHRASE: given }),
    ]
    for (const { files, stdout } of made) {
      expect(openssl('pkcs12', '-in', files['keyStore'] ?? '', '-passin', `pass:${given}`, '-nokeys')).toContain(
        'BEGIN',
      )
      expect(files['passphrase']).toBeUndefined()
      for (const path of Object.values(files)) expect(readFileSync(path, 'latin1')).not.toContain(given)
      expect(stdout).not.toContain(given)
    }
    expect(read(made[2]?.files['readme'])).toContain('the one that you gave')
  })

  it('is added to any bundle with a key', async () => {
    const { files } = await issue('both', ['--bundle', 'ontap', '--server', address, '--p12'])
    expect(Object.keys(files)).toEqual(['cert', 'key', 'ca', 'keyStore', 'passphrase', 'readme'])
  })
})

it('writes all files or none', async () => {
  const paths = ['one', 'two', 'three'].map(name => join(folder, name))
  const files = paths.map(path => ({ path, content: 'new', mode: 0o600 }))
  await writeFile(join(folder, 'three'), 'old')
  await expect(writeNewFiles(files)).rejects.toThrow('three is there already and is not overwritten')
  expect(paths.map(path => (existsSync(path) ? read(path) : undefined))).toEqual([undefined, undefined, 'old'])
})

describe('refusals', () => {
  const clients = async (): Promise<string> => done(['client', 'list', '--json', '--data', server.data])

  it.each([
    ['element', 'issue', 2, 'makes its own key, which stays there; sign its request'],
    ['java', 'sign', 2, 'takes a key that is made here; issue it one'],
    ['toaster', 'issue', 2, '"toaster" is no known client; choose one of ontap, element, '],
  ])('%s by client %s ends with %d', async (name, way, status, message) => {
    const before = await clients()
    const what = way === 'issue' ? ['issue', 'x'] : ['sign', request(folder), '--name', 'x']
    const ended = await kmipd(['client', ...what, '--bundle', name, '--out', out('refused'), '--data', server.data])
    expect([ended.status, ended.stderr]).toEqual([status, expect.stringContaining(message)])
    expect(existsSync(out('refused'))).toBe(false)
    expect(await clients()).toBe(before)
  })

  it.each([
    ['a folder that is filled', ['--bundle', 'ontap', '--server', 'localhost:5696', '--out', '.'], 1, 'is not empty'],
    [
      'a name that is not in the certificate',
      ['--bundle', 'ontap', '--server', 'elsewhere:5696'],
      1,
      'kmipd init --host elsewhere',
    ],
    ['a server without a bundle', ['--server', 'localhost'], 2, '--bundle'],
    ['a short passphrase', ['--p12-passphrase-file', 'short.txt'], 1, 'the passphrase has 5 characters'],
  ])('%s', async (_, args, status, message) => {
    const before = await clients()
    await writeFile(join(folder, 'short.txt'), 'short\n')
    const where = args.includes('--out') ? [] : ['--out', out('refused')]
    const ended = await kmipd(['client', 'issue', 'x', ...args, ...where, '--data', server.data], { cwd: folder })
    expect([ended.status, ended.stderr]).toEqual([status, expect.stringContaining(message)])
    expect(existsSync(out('refused'))).toBe(false)
    expect(await clients()).toBe(before)
  })

  it('wants a folder for the bundle of a request', async () => {
    const args = ['client', 'sign', request(folder), '--name', 'x', '--bundle', 'ontap', '--data', server.data]
    const { status, stderr } = await kmipd(args)
    expect([status, stderr]).toEqual([2, expect.stringContaining('--out DIR')])
  })

  it('does not guess a port that the settings leave open', async () => {
    const args = ['client', 'issue', 'x', '--bundle', 'ontap', '--out', out('refused'), '--data', server.data]
    const { status, stderr } = await kmipd(args, { env: { KMIPD_LISTEN_PORT: '0' } })
    expect([status, stderr]).toEqual([2, expect.stringContaining('--server HOST:PORT')])
  })
})

const pykmip = spawnSync(python, ['-c', 'import kmip'], { encoding: 'utf8' })
const hasPykmip = pykmip.status === 0
const noPykmip = `${python} has no module kmip; apt-get install python3-pykmip`
if (!hasPykmip && process.env['CI'] === 'true') it('PyKMIP can be imported', () => expect.fail(noPykmip))

describe.skipIf(!hasPykmip)(`PyKMIP${hasPykmip ? '' : `: skipped, ${noPykmip}`}`, () => {
  it('gets a key with pykmip.conf', async () => {
    const { stdout } = await run(python, [local('get.py'), join(out('pykmip'), 'pykmip.conf'), identifier])
    expect(stdout.trim()).toBe(material)
  })
})

const hasJava = ['java', 'keytool'].every(name => spawnSync(name, ['-help']).status === 0)

describe.skipIf(!hasJava)(
  `Java${hasJava ? '' : ': skipped, there is no java and keytool; apt-get install default-jdk'}`,
  () => {
    it('lists both stores', () => {
      const list = (name: string): string =>
        execFileSync(
          'keytool',
          ['-list', '-keystore', join(out('java'), name), '-storepass:file', join(out('java'), 'passphrase.txt')],
          { encoding: 'utf8', stdio: 'pipe' },
        )
      expect(list('keystore.p12')).toContain('java, ')
      expect(list('keystore.p12')).toContain('PrivateKeyEntry')
      expect(list('truststore.p12')).toContain('trustedCertEntry')
    })

    it('gets a key with java.args', async () => {
      const message = encode(writeRequest([{ operation: Get, payload: { uniqueIdentifier: identifier } }], '1.4'))
      const args = [`@${join(out('java'), 'java.args')}`, local('Exchange.java'), '127.0.0.1', String(server.port)]
      const { stdout } = await run('java', [...args, Buffer.from(message).toString('hex')])
      // Nothing else in the answer is as long and as random.
      expect(stdout).toContain(material)
    })
  },
)
