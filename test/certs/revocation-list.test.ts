import { beforeAll, describe, expect, it } from 'vitest'
import {
  clientProfile,
  createAuthority,
  generateKeyPair,
  isListIssuedBy,
  openAuthority,
  readCertificate,
  readRevocationList,
  revocationReasons,
  withDelta,
} from '../../certs/index.ts'
import type { Authority, Certificate, RevokedCertificate } from '../../certs/index.ts'
import { derOf, identifiers, nameOf, pemOf, tlv } from './handmade.ts'
import { file, genpkey, openssl, opensslRoot } from './openssl.ts'

const now = new Date(Math.floor(Date.now() / 1000) * 1000)
const later = (days: number) => new Date(now.getTime() + days * 86_400_000)
const refusal = (code: string, message = '') =>
  expect.objectContaining({ name: 'CertsError', code, message: expect.stringContaining(message) as string }) as Error

const publication = {
  authority: 'http://kmip.example.com/ca.cer',
  statusResponder: 'http://kmip.example.com/ocsp',
  revocationList: 'http://kmip.example.com/ca.crl',
  deltaRevocationList: 'http://kmip.example.com/delta.crl',
}

let root: Authority
let issuing: Authority
let leaf: Certificate
let other: Certificate

const issue = async (authority: Authority, commonName: string) => {
  const { publicKey } = await generateKeyPair()
  return authority.sign(authority.plan(publicKey, clientProfile({ commonName }), now))
}

const list = (authority: Authority, number: bigint, revoked: RevokedCertificate[] = [], base?: bigint) =>
  authority.revocationList({
    number,
    revoked,
    thisUpdate: now,
    nextUpdate: later(7),
    ...(base !== undefined && { base }),
  })

const revoked = ({ serialNumber }: Certificate, reason?: RevokedCertificate['reason']): RevokedCertificate => ({
  serialNumber,
  date: now,
  ...(reason && { reason }),
})

beforeAll(async () => {
  root = openAuthority({ ...(await createAuthority({ now })), publication: () => publication })
  issuing = openAuthority({
    ...(await createAuthority({ now, issuer: root, keyType: 'P-384' })),
    publication: () => publication,
  })
  leaf = await issue(issuing, 'leaf')
  other = await issue(issuing, 'other')
})

const verify = (pem: string, lists: string[], ...option: string[]) =>
  openssl(
    ...['verify', '-x509_strict', '-crl_check', '-crl_check_all', ...option],
    ...['-CAfile', file(root.certificate.pem), '-untrusted', file(issuing.certificate.pem)],
    ...lists.flatMap(each => ['-CRLfile', file(each)]),
    file(pem),
  )

describe('openssl verifies with a list', () => {
  it('a leaf that is not on it, and not one that is', async () => {
    const lists = [(await list(root, 1n)).pem, (await list(issuing, 1n, [revoked(other, 'keyCompromise')])).pem]
    expect(verify(leaf.pem, lists)).toContain(': OK')
    expect(() => verify(other.pem, lists)).toThrow('certificate revoked')
    expect(() => verify(leaf.pem, lists.slice(0, 1))).toThrow('unable to get certificate CRL')
  })

  it('no leaf of an authority that was itself revoked', async () => {
    const lists = [
      (await list(root, 1n, [revoked(issuing.certificate, 'cACompromise')])).pem,
      (await list(issuing, 1n)).pem,
    ]
    expect(() => verify(leaf.pem, lists)).toThrow('certificate revoked')
  })

  it('and its delta', async () => {
    const full = [(await list(root, 1n)).pem, (await list(issuing, 4n, [revoked(leaf, 'certificateHold')])).pem]
    const delta = await list(issuing, 5n, [revoked(other), revoked(leaf, 'removeFromCRL')], 4n)
    const own = await list(root, 2n, [], 1n)
    expect(() => verify(leaf.pem, full)).toThrow('certificate revoked')
    const deltas = ['-use_deltas', '-extended_crl']
    expect(() => verify(other.pem, [...full, delta.pem, own.pem], ...deltas)).toThrow('certificate revoked')
    expect(verify(leaf.pem, [...full, delta.pem, own.pem], ...deltas)).toContain(': OK')
  })

  it.each(['P-256', 'P-384', 'RSA-3072'] as const)('of an authority with a %s key', async keyType => {
    const authority = openAuthority(await createAuthority({ now, keyType }))
    const { pem } = await list(authority, 1n, [revoked(leaf)])
    const path = file(authority.certificate.pem)
    expect(() => openssl('crl', '-in', file(pem), '-noout', '-CAfile', path)).not.toThrow()
    expect(openssl('verify', '-x509_strict', '-crl_check_all', '-CAfile', path, '-CRLfile', file(pem), path)).toContain(
      'OK',
    )
  })
})

