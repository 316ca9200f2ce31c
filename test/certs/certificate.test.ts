import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  clientProfile,
  createAuthority,
  createRequest,
  exportPrivateKey,
  generateKeyPair,
  isIssuedBy,
  matchesKey,
  openAuthority,
  readCertificate,
  readCertificates,
  readPrivateKey,
  readRequest,
  serverProfile,
  subordinateProfile,
  verifyChain,
} from '../../certs/index.ts'
import type { Certificate, KeyPair } from '../../certs/index.ts'
import { derOf, pemOf } from './handmade.ts'
import { clusterSubj, clusterSubject, file, genpkey, openssl, opensslRoot } from './openssl.ts'

const now = new Date('2030-06-15T12:00:00Z')
const later = (days: number) => new Date(now.getTime() + days * 86_400_000)
const refusal = (code: string, message = '') =>
  expect.objectContaining({ name: 'CertsError', code, message: expect.stringContaining(message) as string }) as Error

describe('reading', () => {
  const names = 'subjectAltName=DNS:a.example,IP:2001:db8::1,email:a@b.example,URI:urn:x:1,otherName:1.2.3;UTF8:o'
  const pem = opensslRoot(
    genpkey('RSA', 'rsa_keygen_bits:2048'),
    clusterSubj,
    'extendedKeyUsage=clientAuth,1.2.3.4',
    names,
  )

  it('says what openssl and node say', () => {
    const certificate = readCertificate(pem)
    const peer = new X509Certificate(pem)
    expect(certificate).toMatchObject({
      subject: clusterSubject,
      issuer: clusterSubject,
      serialNumber: peer.serialNumber.toLowerCase(),
      notBefore: new Date(peer.validFrom),
      notAfter: new Date(peer.validTo),
      fingerprint: peer.fingerprint256.replaceAll(':', '').toLowerCase(),
      publicKey: { description: 'RSA 2048' },
      signatureAlgorithm: 'RSA with SHA-256',
      isAuthority: false,
      extendedKeyUsage: ['clientAuth', '1.2.3.4'],
      subjectAlternativeName: [
        { type: 'dNSName', value: 'a.example' },
        { type: 'iPAddress', value: '2001:db8::1' },
        { type: 'rfc822Name', value: 'a@b.example' },
        { type: 'uniformResourceIdentifier', value: 'urn:x:1' },
        { type: 'other', value: 'a00906022a03a0030c016f' },
      ],
      pem,
    })
    expect(certificate.keyUsage).toBeUndefined()
    expect(Buffer.from(certificate.der).equals(peer.raw)).toBe(true)
    const shown = openssl('x509', '-in', file(pem), '-noout', '-subject', '-nameopt', 'RFC2253,-esc_msb,utf8')
    expect(shown.trim()).toBe(`subject=${certificate.subject.text}`)
  })

  it('takes DER, base64, and text around', () => {
    const expected = readCertificate(pem)
    expect(readCertificate(derOf(pem))).toEqual(expected)
    expect(readCertificate(derOf(pem).toString('base64'))).toEqual(expected)
    expect(readCertificate(openssl('x509', '-in', file(pem), '-text').replaceAll('\n', '\r\n'))).toEqual(expected)
    expect(readCertificate(pem.replaceAll('CERTIFICATE', 'X509 CERTIFICATE'))).toEqual(expected)
  })

  it('describes keys that it would never sign', () => {
    const describeKey = (key: string) => readCertificate(opensslRoot(key, '/CN=a')).publicKey.description
    expect(describeKey(genpkey('RSA', 'rsa_keygen_bits:1024'))).toBe('RSA 1024')
    expect(describeKey(genpkey('EC', 'ec_paramgen_curve:secp256k1'))).toBe('EC secp256k1')
    expect(describeKey(genpkey('ED448'))).toBe('Ed448')
    expect(describeKey(genpkey('ED25519'))).toBe('Ed25519')
  })

  it('escapes a subject as RFC 4514 does', () => {
    const { subject } = readCertificate(
      opensslRoot(genpkey('ED25519'), '/CN= a,b\\+c"d\\\\e;<f> /OU=#1/serialNumber=7'),
    )
    expect(subject.text).toBe('serialNumber=7,OU=\\#1,CN=\\ a\\,b\\+c\\"d\\\\e\\;\\<f\\>\\ ')
    expect(subject.attribute).toEqual([
      { type: 'CN', value: ' a,b+c"d\\e;<f> ' },
      { type: 'OU', value: '#1' },
      { type: 'serialNumber', value: '7' },
    ])
    expect(readCertificate(opensslRoot(genpkey('ED25519'), '/OU=first/OU=last')).subject.organizationalUnit).toBe(
      'last',
    )
  })

  it('reads every certificate of a bundle, and the first', () => {
    const other = opensslRoot(genpkey('ED25519'), '/CN=other')
    const bundle = `# roots\n${pem}\n${other}`
    expect(readCertificates(bundle).map(each => each.pem)).toEqual([pem, other])
    expect(readCertificate(bundle).pem).toBe(pem)
  })

  it('refuses what is not one', () => {
    const key = genpkey('ED25519')
    expect(() => readCertificate(key)).toThrow(refusal('notACertificate', 'found a private key'))
    expect(() => readCertificate('')).toThrow(refusal('notACertificate', 'empty'))
    expect(() => readCertificates('hello')).toThrow(refusal('notACertificate'))
    expect(() => readCertificate(pemOf('CERTIFICATE', derOf(pem).subarray(0, -1)))).toThrow(refusal('malformed'))
    expect(() => readCertificate('x'.repeat(65_537))).toThrow(refusal('tooLarge'))
  })

  it('refuses dates that are none', () => {
    const der = derOf(pem)
    const at = der.indexOf(Buffer.of(0x17, 13))
    for (const month of ['13', '00', '1x']) {
      const wrong = Buffer.from(der)
      wrong.write(month, at + 4)
      expect(() => readCertificate(wrong)).toThrow(refusal('malformed', 'notBefore is not a time'))
    }
  })
})

