import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { encode, writeResponse } from '../../protocol/index.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import { checkTrust, type StepName, type TrustCheckOptions, type TrustReport } from '../../src/trust-check.ts'
import {
  bundle,
  client,
  dated,
  file,
  folder,
  intermediate,
  issue,
  libraryAuthority,
  names,
  openssl,
  request,
  root,
  rsa,
  server,
} from './certificates.ts'
import { freePort, hungPort, opensslServer, tcpServer, tlsServer } from './servers.ts'

const host = 'localhost'
const ca = root('Root')
const stranger = root('Stranger')
/** Another key under the same name. */
const namesake = root('Root')
const issuing = intermediate('Issuing', ca)
const good = server(ca)
const alice = client(ca)

type Options = Omit<TrustCheckOptions, 'host' | 'port'> & { readonly host?: string }

const check = (port: number, options: Options = {}): Promise<TrustReport> =>
  checkTrust({ host, port, ca: ca.cert, timeoutMs: 2000, ...options })

interface Row {
  readonly what: string
  readonly at: () => Promise<number>
  readonly options?: () => Options | Promise<Options>
  readonly step: StepName
  readonly code: string | RegExp
  readonly side: 'client' | 'server' | 'network'
  /** In the reason and the hint. */
  readonly words: readonly (string | RegExp)[]
}

const onServer =
  (pair: Parameters<typeof opensslServer>[0], ...option: string[]) =>
  () =>
    opensslServer(pair, ...option)

async function expectFault({ at, options, step, code, side, words }: Row): Promise<void> {
  const report = await check(await at(), await options?.())
  expect(report.stopped).toMatchObject({
    step,
    fault: { code: typeof code === 'string' ? code : (expect.stringMatching(code) as string), side },
  })
  const { reason = '', hint = '' } = report.stopped?.fault ?? {}
  for (const word of words) expect(`${reason}; ${hint}`).toMatch(word)
  expect(`${reason}${hint}`).not.toMatch(/undefined|\{\w+\}/)
  const steps = report.steps.map(({ name, outcome }) => [name, outcome])
  const at_ = steps.findIndex(([name]) => name === step)
  expect(steps[at_]?.[1]).toBe('failed')
  expect(
    steps
      .slice(at_ + 1)
      .filter(([name]) => name !== 'trust')
      .map(([, outcome]) => outcome),
  ).toEqual(
    steps
      .slice(at_ + 1)
      .filter(([name]) => name !== 'trust')
      .map(() => 'notReached'),
  )
}

describe('the way to the server', () => {
  const rows: readonly Row[] = [
    {
      what: 'a name that is none',
      at: freePort,
      options: () => ({ host: 'no-such-host.invalid' }),
      step: 'name',
      code: /^(noSuchHost|noNameServer)$/,
      side: 'network',
      words: ['no-such-host.invalid'],
    },
    {
      what: 'a port where nobody listens',
      at: freePort,
      step: 'connection',
      code: 'refused',
      side: 'server',
      words: ['nobody listens there', '5696'],
    },
    {
      what: 'a server that takes no connection',
      at: hungPort,
      step: 'connection',
      code: 'noAnswer',
      side: 'network',
      words: ['does not answer within 2 s', 'firewall'],
    },
    {
      what: 'a server that says nothing',
      at: () => tcpServer(() => undefined),
      step: 'tls',
      code: 'silent',
      side: 'server',
      words: ['says nothing for 2 s'],
    },
    {
      what: 'a server that hangs up',
      at: () => tcpServer(socket => socket.once('data', () => socket.end())),
      step: 'tls',
      code: 'closedAtOnce',
      side: 'server',
      words: ['without a word'],
    },
    {
      what: 'a server that resets',
      at: () => tcpServer(socket => socket.once('data', () => socket.resetAndDestroy())),
      step: 'tls',
      code: 'closedAtOnce',
      side: 'server',
      words: ['firewall'],
    },
    {
      what: 'plain HTTP',
      at: httpPort,
      step: 'tls',
      code: 'plainHttp',
      side: 'server',
      words: ['plain HTTP', 'not the TLS port'],
    },
    {
      what: 'SSH',
      at: () => tcpServer(socket => socket.write('SSH-2.0-OpenSSH_9.2\r\n')),
      step: 'tls',
      code: 'notTls',
      side: 'server',
      words: ['"SSH-2.0-OpenSSH_9.2"'],
    },
    {
      what: 'bytes of no known kind',
      at: () => tcpServer(socket => socket.once('data', () => socket.write(Buffer.from('42007b010000', 'hex')))),
      step: 'tls',
      code: 'notTls',
      side: 'server',
      words: ['the bytes 42007b010000'],
    },
    {
      what: 'TLS 1.1 alone',
      at: onServer(good, '-tls1_1', '-cipher', 'DEFAULT:@SECLEVEL=0'),
      step: 'tls',
      code: 'noVersion',
      side: 'server',
      words: ['only TLS 1.1', 'enable TLS 1.2'],
    },
    {
      what: 'a server without a suite that a client knows',
      at: onServer(good, '-tls1_2', '-cipher', 'PSK-AES128-CBC-SHA', '-psk', '1a2b3c'),
      step: 'tls',
      code: 'noCipher',
      side: 'server',
      words: ['no cipher suite in common', 'handshake_failure'],
    },
  ]
  it.each(rows)('$what', expectFault)

  async function httpPort(): Promise<number> {
    const server = createHttpServer()
    onTestFinished(() => void server.close())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as { port: number }).port
  }
})

