import { execFileSync, spawnSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { rmSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  clientProfile,
  createAuthority,
  createRequest,
  exportKeyStore,
  exportPrivateKey,
  exportTrustStore,
  generateKeyPair,
  openAuthority,
  readCertificates,
  readRequest,
} from '../../certs/index.ts'
import type { Authority, Certificate, KeyType } from '../../certs/index.ts'
import { file, openssl } from './openssl.ts'

const now = new Date()
const refusal = (code: string, message = '') =>
  expect.objectContaining({ name: 'CertsError', code, message: expect.stringContaining(message) as string }) as Error

const passphrase = 'correct horse "battery" ~1'
const name = 'Schlüssel für drive-1'

let root: Authority
let issuing: Authority

interface Client {
  readonly certificate: Certificate
  readonly key: string
  readonly chain: readonly string[]
}

beforeAll(async () => {
  root = openAuthority(await createAuthority({ now }))
  issuing = openAuthority(await createAuthority({ now, issuer: root }))
})

async function clientOf(keyType: KeyType): Promise<Client> {
  const keyPair = await generateKeyPair(keyType)
  const request = readRequest(await createRequest({ subject: { commonName: 'drive-1' }, keyPair }))
  const certificate = await issuing.sign(issuing.plan(request, clientProfile(), now))
  return { certificate, key: exportPrivateKey(keyPair.privateKey), chain: issuing.chain }
}

const pkcs12 = (store: Uint8Array, ...option: string[]) =>
  openssl('pkcs12', '-in', file(store), '-passin', `pass:${passphrase}`, ...option)

const keyTypes = ['P-256', 'P-384', 'RSA-2048', 'Ed25519'] as const

describe.each(keyTypes)('a key store with a %s key', keyType => {
  let client: Client
  let store: Uint8Array

  beforeAll(async () => {
    client = await clientOf(keyType)
    store = await exportKeyStore({ ...client, passphrase, name })
  })

  it('is read by openssl', () => {
    expect(readCertificates(pkcs12(store, '-nokeys', '-clcerts')).map(each => each.pem)).toEqual([
      client.certificate.pem,
    ])
    expect(readCertificates(pkcs12(store, '-nokeys', '-cacerts')).map(each => each.pem)).toEqual(client.chain)
    expect(exported(pkcs12(store, '-nocerts', '-noenc'))).toBe(client.key)
  })

  it('is used by node for TLS', () => {
    expect(() => createSecureContext({ pfx: Buffer.from(store), passphrase })).not.toThrow()
    expect(() => createSecureContext({ pfx: Buffer.from(store), passphrase: 'other' })).toThrow('mac verify failure')
  })
})

it('says in a key store how it is protected, and bears the name', async () => {
  const store = await exportKeyStore({ ...(await clientOf('P-256')), passphrase, name })
  const { stderr } = spawnSync(
    'openssl',
    ['pkcs12', '-in', file(store), '-passin', `pass:${passphrase}`, '-info', '-noout'],
    { encoding: 'utf8' },
  )
  expect(stderr).toMatch(/MAC: sha256, Iteration 10000\n/)
  expect(stderr.match(/PBES2, PBKDF2, AES-256-CBC, Iteration 10000, PRF hmacWithSHA256/g)).toHaveLength(2)
  expect(Buffer.from(store).includes(Buffer.from('drive-1'))).toBe(false)
  expect(Buffer.from(store).includes(Buffer.from(name, 'utf16le').swap16())).toBe(true)
})

it('makes no store like the one before', async () => {
  const client = await clientOf('P-256')
  const [first, second] = [
    await exportKeyStore({ ...client, passphrase, name }),
    await exportKeyStore({ ...client, passphrase, name }),
  ]
  expect(Buffer.from(first).subarray(100, 180)).not.toEqual(Buffer.from(second).subarray(100, 180))
})

describe('a trust store', () => {
  it('holds each authority once, as openssl reads it', async () => {
    const store = await exportTrustStore({ certificates: [...issuing.chain, root.certificate.pem], passphrase })
    const shown = pkcs12(store, '-nokeys')
    expect(readCertificates(shown).map(each => each.pem)).toEqual(issuing.chain)
    expect(shown).toContain('2.16.840.1.113894.746875.1.1: <Unsupported tag 6>')
    expect(shown).toContain(`friendlyName: kmipd root ${root.certificate.fingerprint.slice(0, 16)}`)
  })

  it('takes bundles, and refuses none', async () => {
    const store = await exportTrustStore({ certificates: [issuing.chain.join('')], passphrase })
    expect(readCertificates(pkcs12(store, '-nokeys'))).toHaveLength(2)
    await expect(exportTrustStore({ certificates: [], passphrase })).rejects.toThrow(refusal('notACertificate'))
    await expect(exportTrustStore({ certificates: ['x'], passphrase })).rejects.toThrow(refusal('notACertificate'))
  })
})

describe('refuses', () => {
  it('a passphrase that Java would not take', async () => {
    const client = await clientOf('P-256')
    for (const bad of ['', '12345', 'pässwörd', 'tab\tulator']) {
      const refused = refusal('badPassphrase', 'at least 6')
      await expect(exportKeyStore({ ...client, passphrase: bad, name })).rejects.toThrow(refused)
      await expect(exportTrustStore({ certificates: issuing.chain, passphrase: bad })).rejects.toThrow(refused)
    }
    await expect(exportKeyStore({ ...client, passphrase: '123456', name })).resolves.toBeInstanceOf(Uint8Array)
  })

  it.each(['', 'a\0b', 'x'.repeat(129)])('the name %j', async bad => {
    await expect(exportKeyStore({ ...(await clientOf('P-256')), passphrase, name: bad })).rejects.toThrow(
      refusal('badName'),
    )
  })

  it('what does not belong together, without a word of the key', async () => {
    const client = await clientOf('P-256')
    const other = await clientOf('P-256')
    const store = (change: object) => exportKeyStore({ ...client, passphrase, name, ...change })
    await expect(store({ key: other.key })).rejects.toThrow(refusal('keyMismatch', 'CN=drive-1'))
    await expect(store({ chain: [root.certificate.pem] })).rejects.toThrow(refusal('brokenChain'))
    await expect(store({ key: client.certificate.pem })).rejects.toThrow(refusal('notAKey', 'found a certificate'))
    const damaged = client.key.replace(/\n.{8}/, '\nAAAAAAAA')
    await expect(store({ key: damaged })).rejects.toThrow(refusal('notAKey', 'damaged'))
  })
})

const exported = (pem: string) => exportPrivateKey(createPrivateKey(pem))

const hasKeytool = spawnSync('keytool', ['-help']).error === undefined

describe.runIf(hasKeytool)("Java's keytool", () => {
  const keytool = (...argument: string[]) =>
    execFileSync(
      'keytool',
      ['-J-Duser.language=en', '-J-XX:TieredStopAtLevel=1', ...argument, '-storepass', passphrase],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )

  it('takes keys and chains over into a store of its own', async () => {
    const path = file('')
    rmSync(path)
    for (const keyType of ['P-256', 'RSA-2048', 'Ed25519'] as const) {
      const client = await clientOf(keyType)
      const store = await exportKeyStore({ ...client, passphrase, name: keyType })
      keytool('-importkeystore', '-srckeystore', file(store), '-srcstorepass', passphrase, '-destkeystore', path)
      const keys = openssl('pkcs12', '-in', path, '-passin', `pass:${passphrase}`, '-nocerts', '-noenc')
      expect(
        keys.split('Bag Attributes').some(each => each.includes('PRIVATE KEY') && exported(each) === client.key),
      ).toBe(true)
    }
    const shown = keytool('-list', '-v', '-keystore', path)
    expect(shown.match(/Entry type: PrivateKeyEntry\nCertificate chain length: 3\n/g)).toHaveLength(3)
    expect(shown.match(/(?<=Alias name: ).*/g)?.sort()).toEqual(['ed25519', 'p-256', 'rsa-2048'])
  })

  it('finds every authority in a trust store', async () => {
    const namesake = openAuthority(await createAuthority({ now }))
    const certificates = [...issuing.chain, namesake.certificate.pem]
    const shown = keytool('-list', '-rfc', '-keystore', file(await exportTrustStore({ certificates, passphrase })))
    expect(shown.match(/Entry type: trustedCertEntry/g)).toHaveLength(3)
    expect(
      readCertificates(shown)
        .map(each => each.fingerprint)
        .sort(),
    ).toEqual(certificates.map(pem => readCertificates(pem)[0]?.fingerprint).sort())
  })
})
