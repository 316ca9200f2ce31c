import { readFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { encode, writeResponse } from '../../protocol/index.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import { client, dated, libraryAuthority } from './certificates.ts'
import { alice, ca, check, expectFault, good, oldRoot, onServer, type Options, type Row, stranger } from './rows.ts'
import { opensslServer, tlsServer } from './servers.ts'

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

  const veteran = oldRoot('Vet')

  it('that is refused brings the words of the alert, whatever else is wrong with it', async () => {
    const port = await opensslServer(good, '-tls1_3', ...verify)
    const { steps } = await check(port, client(ca, ['extendedKeyUsage=serverAuth']))
    expect(steps[7]?.faults.map(({ code, reason }) => `${code}: ${reason}`)).toEqual([
      expect.stringContaining('notForIt: ') as string,
      expect.stringMatching(/alert: the server .* \(TLS alert \w+\)/) as string,
    ])
  })

  it('is not needed where it is asked for and not insisted on', async () => {
    const report = await check(await opensslServer(good, '-tls1_2', '-verify', '1'))
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
    const report = await check(await tlsServer(pem, greet), { timeoutMs: 3000 })
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
    return { running, options: { ca: running.ca } }
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
