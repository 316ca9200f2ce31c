import { createPrivateKey, createPublicKey } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  clientProfile,
  createAuthority,
  createRequest,
  generateKeyPair,
  openAuthority,
  readCertificate,
  readRequest,
  serverProfile,
  subordinateProfile,
} from '../../certs/index.ts'
import type { Authority, AuthorityFiles, KeyPair, Plan, Request } from '../../certs/index.ts'
import { file, genpkey, openssl, opensslRoot } from './openssl.ts'

const now = new Date('2030-06-15T12:00:00Z')
const later = (days: number) => new Date(now.getTime() + days * 86_400_000)
const server = serverProfile({ names: ['kmip.example.com'] })

let files: AuthorityFiles
let authority: Authority
let keyPair: KeyPair
let request: Request

beforeAll(async () => {
  files = await createAuthority({ now, days: 1000 })
  authority = openAuthority(files)
  keyPair = await generateKeyPair()
  request = readRequest(await createRequest({ subject: { commonName: 'c' }, keyPair }))
})

const refusal = (code: string, message = '') =>
  expect.objectContaining({ name: 'CertsError', code, message: expect.stringContaining(message) as string }) as Error

const certificatesOf = (key: string) => ({
  leaf: opensslRoot(key, '/CN=leaf', 'basicConstraints=CA:FALSE'),
  plain: opensslRoot(key, '/CN=plain', 'keyUsage=keyCertSign'),
  encipher: opensslRoot(key, '/CN=encipher', 'basicConstraints=CA:TRUE', 'keyUsage=keyEncipherment'),
  unrestricted: opensslRoot(key, '/CN=unrestricted', 'basicConstraints=CA:TRUE'),
  serverOnly: opensslRoot(key, '/CN=server only', 'basicConstraints=CA:TRUE', 'extendedKeyUsage=serverAuth'),
})

describe('opening', () => {
  const ec = genpkey('EC', 'ec_paramgen_curve:P-256')

  it.each([
    ['RSA 2048', 'RSA', 'rsa_keygen_bits:2048'],
    ['EC P-521', 'EC', 'ec_paramgen_curve:P-521'],
    ['Ed25519', 'ED25519'],
  ])('takes an authority that the user has: %s', (description, algorithm, ...option) => {
    const key = genpkey(algorithm, ...option)
    const opened = openAuthority({ certificate: opensslRoot(key, '/CN=Own'), key })
    expect(opened.certificate).toMatchObject({ isAuthority: true, publicKey: { description } })
    expect(opened.chain).toEqual([opened.certificate.pem])
  })

  it('takes keys in PKCS#1, SEC 1, and encrypted with their passphrase', () => {
    const certificate = opensslRoot(ec, '/CN=Own')
    const sec1 = openssl('ec', '-in', file(ec))
    const encrypted = openssl('pkcs8', '-topk8', '-in', file(ec), '-passout', 'pass:open sesame')
    const legacy = openssl('ec', '-in', file(ec), '-aes256', '-passout', 'pass:open sesame')
    expect(openAuthority({ certificate, key: sec1 }).chain).toHaveLength(1)
    expect(openAuthority({ certificate: Buffer.from(certificate), key: Buffer.from(sec1) }).chain).toHaveLength(1)
    for (const key of [encrypted, legacy]) {
      expect(openAuthority({ certificate, key, passphrase: 'open sesame' }).chain).toHaveLength(1)
      expect(() => openAuthority({ certificate, key })).toThrow(refusal('keyEncrypted', 'give its passphrase'))
      const wrong = { certificate, key, passphrase: 'wrong' }
      expect(() => openAuthority(wrong)).toThrow(refusal('keyEncrypted', 'does not open'))
    }
  })

  it('refuses a key of another certificate', () => {
    expect(() => openAuthority({ ...files, key: ec })).toThrow(refusal('keyMismatch', 'CN=kmipd root'))
  })

  it('refuses what is not a key, without a word of it', () => {
    expect(() => openAuthority({ ...files, key: files.certificate })).toThrow(refusal('notAKey', 'found a certificate'))
    expect(() => openAuthority({ ...files, key: '' })).toThrow(refusal('notAKey', 'empty'))
    expect(() => openAuthority({ ...files, key: 'hunter2' })).toThrow(refusal('notAKey', 'without any PEM'))
    const damaged = files.key.replace(/\n.{8}/, '\nAAAAAAAA')
    expect(() => openAuthority({ ...files, key: damaged })).toThrow(refusal('notAKey', 'damaged'))
  })

  it('refuses what is not a certificate', () => {
    expect(() => openAuthority({ ...files, certificate: files.key })).toThrow(
      refusal('notACertificate', 'a private key'),
    )
    expect(() => openAuthority({ ...files, certificate: request.pem })).toThrow(
      refusal('notACertificate', 'a certificate request'),
    )
  })

  it('refuses a certificate that may not sign others', () => {
    const { leaf, plain, encipher, unrestricted } = certificatesOf(ec)
    for (const certificate of [leaf, plain, encipher]) {
      expect(() => openAuthority({ certificate, key: ec })).toThrow(refusal('notAnAuthority', 'CA:TRUE'))
    }
    expect(openAuthority({ certificate: unrestricted, key: ec }).certificate.isAuthority).toBe(true)
  })

  it('refuses keys that are too weak or of no use', () => {
    const weak = genpkey('RSA', 'rsa_keygen_bits:1024')
    expect(() => openAuthority({ certificate: opensslRoot(weak, '/CN=Own'), key: weak })).toThrow(refusal('weakKey'))
    const odd = genpkey('ED448')
    expect(() => openAuthority({ certificate: opensslRoot(odd, '/CN=Own'), key: odd })).toThrow(
      refusal('unsupportedKey'),
    )
  })

  it('refuses a chain with a stranger in it', async () => {
    const stranger = await createAuthority({ now })
    const certificate = files.certificate + stranger.certificate
    // The same name, but another key: only the signature tells.
    expect(() => openAuthority({ ...files, certificate })).toThrow(refusal('brokenChain', 'was not issued by'))
  })

  it('opens an expired authority, so that it can be shown', () => {
    expect(openAuthority(files).certificate.notAfter).toEqual(later(1000))
  })
})

