import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { createAuthority, readCertificate } from '../../certs/index.ts'
import { ListenError } from '../../src/listener.ts'
import {
  alice,
  clientIdentity,
  connect,
  connectPlain,
  message,
  server,
  serverIdentity,
  start,
  stranger,
  trusted,
  until,
} from './listening.ts'

const folder = mkdtempSync(join(tmpdir(), 'listener-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
writeFileSync(files.cert, alice.cert)
writeFileSync(files.key, alice.key)

/** What openssl tells of a connection: the suite that was agreed on, if any. */
function openssl({ port }: { port: number }, ...option: string[]): Promise<string | undefined> {
  const argument = ['s_client', '-connect', `127.0.0.1:${port}`, '-cert', files.cert, '-key', files.key, ...option]
  return new Promise(resolve => {
    const child = execFile('openssl', argument, { timeout: 60_000 }, (_error, stdout) => {
      const suite = /Cipher is (\S+)/.exec(stdout)?.[1]
      resolve(suite === '(NONE)' ? undefined : suite)
    })
    child.stdin?.end()
  })
}

const dayMs = 86_400_000
const rsaServer = await serverIdentity('RSA-2048')
const bob = await clientIdentity('bob', stranger)
const old = await clientIdentity('old', trusted, -90)
const early = await clientIdentity('early', trusted, 10)
const root = await createAuthority({ subject: { commonName: 'self' }, now: new Date() })

describe('TLS', () => {
  it.each([
    { key: 'P-256', option: ['-tls1_2'], suite: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
    { key: 'P-256', option: ['-tls1_3'], suite: 'TLS_AES_256_GCM_SHA384' },
    { key: 'RSA', option: ['-tls1_2'], suite: 'ECDHE-RSA-AES256-GCM-SHA384' },
    { key: 'RSA', option: ['-tls1_2', '-cipher', 'DHE-RSA-AES128-GCM-SHA256'], suite: 'DHE-RSA-AES128-GCM-SHA256' },
    { key: 'RSA', option: ['-tls1_3'], suite: 'TLS_AES_256_GCM_SHA384' },
  ])('speaks $suite with an $key key', async ({ key, option, suite }) => {
    const { cert: certificate, key: privateKey } = key === 'RSA' ? rsaServer : server
    const listener = await start({ certificate, key: privateKey })
    expect(await openssl(listener, ...option)).toBe(suite)
  })

  it.each([
    { option: ['-tls1', '-cipher', 'ALL:@SECLEVEL=0'], reason: 'no TLS 1.2 or 1.3' },
    { option: ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'], reason: 'no TLS 1.2 or 1.3' },
    { option: ['-tls1_2', '-cipher', 'AES128-GCM-SHA256'], reason: 'forward secrecy' },
    { option: ['-tls1_2', '-cipher', 'AES128-SHA'], reason: 'forward secrecy' },
    { option: ['-tls1_2', '-cipher', 'ECDHE-RSA-AES128-SHA'], reason: 'forward secrecy' },
  ])('refuses $option', async ({ option, reason }) => {
    const listener = await start({ certificate: rsaServer.cert, key: rsaServer.key })
    expect(await openssl(listener, ...option)).toBeUndefined()
    expect(await listener.line(reason)).toMatchObject({ level: 'warn', address: '127.0.0.1' })
    expect(listener.told()).toHaveLength(1)
  })

  it('never renegotiates: a client does not become another', async () => {
    const listener = await start()
    const client = await connect(listener, { maxVersion: 'TLSv1.2' })
    client.socket.renegotiate({}, () => undefined)
    expect(await new Promise(resolve => client.socket.on('error', resolve))).toMatchObject({
      code: 'ERR_SSL_NO_RENEGOTIATION',
    })
  })
})

describe('admission', () => {
  it('tells the register who the client is', async () => {
    const listener = await start()
    const client = await connect(listener)
    client.socket.write(message())
    await client.receives(16)
    const { fingerprint, der } = readCertificate(alice.cert)
    const [peer] = listener.peers
    expect(peer).toMatchObject({ fingerprint, subject: 'CN=alice', issuer: 'CN=trusted', address: '127.0.0.1' })
    expect(peer).toMatchObject({ tlsVersion: 'TLSv1.3', resumed: false })
    expect(peer?.certificate).toEqual(new Uint8Array(der))
    expect(peer?.port).toBe(client.socket.localPort)
    expect(listener.connections).toBe(1)
  })

  const rows = [
    { who: 'nobody', identity: { cert: '', key: '' }, reason: 'no certificate', fields: {} },
    {
      who: 'a stranger',
      identity: bob,
      reason: 'issuer of the client certificate is not trusted',
      fields: { subject: 'CN=bob' },
    },
    {
      who: 'a root of its own',
      identity: { cert: root.certificate, key: root.key },
      reason: 'self-signed',
      fields: { subject: 'CN=self' },
    },
    {
      who: 'an expired one',
      identity: old,
      reason: 'expired on',
      fields: { subject: 'CN=old' },
    },
    {
      who: 'an early one',
      identity: early,
      reason: 'not valid before',
      fields: { subject: 'CN=early' },
    },
  ] as const

  describe.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s', version => {
    const only = { minVersion: version, maxVersion: version }

    it.each(rows)('refuses $who, twice over', async ({ identity, reason, fields }) => {
      let exchanged = 0
      const exchange = async (bytes: Uint8Array) => {
        exchanged++
        return bytes
      }
      const listener = await start({ exchange })
      const client = await connect(listener, { ...only, ...identity })
      client.socket.write(message())
      await client.closed
      expect(await listener.line(reason)).toMatchObject({ level: 'warn', text: 'connection refused', ...fields })
      expect((await listener.line(reason)).hint).toBeTruthy()
      const session = client.session()
      const again = await connect(listener, { ...only, ...identity, ...(session && { session }) })
      again.socket.write(message())
      await again.closed
      await until(() => listener.told().length === 2, 'the second refusal')
      expect(listener.told()[1]).toMatchObject({ text: 'connection refused', ...fields })
      expect(listener.told()[1]?.reason).toContain(reason)
      expect({ exchanged, connections: listener.connections }).toEqual({ exchanged: 0, connections: 0 })
    })

    it('resumes sessions', async () => {
      const listener = await start()
      const session = await used(listener, only)
      const again = await connect(listener, { ...only, session })
      again.socket.write(message())
      await again.receives(16)
      expect(again.socket.isSessionReused()).toBe(true)
      expect(listener.peers.map(({ resumed }) => resumed)).toEqual([false, true])
      expect(listener.peers[1]?.certificate).toEqual(listener.peers[0]?.certificate)
    })

    it('asks the register again when a session is resumed', async () => {
      let isRevoked = false
      const refusal = { reason: 'the certificate of alice was revoked', hint: 'sign a new request' }
      const listener = await start({ admit: async () => (isRevoked ? refusal : { name: 'alice' }) })
      const session = await used(listener, only)
      isRevoked = true
      const again = await connect(listener, { ...only, session })
      await again.closed
      expect(await listener.line('was revoked')).toMatchObject({ ...refusal, subject: 'CN=alice', resumed: true })
    })

    it('has a client begin anew whose voucher is forgotten', async () => {
      const refusal = { code: 'newHandshake' as const, reason: 'no longer known', hint: 'connect again' }
      const listener = await start({ admit: async ({ resumed }) => (resumed ? refusal : { name: 'alice' }) })
      const session = await used(listener, only)
      await (
        await connect(listener, { ...only, session })
      ).closed
      expect(await listener.line('no longer known')).toMatchObject({ fault: 'newHandshake', resumed: true })
      await used(listener, { ...only, session })
      expect(listener.peers.map(({ resumed }) => resumed)).toEqual([false, true, false])
    })

    it('looks at the dates again when a session is resumed', async () => {
      let now = Date.now()
      const listener = await start({ now: () => now })
      const session = await used(listener, only)
      now += 40 * dayMs
      const again = await connect(listener, { ...only, session })
      await again.closed
      expect(await listener.line('expired on')).toMatchObject({ subject: 'CN=alice', resumed: true })
    })

    it('judges a certificate that it knows as it did the first time', async () => {
      let now = Date.now()
      const listener = await start({ now: () => now })
      await used(listener, only)
      const client = await connect(listener, only)
      client.socket.write(message())
      await client.receives(16)
      const [first, second] = listener.peers
      const { subject, fingerprint, certificate } = { ...first }
      expect(second).toMatchObject({ subject, fingerprint, certificate, resumed: false })
      now += 40 * dayMs
      await (
        await connect(listener, only)
      ).closed
      expect(await listener.line('expired on')).toMatchObject({ subject: 'CN=alice', resumed: false })
    })

    it('resumes sessions from before its own certificate was replaced', async () => {
      const listener = await start()
      const session = await used(listener, only)
      const { cert, key } = await serverIdentity('P-384')
      listener.replaceCredentials({
        key,
        certificate: cert,
        clientCa: [stranger.certificate.pem, trusted.certificate.pem],
      })
      const again = await connect(listener, { ...only, session })
      again.socket.write(message())
      await again.receives(16)
      expect(again.socket.isSessionReused()).toBe(true)
    })

    it('refuses a session from before its authority was removed', async () => {
      const listener = await start()
      const session = await used(listener, only)
      listener.replaceCredentials({ key: server.key, certificate: server.cert, clientCa: [stranger.certificate.pem] })
      const again = await connect(listener, { ...only, session })
      await again.closed
      expect(await listener.line('not trusted')).toMatchObject({ subject: 'CN=alice', resumed: false })
      const newcomer = await connect(listener, { ...only, ...bob })
      newcomer.socket.write(message())
      await newcomer.receives(16)
    })
  })

  /** The session of a client that came and went. */
  async function used(listener: { port: number }, options: object): Promise<Buffer> {
    const client = await connect(listener, options)
    client.socket.write(message())
    await client.receives(16)
    const session = client.session()
    client.socket.end()
    await client.closed
    return session ?? expect.fail('no session')
  }

  it('trusts nobody when there is no authority', async () => {
    const listener = await start({ clientCa: [] })
    await (
      await connect(listener)
    ).closed
    await listener.line('not trusted')
  })

  it('lets a register vouch for a certificate that no authority does', async () => {
    const { fingerprint } = readCertificate(bob.cert)
    const refusal = { reason: 'unknown', hint: '' }
    const listener = await start({
      admit: async peer => (peer.fingerprint === fingerprint ? { name: 'bob' } : refusal),
    })
    const client = await connect(listener, bob)
    client.socket.write(message())
    await client.receives(16)
    expect(listener.peers[0]?.chainError).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })

  it('wants clientAuth only if told to', async () => {
    const option = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=plain',
      '-days',
      '2',
    ]
    const key = join(folder, 'plain.key')
    const cert = execFileSync('openssl', ['req', '-x509', ...option, '-keyout', key], {
      stdio: 'pipe',
      encoding: 'utf8',
    })
    const plain = { cert, key: readFileSync(key, 'utf8') }
    const lenient = await start({ clientCa: [plain.cert] })
    const client = await connect(lenient, plain)
    client.socket.write(message())
    await client.receives(16)
    const strict = await start({ clientCa: [plain.cert, trusted.certificate.pem], clientUsage: 'strict' })
    await (
      await connect(strict, plain)
    ).closed
    expect(await strict.line('lacks clientAuth')).toMatchObject({ subject: 'CN=plain' })
    const other = await connect(strict)
    other.socket.write(message())
    await other.receives(16)
  })

  it('refuses when the register fails', async () => {
    const listener = await start({ admit: () => Promise.reject(new Error('broken')) })
    await (
      await connect(listener)
    ).closed
    expect(await listener.line('internal error')).toMatchObject({ level: 'error', error: new Error('broken') })
  })
})

describe('messages', () => {
  it('answers in order, one at a time, each in one record', async () => {
    let busy = 0
    let most = 0
    const exchange = async (bytes: Uint8Array) => {
      most = Math.max(most, ++busy)
      await delay(bytes.at(-1) === 1 ? 20 : 0)
      busy--
      return bytes
    }
    const listener = await start({ exchange })
    const client = await connect(listener)
    const sent = Array.from({ length: 50 }, (_, index) => message(16 + 8 * index, index))
    client.socket.write(Buffer.concat(sent))
    const all = Buffer.concat(sent)
    expect(await client.receives(all.length)).toEqual(all)
    expect(most).toBe(1)
  })

  it('takes a message that comes in pieces, and several that come at once', async () => {
    const listener = await start()
    const client = await connect(listener)
    const bytes = Buffer.concat([message(64, 1), message(48, 2)])
    for (const [from, to] of [
      [0, 3],
      [3, 9],
      [9, 70],
      [70, 112],
    ] as const) {
      client.socket.write(bytes.subarray(from, to))
      await delay(5)
    }
    expect(await client.receives(112)).toEqual(bytes)
  })

  it('holds a bounded amount for a client that sends and does not wait', async () => {
    let release: (() => void) | undefined
    const gate = new Promise<void>(resolve => (release = resolve))
    const exchange = async (bytes: Uint8Array) => {
      await gate
      return bytes.subarray(0, 16)
    }
    const listener = await start({ exchange })
    const client = await connect(listener)
    const count = 400
    for (let index = 0; index < count; index++) client.socket.write(message(65_536, index % 251))
    await delay(200)
    // 26 MB were sent; the kernel's buffers hold some, the client's the most.
    expect(client.socket.writableLength).toBeGreaterThan(10_000_000)
    release?.()
    expect((await client.receives(16 * count)).filter((_, index) => index % 16 === 15)).toEqual(
      Buffer.from(Array.from({ length: count }, (_, index) => index % 251)),
    )
  })

  it('answers a client that has closed its side after the question', async () => {
    const exchange = async (bytes: Uint8Array) => {
      await delay(50)
      return bytes
    }
    const listener = await start({ exchange })
    const client = await connect(listener, { minVersion: 'TLSv1.3', allowHalfOpen: true } as object)
    client.socket.end(message())
    await client.receives(16)
    await client.closed
  })

  it('survives an exchange that fails', async () => {
    const listener = await start({ exchange: () => Promise.reject(new Error('broken')) })
    const client = await connect(listener)
    client.socket.write(message())
    await client.closed
    const line = await listener.line('internal error')
    expect(line).toMatchObject({ level: 'error', error: new Error('broken'), subject: 'CN=alice' })
    expect(line.correlation).toBeTruthy()
  })

  it.each([
    { what: 'HTTP', bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n'), reason: 'an HTTP request' },
    { what: 'a length of 4 GiB', bytes: Buffer.from('42007801ffffffff', 'hex'), reason: '1048576 are the limit' },
    { what: 'a response', bytes: Buffer.from('42007b0100000000', 'hex'), reason: 'not with a KMIP message' },
  ])('closes on $what, and says why', async ({ bytes, reason }) => {
    const listener = await start()
    const other = await connect(listener)
    const client = await connect(listener)
    client.socket.write(bytes)
    await client.closed
    expect(await listener.line(reason)).toMatchObject({ level: 'warn', text: 'connection closed', subject: 'CN=alice' })
    expect(listener.told()).toHaveLength(1)
    other.socket.write(message())
    await other.receives(16)
  })
})

describe('limits', () => {
  it('answers HTTP without TLS with a line in the log', async () => {
    const listener = await start()
    const { socket, closed } = await connectPlain(listener)
    socket.write('GET / HTTP/1.1\r\nHost: kmip\r\n\r\n')
    await closed
    expect(await listener.line('HTTP on the KMIP port')).toMatchObject({ level: 'warn', address: '127.0.0.1' })
    expect(listener.told()).toHaveLength(1)
  })

  it('answers KMIP without TLS with a line in the log', async () => {
    const listener = await start()
    const { socket, closed } = await connectPlain(listener)
    socket.write(message(64))
    await closed
    await listener.line('not TLS')
  })

  it('says nothing of probes that send nothing', async () => {
    const listener = await start({ limits: { handshakeMs: 100 } })
    const [polite, silent, rude] = await Promise.all([
      connectPlain(listener),
      connectPlain(listener),
      connectPlain(listener),
    ])
    polite.socket.end()
    rude.socket.resetAndDestroy()
    await Promise.all([polite.closed, silent.closed, rude.closed])
    await until(() => listener.lines.length === 3, 'three lines')
    expect(listener.told()).toEqual([])
  })

  it('cuts a handshake that takes too long, however busy it looks', async () => {
    const listener = await start({ limits: { handshakeMs: 200 } })
    const { socket, closed } = await connectPlain(listener)
    socket.write(Buffer.from('1603010200010001fc0303', 'hex'))
    const timer = setInterval(() => socket.write(Buffer.alloc(1)), 30)
    // It would go on for ever.
    await closed
    clearInterval(timer)
    expect(await listener.line('took too long')).toMatchObject({ level: 'warn', address: '127.0.0.1' })
  })

  it('cuts a message that is begun and not completed', async () => {
    const listener = await start({ limits: { messageMs: 150 } })
    const other = await connect(listener)
    const client = await connect(listener)
    const timer = setInterval(
      () => client.socket.write(client.socket.bytesWritten ? Buffer.alloc(1) : message(4096).subarray(0, 9)),
      20,
    )
    await client.closed
    clearInterval(timer)
    await listener.line('not completed in time')
    other.socket.write(message())
    await other.receives(16)
  })

  it('cuts a client that does not read', async () => {
    const exchange = async () => Buffer.alloc(16_000_000)
    const listener = await start({ exchange, limits: { messageMs: 200 } })
    const client = await connect(listener)
    client.socket.pause()
    client.socket.write(message())
    await listener.line('not read in time')
    client.socket.resume()
    await client.closed
    expect(client.received().length).toBeLessThan(16_000_000)
  })

  it('gives a slow exchange all the time it needs', async () => {
    const exchange = async (bytes: Uint8Array) => {
      await delay(1500)
      return bytes
    }
    const listener = await start({ exchange, limits: { messageMs: 50, idleMs: 1000 } })
    const client = await connect(listener)
    client.socket.write(message())
    await client.receives(16)
  })

  it('closes idle connections, not busy ones', async () => {
    const listener = await start({ limits: { idleMs: 1000 } })
    const idle = await connect(listener)
    const busy = await connect(listener)
    const timer = setInterval(() => busy.socket.write(message()), 50)
    await idle.closed
    clearInterval(timer)
    expect(busy.socket.destroyed).toBe(false)
    expect(listener.told()).toEqual([])
  })

  it('closes what is over the limit at once, with one line', async () => {
    const listener = await start({ limits: { maxConnections: 2 } })
    const clients = [await connect(listener), await connect(listener)]
    for (const client of clients) client.socket.write(message())
    await Promise.all(clients.map(client => client.receives(16)))
    for (let count = 0; count < 5; count++) await (await connect(listener)).closed
    expect(listener.told()).toMatchObject([{ level: 'warn', connections: 2 }])
    clients[0]?.socket.destroy()
    await until(() => listener.connections === 1, 'a place')
    const next = await connect(listener)
    next.socket.write(message())
    await next.receives(16)
  })

  it('does not let half-open connections keep clients out', async () => {
    const listener = await start({ limits: { maxConnections: 4 } })
    const probes = await Promise.all(Array.from({ length: 8 }, () => connectPlain(listener)))
    const client = await connect(listener)
    client.socket.write(message())
    await client.receives(16)
    expect(probes.filter(({ socket }) => socket.destroyed).length).toBeGreaterThanOrEqual(4)
  })
})

describe('the end', () => {
  it('answers what it has received, closes idle connections at once, and accepts nothing more', async () => {
    let release: (() => void) | undefined
    const gate = new Promise<void>(resolve => (release = resolve))
    let asked = false
    const exchange = async (bytes: Uint8Array) => {
      asked = true
      await gate
      return bytes
    }
    const listener = await start({ exchange })
    const [busy, idle, probe] = [await connect(listener), await connect(listener), await connectPlain(listener)]
    busy.socket.write(Buffer.concat([message(16, 1), message(16, 2)]))
    await until(() => asked && listener.connections === 2, 'both')
    const closed = listener.close()
    await Promise.all([idle.closed, probe.closed])
    await expect(connectPlain(listener)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(listener.connections).toBe(1)
    release?.()
    await Promise.all([busy.closed, closed])
    expect(busy.received()).toEqual(Buffer.concat([message(16, 1), message(16, 2)]))
    expect(listener.connections).toBe(0)
  })

  it('cuts what does not end in time', async () => {
    let asked = false
    const exchange = () => {
      asked = true
      return new Promise<never>(() => undefined)
    }
    const listener = await start({ exchange, limits: { drainMs: 100 } })
    const client = await connect(listener)
    client.socket.write(message())
    await until(() => asked, 'the request')
    await Promise.all([listener.close(), client.closed])
    await listener.line('did not end in time')
  })
})

describe('the beginning', () => {
  it('says which port is taken', async () => {
    const { port } = await start()
    await expect(start({ port })).rejects.toMatchObject({ name: 'ListenError', code: 'inUse' })
    await expect(start({ port })).rejects.toThrow(`127.0.0.1 port ${port}: another program listens there`)
  })

  it('says that an address is none of this machine', async () => {
    await expect(start({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'noAddress' })
  })

  it('says that key and certificate do not match', async () => {
    await expect(start({ key: alice.key })).rejects.toThrow(ListenError)
    await expect(start({ key: alice.key })).rejects.toMatchObject({ code: 'credentials' })
    await expect(start({ clientCa: ['no certificate'] })).rejects.toMatchObject({ code: 'credentials' })
  })

  it('listens on every address', async () => {
    const listener = await start({ host: '::' })
    const client = await connect(listener)
    client.socket.write(message())
    await client.receives(16)
    expect(listener.peers[0]?.address).toBe('127.0.0.1')
  })
})