describe('versions', () => {
  const all = ['-cipher', 'DEFAULT:@SECLEVEL=0']
  it.each([
    { option: ['-tls1_3'], spoken: ['TLSv1.3'], warning: undefined },
    { option: ['-tls1_2'], spoken: ['TLSv1.2'], warning: undefined },
    { option: ['-no_tls1_2', ...all], spoken: ['TLSv1.3', 'TLSv1.1', 'TLSv1'], warning: 'oldVersion' },
    { option: ['-no_tls1_3', '-no_tls1_1', '-no_tls1'], spoken: ['TLSv1.2'], warning: undefined },
    { option: all, spoken: ['TLSv1.3', 'TLSv1.2', 'TLSv1.1', 'TLSv1'], warning: 'oldVersion' },
    { option: ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA'], spoken: ['TLSv1.2'], warning: 'oldSuite' },
  ])('of $option: $spoken', async ({ option, spoken, warning }) => {
    const report = await check(await opensslServer(good, ...option))
    expect(report.versions.flatMap(({ version, suite }) => (suite === undefined ? [] : [version]))).toEqual(spoken)
    expect(report.stopped).toBeUndefined()
    const tls = report.steps.find(({ name }) => name === 'tls')
    expect(tls?.faults.map(({ code }) => code)).toEqual(warning === undefined ? [] : [warning])
    expect(report.session?.version).toBe(spoken[0])
  })
})

describe('the certificate of the server', () => {
  const rows: readonly Row[] = [
    {
      what: 'expired',
      at: async () => opensslServer(await dated(libraryAuthority(await oldRoot), 'server', -90)),
      options: async () => ({ ca: (await oldRoot).cert }),
      step: 'certificate',
      code: 'expired',
      side: 'server',
      words: [/expired on 20\d\d-\d\d-\d\dT/, /it is 20\d\d-\d\d-\d\dT.* here/],
    },
    {
      what: 'not yet valid',
      at: async () => opensslServer(await dated(libraryAuthority(ca), 'server', 10)),
      step: 'certificate',
      code: 'notYetValid',
      side: 'server',
      words: [/not valid before 20\d\d-/, /it is 20\d\d-/, 'compare the clocks'],
    },
    {
      what: 'for another name',
      at: onServer(server(ca, ['subjectAltName=DNS:keys.example.org,IP:192.0.2.7'])),
      step: 'certificate',
      code: 'wrongName',
      side: 'server',
      words: ['not for localhost; it names keys.example.org, 192.0.2.7', 'renew --host NAME'],
    },
    {
      what: 'for another address',
      at: onServer(server(ca, ['subjectAltName=DNS:localhost,IP:192.0.2.7'])),
      options: () => ({ host: '127.0.0.1' }),
      step: 'certificate',
      code: 'wrongName',
      side: 'server',
      words: ['not for 127.0.0.1; it names localhost, 192.0.2.7'],
    },
    {
      what: 'with a common name alone',
      at: onServer(issue({ subject: '/CN=localhost', issuer: ca })),
      step: 'certificate',
      code: 'noNames',
      side: 'server',
      words: ['no subject alternative name', '"localhost" does not count'],
    },
    {
      what: 'for clients',
      at: onServer(server(ca, [names, 'extendedKeyUsage=clientAuth'])),
      step: 'certificate',
      code: 'notForIt',
      side: 'server',
      words: ['lacks serverAuth, it has clientAuth'],
    },
    {
      what: 'for signing certificates',
      at: onServer(server(ca, [names, 'keyUsage=cRLSign'])),
      step: 'certificate',
      code: 'notForSigning',
      side: 'server',
      words: ['lacks digitalSignature, it has cRLSign'],
    },
    {
      what: 'with a short key',
      at: onServer(server(ca, [names], { keyType: rsa(1024) }), '-cipher', 'DEFAULT:@SECLEVEL=0'),
      step: 'certificate',
      code: 'weakKey',
      side: 'server',
      words: ['RSA 1024'],
    },
    {
      what: 'signed with SHA-1',
      at: onServer(server(ca, [names], { digest: 'sha1' }), '-cipher', 'DEFAULT:@SECLEVEL=0'),
      step: 'certificate',
      code: 'weakSignature',
      side: 'server',
      words: ['ECDSA with SHA-1'],
    },
  ]
  it.each(rows)('$what', expectFault)

  /** It began long ago, so that it can have issued what has expired. */
  const oldRoot = (async () => {
    const { createAuthority } = await import('../../certs/index.ts')
    const made = await createAuthority({ subject: { commonName: 'Old' }, now: new Date(Date.now() - 86_400_000_000) })
    return { cert: file(made.certificate), key: file(made.key, 'key') }
  })()
})

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

  const aged = (async () => {
    const { createAuthority } = await import('../../certs/index.ts')
    const made = await createAuthority({ subject: { commonName: 'Aged' }, now: new Date(Date.now() - 86_400_000_000) })
    return { cert: file(made.certificate), key: file(made.key, 'key') }
  })()

  async function expiredIntermediate() {
    const { createAuthority } = await import('../../certs/index.ts')
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
    const { rootCertificates } = await import('node:tls')
    const many = file([...rootCertificates, readFileSync(ca.cert, 'utf8')].join('\n'))
    const report = await check(await opensslServer(good), { ca: many })
    expect(report.stopped).toBeUndefined()
    expect(report.steps[0]?.found).toContain(`${rootCertificates.length + 1} authorities`)
  })
})

