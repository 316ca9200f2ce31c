import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { clientProfile, createAuthority, generateKeyPair, openAuthority, revocationReasons } from '../../certs/index.ts'
import type { Authority, Certificate, CertificateStatus } from '../../certs/index.ts'
import { nameOf, tlv } from './handmade.ts'
import { file, genpkey, openssl, opensslRoot } from './openssl.ts'

const now = new Date(Math.floor(Date.now() / 1000) * 1000)
const tomorrow = new Date(now.getTime() + 86_400_000)
const revokedAt = new Date('2026-01-02T03:04:05Z')

let root: Authority
let issuing: Authority
let good: Certificate
let revoked: Certificate
let stranger: Certificate

const issue = async (authority: Authority, commonName: string) => {
  const { publicKey } = await generateKeyPair()
  return authority.sign(authority.plan(publicKey, clientProfile({ commonName }), now))
}

beforeAll(async () => {
  root = openAuthority(await createAuthority({ now }))
  issuing = openAuthority(await createAuthority({ now, issuer: root }))
  good = await issue(issuing, 'good')
  revoked = await issue(issuing, 'revoked')
  stranger = await issue(root, 'of the root')
})

const lookup = async (serialNumber: string): Promise<CertificateStatus> =>
  serialNumber === good.serialNumber
    ? { status: 'good' }
    : serialNumber === revoked.serialNumber
      ? { status: 'revoked', date: revokedAt, reason: 'keyCompromise' }
      : { status: 'unknown' }

const about = (certificates: Certificate[], authority: Authority, hash: string) => [
  ...['-issuer', file(authority.certificate.pem), `-${hash}`],
  ...certificates.flatMap(({ pem }) => ['-cert', file(pem)]),
]

const requestOf = (certificates: Certificate[], authority = issuing, hash = 'sha256', ...option: string[]): Buffer => {
  const path = file('')
  openssl('ocsp', ...about(certificates, authority, hash), ...option, '-reqout', path)
  return readFileSync(path)
}

/** What openssl says, on both of its streams. Its exit code is of no help. */
function says(...argument: string[]): string {
  const { stdout, stderr } = spawnSync('openssl', ['ocsp', ...argument], { encoding: 'utf8' })
  return stdout + stderr
}

const judge = (
  request: Uint8Array,
  response: Uint8Array,
  certificates: Certificate[],
  authority = issuing,
  hash = 'sha256',
) =>
  says(
    ...about(certificates, authority, hash),
    ...['-reqin', file(request), '-no_nonce', '-respin', file(response), '-resp_text'],
    // The authority itself answers: openssl from 3.0.22 on trusts it for that only where it is told to.
    ...['-CAfile', file(root.certificate.pem), '-VAfile', file(authority.certificate.pem)],
  )

const show = (response: Uint8Array) => says('-respin', file(response), '-resp_text', '-noverify')

const answer = (request: Uint8Array, authority = issuing) => authority.answerStatus(request, lookup, now, tomorrow)

describe('openssl verifies', () => {
  it.each(['sha1', 'sha256', 'sha384', 'sha512'])('an answer on several certificates named by %s', async hash => {
    const request = requestOf([good, revoked, stranger], issuing, hash)
    const shown = judge(request, await answer(request), [good, revoked, stranger], issuing, hash)
    expect(shown).toContain('Response verify OK')
    expect(shown).not.toMatch(/WARNING|rror/)
    expect(shown).toMatch(/\.pem: good\n/)
    expect(shown).toMatch(
      /\.pem: revoked\n\t.*\n\t.*\n\tReason: keyCompromise\n\tRevocation Time: Jan {2}2 03:04:05 2026 GMT/,
    )
    expect(shown).toMatch(/\.pem: unknown\n/)
    expect(shown.match(/    This Update: .*\n    Next Update: /g)).toHaveLength(3)
  })

  it.each(['P-256', 'P-384', 'RSA-3072', 'Ed25519'] as const)('an answer signed with a %s key', async keyType => {
    const key = genpkey('ED25519')
    const authority = openAuthority(
      keyType === 'Ed25519'
        ? { certificate: opensslRoot(key, '/CN=Own'), key }
        : await createAuthority({ now, keyType }),
    )
    const request = requestOf([authority.certificate], authority)
    const response = await authority.answerStatus(request, async () => ({ status: 'good' }), now, tomorrow)
    const own = file(authority.certificate.pem)
    const shown = openssl(
      ...['ocsp', '-respin', file(response), '-reqin', file(request), '-no_nonce', '-CAfile', own],
      ...['-issuer', own, '-sha256', '-cert', own],
    )
    expect(shown).toMatch(/: good\n/)
  })

  it('every reason, and none where it is not told', async () => {
    const request = requestOf([good])
    // The words in openssl's own order (RFC 5280 §5.3.1 has no 7); it lacks those for 9 and 10.
    for (const [index, reason] of revocationReasons.entries()) {
      const response = await issuing.answerStatus(
        request,
        async () => ({ status: 'revoked', date: now, reason }),
        now,
        tomorrow,
      )
      const shown = judge(request, response, [good])
      if (reason === 'unspecified') expect(shown).not.toContain('Reason:')
      else expect(shown).toContain(`(0x${(index < 7 ? index : index + 1).toString(16)})`)
    }
  })

  it('no answer of another authority, nor a changed one', async () => {
    const request = requestOf([good])
    const imposter = openAuthority(await createAuthority({ now, subject: { commonName: 'kmipd issuing' } }))
    expect(judge(request, await answer(request, imposter), [good])).toContain('Response Verify Failure')
    const response = Buffer.from(await answer(request))
    response[response.length - 1] = (response.at(-1) ?? 0) ^ 1
    expect(judge(request, response, [good])).toContain('Response Verify Failure')
  })
})

