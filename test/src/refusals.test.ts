/** What the log says of each client that is refused, when something is wrong with who vouches for it. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  type Authority,
  clientProfile,
  createAuthority,
  exportPrivateKey,
  generateKeyPair,
  openAuthority,
} from '../../certs/index.ts'
import { clientIdentity, connect, type Identity, start, stranger, trusted } from './listening.ts'
import { client, file, issue } from '../trust-check/certificates.ts'

const dayMs = 86_400_000

async function authorityOf(commonName: string, issuer?: Authority): Promise<Authority> {
  const now = new Date(Date.now() - 10 * dayMs)
  return openAuthority(await createAuthority({ subject: { commonName }, now, ...(issuer && { issuer }) }))
}

async function identityOf(authority: Authority, chain: readonly Authority[] = []): Promise<Identity> {
  const { publicKey, privateKey } = await generateKeyPair()
  const profile = clientProfile({ commonName: 'array', days: 5 })
  const { pem } = await authority.sign(authority.plan(publicKey, profile, new Date(Date.now() - dayMs)))
  return { cert: [pem, ...chain.map(({ certificate }) => certificate.pem)].join(''), key: exportPrivateKey(privateKey) }
}

/** No library signs what outlives its authority. */
async function underEnded(): Promise<Identity> {
  const now = new Date(Date.now() - 400 * dayMs)
  const made = await createAuthority({ subject: { commonName: 'ended' }, now, days: 100, issuer: trusted })
  const { cert, key } = client({ cert: file(made.certificate), key: file(made.key) })
  return { cert: readFileSync(cert, 'utf8') + made.certificate, key: readFileSync(key, 'utf8') }
}

const ours = await createAuthority({ subject: { commonName: 'ours' }, now: new Date() })

/** What no library of ours signs. */
function byOpenssl(extensions: readonly string[], more: Partial<Parameters<typeof issue>[0]> = {}): Identity {
  const issuer = { cert: file(ours.certificate), key: file(ours.key) }
  const { cert, key } = issue({ subject: '/CN=array', issuer, extensions, ...more })
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
}

const between = await authorityOf('between', trusted)
const namesake = await authorityOf('trusted')
const self = await createAuthority({ subject: { commonName: 'self' }, now: new Date() })

const rows = [
  {
    what: 'an authority that nobody here knows',
    identity: await clientIdentity('array', stranger),
    fault: 'missingIssuer',
    words: [
      '"CN=array" was issued by "CN=stranger" (key identifier',
      'this server trusts "CN=trusted", "CN=ours"',
      '[[tls.trust]]',
    ],
  },
  {
    what: 'an authority that nobody here knows, and that is sent',
    identity: await identityOf(stranger, [stranger]),
    fault: 'untrustedRoot',
    words: ['its chain ends at "CN=stranger" (SHA-256 ', 'kmipd client sign'],
  },
  {
    what: 'an authority of the same name as ours, with another key',
    identity: await identityOf(namesake),
    fault: 'otherKey',
    words: ['signed by "CN=trusted"', 'an authority of the same name with another key', 'made anew'],
  },
  {
    what: 'an intermediate authority that is not sent',
    identity: await identityOf(between),
    fault: 'missingIssuer',
    words: [
      'does not send its intermediate',
      '"CN=array" was issued by "CN=between"',
      'install its certificate in the client',
    ],
  },
  {
    what: 'an intermediate authority that has ended',
    identity: await underEnded(),
    fault: 'issuerExpired',
    words: ['an issuer of the client certificate has expired: "CN=ended"'],
  },
  {
    what: 'ours, for servers alone',
    identity: byOpenssl(['extendedKeyUsage=serverAuth']),
    fault: 'notForIt',
    words: ['its extended key usage lacks clientAuth, it has serverAuth'],
  },
  {
    what: 'ours, with a signature that is broken',
    identity: byOpenssl([], { digest: 'sha1' }),
    fault: 'weakSignature',
    words: ['signed with ECDSA with SHA-1'],
  },
  {
    what: 'itself alone',
    identity: { cert: self.certificate, key: self.key },
    fault: 'selfSigned',
    words: ['self-signed, by "CN=self"', 'kmipd client trust'],
  },
] as const

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s, the log tells of a client of', version => {
  it.each(rows)('$what', async ({ identity, fault, words }) => {
    const listener = await start({ clientCa: [trusted.certificate.pem, ours.certificate] })
    const caller = await connect(listener, {
      ...identity,
      ciphers: 'DEFAULT:@SECLEVEL=0',
      minVersion: version,
      maxVersion: version,
    })
    await caller.closed
    const line = await listener.line('connection refused')
    expect(line).toMatchObject({ level: 'warn', text: 'connection refused', fault })
    for (const word of words) expect(`${line.reason ?? ''}; ${line.hint ?? ''}`).toContain(word)
    expect(line.reason).toContain('not in the register')
    expect(`${line.reason ?? ''}${line.hint ?? ''}`).not.toMatch(/undefined|\{\w+\}/)
  })
})

describe('the log', () => {
  it('names the fault of a handshake, too, and of a client without a certificate', async () => {
    const listener = await start()
    await (
      await connect(listener, { cert: '', key: '' })
    ).closed
    expect(await listener.line('showed no certificate')).toMatchObject({ fault: 'noCertificate' })
    const to = ['-connect', `127.0.0.1:${listener.port}`, '-CAfile', file(stranger.certificate.pem)]
    const { stdin } = execFile('openssl', ['s_client', ...to, '-verify_return_error'], () => undefined)
    stdin?.end()
    const line = await listener.line('does not trust the authority of the server certificate')
    expect(line).toMatchObject({ fault: 'alert', level: 'warn' })
    expect(line.reason).toContain('(TLS alert unknown_ca)')
    expect(line.hint).toContain('ca.pem')
  })
})
