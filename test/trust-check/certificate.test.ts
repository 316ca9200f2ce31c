import { describe, it } from 'vitest'
import { dated, issue, libraryAuthority, names, rsa, server } from './certificates.ts'
import { ca, expectFault, oldRoot, onServer, type Row } from './rows.ts'
import { opensslServer } from './servers.ts'

describe('the certificate of the server', () => {
  const rows: readonly Row[] = [
    {
      what: 'expired',
      at: async () => opensslServer(await dated(libraryAuthority(await aged), 'server', -90)),
      options: async () => ({ ca: (await aged).cert }),
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

  const aged = oldRoot('Old')
})
