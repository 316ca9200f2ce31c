import { beforeAll, describe, expect, it } from 'vitest'
import {
  clientProfile,
  createAuthority,
  generateKeyPair,
  openAuthority,
  readCertificate,
  readPublication,
  serverProfile,
  subordinateProfile,
  verifyChain,
} from '../../certs/index.ts'
import type { Authority, AuthorityFiles, Certificate, Plan, Publication } from '../../certs/index.ts'
import { file, genpkey, openssl, opensslRoot } from './openssl.ts'

const now = new Date(Math.floor(Date.now() / 1000) * 1000)
const later = (days: number) => new Date(now.getTime() + days * 86_400_000)
const refusal = (code: string, message = '') =>
  expect.objectContaining({ name: 'CertsError', code, message: expect.stringContaining(message) as string }) as Error

const publication: Publication = {
  authority: 'http://kmip.example.com:8080/ca.cer?a=b&c=d',
  statusResponder: 'http://kmip.example.com/ocsp',
  revocationList: 'https://kmip.example.com/ca.crl',
  deltaRevocationList: 'http://kmip.example.com/delta.crl',
}

const verify = (trusted: string, pem: string, ...untrusted: string[]) =>
  openssl(
    ...['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', file(trusted)],
    ...untrusted.flatMap(each => ['-untrusted', file(each)]),
    file(pem),
  )

const serverOf = async (authority: Authority): Promise<Certificate> => {
  const { publicKey } = await generateKeyPair()
  return authority.sign(authority.plan(publicKey, serverProfile({ names: ['kmip.example.com'] }), now))
}

let old: Authority
let files: AuthorityFiles
let young: Authority

beforeAll(async () => {
  old = openAuthority(await createAuthority({ now, subject: { commonName: 'old' }, days: 100 }))
  files = await createAuthority({ now, subject: { commonName: 'young' } })
  young = openAuthority(files)
})

describe('a cross-certificate', () => {
  it('lets who trusts the old authority trust what the new one issues, and the other way round', async () => {
    const server = await serverOf(young)
    const youngByOld = await old.sign(old.crossCertify(young.certificate, now))
    const oldByYoung = await young.sign(young.crossCertify(old.certificate, now))
    expect(verify(old.certificate.pem, server.pem, youngByOld.pem)).toContain(': OK')
    expect(verify(young.certificate.pem, server.pem, youngByOld.pem)).toContain(': OK')
    expect(verify(young.certificate.pem, (await serverOf(old)).pem, oldByYoung.pem)).toContain(': OK')
    expect(() => verify(old.certificate.pem, server.pem)).toThrow('unable to get local issuer')
    verifyChain([server, youngByOld, old.certificate], now)
    expect(youngByOld).toMatchObject({
      isAuthority: true,
      subject: young.certificate.subject,
      publicKey: young.certificate.publicKey,
      pathLength: 0,
      notAfter: later(100),
    })
    expect(oldByYoung.notAfter).toEqual(later(100))
  })

  it('is an authority to open: its chain is what servers hand out while both are trusted', async () => {
    const cross = await old.sign(old.crossCertify(young.certificate, now))
    const opened = openAuthority({ ...files, certificate: cross.pem + old.certificate.pem })
    const server = await serverOf(opened)
    expect(server.notAfter).toEqual(later(100))
    expect(verify(young.certificate.pem, server.pem, ...opened.chain)).toContain(': OK')
    expect(verify(old.certificate.pem, server.pem, ...opened.chain)).toContain(': OK')
  })

  it('of the same name, a new key, takes nothing from the path length', async () => {
    const renewed = openAuthority(await createAuthority({ now, subject: { commonName: 'old' } }))
    const issuing = openAuthority(await createAuthority({ now, issuer: renewed }))
    const cross = await old.sign(old.crossCertify(renewed.certificate, now, 30))
    const server = await serverOf(issuing)
    expect(cross).toMatchObject({ pathLength: 1, notAfter: later(30) })
    expect(verify(old.certificate.pem, server.pem, issuing.certificate.pem, cross.pem)).toContain(': OK')
    verifyChain([server, issuing.certificate, cross, old.certificate], now)
  })

  it('allows no more than the other does itself, and may allow any number', async () => {
    const key = genpkey('EC', 'ec_paramgen_curve:P-256')
    const free = openAuthority({ certificate: opensslRoot(key, '/CN=free'), key })
    const soon = new Date(Date.now() + 2000)
    expect((await free.sign(free.crossCertify(young.certificate, soon))).pathLength).toBe(1)
    expect((await free.sign(free.crossCertify(free.certificate, soon))).pathLength).toBeUndefined()
  })

  it('keeps the key identifier that the other one bears', async () => {
    const key = genpkey('EC', 'ec_paramgen_curve:P-384')
    const theirs = readCertificate(opensslRoot(key, '/CN=theirs'))
    const soon = new Date(Date.now() + 2000)
    const cross = await young.sign(young.crossCertify(theirs, soon))
    const identifier = (pem: string) => openssl('x509', '-in', file(pem), '-noout', '-ext', 'subjectKeyIdentifier')
    expect(identifier(cross.pem)).toBe(identifier(theirs.pem))
  })

  it('is refused where it cannot be', async () => {
    const leaf = await serverOf(young)
    expect(() => old.crossCertify(leaf, now)).toThrow(refusal('notAnAuthority', 'is not an authority'))
    expect(() => young.crossCertify(old.certificate, later(101))).toThrow(refusal('expired'))
    expect(() => old.crossCertify(young.certificate, later(-1))).toThrow(refusal('notYetValid'))
    expect(() => old.crossCertify(young.certificate, now, 0)).toThrow(refusal('badLifetime'))
    const low = openAuthority(await createAuthority({ now, pathLength: 0 }))
    expect(() => low.crossCertify(young.certificate, now)).toThrow(refusal('notAnAuthority', 'path length'))
  })
})