describe('the files of the client', () => {
  const locked = file(openssl('pkey', '-in', alice.key, '-aes256', '-passout', 'pass:sesame'), 'key')
  const rows: readonly (Omit<Row, 'at' | 'step' | 'side' | 'options'> & { readonly options: Options })[] = [
    {
      what: 'a trust store that is not there',
      options: { ca: join(folder, 'gone.pem') },
      code: 'fileUnreadable',
      words: ['gone.pem cannot be read (ENOENT)'],
    },
    { what: 'a folder', options: { ca: folder }, code: 'fileUnreadable', words: ['EISDIR'] },
    { what: 'an empty trust store', options: { ca: file('') }, code: 'wrongFile', words: ['the input is empty'] },
    { what: 'a key for a trust store', options: { ca: alice.key }, code: 'wrongFile', words: ['found a private key'] },
    {
      what: 'the certificate of the server for a trust store',
      options: { ca: good.cert },
      code: 'noAuthority',
      words: ['it holds "CN=server"', 'ca.pem'],
    },
    {
      what: 'a request for a certificate',
      options: { ...alice, cert: request(alice.key) },
      code: 'wrongFile',
      words: ['found a certificate request', 'wanted an X.509 certificate'],
    },
    {
      what: 'a key for a certificate',
      options: { ...alice, cert: alice.key },
      code: 'wrongFile',
      words: ['found a private key'],
    },
    {
      what: 'a certificate for a key',
      options: { ...alice, key: alice.cert },
      code: 'wrongFile',
      words: ['found a certificate', 'wanted a private key'],
    },
    {
      what: 'the certificate of the authority',
      options: { cert: ca.cert, key: alice.key },
      code: 'authorityFile',
      words: ['the certificate of an authority, "CN=Root"'],
    },
    {
      what: 'the authority before the client',
      options: { cert: bundle(ca, alice), key: alice.key },
      code: 'wrongOrder',
      words: ['begins with the certificate of "CN=Root"', 'put the certificate of the client first'],
    },
    {
      what: 'the key of another request',
      options: { cert: alice.cert, key: good.key },
      code: 'keyMismatch',
      words: [/\.key is not the private key of the certificate in .*\.pem/],
    },
    {
      what: 'a key whose passphrase is missing',
      options: { cert: alice.cert, key: locked },
      code: 'keyLocked',
      words: ['is encrypted', 'KMIPD_KEY_PASSPHRASE'],
    },
    {
      what: 'a key whose passphrase is wrong',
      options: { cert: alice.cert, key: locked, passphrase: 'open' },
      code: 'keyLocked',
      words: ['the passphrase does not open the private key'],
    },
  ]
  it.each(rows)('$what', row =>
    expectFault({ ...row, at: freePort, options: () => row.options, step: 'files', side: 'client' }),
  )

  it('may be one file, and a key that is encrypted', async () => {
    const both = file(readFileSync(alice.cert, 'utf8') + readFileSync(locked, 'utf8'))
    const port = await opensslServer(good, '-Verify', '1', '-CAfile', ca.cert, '-verify_return_error')
    const report = await check(port, { cert: both, passphrase: 'sesame' })
    expect(report.stopped).toBeUndefined()
    expect(report.steps[7]?.found).toBe('"CN=client" is accepted')
  })
})

