/** That nothing secret is in a bundle: a store full of known keys, a log that quotes secrets, and every file of keys. */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Register } from '../../protocol/index.ts'
import { loadConfig } from '../../src/config.ts'
import { administer, openHouse } from '../../src/house.ts'
import { initialise } from '../../src/initialise.ts'
import { supportBundle } from '../../src/support-bundle.ts'
import { redaction } from '../../src/support-bundle/redaction.ts'

const folder = await mkdtemp(join(tmpdir(), 'support-bundle-'))
afterAll(() => rm(folder, { recursive: true, force: true }))
const data = join(folder, 'data')
const environment = {
  KMIPD_PASSPHRASE: 'correct horse battery',
  KMIPD_KEY_PASSPHRASE: 'staple-9',
  KMIPD_LOG_FILE: 'kmipd.log',
}
await initialise({ data, hosts: ['localhost'], environment: {} })

/** The same every time: what looks like a key is a matter of odds. */
const keys = Array.from({ length: 300 }, (_, index) =>
  createHash('sha512')
    .update(`key ${index}`)
    .digest()
    .subarray(0, [16, 24, 32, 64][index % 4]),
)
const passwords = Array.from({ length: 20 }, () => `pw-${randomBytes(9).toString('base64url')}`)
await fill()

async function fill(): Promise<void> {
  const opened = await openHouse(await loadConfig({ data, environment: {}, flags: {} }), {})
  try {
    const administrator = administer(opened, 'cluster')
    for (const keyMaterial of keys)
      await administrator.call(Register, {
        objectType: 'SymmetricKey',
        attributes: [{ name: 'cryptographicUsageMask', value: 12 }],
        object: {
          objectType: 'SymmetricKey',
          keyBlock: {
            keyFormatType: 'Raw',
            keyValue: { keyMaterial, attributes: [] },
            cryptographicAlgorithm: 'HMAC_SHA256',
            cryptographicLength: keyMaterial.length * 8,
          },
        },
      })
    for (const password of passwords)
      await administrator.call(Register, {
        objectType: 'SecretData',
        attributes: [],
        object: {
          objectType: 'SecretData',
          secretDataType: 'Password',
          keyBlock: { keyFormatType: 'Opaque', keyValue: { keyMaterial: Buffer.from(password), attributes: [] } },
        },
      })
  } finally {
    await opened.store.close()
  }
}

const files = ['master.key', 'ca.key', 'server.key'].map(name => readFileSync(join(data, name), 'utf8'))
const token = `kmipd_${randomBytes(32).toString('base64url')}`
const masterKey = Buffer.from(files[0] ?? '', 'base64')

/** What somebody who looks for a secret would look for. */
function spellings(secret: Buffer): string[] {
  const hex = secret.toString('hex')
  return [
    hex,
    hex.toUpperCase(),
    hex.replace(/..(?=.)/g, '$&:'),
    hex.replace(/..(?=.)/g, '$& '),
    secret.toString('base64').replace(/=+$/, ''),
    secret.toString('base64url'),
    JSON.stringify(secret.toString('latin1')).slice(1, -1),
    JSON.stringify([...secret]).slice(1, -1),
  ]
}

const lines = [
  ...keys.flatMap(key => spellings(key).slice(0, 6)).map(text => ({ level: 'warn', msg: `found ${text} there` })),
  ...files.map(text => ({ level: 'error', msg: 'internal error', error: { message: `cannot read ${text}` } })),
  ...spellings(masterKey)
    .slice(0, 6)
    .map(text => ({ level: 'error', reason: text })),
  { level: 'warn', msg: 'refused', reason: `the token ${token} has expired`, fingerprint: masterKey.toString('hex') },
  { level: 'warn', msg: 'x', hint: `X-Auth-Token: ${token.slice(6)}`, path: 'https://joe:sesame@example.org/x' },
  {
    level: 'warn',
    msg: 'the passphrase correct horse battery does not fit',
    note: 'password=hunter2 Bearer abcdefgh12',
  },
  { level: 'warn', msg: environment.KMIPD_KEY_PASSPHRASE },
  { level: 'info', msg: 'staple-9 and all that' },
  {
    level: 'warn',
    msg: 'connection refused',
    fault: 'unknownClient',
    address: '192.0.2.7',
    reason: 'the client showed no certificate',
    correlation: '2b9d8e2c-11',
  },
]
writeFileSync(join(data, 'kmipd.log'), lines.map(line => `${JSON.stringify(line)}\n`).join(''))

