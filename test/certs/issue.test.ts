import { beforeAll, describe, expect, it } from 'vitest'
import {
  clientProfile,
  createAuthority,
  createRequest,
  exportPrivateKey,
  generateKeyPair,
  openAuthority,
  readCertificate,
  readRequest,
  serverProfile,
  subordinateProfile,
} from '../../certs/index.ts'
import type { Authority, KeyPair, KeyType } from '../../certs/index.ts'
import { handmadeRequest, nameOf } from './handmade.ts'
import { clusterSubject, file, genpkey, openssl, opensslRequest, opensslRoot, verifiesRequest } from './openssl.ts'

// A minute ahead, since openssl's own roots begin when they are made.
const now = new Date(Date.now() + 60_000)
const keyTypes = ['RSA-2048', 'RSA-3072', 'RSA-4096', 'P-256', 'P-384', 'Ed25519'] as const
const authorityTypes = ['P-256', 'P-384', 'RSA-3072', 'RSA-4096', 'Ed25519', 'P-521'] as const

const pairs = new Map<KeyType, KeyPair>()
const authorities = new Map<string, Authority>()

const pairOf = (keyType: KeyType) => pairs.get(keyType) ?? expect.fail(`no pair of ${keyType}`)
const authorityOf = (keyType: string) => authorities.get(keyType) ?? expect.fail(`no authority of ${keyType}`)

beforeAll(async () => {
  for (const keyType of keyTypes) pairs.set(keyType, await generateKeyPair(keyType))
  for (const keyType of ['P-256', 'P-384', 'RSA-3072'] as const) {
    authorities.set(keyType, openAuthority(await createAuthority({ keyType, now })))
  }
  // What the user brings was made elsewhere.
  for (const [name, key] of [
    ['RSA-4096', exportPrivateKey(pairOf('RSA-4096').privateKey)],
    ['Ed25519', genpkey('ED25519')],
    ['P-521', genpkey('EC', 'ec_paramgen_curve:P-521')],
  ] as const) {
    authorities.set(name, openAuthority({ certificate: opensslRoot(key, '/O=Own/CN=Own root'), key }))
  }
})

const verify = (authority: Authority, purpose: string, leaf: string, ...option: string[]) =>
  openssl(
    'verify',
    '-x509_strict',
    '-purpose',
    purpose,
    ...option,
    '-CAfile',
    file(authority.certificate.pem),
    file(leaf),
  )

const text = (pem: string, ...option: string[]) => openssl('x509', '-in', file(pem), '-noout', ...option)

describe.each(authorityTypes)('an authority with a %s key', authorityType => {
  it.each(keyTypes)('issues a client certificate for an openssl request with a %s key', async keyType => {
    const authority = authorityOf(authorityType)
    const request = opensslRequest(exportPrivateKey(pairOf(keyType).privateKey))
    const leaf = await authority.sign(authority.plan(readRequest(request), clientProfile(), now))
    expect(verify(authority, 'sslclient', leaf.pem)).toContain(': OK')
  })

  it.each(keyTypes)('issues client and server certificates for our requests with a %s key', async keyType => {
    const authority = authorityOf(authorityType)
    const request = readRequest(await createRequest({ subject: clusterSubject, keyPair: pairOf(keyType) }))
    const client = await authority.sign(authority.plan(request, clientProfile(), now))
    const server = await authority.sign(authority.plan(request, serverProfile({ names: ['kmip.example.com'] }), now))
    expect(verify(authority, 'sslclient', client.pem)).toContain(': OK')
    expect(verify(authority, 'sslserver', server.pem, '-verify_hostname', 'kmip.example.com')).toContain(': OK')
  })
})

describe('our requests', () => {
  it.each(keyTypes)('with a %s key are verified by openssl', async keyType => {
    const request = await createRequest({
      subject: clusterSubject,
      keyPair: pairOf(keyType),
      names: ['a.example', '::1'],
    })
    const shown = openssl('req', '-in', file(request), '-noout', '-text', '-nameopt', 'utf8,sep_comma_plus')
    expect(verifiesRequest(request)).toBe(true)
    expect(shown).toContain('C=CH,ST=ZH,L=Zürich,O=Example, Inc.,OU=Storage,CN=cluster-1.example.com')
    expect(shown).toContain('Version: 1 (0x0)')
    expect(shown).toMatch(/Key Usage: critical\s+Digital Signature/)
    expect(shown).toContain('DNS:a.example, IP Address:0:0:0:0:0:0:0:1')
  })
})

