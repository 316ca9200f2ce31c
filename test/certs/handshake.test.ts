import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { isIP } from 'node:net'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:tls'
import type { ConnectionOptions, PeerCertificate, TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  clientProfile,
  createAuthority,
  createRequest,
  exportPrivateKey,
  generateKeyPair,
  openAuthority,
  readCertificate,
  readRequest,
  serverProfile,
  subordinateProfile,
} from '../../certs/index.ts'
import type { Authority, KeyType } from '../../certs/index.ts'

const now = new Date()
const keyTypes = ['P-256', 'P-384', 'RSA-2048', 'Ed25519'] as const

let root: Authority
let issuing: Authority

beforeAll(async () => {
  root = openAuthority(await createAuthority({ now }))
  const { publicKey, privateKey } = await generateKeyPair('P-384')
  const own = await root.sign(root.plan(publicKey, subordinateProfile({ subject: { commonName: 'issuing' } }), now))
  issuing = openAuthority({ certificate: own.pem, key: exportPrivateKey(privateKey) })
})

const serverFiles = async (authority: Authority, keyType: KeyType, names: string[]) => {
  const { publicKey, privateKey } = await generateKeyPair(keyType)
  const { pem } = await authority.sign(authority.plan(publicKey, serverProfile({ names }), now))
  return { cert: [pem, ...authority.chain].join(''), key: exportPrivateKey(privateKey) }
}

const clientFiles = async (authority: Authority, keyType: KeyType) => {
  const keyPair = await generateKeyPair(keyType)
  const request = readRequest(await createRequest({ subject: { commonName: `client ${keyType}` }, keyPair }))
  const { pem } = await authority.sign(authority.plan(request, clientProfile(), now))
  return { cert: [pem, ...authority.chain].join(''), key: exportPrivateKey(keyPair.privateKey) }
}

/** One handshake over a socket, both sides verifying; resolves with the client that the server saw. */
async function handshake(server: { cert: string; key: string }, client: ConnectionOptions): Promise<Buffer> {
  const listener = createServer({ ...server, ca: root.certificate.pem, requestCert: true, rejectUnauthorized: true })
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  const { port } = listener.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', ca: root.certificate.pem, ...client })
  try {
    const accepted = once(listener, 'secureConnection') as Promise<[TLSSocket]>
    const [[peer]] = await Promise.all([accepted, once(socket, 'secureConnect')])
    const { raw } = peer.getPeerCertificate() as Partial<PeerCertificate>
    return raw ?? expect.fail('the server saw no certificate')
  } finally {
    socket.destroy()
    listener.close()
  }
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('%s', version => {
  const versions = { minVersion: version, maxVersion: version }

  it.each(keyTypes)('connects with %s keys, through an intermediate', async keyType => {
    const server = await serverFiles(issuing, keyType, ['127.0.0.1'])
    const client = await clientFiles(issuing, keyType)
    const seen = readCertificate(await handshake(server, { ...client, ...versions }))
    expect(seen.subject.commonName).toBe(`client ${keyType}`)
    expect(seen.issuer.commonName).toBe('issuing')
  })
})

describe('names', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['kmip.example.com', 'kmip.example.com'],
    ['node7.pod.example', '*.pod.example'],
  ])('%s is answered by a certificate for %s', async (asked, name) => {
    const server = await serverFiles(root, 'P-256', [name])
    const client = await clientFiles(root, 'P-256')
    expect(await handshake(server, { ...client, ...asName(asked) })).toBeInstanceOf(Buffer)
    const other = await serverFiles(root, 'P-256', ['other.example', '192.0.2.1'])
    await expect(handshake(other, { ...client, ...asName(asked) })).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
  })
})

it('does not take a server certificate for a client, nor one of another root', async () => {
  const server = await serverFiles(root, 'P-256', ['127.0.0.1'])
  const stranger = openAuthority(await createAuthority({ now }))
  const tls12 = { maxVersion: 'TLSv1.2' } as const
  await expect(handshake(server, { ...server, ...tls12 })).rejects.toThrow()
  await expect(handshake(server, { ...(await clientFiles(stranger, 'P-256')), ...tls12 })).rejects.toThrow()
  await expect(handshake(server, { ...(await clientFiles(root, 'P-256')), ...tls12 })).resolves.toBeInstanceOf(Buffer)
})

/**
 * Checks the server's certificate against a name, though the socket goes to 127.0.0.1. Addresses are compared by OpenSSL:
 * `tls.checkServerIdentity` of Node 22.23 and 24.17 misses every IPv6 address (nodejs/node#64144).
 */
const asName = (name: string): ConnectionOptions =>
  isIP(name)
    ? { checkServerIdentity: (_, { raw }) => (new X509Certificate(raw).checkIP(name) ? undefined : otherAddress()) }
    : { servername: name }

const otherAddress = () => Object.assign(new Error('another address'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