describe('writing', () => {
  it('says what was given, to openssl and to ourselves', async () => {
    const date = new Date('2031-02-03T04:05:06Z')
    const entries = revocationReasons
      .filter(reason => reason !== 'removeFromCRL')
      .map((reason, index) => ({ serialNumber: `${80 + index}ff`, date, reason }))
    const made = await list(issuing, 2n ** 130n, [...entries, { serialNumber: '0012', date }])
    const shown = openssl('crl', '-in', file(made.pem), '-noout', '-text')
    expect(shown).toMatch(/Serial Number: 80FF\n\s+Revocation Date: Feb {2}3 04:05:06 2031 GMT\n\s+Serial/)
    expect(shown).toMatch(/CRL Reason Code: \n\s+AA Compromise\n/)
    expect(shown).toContain(`0x0${(2n ** 130n).toString(16)}`)
    expect(shown).toContain('URI:http://kmip.example.com/delta.crl')
    expect(made).toMatchObject({ number: 2n ** 130n, thisUpdate: now, nextUpdate: later(7) })
    expect(made.base).toBeUndefined()
    expect(made.issuer.text).toBe(issuing.certificate.subject.text)
    expect([...made.revoked.values()]).toEqual([
      { serialNumber: '80ff', date },
      ...entries.slice(1),
      { serialNumber: '12', date },
    ])
    expect(readRevocationList(made.der)).toEqual(made)
    expect(openssl('crl', '-inform', 'DER', '-in', file(made.der))).toBe(made.pem)
  })

  it('has a base in a delta, and no word of a delta in it', async () => {
    const delta = await list(issuing, 9n, [revoked(leaf)], 7n)
    expect(delta).toMatchObject({ number: 9n, base: 7n })
    const shown = openssl('crl', '-in', file(delta.pem), '-noout', '-text')
    expect(shown).toMatch(/Delta CRL Indicator: critical\s+7\n/)
    expect(shown).not.toContain('Freshest')
  })

  it.each<[string, string, () => Promise<unknown>]>([
    ['a number below 0', 'badList', () => list(root, -1n)],
    ['a number of 21 octets', 'badList', () => list(root, 2n ** 160n)],
    ['a delta on itself', 'badList', () => list(root, 3n, [], 3n)],
    ['a serial number that is none', 'badList', () => list(root, 1n, [{ serialNumber: 'AB', date: now }])],
    ['a removal from a full list', 'badList', () => list(root, 1n, [revoked(leaf, 'removeFromCRL')])],
    [
      'an end before its beginning',
      'badLifetime',
      () => root.revocationList({ number: 1n, revoked: [], thisUpdate: now, nextUpdate: now }),
    ],
  ])('refuses %s', async (_, code, write) => {
    await expect(write()).rejects.toThrow(refusal(code))
  })

  it('refuses with an authority that may not', async () => {
    const key = genpkey('ED25519')
    const certificate = opensslRoot(key, '/CN=no lists', 'basicConstraints=critical,CA:TRUE', 'keyUsage=keyCertSign')
    const authority = openAuthority({ certificate, key })
    await expect(list(authority, 1n)).rejects.toThrow(refusal('notAnAuthority', 'cRLSign'))
  })
})

