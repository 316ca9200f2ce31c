import { createServer as createHttpServer } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { check, expectFault, good, onServer, type Row } from './rows.ts'
import { freePort, hungPort, opensslServer, tcpServer } from './servers.ts'

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
      options: () => ({ timeoutMs: 2000 }),
      step: 'connection',
      code: 'noAnswer',
      side: 'network',
      words: ['does not answer within 2 s', 'firewall'],
    },
    {
      what: 'a server that says nothing',
      at: () => tcpServer(() => undefined),
      options: () => ({ timeoutMs: 2000 }),
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
