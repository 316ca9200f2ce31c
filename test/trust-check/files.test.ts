import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bundle, file, folder, openssl, request } from './certificates.ts'
import { alice, ca, check, expectFault, good, type Options, type Row } from './rows.ts'
import { freePort, opensslServer } from './servers.ts'

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
