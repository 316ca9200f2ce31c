/**
 * Authorities that limit those below them: what OpenSSL has verified counts, and nothing that is found without it.
 *
 * @module
 */
import { expect, test } from 'vitest'
import { type Authority, type Certificate, clientProfile, generateKeyPair, openAuthority } from '../../certs/index.ts'
import { trustsOf, verifiedPaths } from '../../src/trust.ts'
import { genpkey, opensslRoot } from '../certs/openssl.ts'

const key = genpkey('EC', 'ec_paramgen_curve:P-256')
const now = Date.now() + 60_000

const rootWith = (...extension: readonly string[]): Authority =>
  openAuthority({ certificate: opensslRoot(key, '/CN=root', 'basicConstraints=critical,CA:TRUE', ...extension), key })

async function signed(by: Authority): Promise<Certificate> {
  const { publicKey } = await generateKeyPair('P-256')
  return by.sign(by.plan(publicKey, clientProfile({ commonName: 'a', names: ['a.example'] }), new Date(now)))
}

const constraining = rootWith('nameConstraints=critical,permitted;DNS:.example')
const plain = rootWith()

test('a path with name constraints counts only as OpenSSL has verified it', async () => {
  const trusts = trustsOf([{ authority: constraining.certificate }])
  const leaf = await signed(constraining)
  expect(trusts.vouch(leaf, undefined, now)).toBeUndefined()
  // There is another authority of that name and key, over which OpenSSL may have gone.
  expect(trusts.vouch(leaf, [plain.certificate], now)).toBeUndefined()
  expect(trusts.vouch(leaf, [], now)?.path).toEqual([leaf, constraining.certificate])
  expect(trusts.vouch(leaf, undefined, now)).toBeDefined()
  expect(trusts.vouch(await signed(constraining), undefined, now)).toBeUndefined()
})

test('what was verified is remembered when what is trusted is read anew', async () => {
  const verified = verifiedPaths()
  const trust = [{ authority: constraining.certificate }]
  const leaf = await signed(constraining)
  expect(trustsOf(trust, verified).vouch(leaf, [], now)).toBeDefined()
  expect(trustsOf(trust, verified).vouch(leaf, undefined, now)).toBeDefined()
  expect(trustsOf(trust).vouch(leaf, undefined, now)).toBeUndefined()
})

test('an authority for servers alone vouches for no client, and may still revoke one', async () => {
  const authority = rootWith('extendedKeyUsage=serverAuth')
  const leaf = await signed(plain)
  const list = await authority.revocationList({
    number: 1n,
    revoked: [{ serialNumber: leaf.serialNumber, date: new Date(now) }],
    thisUpdate: new Date(now),
    nextUpdate: new Date(now + 1000),
  })
  const trusts = trustsOf([{ authority: authority.certificate, list: [list] }])
  expect(trusts.vouch(leaf, [], now)).toBeUndefined()
  expect(trusts.objectionTo(leaf, [], now)?.reason).toMatch(/has revoked/)
})
