import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { createAuthority, createRequest, readRequest } from '../../certs/index.ts'
import { derOf, handmadeRequest, nameOf, pemOf, tlv } from './handmade.ts'
import { clusterSubject, file, genpkey, openssl, opensslRequest } from './openssl.ts'

const rsa = genpkey('RSA', 'rsa_keygen_bits:2048')
const ec = genpkey('EC', 'ec_paramgen_curve:P-256')
const rsaKey = createPrivateKey(rsa)
const ecKey = createPrivateKey(ec)
const good = opensslRequest(rsa)
const goodDer = derOf(good)
const base64 = goodDer.toString('base64')

const refusal = (code: string, message: string | RegExp = '') =>
  expect.objectContaining({
    name: 'CertsError',
    code,
    message: expect.stringMatching(message) as string,
  }) as Error

describe('reads', () => {
  it('what a storage cluster asks for', () => {
    const request = readRequest(good)
    expect(request).toMatchObject({
      version: 0,
      subject: clusterSubject,
      publicKey: { description: 'RSA 2048' },
      subjectAlternativeName: [],
    })
    expect(request.subject.text).toBe(
      'emailAddress=ops@example.com,C=CH,ST=ZH,L=Zürich,OU=Storage,O=Example\\, Inc.,CN=cluster-1.example.com',
    )
    expect(openssl('dgst', '-sha256', file(goodDer))).toContain(request.fingerprint)
    expect(openssl('req', '-in', file(request.pem), '-outform', 'PEM')).toBe(request.pem)
  })

  it.each<[string, string | Uint8Array]>([
    ['DER', goodDer],
    ['PEM as bytes', Buffer.from(good)],
    ['CRLF', good.replaceAll('\n', '\r\n')],
    ['a byte order mark', `\ufeff${good}`],
    ['a byte order mark as bytes', Buffer.from(`\ufeff${good}`)],
    ['UTF-16', Buffer.from(`\ufeff${good}`, 'utf16le')],
    ['text around', `Certificate Request:\n    Data:\n${good}\nkind regards`],
    ['the older label', good.replaceAll('CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST')],
    ['indented lines', good.replaceAll('\n', '\n   ')],
    ['line ends of JSON', good.replaceAll('\n', '\\n')],
    ['bare base64', base64],
    ['bare base64 in lines, as bytes', Buffer.from(base64.replace(/.{76}/g, '$&\r\n'))],
    ['a key beside it', rsa + good],
  ])('a request with %s', (_, input) => {
    expect(readRequest(input)).toEqual(readRequest(good))
  })

  it.each([0, 1, 2])('version %i, signed again, as real clusters write 2', version => {
    const patched = Buffer.from(goodDer)
    expect(patched.subarray(8, 11)).toEqual(Buffer.of(2, 1, 0))
    patched[10] = version
    const body = patched.subarray(4, 8 + patched.readUInt16BE(6))
    const again = Buffer.concat([patched.subarray(0, -256), sign('sha256', body, rsaKey)])
    expect(readRequest(again)).toMatchObject({ version, subject: clusterSubject })
    if (version) expect(() => readRequest(patched)).toThrow(refusal('badSignature'))
  })

  it('its own requests, version 2 and names included', async () => {
    const keyPair = { privateKey: ecKey, publicKey: createPublicKey(ecKey) }
    const names = ['a.example', '192.0.2.1']
    const request = await createRequest({ subject: clusterSubject, keyPair, names, version: 2 })
    expect(readRequest(request)).toMatchObject({
      version: 2,
      subject: clusterSubject,
      subjectAlternativeName: [
        { type: 'dNSName', value: 'a.example' },
        { type: 'iPAddress', value: '192.0.2.1' },
      ],
    })
  })

  it.each([
    ['sha384', ['-sha384']],
    ['sha512', ['-sha512']],
    ['PSS', ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32']],
    ['PSS, SHA-512, no salt', ['-sha512', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:0']],
    ['PSS, longest salt', ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:max']],
  ])('an RSA signature with %s', (_, option) => {
    expect(readRequest(opensslRequest(rsa, ...option))).toMatchObject({ subject: clusterSubject })
  })

  it.each(['P-384', 'P-521'])('the curve %s and its own hash, or another', curve => {
    const key = genpkey('EC', `ec_paramgen_curve:${curve}`)
    expect(readRequest(opensslRequest(key)).publicKey.description).toBe(`EC ${curve}`)
    expect(readRequest(opensslRequest(key, '-sha512')).publicKey.description).toBe(`EC ${curve}`)
  })

  it('a compressed point', () => {
    const key = openssl('ec', '-in', file(ec), '-conv_form', 'compressed')
    expect(readRequest(opensslRequest(key)).publicKey.description).toBe('EC P-256')
  })

  it('a challenge password beside the extensions', () => {
    const oid = Buffer.from('06092a864886f70d010907', 'hex')
    const attributes = tlv(0xa0, tlv(0x30, oid, tlv(0x31, tlv(0x0c, Buffer.from('secret')))))
    expect(readRequest(handmadeRequest(ecKey, { attributes })).subject.commonName).toBe('handmade')
  })
})

describe('refuses', () => {
  let certificate = ''
  beforeAll(async () => {
    certificate = (await createAuthority({ now: new Date() })).certificate
  })

  it('a certificate, and says so', () => {
    const found = refusal('notARequest', /found a certificate;.*BEGIN CERTIFICATE REQUEST/)
    expect(() => readRequest(certificate)).toThrow(found)
    expect(() => readRequest(derOf(certificate))).toThrow(found)
    expect(() => readRequest(derOf(certificate).toString('base64'))).toThrow(found)
    expect(() => readRequest(pemOf('CERTIFICATE REQUEST', derOf(certificate)))).toThrow(found)
  })

  it.each([
    ['PKCS#8', () => rsa],
    ['PKCS#1', () => openssl('rsa', '-in', file(rsa), '-traditional')],
    ['SEC 1', () => ecKey.export({ type: 'sec1', format: 'pem' }).toString()],
    [
      'encrypted',
      () => ecKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'p' }).toString(),
    ],
  ])('a private key in %s, without a word of it', (_, key) => {
    const pem = key()
    for (const input of [pem, derOf(pem), derOf(pem).toString('base64')]) {
      expect(() => readRequest(input)).toThrow(refusal('notARequest', /^found a private key; wanted a PKCS#10/))
    }
  })

  it('other usual files, by name', () => {
    const publicKey = createPublicKey(ecKey).export({ type: 'spki', format: 'pem' }).toString()
    const pkcs12 = Buffer.from('3012020103300d06092a864886f70d010701a000', 'hex')
    const list = tlv(0x30, tlv(0x30, tlv(0x02, Buffer.of(1)), tlv(0x30), tlv(0x30), tlv(0x17)), tlv(0x30), tlv(0x03))
    expect(() => readRequest(publicKey)).toThrow(refusal('notARequest', /^found a public key;/))
    expect(() => readRequest(derOf(publicKey))).toThrow(refusal('notARequest', /^found a public key;/))
    expect(() => readRequest(pkcs12)).toThrow(refusal('notARequest', /^found a PKCS#12 file;/))
    expect(() => readRequest(list)).toThrow(refusal('notARequest', /^found a certificate revocation list;/))
    expect(() => readRequest(pemOf('PKCS7', Buffer.of(0x30, 0)))).toThrow(
      refusal('notARequest', /^found a PKCS#7 file;/),
    )
  })

  it.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['no bytes', new Uint8Array()],
    ['blanks', ' \r\n'],
    ['a byte order mark alone', '\ufeff'],
  ])('%s', (_, input) => {
    expect(() => readRequest(input)).toThrow(refusal('notARequest', 'the input is empty'))
  })

  it.each<[string, string | Uint8Array]>([
    ['prose', 'please sign my request'],
    ['a PEM without its end', good.slice(0, -40)],
    ['a base64 that was cut', base64.slice(0, 101)],
    ['binary rubbish', Buffer.from([1, 2, 3, 255, 0])],
    ['two requests', good + good],
  ])('%s', (_, input) => {
    expect(() => readRequest(input)).toThrow(refusal('notARequest'))
  })

  it('truncated and overlong DER', () => {
    for (const length of [2, 5, 100, goodDer.length - 1]) {
      expect(() => readRequest(goodDer.subarray(0, length))).toThrow(refusal('malformed'))
    }
    expect(() => readRequest(Buffer.concat([goodDer, Buffer.of(0)]))).toThrow(refusal('malformed', '1 bytes follow'))
  })

  it('BER that is not DER', () => {
    const content = goodDer.subarray(4)
    const indefinite = Buffer.concat([Buffer.of(0x30, 0x80), content, Buffer.of(0, 0)])
    const padded = Buffer.concat([Buffer.of(0x30, 0x83, 0), goodDer.subarray(2, 4), content])
    expect(() => readRequest(indefinite)).toThrow(refusal('malformed', 'shortest form'))
    expect(() => readRequest(padded)).toThrow(refusal('malformed', 'shortest form'))
  })

  it('more than 64 KiB, before looking at it', () => {
    expect(() => readRequest(Buffer.alloc(65_537, 0x30))).toThrow(refusal('tooLarge', '65537 bytes; at most 65536'))
    expect(() => readRequest('A'.repeat(50_000_000))).toThrow(refusal('tooLarge'))
  })

  it('deep nesting and many nodes, in its time', { timeout: 20_000 }, () => {
    let nested: Uint8Array = new Uint8Array()
    while (nested.length < 60_000) nested = tlv(0x30, nested)
    const many = tlv(0x30, Buffer.alloc(60_000, Buffer.of(5, 0)))
    expect(() => readRequest(nested)).toThrow(refusal('malformed'))
    expect(() => readRequest(many)).toThrow(refusal('malformed'))
  })

  it('a signature that does not match', () => {
    const last = Buffer.from(goodDer)
    last[last.length - 1] = (last.at(-1) ?? 0) ^ 1
    expect(() => readRequest(last)).toThrow(refusal('badSignature'))
    const otherKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
      type: 'spki',
      format: 'der',
    })
    expect(() => readRequest(handmadeRequest(ecKey, { publicKey: otherKey }))).toThrow(refusal('badSignature'))
    const swapped = handmadeRequest(ecKey, { algorithm: Buffer.from('300d06092a864886f70d01010b0500', 'hex') })
    expect(() => readRequest(swapped)).toThrow(refusal('badSignature', 'RSA with SHA-256, but the key is EC P-256'))
  })

  it.each([
    ['RSA with SHA-1', rsa, ['-sha1']],
    ['RSA with MD5', rsa, ['-md5']],
    ['ECDSA with SHA-1', ec, ['-sha1']],
    ['RSA-PSS with SHA-1', rsa, ['-sha1', '-sigopt', 'rsa_padding_mode:pss']],
  ])('%s', (name, key, option) => {
    expect(() => readRequest(opensslRequest(key, ...option))).toThrow(
      refusal('weakSignature', `${name}, which can be forged`),
    )
  })

  it('RSA-PSS whose mask has another hash, and signatures that nobody uses', () => {
    const mask = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_mgf1_md:sha384']
    expect(() => readRequest(opensslRequest(rsa, ...mask))).toThrow(refusal('unsupportedSignature', 'MGF1'))
    expect(() => readRequest(opensslRequest(rsa, '-sha224'))).toThrow(refusal('unsupportedSignature'))
  })

  it('RSA-PSS parameters of another salt than was signed with', () => {
    const request = derOf(opensslRequest(rsa, '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32'))
    const at = request.lastIndexOf(Buffer.from('020120', 'hex'))
    request[at + 2] = 31
    expect(() => readRequest(request)).toThrow(refusal('badSignature'))
  })

  it.each([
    ['weakKey', 'RSA 1024', () => genpkey('RSA', 'rsa_keygen_bits:1024')],
    ['weakKey', 'RSA 2040', () => genpkey('RSA', 'rsa_keygen_bits:2040')],
    ['weakKey', 'exponent', () => genpkey('RSA', 'rsa_keygen_bits:2048', 'rsa_keygen_pubexp:3')],
    ['weakKey', 'EC P-192', () => genpkey('EC', 'ec_paramgen_curve:P-192')],
    ['weakKey', 'EC P-224', () => genpkey('EC', 'ec_paramgen_curve:P-224')],
    ['unsupportedKey', 'EC secp256k1', () => genpkey('EC', 'ec_paramgen_curve:secp256k1')],
    ['unsupportedKey', 'EC 1.3.36.3.3.2.8.1.1.7', () => genpkey('EC', 'ec_paramgen_curve:brainpoolP256r1')],
    ['unsupportedKey', 'explicit', () => genpkey('EC', 'ec_paramgen_curve:P-256', 'ec_param_enc:explicit')],
    ['unsupportedKey', 'RSA-PSS', () => genpkey('RSA-PSS', 'rsa_keygen_bits:2048')],
    ['unsupportedKey', 'Ed448', () => genpkey('ED448')],
    ['unsupportedKey', 'DSA', dsa],
  ])('a key: %s, %s', (code, name, key) => {
    expect(() => readRequest(opensslRequest(key()))).toThrow(refusal(code, name))
  })

  it.each([
    ['unsupportedKey', 'RSA 8192', 8192, 'AQAB'],
    ['weakKey', 'exponent', 2048, 'AQAA'],
  ])('a made-up key before its signature is tried: %s, %s', (code, name, bits, e) => {
    const n = Buffer.alloc(bits / 8, 0xff).toString('base64url')
    const publicKey = createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' }).export({
      type: 'spki',
      format: 'der',
    })
    expect(() => readRequest(handmadeRequest(rsaKey, { publicKey }))).toThrow(refusal(code, name))
  })

  it('a point off its curve', () => {
    const publicKey = createPublicKey(ecKey).export({ type: 'spki', format: 'der' })
    publicKey[publicKey.length - 1] = (publicKey.at(-1) ?? 0) ^ 1
    expect(() => readRequest(handmadeRequest(ecKey, { publicKey }))).toThrow(refusal('malformed', 'not valid'))
  })

  it.each([
    ['a NUL', Buffer.from('admin\0.example')],
    ['a line end', Buffer.from('a\nb')],
    ['a C1 control character', Buffer.from('a\u0085b')],
    ['broken UTF-8', Buffer.of(0xc3, 0x28)],
  ])('a subject with %s', (_, value) => {
    expect(() => readRequest(handmadeRequest(ecKey, { subject: nameOf(value) }))).toThrow(refusal('badSubject'))
  })

  it('a version above 2', () => {
    expect(() => readRequest(handmadeRequest(ecKey, { version: Buffer.of(2, 1, 3) }))).toThrow(
      refusal('malformed', 'version'),
    )
  })
})

it('writes no subject that others could not read', async () => {
  const keyPair = { privateKey: ecKey, publicKey: createPublicKey(ecKey) }
  for (const subject of [
    { country: 'Switzerland' },
    { country: '1!' },
    { commonName: 'x'.repeat(65) },
    { emailAddress: 'zürich@example.com' },
    { organization: 'a\u0000b' },
  ]) {
    await expect(createRequest({ subject, keyPair })).rejects.toThrow(refusal('badSubject'))
  }
})

function dsa(): string {
  const { privateKey } = generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}
