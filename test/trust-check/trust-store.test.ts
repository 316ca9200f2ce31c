import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { createAuthority } from '../../certs/index.ts'
import { bundle, file, intermediate, issue, libraryAuthority, names, root, server } from './certificates.ts'
import { ca, check, expectFault, good, oldRoot, onServer, type Row, stranger } from './rows.ts'
import { opensslServer } from './servers.ts'

/** Another key under the same name. */
const namesake = root('Root')
const issuing = intermediate('Issuing', ca)

describe('the trust store', () => {
  const byIssuing = server(issuing)
  const telling = server(issuing, [names, 'authorityKeyIdentifier=keyid,issuer:always'])
  const below = server(good)
  const ownRoot = server(ca, [names])
  const narrow = intermediate('Narrow', ca, 'basicConstraints=critical,CA:TRUE,pathlen:0', 'subjectKeyIdentifier=hash')
  const deep = intermediate('Deep', narrow)

  const rows: readonly Row[] = [
    {
      what: 'another authority, whose root is sent',
      at: onServer(good, '-cert_chain', ca.cert),
      options: () => ({ ca: stranger.cert }),
      step: 'trust',
      code: 'untrustedRoot',
      side: 'client',
      words: [/ends at "CN=Root" \(SHA-256 [0-9a-f]{64}\)/, 'trusts "CN=Stranger"', stranger.cert],
    },
    {
      what: 'another authority, whose root is not sent',
      at: onServer(good),
      options: () => ({ ca: stranger.cert }),
      step: 'trust',
      code: 'missingIssuer',
      side: 'client',
      words: [/issued by "CN=Root" \(key identifier [0-9a-f]{40}\)/, 'trusts "CN=Stranger"', 'ca.pem'],
    },
    {
      what: 'an authority of the same name with another key',
      at: onServer(good),
      options: () => ({ ca: bundle(stranger, namesake) }),
      step: 'trust',
      code: 'otherKey',
      side: 'client',
      words: ['same name with another key', /wanted key identifier [0-9a-f]{40}, found SHA-256 [0-9a-f]{64}/],
    },
    {
      what: 'an authority of the same name with another key, when the root is sent',
      at: onServer(good, '-cert_chain', ca.cert),
      options: () => ({ ca: namesake.cert }),
      step: 'trust',
      code: 'otherKey',
      side: 'client',
      words: [/wanted SHA-256 [0-9a-f]{64}, found SHA-256 [0-9a-f]{64}/],
    },
    {
      what: 'an intermediate that is not sent',
      at: onServer(byIssuing),
      step: 'trust',
      code: 'missingIssuer',
      side: 'client',
      words: ['does not send its intermediate', '"CN=server" was issued by "CN=Issuing"', 'must send its certificate'],
    },
    {
      what: 'an intermediate that is not sent, and is known for one',
      at: onServer(telling),
      step: 'trust',
      code: 'missingIntermediate',
      side: 'server',
      words: ['"CN=Issuing"', 'itself issued by "CN=Root"', 'after it'],
    },
    {
      what: 'an intermediate without its root',
      at: onServer(byIssuing),
      options: () => ({ ca: issuing.cert }),
      step: 'trust',
      code: 'missingRoot',
      side: 'client',
      words: ['trusts the intermediate authority "CN=Issuing" and not its issuer "CN=Root"'],
    },
    {
      what: 'the certificate of the server in place of its authority',
      at: onServer(ownRoot),
      options: () => ({ ca: bundle(stranger, ownRoot) }),
      step: 'trust',
      code: 'ownCertificate',
      side: 'client',
      words: ['the server certificate itself', '"CN=Root"', 'not server.pem'],
    },
    {
      what: 'a certificate that signed itself',
      at: onServer(issue({ subject: '/CN=self', extensions: [names] })),
      step: 'trust',
      code: 'selfSigned',
      side: 'client',
      words: ['self-signed, by "CN=self"', 'compare the fingerprint'],
    },
    {
      what: 'an issuer that is no authority',
      at: onServer(below, '-cert_chain', good.cert),
      step: 'trust',
      code: 'notAnAuthority',
      side: 'server',
      words: ['"CN=server" was signed by "CN=server"', 'CA:TRUE'],
    },
    {
      what: 'an intermediate that has expired',
      at: async () => {
        const expired = await expiredIntermediate()
        return opensslServer(server(expired), '-cert_chain', expired.cert)
      },
      options: async () => ({ ca: (await aged).cert }),
      step: 'trust',
      code: 'issuerExpired',
      side: 'server',
      words: ['"CN=Expired"', 'renew'],
    },
    {
      what: 'an authority below one that allows none',
      at: onServer(server(deep), '-cert_chain', bundle(deep, narrow)),
      step: 'trust',
      code: 'tooDeep',
      side: 'server',
      words: ['"CN=Narrow" allows 0 authorities below it, and the chain has 1'],
    },
  ]
  it.each(rows)('$what', expectFault)

  const aged = oldRoot('Aged')

  async function expiredIntermediate() {
    const issuer = libraryAuthority(await aged)
    const now = new Date(Date.now() - 900 * 86_400_000)
    const made = await createAuthority({ subject: { commonName: 'Expired' }, issuer, days: 30, now })
    return { cert: file(made.certificate), key: file(made.key, 'key') }
  }

  it('trusts through an intermediate that is sent, and one that is in the file', async () => {
    for (const [option, trusted] of [
      [['-cert_chain', issuing.cert], ca.cert],
      [[], bundle(issuing, ca)],
    ] as const) {
      const report = await check(await opensslServer(byIssuing, ...option), { ca: trusted })
      expect(report.stopped).toBeUndefined()
      expect(report.chain.map(({ certificate }) => certificate.subject.text)).toEqual([
        'CN=server',
        'CN=Issuing',
        'CN=Root',
      ])
      expect(report.chain.map(({ source }) => source)).toEqual([
        'server',
        option.length > 0 ? 'server' : 'trustStore',
        'trustStore',
      ])
    }
  })

  it('tells of the name and of the authority at once', async () => {
    const report = await check(await opensslServer(server(stranger, ['subjectAltName=DNS:other.example.org'])))
    expect(report.steps.map(({ name, faults }) => [name, faults[0]?.code])).toEqual(
      expect.arrayContaining([
        ['certificate', 'wrongName'],
        ['trust', 'missingIssuer'],
      ]) as unknown,
    )
  })

  it('is bypassed on demand alone, and says so', async () => {
    const port = await opensslServer(good)
    const report = await check(port, { ca: stranger.cert, isInsecure: true })
    expect(report.stopped).toBeUndefined()
    expect(report.steps.map(({ outcome }) => outcome)).toEqual([
      ...['passed', 'passed', 'passed', 'passed', 'passed', 'bypassed', 'passed', 'passed', 'passed'],
    ])
    expect(report.steps[5]?.faults).toMatchObject([{ code: 'missingIssuer' }])
  })

  it('is that of the public authorities when there is no file', async () => {
    const report = await check(await opensslServer(good), { ca: undefined })
    expect(report.stopped?.fault).toMatchObject({
      code: 'missingIssuer',
      hint: expect.stringContaining('--ca') as string,
    })
  })

  it('may hold hundreds', async () => {
    const many = file([...rootCertificates, readFileSync(ca.cert, 'utf8')].join('\n'))
    const report = await check(await opensslServer(good), { ca: many })
    expect(report.stopped).toBeUndefined()
    expect(report.steps[0]?.found).toContain(`${rootCertificates.length + 1} authorities`)
  })
})