describe('planning', () => {
  it('ends with the authority at the latest, and begins no earlier', () => {
    const plan = authority.plan(request, clientProfile(), later(900))
    expect(plan).toMatchObject({ notBefore: new Date(later(900).getTime() - 300_000), notAfter: later(1000) })
    expect(authority.plan(request, clientProfile({ days: 30 }), now)).toMatchObject({
      notBefore: authority.certificate.notBefore,
      notAfter: later(30),
    })
  })

  it('refuses outside the validity of the authority', () => {
    expect(() => authority.plan(request, clientProfile(), later(1001))).toThrow(refusal('expired', '2033-03-11'))
    expect(() => authority.plan(request, clientProfile(), later(-1))).toThrow(
      refusal('notYetValid', 'compare the clocks'),
    )
  })

  it('refuses a purpose that the authority may not serve', () => {
    const key = genpkey('ED25519')
    const own = openAuthority({ certificate: certificatesOf(key).serverOnly, key })
    const today = new Date(Date.now() + 60_000)
    expect(own.plan(keyPair.publicKey, server, today).kind).toBe('server')
    expect(() => own.plan(request, clientProfile(), today)).toThrow(refusal('notAnAuthority', 'lacks clientAuth'))
  })

  it('refuses an authority below one that allows none, whoever it is in the chain', async () => {
    const root = openAuthority(await createAuthority({ now, pathLength: 1 }))
    const wide = subordinateProfile({ subject: { commonName: 'wide' }, pathLength: 5 })
    const { pem } = await root.sign(root.plan(keyPair.publicKey, wide, now))
    const key = keyPair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const between = openAuthority({ certificate: pem + root.certificate.pem, key })
    expect(() => between.plan(keyPair.publicKey, wide, now)).toThrow(refusal('notAnAuthority', 'path length is 1'))
    expect(between.plan(keyPair.publicKey, server, now).kind).toBe('server')
    const tight = openAuthority(await createAuthority({ now, pathLength: 0 }))
    expect(() => tight.plan(keyPair.publicKey, wide, now)).toThrow(refusal('notAnAuthority'))
  })

  it('refuses a weak key that the caller vouches for', () => {
    const weak = createPublicKey(createPrivateKey(genpkey('RSA', 'rsa_keygen_bits:1024')))
    expect(() => authority.plan(weak, server, now)).toThrow(refusal('weakKey'))
  })

  it('refuses a request that was never verified', () => {
    expect(() => authority.plan({ ...request }, clientProfile(), now)).toThrow(refusal('notARequest'))
  })

  it.each([0, -1, 1.5, NaN, Infinity, 40_000])('refuses a lifetime of %d days', async days => {
    expect(() => clientProfile({ days })).toThrow(refusal('badLifetime'))
    expect(() => serverProfile({ names: ['a'], days })).toThrow(refusal('badLifetime'))
    await expect(createAuthority({ days, now })).rejects.toThrow(refusal('badLifetime'))
  })

  it('refuses dates past the year 9999, or none at all', async () => {
    await expect(createAuthority({ now: new Date('9999-01-01') })).rejects.toThrow(refusal('badLifetime'))
    await expect(createAuthority({ now: new Date(NaN) })).rejects.toThrow(refusal('badLifetime'))
    expect(() => authority.plan(request, clientProfile(), new Date(NaN))).toThrow(refusal('badLifetime'))
  })

  it('has serial numbers of 20 positive octets, whatever the generator gives', async () => {
    for (const octet of [0x00, 0x7f, 0x80, 0xff]) {
      const opened = openAuthority({ ...files, random: size => Buffer.alloc(size, octet) })
      const plan = opened.plan(request, clientProfile(), now)
      const { pem, serialNumber } = await opened.sign(plan)
      expect(plan.serialNumber).toMatch(/^[4-7][0-9a-f]{39}$/)
      expect(serialNumber).toBe(plan.serialNumber)
      expect(openssl('x509', '-in', file(pem), '-noout', '-serial').trim().toLowerCase()).toBe(`serial=${serialNumber}`)
    }
    const serials = Array.from({ length: 50 }, () => authority.plan(request, clientProfile(), now).serialNumber)
    expect(new Set(serials).size).toBe(50)
  })
})

