import { createPrivateKey } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  CertsError,
  clientProfile,
  createAuthority,
  createRequest,
  generateKeyPair,
  openAuthority,
  readCertificate,
  readCertificates,
  readPrivateKey,
  readPublication,
  readRequest,
  readRevocationList,
  serverProfile,
} from '../../certs/index.ts'
import { derOf, handmadeRequest, nameOf, pemOf, tlv } from './handmade.ts'
import { clusterSubject } from './openssl.ts'

const now = new Date()
const runs = { numRuns: 200 }
const readers = [
  readRequest,
  readCertificate,
  readCertificates,
  readPrivateKey,
  readRevocationList,
  (input: string | Uint8Array) => readPublication(readCertificate(input)),
]

const publication = {
  authority: 'http://a.example/',
  statusResponder: 'http://a.example/ocsp',
  revocationList: 'http://a.example/crl',
  deltaRevocationList: 'http://a.example/delta',
}
const revoked = [
  { serialNumber: '0a', date: now, reason: 'superseded' as const },
  { serialNumber: 'ff', date: now },
]

let samples: Buffer[] = []
let key = ''

beforeAll(async () => {
  const files = await createAuthority({ now })
  const authority = openAuthority({ ...files, publication: () => publication })
  const keyPair = await generateKeyPair()
  const request = await createRequest({ subject: clusterSubject, keyPair, names: ['a.example', '::1'] })
  const profile = serverProfile({ names: ['a.example', '192.0.2.1', '2001:db8::1'] })
  const leaf = await authority.sign(authority.plan(keyPair.publicKey, profile, now))
  const list = await authority.revocationList({
    number: 9n,
    revoked,
    thisUpdate: now,
    nextUpdate: new Date('2049-01-01'),
  })
  samples = [derOf(request), Buffer.from(leaf.der), derOf(files.certificate), derOf(files.key), Buffer.from(list.der)]
  key = files.key
})

/** Returns normally, or refuses; anything else fails the test. */
function refusesOrReads(read: (input: string | Uint8Array) => unknown, input: string | Uint8Array): void {
  try {
    read(input)
  } catch (error) {
    if (!(error instanceof CertsError)) throw error
  }
}

const leafOf = ([tag, content]: [number, Uint8Array]) => tlv(tag, content)
const branchOf = ([tag, child]: [number, Buffer[]]) => tlv(tag, ...child)

const tree = fc.letrec<{ node: Buffer }>(tie => ({
  node: fc.oneof(
    { depthSize: 'medium' },
    fc.tuple(fc.constantFrom(1, 2, 3, 4, 5, 6, 12, 19, 22, 23, 24, 30), fc.uint8Array({ maxLength: 12 })).map(leafOf),
    fc.tuple(fc.constantFrom(0x30, 0x31, 0xa0, 0xa3), fc.array(tie('node'), { maxLength: 7 })).map(branchOf),
  ),
})).node

describe('reads or refuses', () => {
  it('any bytes and any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: 'binary', maxLength: 300 })), input => {
        for (const read of readers) refusesOrReads(read, input)
      }),
      runs,
    )
  })

  it('any tree of DER, armoured or not', () => {
    fc.assert(
      fc.property(
        tree,
        fc.constantFrom('', 'CERTIFICATE REQUEST', 'CERTIFICATE', 'PRIVATE KEY', 'X509 CRL'),
        (der, label) => {
          for (const read of readers) refusesOrReads(read, label ? pemOf(label, der) : der)
        },
      ),
      runs,
    )
  })

  it('requests, certificates, keys and lists with octets changed, cut or doubled', () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'cut', 'add')), {
      minLength: 1,
      maxLength: 4,
    })
    fc.assert(
      fc.property(fc.nat(4), edits, (which, changes) => {
        const sample = samples[which] ?? expect.fail('no sample')
        const input = changes.reduce((der, [place, octet, edit]) => {
          const at = place % (der.length + 1)
          return Buffer.concat([
            der.subarray(0, at),
            edit === 'cut' ? Buffer.alloc(0) : Buffer.of(octet),
            der.subarray(edit === 'add' ? at : at + 1),
          ])
        }, sample)
        for (const read of readers) refusesOrReads(read, input)
        refusesOrReads(readPrivateKey, pemOf('PRIVATE KEY', input))
      }),
      { numRuns: 1000 },
    )
  })
})

it('accepts no request of which one octet was changed', () => {
  const request = samples[0] ?? expect.fail('no sample')
  const { fingerprint } = readRequest(request)
  for (let at = 0; at < request.length; at++) {
    const changed = Buffer.from(request)
    changed[at] = (changed[at] ?? 0) ^ 0x01
    expect(() => readRequest(changed).fingerprint === fingerprint, `octet ${at}`).toThrow(CertsError)
  }
})

it('signs no subject that openssl and node would not read as it does', async () => {
  const authority = openAuthority(await createAuthority({ now }))
  const keyPair = await generateKeyPair()
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.constantFrom(0x0c, 0x13, 0x16),
      async (value, tag) => {
        const der = handmadeRequest(keyPair.privateKey, { subject: nameOf(value, tag) })
        try {
          const plan = authority.plan(readRequest(der), clientProfile(), now)
          expect((await authority.sign(plan)).subject).toEqual(plan.subject)
        } catch (error) {
          expect(error).toMatchObject({ code: 'badSubject' })
        }
      },
    ),
    { numRuns: 100 },
  )
})

it('says nothing of a private key in any error', () => {
  const { d = '' } = createPrivateKey(key).export({ format: 'jwk' })
  const body = key.replace(/-----[^-]+-----|\s/g, '')
  for (const read of [readRequest, readCertificate]) {
    for (const input of [key, body, samples[3] ?? '', `garbage ${body}`]) {
      try {
        read(input)
        expect.fail('a key was read as something else')
      } catch (error) {
        const { message, stack = '' } = error as Error
        for (const secret of [d, body.slice(20, 40), body.slice(60, 80)]) expect(message + stack).not.toContain(secret)
      }
    }
  }
})