describe('other authorities', () => {
  it('are told apart: of their certificates nothing is known, and nobody is asked', async () => {
    const request = requestOf([stranger], root)
    const response = await issuing.answerStatus(request, () => Promise.reject(new Error('asked')), now, tomorrow)
    const shown = show(response)
    expect(shown).toContain('Cert Status: unknown')
    expect(issuing.isAskedBy(request)).toBe(false)
    expect(root.isAskedBy(request)).toBe(true)
    expect(root.isAskedBy(Buffer.of(0x30, 0))).toBe(false)
  })

  it('of the same name are told apart by their key', async () => {
    const renewed = openAuthority(await createAuthority({ now, subject: { commonName: 'kmipd issuing' } }))
    expect(renewed.isAskedBy(requestOf([good]))).toBe(false)
    expect(renewed.isAskedBy(requestOf([good], renewed))).toBe(true)
  })

  it('may be named by a hash that is not known here', async () => {
    const der = Buffer.from(
      requestOf([good], issuing, 'sha256').toString('hex').replace('608648016503040201', '60864801650304020f'),
      'hex',
    )
    expect(show(await answer(der))).toContain('Cert Status: unknown')
  })
})

const oid = (hex: string) => tlv(0x06, Buffer.from(hex, 'hex'))
const nonceOf = (value: Uint8Array) => tlv(0x30, oid('2b0601050507300102'), tlv(0x04, value))

/** A request put together by hand, of which every part can be replaced. */
function handmade({
  count = 1,
  version = Buffer.alloc(0),
  extensions,
}: {
  count?: number
  version?: Buffer
  extensions?: Buffer[]
}) {
  const id = tlv(
    0x30,
    tlv(0x30, oid('2b0e03021a'), Buffer.of(5, 0)),
    tlv(0x04, createHash('sha1').update(nameOf('x')).digest()),
    tlv(0x04, Buffer.alloc(20)),
    tlv(0x02, Buffer.of(1)),
  )
  const list = tlv(0x30, ...Array<Buffer>(count).fill(tlv(0x30, id)))
  return tlv(0x30, tlv(0x30, version, list, ...(extensions ? [tlv(0xa2, tlv(0x30, ...extensions))] : [])))
}

const malformedRequest = Buffer.from('30030a0101', 'hex')
const isSuccess = (response: Uint8Array) => Buffer.from(response).includes(Buffer.from('0a0100a0', 'hex'))

describe('a nonce', () => {
  it.each([1, 32, 128])('of %i octets comes back', async size => {
    const value = tlv(0x04, Buffer.alloc(size, 7))
    const response = Buffer.from(await answer(handmade({ extensions: [nonceOf(value)] })))
    expect(response.includes(nonceOf(value))).toBe(true)
  })

  it.each([
    ['no octets', tlv(0x04)],
    ['129 octets', tlv(0x04, Buffer.alloc(129))],
    ['another type', tlv(0x02, Buffer.of(1))],
  ])('of %s is refused', async (_, value) => {
    expect(await answer(handmade({ extensions: [nonceOf(value)] }))).toEqual(new Uint8Array(malformedRequest))
  })

  it('is not made up', async () => {
    const request = requestOf([good], issuing, 'sha256', '-no_nonce')
    const response = await answer(request)
    expect(judge(request, response, [good])).toContain('Response verify OK')
    expect(Buffer.from(response).includes(oid('2b0601050507300102'))).toBe(false)
  })
})

describe('what cannot be answered', () => {
  it.each<[string, Uint8Array]>([
    ['nothing', Buffer.alloc(0)],
    ['a question about nothing', handmade({ count: 0 })],
    ['a question about too much', handmade({ count: 129 })],
    ['another version', handmade({ version: tlv(0xa0, Buffer.of(2, 1, 1)) })],
    ['two nonces', handmade({ extensions: [nonceOf(tlv(0x04, Buffer.of(1))), nonceOf(tlv(0x04, Buffer.of(2)))] })],
    ['too many octets', Buffer.alloc(65_537, 0x30)],
  ])('is malformed: %s', async (_, request) => {
    const response = await answer(request)
    expect(response).toEqual(new Uint8Array(malformedRequest))
    expect(show(response)).toContain('malformedrequest')
  })

  it('is an internal error when it cannot be looked up', async () => {
    const request = requestOf([good])
    const response = await issuing.answerStatus(request, () => Promise.reject(new Error('closed')), now, tomorrow)
    expect(Buffer.from(response)).toEqual(Buffer.from('30030a0102', 'hex'))
  })

  it('is what was meant: 128 at once are answered, in version 1 named as such', async () => {
    const version = tlv(0xa0, Buffer.of(2, 1, 0))
    expect(isSuccess(await answer(handmade({ count: 128, version })))).toBe(true)
  })
})

it('answers any bytes, and never throws', async () => {
  const sample = requestOf([good, revoked])
  const edits = fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map(each => Buffer.from(each)),
    edits.map(changes => changes.reduce((der, [at, octet]) => (der.set([octet], at), der), Buffer.from(sample))),
    fc.nat(sample.length).map(length => sample.subarray(0, length)),
  )
  await fc.assert(
    fc.asyncProperty(bytes, async request => {
      const response = Buffer.from(await answer(request))
      expect(isSuccess(response) || response.equals(malformedRequest)).toBe(true)
      expect(typeof issuing.isAskedBy(request)).toBe('boolean')
    }),
    { numRuns: 500 },
  )
})