describe('a chain', () => {
  let root: Certificate
  let between: Certificate
  let leaf: Certificate
  let keyPair: KeyPair

  beforeAll(async () => {
    keyPair = await generateKeyPair()
    const top = openAuthority(await createAuthority({ now, days: 100 }))
    root = top.certificate
    const profile = subordinateProfile({ subject: { commonName: 'between' }, days: 50 })
    between = await top.sign(top.plan(keyPair.publicKey, profile, now))
    const key = exportPrivateKey(keyPair.privateKey)
    const authority = openAuthority({ certificate: between.pem + root.pem, key })
    const request = readRequest(await createRequest({ subject: { commonName: 'c' }, keyPair }))
    leaf = await authority.sign(authority.plan(request, clientProfile({ days: 10 }), now))
  })

  it('tells who issued whom', () => {
    expect(isIssuedBy(leaf, between)).toBe(true)
    expect(isIssuedBy(between, root)).toBe(true)
    expect(isIssuedBy(root, root)).toBe(true)
    expect(isIssuedBy(leaf, root)).toBe(false)
    expect(isIssuedBy(root, leaf)).toBe(false)
  })

  it('is verified in order, at a time', () => {
    expect(() => verifyChain([leaf, between, root], now)).not.toThrow()
    expect(() => verifyChain([leaf, between], now)).not.toThrow()
    expect(() => verifyChain([leaf, root, between], now)).toThrow(refusal('brokenChain', 'issuer after it'))
    expect(() => verifyChain([leaf, between, root], later(11))).toThrow(refusal('expired', '"CN=c"'))
    expect(() => verifyChain([between, root], later(51))).toThrow(refusal('expired', 'CN=between'))
    expect(() => verifyChain([leaf, between, root], later(-1))).toThrow(refusal('notYetValid'))
  })

  it('ends where a path length says', async () => {
    const key = exportPrivateKey(keyPair.privateKey)
    // An authority that should not be: made with openssl's help, which does not mind.
    const extensions = file('basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\nsubjectKeyIdentifier=hash\n')
    const request = file(await createRequest({ subject: { commonName: 'too deep' }, keyPair }))
    const { certificate, key: rootKey } = await createAuthority({ now: new Date(), pathLength: 0 })
    const below = openssl(
      ...['x509', '-req', '-in', request, '-CA', file(certificate), '-CAkey', file(rootKey), '-days', '10'],
      ...['-extfile', extensions, '-set_serial', '1'],
    )
    expect(() => openAuthority({ certificate: below + certificate, key })).toThrow(refusal('brokenChain', 'allows 0'))
  })

  it('matches a certificate and its key', async () => {
    const own = exportPrivateKey(keyPair.privateKey)
    const other = exportPrivateKey((await generateKeyPair()).privateKey)
    expect(matchesKey(leaf, own)).toBe(true)
    expect(matchesKey(leaf, Buffer.from(own))).toBe(true)
    expect(matchesKey(leaf, other)).toBe(false)
    expect(() => matchesKey(leaf, leaf.pem)).toThrow(refusal('notAKey', 'found a certificate'))
    const encrypted = keyPair.privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'p',
    })
    expect(matchesKey(leaf, encrypted, 'p')).toBe(true)
    expect(() => matchesKey(leaf, encrypted)).toThrow(refusal('keyEncrypted'))
    expect(readPrivateKey(own).equals(keyPair.privateKey)).toBe(true)
  })
})

