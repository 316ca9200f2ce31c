/**
 * Whether this Node.js tells a server which issuers a client has sent: 24.21 and 26.8 do not (nodejs/node#65579).
 *
 * @module
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import {
  clientProfile,
  createAuthority,
  exportPrivateKey,
  generateKeyPair,
  openAuthority,
  serverProfile,
} from '../../certs/index.ts'

async function areIssuersTold(): Promise<boolean> {
  const now = new Date()
  const root = openAuthority(await createAuthority({ now }))
  const issuing = openAuthority(await createAuthority({ subject: { commonName: 'issuing' }, issuer: root, now }))
  const [ours, theirs] = [await generateKeyPair('P-256'), await generateKeyPair('P-256')]
  const cert = await root.sign(root.plan(ours.publicKey, serverProfile({ names: ['localhost'] }), now))
  const client = await issuing.sign(issuing.plan(theirs.publicKey, clientProfile({ commonName: 'client' }), now))
  const ca = [root.certificate.pem]
  const server = createServer({ cert: cert.pem, key: exportPrivateKey(ours.privateKey), ca, requestCert: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sent = { cert: client.pem + issuing.certificate.pem, key: exportPrivateKey(theirs.privateKey) }
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca, ...sent }).on('error', () => undefined)
  const [accepted] = (await once(server, 'secureConnection')) as [TLSSocket]
  const isTold = accepted.getPeerX509Certificate()?.issuerCertificate !== undefined
  socket.destroy()
  accepted.destroy()
  server.close()
  return isTold
}

export const issuersTold: boolean = await areIssuersTold()
