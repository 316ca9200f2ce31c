/**
 * Certificates that end, are revoked, or are not the right ones.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { clientProfile, createAuthority, openAuthority, readRequest } from '../../certs/index.ts'
import { within } from '../system/server-process.ts'
import { cluster, enabled, enroll, keyServer } from './partners.ts'
import { clear, faulty, lockedUp, unlocked } from './locking.ts'

describe('certificates', () => {
  it('tells that the cluster’s was revoked, and takes a new one for the same key pair', async () => {
    const server = await keyServer()
    const { partner, keyServerID } = await lockedUp(server)
    await within(server.data, async ({ clients }) =>
      clients.revoke(await clients.find('cluster'), 'stolen', Date.now()),
    )
    await partner.call('KmipdPowerCycle')
    await faulty(partner, /^kmipServerFault: KMIP authentication failure: .*client certificate/)
    expect(await partner.refused('TestKeyServerKmip', { keyServerID })).toMatch(/^xKmipAuthenticationFailed/)
    const { clientCertificateSignRequest: request } = await partner.call('GetClientCertificateSignRequest')
    await partner.call('ModifyKeyServerKmip', { keyServerID, kmipClientCertificate: await server.sign(request) })
    await unlocked(partner)
    await clear(partner)
  })

  it('warns thirty days before one ends, and after', async () => {
    const server = await keyServer()
    let days = 0
    const partner = await cluster({ now: () => Date.now() + days * 86_400_000 })
    const { keyServerID, keyProviderID } = await enroll(partner, server)
    await enabled(partner, keyProviderID)
    expect(await partner.faults()).toEqual([])
    days = 705
    await faulty(partner, /^kmipCertificateFault: The client certificate ".*" .* expires in \d+ days/)
    days = 735
    await faulty(partner, /^kmipCertificateFault: .* has expired/)
    expect(await partner.refused('TestKeyServerKmip', { keyServerID })).toMatch(/client certificate expired on/)
    days = 0
    await clear(partner)
  })

  it('tells of one that really ends soon, and refuses one that is over', async () => {
    const server = await keyServer()
    const partner = await cluster()
    const { keyServerID } = await enroll(partner, server)
    const { clientCertificateSignRequest: request } = await partner.call('GetClientCertificateSignRequest')
    const soon = await server.sign(request, { days: 20 })
    await partner.call('ModifyKeyServerKmip', { keyServerID, kmipClientCertificate: soon })
    expect(await partner.faults()).toEqual([expect.stringMatching(/^kmipCertificateFault: .* expires in 19 days/)])
    const then = new Date(Date.now() - 60 * 86_400_000)
    const old = openAuthority(await createAuthority({ now: then }))
    const { pem: over } = await old.sign(old.plan(readRequest(request), clientProfile({ days: 30 }), then))
    expect(await partner.refused('ModifyKeyServerKmip', { keyServerID, kmipClientCertificate: over })).toMatch(
      /^xKmipAuthenticationFailed: .*the client certificate expired on/,
    )
    const { kmipKeyServer } = await partner.call('GetKeyServerKmip', { keyServerID })
    expect(kmipKeyServer.kmipClientCertificate).toBe(soon)
  })

  it('tells whose certificate is wrong', async () => {
    const server = await keyServer()
    const partner = await cluster()
    await enroll(partner, server)
    const { call, refused } = partner
    const now = new Date()
    const stranger = openAuthority(await createAuthority({ subject: { commonName: 'stranger' }, now }))
    const { clientCertificateSignRequest: request } = await call('GetClientCertificateSignRequest')
    const foreign = await stranger.sign(stranger.plan(readRequest(request), clientProfile(), now))
    const id = { keyServerID: 1 }
    // What does not work is not kept.
    expect(await refused('ModifyKeyServerKmip', { ...id, kmipCaCertificate: stranger.certificate.pem })).toMatch(
      /^xKmipAuthenticationFailed: .*(issuer of the server certificate is not trusted|trusts)/,
    )
    expect(await refused('ModifyKeyServerKmip', { ...id, kmipClientCertificate: foreign.pem })).toMatch(
      /^xKmipAuthenticationFailed: .*(does not trust|client certificate)/,
    )
    expect(await refused('ModifyKeyServerKmip', { ...id, kmipClientCertificate: 'nonsense' })).toMatch(
      /^xKmipAuthenticationFailed: .*client certificate cannot be read/,
    )
    expect(await refused('ModifyKeyServerKmip', { ...id, kmipCaCertificate: 'nonsense' })).toMatch(
      /^xKmipAuthenticationFailed: .*kmipCaCertificate: (?!.*client certificate)/,
    )
    // TLS holds, and what is there speaks something else: the API of the cluster itself.
    const { port: kmipKeyServerPort, ca: kmipCaCertificate } = partner.running
    expect(await refused('ModifyKeyServerKmip', { ...id, kmipKeyServerPort, kmipCaCertificate })).toMatch(
      /^xKmipConnectionFailed: .*TLS holds.*check whether KMIP is served on this port/,
    )
    expect(await refused('ModifyKeyServerKmip', { ...id, kmipKeyServerHostnames: ['127.0.0.2'] })).toMatch(
      /(not for 127\.0\.0\.2|refuses the connection)/,
    )
    expect(await refused('ModifyKeyServerKmip', { ...id, kmipKeyServerHostnames: ['no-such-host.invalid'] })).toMatch(
      /^xKmipConnectionFailed: .*(no host|name server)/,
    )
    expect(await refused('ModifyKeyServerKmip', { ...id, kmipKeyServerPort: 1 })).toMatch(
      /^xKmipConnectionFailed: .*refuses the connection/,
    )
    expect(await call('TestKeyServerKmip', id)).toEqual({})
    // Another key pair: the certificate is that of the old one.
    await call('CreatePublicPrivateKeyPair')
    expect(await refused('TestKeyServerKmip', id)).toMatch(/^xKmipAuthenticationFailed: .*not the private key/)
  })
})