describe('a support bundle', async () => {
  const progress: number[] = []
  const bundle = await supportBundle({
    data,
    environment,
    release: '1.2.3',
    now: new Date(),
    logLines: 100_000,
    onProgress: count => progress.push(count),
  })
  const text = JSON.stringify(bundle)

  it('has no key of the store, in no spelling', () => {
    const found = [...keys, ...passwords.map(each => Buffer.from(each))].flatMap(key =>
      [...spellings(key), key.toString('utf8')].filter(spelling => text.includes(spelling)),
    )
    expect(found).toEqual([])
    for (const password of passwords) expect(text).not.toContain(password)
  })

  it('has nothing of the master key, the keys of authority and server, tokens and passphrases', () => {
    for (const spelling of spellings(masterKey)) expect(text).not.toContain(spelling)
    const pem = files.flatMap(file => file.split('\n')).filter(line => line !== '' && !line.startsWith('-----'))
    const der = files.slice(1).map(file => Buffer.from(file.replace(/-----.*-----|\s/g, ''), 'base64'))
    for (const secret of [...pem, ...der.flatMap(spellings)]) expect(text).not.toContain(secret)
    const words = [token, token.slice(6), 'correct horse', 'staple-9', 'sesame', 'hunter2', 'abcdefgh12', 'PRIVATE KEY']
    for (const word of words) expect(text).not.toContain(word)
    expect(bundle['environment']).toEqual(Object.keys(environment).sort())
  })

  it('says all the rest', () => {
    expect(bundle).toMatchObject({
      supportBundle: 1,
      versions: { kmipd: '1.2.3', node: process.versions.node },
      settings: { log: { file: join(data, 'kmipd.log') } },
      store: {
        records: { object: { total: 320, damaged: [] } },
        objects: { types: { SymmetricKey: { PreActive: 300 }, SecretData: { PreActive: 20 } }, damaged: [] },
        clients: [],
      },
      log: { warnings: keys.length * 6 + 5, errors: 9 },
    })
    expect(bundle['folder']).toEqual(
      expect.arrayContaining([expect.objectContaining({ name: 'master.key', mode: '0600', type: 'file' })]) as unknown,
    )
    const { log, certificates } = bundle as { log: { lines: unknown[] }; certificates: Record<string, unknown> }
    expect(log.lines.at(-1)).toEqual(lines.at(-1))
    expect(certificates['server.pem']).toMatchObject({
      isOfItsKey: true,
      certificates: [
        { fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as string, daysLeft: expect.any(Number) as number },
      ],
    })
    expect(progress.at(-1)).toBeGreaterThanOrEqual(640)
  })
})

describe('redaction', () => {
  const redact = redaction(['sesame street'])

  it.each([
    'the certificate of cluster-1 was revoked on 2026-11-22 (keyCompromise)',
    '/srv/kmipd/data/store/data.mdb cannot be read (EACCES); run: chmod 600 it',
    'file:///usr/lib/node_modules/kmipd/dist/src/listener/conversation.js:12:34',
    '01a2049c-3b0a-7000-8c46-e0fe69056d27',
    'CN=kmipd CA 1169a03d,O=Example',
    '2001:db8:85a3:8d3:1319:8a2e:370:7348',
    'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
    'Get: AuthenticationNotSuccessful, IncompatibleCryptographicUsageMask',
    'at [converse] (/srv/Kmipd2/dist/bin/chunk-ABC123X4.js:12:34)',
    'at [converse] (file:///srv/Kmipd2/dist/bin/chunk-ABC123X4.js:12:34)',
    'the key does not belong to the certificate; see the log',
  ])('leaves %s', text => {
    expect(redact(text)).toBe(text)
  })

  it.each([
    ['a %s', randomBytes(16).toString('hex')],
    ['secret: %s', 'x'],
    ['[%s]', randomBytes(32).toString('base64')],
    ['%s', '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE'],
    ['it is %s', 'sesame street'],
    ['it is %s', Buffer.from('sesame street').toString('base64')],
    ['it is %s', Buffer.from('sesame street').toString('hex')],
    ['it is %s', encodeURIComponent('sesame street')],
  ])('cuts %s out', (text, secret) => {
    expect(redact(text.replace('%s', () => secret))).toBe(text.replace('%s', '[redacted]'))
  })

  it('believes a name, and no secret under it', () => {
    const fingerprint = randomBytes(32).toString('hex')
    expect(redact(fingerprint, 'fingerprint')).toBe(fingerprint)
    expect(redact(fingerprint, 'msg')).toBe('[redacted]')
    expect(redaction([Buffer.from(fingerprint, 'hex')])(fingerprint, 'fingerprint')).toBe('[redacted]')
  })
})