describe('the certificate of the client', () => {
  const verify = ['-Verify', '1', '-CAfile', ca.cert, '-verify_return_error']
  const rows = ['-tls1_2', '-tls1_3'].flatMap((version): Row[] => [
    {
      what: `wanted and not given, ${version}`,
      at: onServer(good, version, ...verify),
      step: 'clientCertificate',
      code: 'certificateWanted',
      side: 'client',
      words: ['none was given', version === '-tls1_2' ? 'it accepts those of "CN=Root"' : '--cert and --key'],
    },
    {
      what: `of an authority that the server does not know, ${version}`,
      at: onServer(good, version, ...verify),
      options: () => client(stranger),
      step: 'clientCertificate',
      code: version === '-tls1_2' ? 'notAccepted' : 'alert',
      side: 'client',
      words: version === '-tls1_2' ? ['asks for client certificates of "CN=Root"', '"CN=Stranger"'] : ['unknown_ca'],
    },
    {
      what: `self-signed, ${version}`,
      at: onServer(good, version, ...verify, '-no_ca_names'),
      options: () => client(undefined),
      step: 'clientCertificate',
      code: 'alert',
      side: 'client',
      words: [/does not trust the authority of the client certificate \(TLS alert unknown_ca\)/],
    },
    {
      what: `expired, ${version}`,
      at: async () =>
        opensslServer(good, version, '-Verify', '1', '-CAfile', (await veteran).cert, '-verify_return_error'),
      options: async () => dated(libraryAuthority(await veteran), 'client', -90),
      step: 'clientCertificate',
      code: 'expired',
      side: 'client',
      words: ['the client certificate expired on'],
    },
    {
      what: `for servers alone, ${version}`,
      at: onServer(good, version, ...verify),
      options: () => client(ca, ['extendedKeyUsage=serverAuth']),
      step: 'clientCertificate',
      code: 'notForIt',
      side: 'client',
      words: ['lacks clientAuth, it has serverAuth'],
    },
  ])
  it.each(rows)('$what', expectFault)

  const veteran = (async () => {
    const { createAuthority } = await import('../../certs/index.ts')
    const made = await createAuthority({ subject: { commonName: 'Vet' }, now: new Date(Date.now() - 86_400_000_000) })
    return { cert: file(made.certificate), key: file(made.key, 'key') }
  })()

  it('that is refused brings the words of the alert, whatever else is wrong with it', async () => {
    const port = await opensslServer(good, '-tls1_3', ...verify)
    const { steps } = await check(port, client(ca, ['extendedKeyUsage=serverAuth']))
    expect(steps[7]?.faults.map(({ code, reason }) => `${code}: ${reason}`)).toEqual([
      expect.stringContaining('notForIt: ') as string,
      expect.stringMatching(/alert: the server .* \(TLS alert \w+\)/) as string,
    ])
  })

  it('is not needed where it is asked for and not insisted on', async () => {
    const report = await check(await opensslServer(good, '-tls1_2', '-verify', '1'), { timeoutMs: 1000 })
    expect(report.stopped).toBeUndefined()
    expect(report.clientCertificate).toEqual({ isWanted: true, authorities: [] })
    expect(report.steps[7]?.found).toContain('goes on without')
  })
})