describe('a client certificate', () => {
  it.each(keyTypes)('has the key and the subject of the request, and is no server: %s', async keyType => {
    const authority = authorityOf('P-256')
    const request = opensslRequest(exportPrivateKey(pairOf(keyType).privateKey))
    const { pem } = await authority.sign(authority.plan(readRequest(request), clientProfile(), now))
    expect(text(pem, '-pubkey', '-subject')).toBe(openssl('req', '-in', file(request), '-noout', '-pubkey', '-subject'))
    expect(() => verify(authority, 'sslserver', pem)).toThrow('unsuitable certificate purpose')
  })

  const issue = async (keyType: KeyType, options = {}) => {
    const authority = authorityOf('P-256')
    const request = readRequest(
      opensslRequest(exportPrivateKey(pairOf(keyType).privateKey), ...['-addext', 'subjectAltName=DNS:kmip']),
    )
    return authority.sign(authority.plan(request, clientProfile(options), now))
  }

  it('has the extensions of an RSA leaf, and not the alternative name that was asked for', async () => {
    const shown = text((await issue('RSA-2048')).pem, '-text')
    expect(shown).toMatch(/Basic Constraints: critical\s+CA:FALSE/)
    expect(shown).toMatch(/Key Usage: critical\s+Digital Signature, Key Encipherment\n/)
    expect(shown).toMatch(/Extended Key Usage: \n\s+TLS Web Client Authentication\n/)
    expect(shown).toContain('Subject Key Identifier')
    expect(shown).toContain('Authority Key Identifier')
    expect(shown).not.toContain('Alternative Name')
  })

  it('has no keyEncipherment for a key that cannot encipher', async () => {
    expect(text((await issue('P-256')).pem, '-text')).toMatch(/Key Usage: critical\s+Digital Signature\n/)
  })

  it('has the names that the operator gave', async () => {
    const shown = text((await issue('P-256', { names: ['controller-1', '192.0.2.7'] })).pem, '-ext', 'subjectAltName')
    expect(shown).toContain('DNS:controller-1, IP Address:192.0.2.7')
  })

  it('carries exactly what the plan said', async () => {
    const authority = authorityOf('P-384')
    const request = readRequest(opensslRequest(exportPrivateKey(pairOf('RSA-3072').privateKey)))
    const { kind, ...plan } = authority.plan(request, clientProfile({ days: 90, names: ['a.example'] }), now)
    expect(kind).toBe('client')
    expect(await authority.sign(authority.plan(request, clientProfile(), now))).not.toMatchObject(plan)
    const again = authority.plan(request, clientProfile({ days: 90, names: ['a.example'] }), now)
    const { kind: _, ...fields } = again
    expect(await authority.sign(again)).toMatchObject(fields)
    expect(again.serialNumber).not.toBe(plan.serialNumber)
  })

  it('takes the fallback common name only when the subject is empty', async () => {
    const authority = authorityOf('P-256')
    const plan = (subject: object, fallback?: string) =>
      createRequest({ subject, keyPair: pairOf('P-256') }).then(pem =>
        authority.plan(readRequest(pem), clientProfile(fallback === undefined ? {} : { commonName: fallback }), now),
      )
    expect((await plan({}, 'drive-1')).subject.text).toBe('CN=drive-1')
    expect((await plan({ organizationalUnit: 'u' }, 'drive-1')).subject.text).toBe('OU=u')
    await expect(plan({})).rejects.toMatchObject({ code: 'badSubject' })
  })

  it.each([
    ['PrintableString', 0x13, 'plain'],
    ['TeletexString', 0x14, 'tele'],
    ['BMPString', 0x1e, Buffer.from('\0b\0m\0p')],
  ])('copies a subject in %s, and the key, as they are encoded', async (_, tag, value) => {
    const { privateKey, publicKey } = pairOf('P-256')
    const subject = nameOf(value, tag)
    const authority = authorityOf('P-256')
    const request = readRequest(handmadeRequest(privateKey, { subject }))
    const { der } = await authority.sign(authority.plan(request, clientProfile(), now))
    expect(Buffer.from(der).includes(subject)).toBe(true)
    expect(Buffer.from(der).includes(publicKey.export({ type: 'spki', format: 'der' }))).toBe(true)
  })
})

