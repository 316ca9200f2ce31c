import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { ConfigError, defaultConfigFile, loadConfig } from '../../src/config.ts'

let data = ''
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'config-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
})

const write = (text: string): void => writeFileSync(join(data, 'kmipd.toml'), text)

/** The lines of the complaint about a file. */
async function complaint(sources: Omit<Parameters<typeof loadConfig>[0], 'data'> = {}): Promise<string[]> {
  const error: unknown = await loadConfig({ data, ...sources }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return error instanceof ConfigError ? error.message.split('\n') : expect.fail('no complaint')
}

describe('loadConfig', () => {
  it('has a default for everything', async () => {
    expect(await loadConfig({ data })).toEqual({
      data,
      listen: { host: '::', port: 5696 },
      https: { anonymousPerMinute: 600, failuresPerMinute: 20 },
      tls: { serverKey: 'P-256', clientUsage: 'lenient', trust: [] },
      policy: { requiredSubject: [], forbiddenSubject: [], clientName: 'dn' },
      limits: {
        maxMessageBytes: 1_048_576,
        maxResponseBytes: 16_777_216,
        maxBatchItems: 1000,
        maxConnections: 1000,
        handshakeMs: 10_000,
        messageMs: 30_000,
        idleMs: 43_200_000,
        drainMs: 10_000,
      },
      store: { engine: 'lmdb', masterKey: 'file' },
      log: { level: 'info' },
    })
  })

  it('puts flags over the environment over the file', async () => {
    write(
      '[listen]\nhost = "192.0.2.1"\nport = 1\n[limits]\nidleMs = 5000\n[tls]\ntrust = [{ ca = "a.pem", group = "g" }]',
    )
    const environment = {
      KMIPD_LISTEN_PORT: '2',
      KMIPD_LIMITS_MAX_MESSAGE_BYTES: '2048',
      KMIPD_TLS_SERVER_KEY: 'RSA-3072',
      KMIPD_POLICY_KEY_TYPES: 'P-256, RSA-2048',
    }
    const config = await loadConfig({ data, environment, flags: { listen: { port: 3, host: undefined } } })
    expect(config.listen).toEqual({ host: '192.0.2.1', port: 3 })
    expect(config.limits).toMatchObject({ idleMs: 5000, maxMessageBytes: 2048 })
    expect(config.policy.keyTypes).toEqual(['P-256', 'RSA-2048'])
    expect(config.tls).toEqual({ serverKey: 'RSA-3072', clientUsage: 'lenient', trust: [{ ca: 'a.pem', group: 'g' }] })
  })

  it('is frozen all through', async () => {
    write('[[tls.trust]]\nca = "a.pem"')
    const config = await loadConfig({ data })
    for (const part of [config, config.listen, config.tls.trust, config.tls.trust[0]])
      expect(Object.isFrozen(part)).toBe(true)
  })

  it('takes the log file to be in the data folder', async () => {
    write('[log]\nfile = "kmipd.log"')
    expect((await loadConfig({ data })).log.file).toBe(join(data, 'kmipd.log'))
  })

  it.each([
    {
      text: '[limits]\nmaxConection = 3',
      line: 'FILE has the unknown setting limits.maxConection; did you mean limits.maxConnections?',
    },
    { text: '[limit]\nidleMs = 3', line: 'FILE has the unknown setting limit; did you mean limits?' },
    { text: 'port = 3', line: 'FILE has the unknown setting port; did you mean listen.port?' },
    {
      text: '[[tls.trust]]\nca = "a.pem"\ngrop = "b"',
      line: 'FILE has the unknown setting tls.trust.0.grop; did you mean group?',
    },
    { text: '[listen]\nport = 70000', line: 'FILE sets listen.port to 70000; wanted 65535 or less' },
    { text: '[listen]\nport = "kmip"', line: 'FILE sets listen.port to "kmip"; wanted a whole number' },
    { text: '[listen]\nport = "5696"', line: 'FILE sets listen.port to "5696"; wanted a whole number' },
    { text: '[listen]\nport = 1.5', line: 'FILE sets listen.port to 1.5; wanted a whole number' },
    { text: '[listen]\nhost = ""', line: 'FILE sets listen.host to ""; wanted a text that is not empty' },
    { text: '[limits]\nmessageMs = 1', line: 'FILE sets limits.messageMs to 1; wanted 100 or more' },
    {
      text: '[log]\nlevel = "all"',
      line: 'FILE sets log.level to "all"; wanted "debug" or "info" or "warn" or "error"',
    },
    { text: '[[tls.trust]]\ngroup = "b"', line: 'FILE lacks tls.trust.0.ca; wanted a text' },
    { text: 'listen = 3', line: 'FILE sets listen to 3; wanted a table' },
  ])('complains of $text', async ({ text, line }) => {
    write(text)
    expect(await complaint()).toEqual([line.replace('FILE', join(data, 'kmipd.toml'))])
  })

  it('complains of everything at once, each where it stands', async () => {
    write('[listen]\nport = -1')
    const lines = await complaint({ environment: { KMIPD_LOG_LEVEL: 'loud' }, flags: { limits: { drainMs: 'long' } } })
    expect(lines).toHaveLength(3)
    expect(lines.join()).toContain(`${join(data, 'kmipd.toml')} sets listen.port to -1; wanted 0 or more`)
    expect(lines.join()).toContain('the environment variable KMIPD_LOG_LEVEL sets log.level to "loud"')
    expect(lines.join()).toContain('a flag sets limits.drainMs to "long"; wanted a whole number')
  })

  it('names the place of what is not TOML', async () => {
    write('[listen]\nport = = 3')
    expect((await complaint())[0]).toContain(`${join(data, 'kmipd.toml')}, line 2, column 8`)
  })

  it('complains of a variable that is misspelt, not of what others set', async () => {
    const theirs = { KMIPD_PORT: 'tcp://192.0.2.1:5696', KMIPD_SERVICE_HOST: '192.0.2.1' }
    const ours = { KMIPD_DATA: data, KMIPD_PASSPHRASE: 'secret', KMIPD_MASTER_KEY: 'secret' }
    const config = await loadConfig({ data, environment: { ...theirs, ...ours } })
    expect(config.listen.port).toBe(5696)
    expect(JSON.stringify(config)).not.toContain('secret')
    expect(await complaint({ environment: { KMIPD_LISTEN_PROT: '1' } })).toEqual([
      'the environment has the unknown variable KMIPD_LISTEN_PROT; did you mean KMIPD_LISTEN_PORT?',
    ])
  })
})

describe('defaultConfigFile', () => {
  it('is valid, and changes nothing', async () => {
    const defaults = await loadConfig({ data })
    write(defaultConfigFile())
    expect(await loadConfig({ data })).toEqual(defaults)
  })

  it('shows every setting with its default', async () => {
    const defaults = await loadConfig({ data })
    write(defaultConfigFile().replace(/^# (?=\[\[|\w+ = )/gm, ''))
    expect(await loadConfig({ data })).toEqual({
      ...defaults,
      https: { ...defaults.https, port: 5697, host: '192.0.2.7', address: 'https://keys.example.net:5697' },
      tls: {
        ...defaults.tls,
        trust: [{ ca: 'other-ca.pem', group: 'backup', crl: 'other-ca.crl', expiredCrl: 'serve' }],
      },
      policy: { ...defaults.policy, keyTypes: ['P-256', 'RSA-2048'], maximumDays: 825 },
      store: { ...defaults.store, masterKeyFile: 'master.key' },
      log: { ...defaults.log, file: join(data, 'kmipd.log') },
    })
  })

  it('writes what is set', async () => {
    write(defaultConfigFile({ listen: { port: 5697 }, tls: { serverKey: 'RSA-3072' } }))
    const config = await loadConfig({ data })
    expect(config).toMatchObject({ listen: { port: 5697 }, tls: { serverKey: 'RSA-3072' } })
  })
})