describe('an issuing authority', () => {
  it('is made under a root, and issues', async () => {
    const { certificate, key } = await createAuthority({ now, issuer: young, keyType: 'P-384', days: 400 })
    const issuing = openAuthority({ certificate, key })
    expect(issuing.certificate).toMatchObject({
      subject: { text: 'CN=kmipd issuing' },
      issuer: { text: 'CN=young' },
      pathLength: 0,
      notAfter: later(400),
    })
    expect(issuing.chain).toEqual([issuing.certificate.pem, young.certificate.pem])
    expect(verify(young.certificate.pem, (await serverOf(issuing)).pem, issuing.certificate.pem)).toContain(': OK')
  })

  it('is recorded before it is signed, or not signed', async () => {
    const plans: Plan[] = []
    const record = async (plan: Plan) => void plans.push(plan)
    const { certificate } = await createAuthority({ now, issuer: young, record })
    expect(plans).toMatchObject([{ kind: 'subordinate', serialNumber: readCertificate(certificate).serialNumber }])
    const failing = createAuthority({ now, issuer: young, record: () => Promise.reject(new Error('no room')) })
    await expect(failing).rejects.toThrow('no room')
  })

  it('is refused where none may be', async () => {
    const low = openAuthority(await createAuthority({ now, pathLength: 0 }))
    await expect(createAuthority({ now, issuer: low })).rejects.toThrow(refusal('notAnAuthority', 'path length is 0'))
    await expect(createAuthority({ now, issuer: young, days: 0 })).rejects.toThrow(refusal('badLifetime'))
    await expect(createAuthority({ now, issuer: young, subject: {} })).rejects.toThrow(refusal('badSubject'))
  })
})

describe('publication', () => {
  it('is in whatever is signed, as openssl and we read it', async () => {
    const authority = openAuthority({ ...files, publication: () => publication })
    const leaf = await serverOf(authority)
    const { publicKey } = await generateKeyPair()
    const profile = subordinateProfile({ subject: { commonName: 'below' } })
    const below = await authority.sign(authority.plan(publicKey, profile, now))
    const cross = await authority.sign(authority.crossCertify(old.certificate, now))
    for (const certificate of [leaf, below, cross]) {
      const shown = openssl('x509', '-in', file(certificate.pem), '-noout', '-text')
      expect(shown).toMatch(/OCSP - URI:http:\/\/kmip.example.com\/ocsp\n\s+CA Issuers - URI:http.*ca.cer\?a=b&c=d\n/)
      expect(shown).toMatch(/CRL Distribution Points: \n\s+Full Name:\n\s+URI:https:\/\/kmip.example.com\/ca.crl\n/)
      expect(shown).toMatch(/Freshest CRL: \n\s+Full Name:\n\s+URI:http:\/\/kmip.example.com\/delta.crl\n/)
      expect(readPublication(certificate)).toEqual(publication)
    }
    expect(verify(files.certificate, leaf.pem)).toContain(': OK')
    expect(openssl('x509', '-in', file(leaf.pem), '-noout', '-ocsp_uri').trim()).toBe(publication.statusResponder)
  })

  it.each(Object.keys(publication) as (keyof Publication)[])('may be of the %s alone', async name => {
    const authority = openAuthority({ ...files, publication: () => ({ [name]: publication[name] }) })
    expect(readPublication(await serverOf(authority))).toEqual({ [name]: publication[name] })
  })

  it('is nowhere by default', async () => {
    const { publicKey } = await generateKeyPair()
    const leaf = await young.sign(young.plan(publicKey, clientProfile({ commonName: 'c' }), now))
    expect(openssl('x509', '-in', file(leaf.pem), '-noout', '-text')).not.toMatch(/Authority Information|CRL/)
    expect(readPublication(leaf)).toEqual({})
  })

  it('is read where others publish, the first address that can be fetched', () => {
    const pem = opensslRoot(
      genpkey('ED25519'),
      '/CN=x',
      'crlDistributionPoints=URI:ldap://ldap.example/cn=x,URI:http://a.example/1.crl,URI:http://b.example/2.crl',
      'authorityInfoAccess=caIssuers;DNS:a.example,caIssuers;URI:http://a.example/ca.cer,1.2.3;URI:http://c.example/',
    )
    expect(readPublication(readCertificate(pem))).toEqual({
      authority: 'http://a.example/ca.cer',
      revocationList: 'http://a.example/1.crl',
    })
  })

  it.each(['', 'kmip.example.com/ca.crl', 'ldap://a/b', 'http://a/\n', 'http://zürich.example/', 'http://'])(
    'is refused at %j',
    address => {
      expect(() => openAuthority({ ...files, publication: () => ({ revocationList: address }) })).toThrow(
        refusal('badName', 'revocationList'),
      )
    },
  )
})