describe('what flows', () => {
  const pem = { cert: readFileSync(good.cert), key: readFileSync(good.key) }

  it('is anything, over TLS', async () => {
    const port = await tlsServer(pem, socket =>
      socket.once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
    )
    const report = await check(port)
    expect(report.stopped).toBeUndefined()
    expect(report.steps[8]).toMatchObject({ outcome: 'passed', found: 'the server answers "HTTP/1.1 400 Bad Request"' })
    expect(report.kmip).toBeUndefined()
  })

  it.each([
    { what: 'says nothing', greet: () => undefined, words: 'says nothing to a KMIP request' },
    {
      what: 'hangs up',
      greet: (socket: { once: (event: 'data', then: () => void) => void; end: () => void }) =>
        socket.once('data', () => socket.end()),
      words: 'ends the connection at a KMIP request',
    },
  ])('is no KMIP where the server $what', async ({ greet, words }) => {
    const report = await check(await tlsServer(pem, greet), { timeoutMs: 1000 })
    expect(report.steps[8]).toMatchObject({ outcome: 'warned', faults: [{ code: 'notKmip' }] })
    expect(report.steps[8]?.faults[0]?.reason).toContain(words)
  })

  it('is KMIP of another hour', async () => {
    const answer = encode(
      writeResponse({
        version: '1.4',
        timeStamp: Math.floor(Date.now() / 1000) - 7200,
        batchItem: [{ operation: 'DiscoverVersions', resultStatus: 'Success', payload: { protocolVersion: [] } }],
      }),
    )
    const port = await tlsServer(pem, socket => socket.once('data', () => socket.write(answer)))
    const { steps } = await check(port)
    expect(steps[8]).toMatchObject({ outcome: 'warned', faults: [{ code: 'clocksApart', side: 'network' }] })
    expect(steps[8]?.faults[0]?.reason).toMatch(/120 minutes apart: it is 20.*Z there, 20.*Z here/)
  })
})

describe('our own server', () => {
  async function own(): Promise<{ running: RunningServer; options: Options }> {
    const running = await startServer({ ephemeral: true, port: 0, environment: { KMIPD_LOG_LEVEL: 'error' } })
    onTestFinished(() => running.close())
    return { running, options: { ca: running.ca, timeoutMs: 5000 } }
  }

  it('passes every step', async () => {
    const { running, options } = await own()
    const { kmip, client: shown } = running
    const report = await check(kmip.port, { ...options, cert: shown?.cert, key: shown?.key })
    expect(report.steps.map(({ name, outcome, faults }) => [name, outcome, faults])).toEqual(
      ['files', 'name', 'connection', 'tls', 'certificate', 'trust', 'keyExchange', 'clientCertificate', 'traffic'].map(
        name => [name, 'passed', []],
      ),
    )
    expect(report.kmip?.versions).toEqual(['2.1', '2.0', '1.4', '1.3', '1.2', '1.1', '1.0'])
    expect(report.session).toMatchObject({ version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' })
    expect(report.clientCertificate.isWanted).toBe(true)
  })

  it('wants a certificate, which --insecure does not stand in for', async () => {
    const { running, options } = await own()
    for (const isInsecure of [false, true]) {
      const { stopped } = await check(running.kmip.port, { ...options, isInsecure })
      expect(stopped).toMatchObject({ step: 'clientCertificate', fault: { code: 'certificateWanted' } })
    }
    const bypassed = await check(running.kmip.port, { ...options, ca: stranger.cert, ...alice, isInsecure: true })
    expect(bypassed.stopped).toMatchObject({ step: 'clientCertificate' })
  })

  it('turns a stranger away', async () => {
    const { running, options } = await own()
    const { stopped, steps } = await check(running.kmip.port, { ...options, ...client(undefined) })
    expect(stopped).toMatchObject({ step: 'clientCertificate', fault: { code: 'notAccepted', side: 'client' } })
    expect(steps[7]?.faults.at(-1)).toMatchObject({ code: 'closedAfterwards' })
  })
})