describe('a server certificate', () => {
  it('answers to every name and address, and to no other', async () => {
    const authority = authorityOf('RSA-3072')
    const names = ['kmip.example.com', 'kmip', '*.pod.example.com', '192.0.2.1', '2001:db8::5', '::ffff:192.0.2.9']
    const { pem } = await authority.sign(authority.plan(pairOf('P-256').publicKey, serverProfile({ names }), now))
    const accepts = (option: string, name: string) => verify(authority, 'sslserver', pem, option, name)
    for (const name of ['kmip.example.com', 'KMIP', 'a.pod.example.com']) {
      expect(accepts('-verify_hostname', name)).toContain(': OK')
    }
    for (const address of ['192.0.2.1', '2001:db8:0::5', '::ffff:192.0.2.9']) {
      expect(accepts('-verify_ip', address)).toContain(': OK')
    }
    expect(() => accepts('-verify_hostname', 'other.example.com')).toThrow('hostname mismatch')
    expect(() => accepts('-verify_ip', '192.0.2.2')).toThrow('IP address mismatch')
    expect(() => verify(authority, 'sslclient', pem)).toThrow('unsuitable certificate purpose')
    expect(text(pem, '-subject')).toContain('CN = kmip.example.com')
  })

  it('has a critical alternative name when its subject is empty', async () => {
    const authority = authorityOf('P-256')
    const names = [`${'a'.repeat(60)}.${'b'.repeat(60)}`]
    const { pem } = await authority.sign(authority.plan(pairOf('P-256').publicKey, serverProfile({ names }), now))
    expect(text(pem, '-ext', 'subjectAltName')).toContain('Alternative Name: critical')
    expect(verify(authority, 'sslserver', pem)).toContain(': OK')
  })
})

describe('a subordinate authority', () => {
  it('issues leaves that verify up to the root, and no authority of its own', async () => {
    const root = authorityOf('P-384')
    const keyPair = await generateKeyPair('P-256')
    const subject = { commonName: 'Issuing 1', organization: 'Example' }
    const own = await root.sign(root.plan(keyPair.publicKey, subordinateProfile({ subject }), now))
    expect(own).toMatchObject({ isAuthority: true, pathLength: 0 })
    const authority = openAuthority({
      certificate: own.pem + root.certificate.pem,
      key: exportPrivateKey(keyPair.privateKey),
    })
    expect(authority.chain).toEqual([own.pem, root.certificate.pem])
    const leaf = await authority.sign(
      authority.plan(pairOf('Ed25519').publicKey, serverProfile({ names: ['a.b'] }), now),
    )
    expect(verify(root, 'sslserver', leaf.pem, '-untrusted', file(own.pem))).toContain(': OK')
    const deeper = subordinateProfile({ subject })
    expect(() => authority.plan(keyPair.publicKey, deeper, now)).toThrow('path length')
  })
})

describe('a root', () => {
  it('is what RFC 5280 wants of one', async () => {
    const { certificate, key } = await createAuthority({ subject: clusterSubject, now })
    const shown = text(certificate, '-text')
    expect(shown).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:1/)
    expect(shown).toMatch(/Key Usage: critical\s+Digital Signature, Certificate Sign, CRL Sign\n/)
    expect(
      openssl('verify', '-x509_strict', '-check_ss_sig', '-CAfile', file(certificate), file(certificate)),
    ).toContain('OK')
    expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----/)
    expect(openssl('pkey', '-in', file(key), '-pubout')).toBe(text(certificate, '-pubkey'))
    const root = readCertificate(certificate)
    expect(root.notAfter.getTime() - root.notBefore.getTime()).toBe((3650 * 86_400 + 300) * 1000)
  })

  it('has dates in GeneralizedTime from 2050 on', async () => {
    const { certificate } = await createAuthority({ now: new Date('2049-12-31T23:59:59.999Z'), days: 1 })
    const shown = openssl('asn1parse', '-in', file(certificate))
    expect(shown).toMatch(/UTCTIME +:491231235459Z/)
    expect(shown).toMatch(/GENERALIZEDTIME +:20500101235959Z/)
    expect(readCertificate(certificate).notAfter).toEqual(new Date('2050-01-01T23:59:59Z'))
  })
})
