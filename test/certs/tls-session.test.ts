import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, type ConnectionOptions, createServer, type TLSSocket } from 'node:tls'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Authority,
  CertsError,
  clientProfile,
  createAuthority,
  exportPrivateKey,
  generateKeyPair,
  type KeyType,
  openAuthority,
  peerCertificateIn,
  serverProfile,
} from '../../certs/index.ts'

const now = new Date()
const versions = ['TLSv1.2', 'TLSv1.3'] as const

let root: Authority
let ca: string
let server: ReturnType<typeof createServer>

beforeAll(async () => {
  root = openAuthority(await createAuthority({ now }))
  ca = root.certificate.pem
  const { publicKey, privateKey } = await generateKeyPair()
  const { pem } = await root.sign(root.plan(publicKey, serverProfile({ names: ['127.0.0.1'] }), now))
  const key = exportPrivateKey(privateKey)
  server = createServer({ cert: pem, key, ca, requestCert: true, rejectUnauthorized: false, sessionIdContext: 'test' })
  await once(server.listen(0, '127.0.0.1'), 'listening')
})
afterAll(() => server.close())

async function clientFiles(keyType: KeyType) {
  const { publicKey, privateKey } = await generateKeyPair(keyType)
  const { der, pem } = await root.sign(root.plan(publicKey, clientProfile({ commonName: keyType }), now))
  return { der, cert: pem, key: exportPrivateKey(privateKey) }
}

interface Seen {
  /** The server's. */
  readonly session: Buffer
  readonly resumed: boolean
  /** The client's, to resume it. */
  readonly ticket: Buffer | undefined
}

/** @param isLast whether the session will not be resumed */
async function shakeHands(client: ConnectionOptions, isLast = true): Promise<Seen> {
  const { port } = server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', ca, ...client })
  const told = isLast ? [] : (once(socket, 'session') as Promise<[Buffer]>)
  const [[peer]] = (await Promise.all([once(server, 'secureConnection'), once(socket, 'secureConnect')])) as [
    [TLSSocket],
    unknown,
  ]
  socket.resume()
  const [ticket] = await told
  const session = peer.getSession() ?? Buffer.alloc(0)
  const resumed = peer.isSessionReused()
  socket.destroy()
  return { session, resumed, ticket }
}

describe.each(versions)('of a session of %s', version => {
  const only = { minVersion: version, maxVersion: version }

  it.each(['P-256', 'P-384', 'RSA-2048', 'RSA-4096', 'Ed25519'] as const)(
    'the certificate is read, of %s, new or resumed',
    async keyType => {
      const { der, ...client } = await clientFiles(keyType)
      const first = await shakeHands({ ...client, ...only }, false)
      expect(first.resumed).toBe(false)
      expect(peerCertificateIn(first.session)).toEqual(new Uint8Array(der))
      const second = await shakeHands({ ...client, ...only, session: first.ticket })
      expect(second.resumed).toBe(true)
      expect(peerCertificateIn(second.session)).toEqual(new Uint8Array(der))
    },
  )

  it('there is none of a client that has shown none', async () => {
    expect(peerCertificateIn((await shakeHands(only)).session)).toBeUndefined()
  })

  it('whatever becomes of its bytes, something is read or refused, and nothing else happens', async () => {
    const { session } = await shakeHands({ ...(await clientFiles('P-256')), ...only })
    const changes = fc.array(fc.tuple(fc.nat(session.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(changes, fc.nat(session.length), (changes, length) => {
        const bytes = Buffer.from(session)
        for (const [at, octet] of changes) bytes[at] = octet
        for (const each of [bytes, bytes.subarray(0, length)]) {
          try {
            const found = peerCertificateIn(each)
            expect(found === undefined || found.length <= each.length).toBe(true)
          } catch (error) {
            expect(error).toBeInstanceOf(CertsError)
          }
        }
      }),
    )
  })
})