describe('reading', () => {
  it('tells whose it is', async () => {
    const made = await list(issuing, 1n)
    const namesake = openAuthority(await createAuthority({ now, subject: { commonName: 'kmipd issuing' } }))
    expect(isListIssuedBy(made, issuing.certificate)).toBe(true)
    expect(isListIssuedBy(made, root.certificate)).toBe(false)
    expect(isListIssuedBy(made, namesake.certificate)).toBe(false)
    const forged = Buffer.from(made.der)
    const minutes = forged.indexOf(Buffer.from('170d', 'hex')) + 10
    forged.writeUInt8(forged.readUInt8(minutes) ^ 1, minutes)
    expect(isListIssuedBy(readRevocationList(forged), issuing.certificate)).toBe(false)
  })

  it.each<[string, string | Uint8Array]>([
    ['a certificate', ''],
    ['nothing: the input is empty', ' '],
  ])('names what it was given instead: %s', (found, input) => {
    expect(() => readRevocationList(input || leaf.pem)).toThrow(refusal('notAList', found))
    expect(() => readRevocationList(input || leaf.der)).toThrow(refusal('notAList'))
    expect(() => readCertificate(pemOf('X509 CRL', Buffer.alloc(3)))).toThrow(
      refusal('notACertificate', 'revocation list'),
    )
  })

  const time = tlv(0x17, Buffer.from('300102030405Z'))
  const oid = (hex: string) => tlv(0x06, Buffer.from(hex, 'hex'))
  const critical = Buffer.of(1, 1, 0xff)
  const extension = (id: string, value: Uint8Array) => tlv(0x30, oid(id), critical, tlv(0x04, value))
  const signed = (...part: Uint8Array[]) =>
    tlv(0x30, tlv(0x30, ...part), identifiers.ecdsaSha256, tlv(0x03, Buffer.of(0, 1)))
  const version2 = [Buffer.of(2, 1, 1), identifiers.ecdsaSha256, nameOf('own'), time, time]
  const scoped = (...field: Uint8Array[]) =>
    signed(...version2, tlv(0xa0, tlv(0x30, extension('551d1c', tlv(0x30, ...field)))))

  it('takes a list of version 1, without end, number or entries', () => {
    const read = readRevocationList(signed(identifiers.ecdsaSha256, nameOf('own'), time))
    expect(read).toMatchObject({ issuer: { text: 'CN=own' }, thisUpdate: new Date('2030-01-02T03:04:05Z') })
    expect(read).not.toHaveProperty('nextUpdate')
    expect(read).not.toHaveProperty('number')
    expect(read.revoked.size).toBe(0)
  })

  it('takes one of user certificates, and none that is partial or indirect', () => {
    expect(readRevocationList(scoped(Buffer.of(0x81, 1, 0xff))).revoked.size).toBe(0)
    for (const field of [0x82, 0x84, 0x85].map(tag => Buffer.of(tag, 1, 0xff)).concat(Buffer.of(0x83, 2, 1, 0x40))) {
      expect(() => readRevocationList(scoped(field))).toThrow(refusal('unsupportedList', 'not of all'))
    }
    const entry = tlv(0x30, Buffer.of(2, 1, 5), time, tlv(0x30, extension('551d1d', tlv(0x30))))
    expect(() => readRevocationList(signed(...version2, tlv(0x30, entry)))).toThrow(
      refusal('unsupportedList', '2.5.29.29'),
    )
    const unknown = tlv(0xa0, tlv(0x30, extension('2a0304', Buffer.of(5, 0))))
    expect(() => readRevocationList(signed(...version2, unknown))).toThrow(refusal('unsupportedList', '1.2.3.4'))
  })

  it('takes a long one, in its time', { timeout: 40_000 }, async () => {
    const entries = Array.from({ length: 50_000 }, (_, index) => ({
      serialNumber: (index + 2 ** 40).toString(16).padStart(20, '4'),
      date: now,
      reason: 'superseded' as const,
    }))
    const made = await list(root, 1n, entries)
    expect(readRevocationList(made.pem).revoked.size).toBe(50_000)
    expect(isListIssuedBy(made, root.certificate)).toBe(true)
  })

  it('refuses what is too long', () => {
    expect(() => readRevocationList(Buffer.alloc(16 * 1024 * 1024 + 1))).toThrow(refusal('tooLarge'))
  })
})

describe('a delta', () => {
  it('adds to a list and takes from it', async () => {
    const full = await list(issuing, 4n, [revoked(leaf, 'certificateHold')])
    const delta = await list(issuing, 6n, [revoked(other, 'superseded'), revoked(leaf, 'removeFromCRL')], 3n)
    expect([...withDelta(full, delta).values()]).toEqual([revoked(other, 'superseded')])
  })

  it('is refused by a list that it does not belong to', async () => {
    const full = await list(issuing, 4n)
    const strange = await list(root, 6n, [], 3n)
    const ahead = await list(issuing, 7n, [], 5n)
    const behind = await list(issuing, 3n, [], 2n)
    for (const delta of [strange, ahead, behind, full]) {
      expect(() => withDelta(full, delta)).toThrow(refusal('badList', 'fetch both again'))
    }
  })
})

it('reads a list that openssl made', () => {
  const key = genpkey('RSA', 'rsa_keygen_bits:2048')
  const certificate = opensslRoot(key, '/CN=Own')
  const database = file('R\t300101000000Z\t260102030405Z,keyCompromise\t0A1B\tunknown\t/CN=x\n')
  const config = file(`[ca]\ndefault_ca=own\n[own]\ndatabase=${database}\ndefault_md=sha256\ndefault_crl_days=30\n`)
  const pem = openssl('ca', '-gencrl', '-config', config, '-cert', file(certificate), '-keyfile', file(key))
  const read = readRevocationList(pem)
  expect([...read.revoked.values()]).toEqual([
    { serialNumber: '0a1b', date: new Date('2026-01-02T03:04:05Z'), reason: 'keyCompromise' },
  ])
  expect(isListIssuedBy(read, readCertificate(certificate))).toBe(true)
  expect(readRevocationList(derOf(pem))).toEqual(read)
})