describe('names', () => {
  const named = (...names: string[]) => serverProfile({ names }).name.map(({ type, value }) => `${type} ${value}`)

  it.each([
    ['KMIP.Example.COM.', 'dNSName kmip.example.com'],
    ['kmip', 'dNSName kmip'],
    ['node_1.pod', 'dNSName node_1.pod'],
    ['*.example.com', 'dNSName *.example.com'],
    ['zürich.example', 'dNSName xn--zrich-kva.example'],
    [' 192.0.2.1 ', 'iPAddress 192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', 'iPAddress 2001:db8::1'],
    ['[fe80::1]', 'iPAddress fe80::1'],
    ['::', 'iPAddress ::'],
    ['::1', 'iPAddress ::1'],
    ['1::', 'iPAddress 1::'],
    ['2001:db8:0:1:0:0:0:1', 'iPAddress 2001:db8:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', 'iPAddress 2001:db8::1:0:0:1'],
    ['10:0:0:10:0:0:0:1', 'iPAddress 10:0:0:10::1'],
    ['2001:db8:0:1:1:1:1:1', 'iPAddress 2001:db8:0:1:1:1:1:1'],
    ['64:ff9b::192.0.2.33', 'iPAddress 64:ff9b::c000:221'],
  ])('%s is %s', (given, expected) => {
    expect(named(given)).toEqual([expected])
  })

  it('stand once', () => {
    expect(named('a', 'A.', '::1', '0::1')).toEqual(['dNSName a', 'iPAddress ::1'])
  })

  it.each([
    ...[
      '',
      ' ',
      '.',
      'a..b',
      '-a',
      'a-',
      'a b',
      '*',
      'a.*',
      'a*.b',
      '10.0.0.256',
      '1.2.3',
      'host:5696',
      'https://host',
    ],
    ...[
      'fe80::1%eth0',
      '192.0.2.0/24',
      'a,b',
      'a\0b',
      'x'.repeat(64),
      `${'a.'.repeat(130)}b`,
      'user@host',
      '☃\u0000',
      'zürich/a',
      'zürich#',
      'zürich%2ea',
      'zürich:1',
      '１.2.3.4',
    ],
  ])('%j is none', given => {
    expect(() => named(given)).toThrow(refusal('badName'))
  })

  it('are not missing, and not too many', () => {
    expect(() => named()).toThrow(refusal('badName', 'give one'))
    expect(() => named(...Array.from({ length: 257 }, (_, index) => `n${index}`))).toThrow(refusal('badName', '257'))
    expect(named(...Array.from({ length: 256 }, (_, index) => `n${index}`))).toHaveLength(256)
  })
})