describe('signing', () => {
  it('signs a plan once', async () => {
    const plan = authority.plan(request, clientProfile(), now)
    const first = authority.sign(plan)
    await expect(authority.sign(plan)).rejects.toThrow(refusal('badPlan'))
    expect((await first).serialNumber).toBe(plan.serialNumber)
    await expect(authority.sign(plan)).rejects.toThrow(refusal('badPlan'))
  })

  it('signs no plan of another authority, nor a copy, nor a forgery', async () => {
    const plan = authority.plan(request, clientProfile(), now)
    await expect(openAuthority(files).sign(plan)).rejects.toThrow(refusal('badPlan'))
    await expect(authority.sign({ ...plan })).rejects.toThrow(refusal('badPlan'))
    await expect(authority.sign(JSON.parse(JSON.stringify(plan)) as Plan)).rejects.toThrow(refusal('badPlan'))
  })

  it('signs what was checked, even if the plan is tampered with', async () => {
    const plan = authority.plan(request, clientProfile({ days: 10 }), now)
    expect(() => Object.assign(plan, { kind: 'subordinate' })).toThrow(TypeError)
    plan.notAfter.setFullYear(9000)
    expect(await authority.sign(plan)).toMatchObject({ notAfter: later(10), isAuthority: false })
  })
})

it('makes roots with every kind of key, and refuses a nameless one', async () => {
  for (const [keyType, description] of [
    ['P-256', 'EC P-256'],
    ['P-384', 'EC P-384'],
    ['RSA-3072', 'RSA 3072'],
  ] as const) {
    const { certificate } = await createAuthority({ keyType, now })
    expect(readCertificate(certificate).publicKey.description).toBe(description)
  }
  await expect(createAuthority({ subject: {}, now })).rejects.toThrow(refusal('badSubject'))
})
