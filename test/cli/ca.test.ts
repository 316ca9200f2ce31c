import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { clientProfile, createAuthority, generateKeyPair, openAuthority } from '../../certs/index.ts'
import { done, folder, house, json, kmipd, modeOf, newHouse, onTerminal, openssl, request } from './kmipd.ts'

interface Row {
  readonly state: string
  readonly id?: string
  readonly subject: string
  readonly publicKey: string
  readonly clients: number
  readonly pem?: string
}

const rows = async (data: string): Promise<readonly Row[]> =>
  ((await json(['ca', 'list', '--data', data])) as { authorities: Row[] }).authorities

const states = async (data: string): Promise<string[]> => (await rows(data)).map(({ state }) => state)

/** What openssl says of a certificate, or its complaint. */
function verdict(...args: readonly string[]): string {
  try {
    return openssl('verify', '-x509_strict', ...args)
  } catch (error) {
    return String(error)
  }
}

const sign = (path: string, data: string, name: string, ...more: readonly string[]): Promise<string> =>
  done(['client', 'sign', request(path), '--name', name, '--out', join(path, `${name}.pem`), ...more, '--data', data])

describe('init', () => {
  it('makes a root and an authority under it, of the wanted type', async () => {
    const path = await folder()
    const data = join(path, 'data')
    await done(['init', '--data', data, '--host', 'localhost', '--issuing', '--ca-key-type', 'p-384'])
    expect(await modeOf(join(data, 'root.key'))).toBe('600')
    expect(await rows(data)).toMatchObject([
      { state: 'signs', publicKey: 'EC P-384' },
      { state: 'root', publicKey: 'EC P-384' },
    ])
    await sign(path, data, 'a')
    const root = (await rows(data))[1]?.pem ?? ''
    const server = join(data, 'server.pem')
    expect(verdict('-CAfile', join(data, 'ca.pem'), join(path, 'a.pem'))).toContain('OK')
    // The root alone is enough for a client: the server sends what is between.

    await writeFile(join(path, 'root.pem'), root)
    expect(verdict('-CAfile', join(path, 'root.pem'), '-untrusted', server, server)).toContain('OK')
    const again = await kmipd(['init', '--data', data, '--issuing'])
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('has an authority already')])
  })

  it.each([
    [['--ca-key-type', 'RSA-1024'], '"RSA-1024" is no key type; choose one of P-256, P-384, RSA-3072'],
    [['--issuing', '--ca-cert', 'c', '--ca-key', 'k'], 'is as it is'],
  ])('refuses %j', async (args, words) => {
    const data = join(await folder(), 'data')
    const { status, stderr } = await kmipd(['init', '--data', data, ...args])
    expect([status, stderr]).toEqual([2, expect.stringContaining(words)])
  })
})

describe('ca rollover and retire', () => {
  it('goes from one authority to the next, and everybody verifies the server in between', async () => {
    const { path, data } = await house()
    await sign(path, data, 'old')
    const before = await readFile(join(data, 'ca.pem'), 'utf8')
    expect(await states(data)).toEqual(['signs'])
    expect(await done(['ca', 'rollover', '--ca-key-type', 'RSA-3072', '--data', data])).toMatch(
      /SHA-256 +[0-9a-f]{64}\n[\s\S]*Next: install .*ca\.pem in all clients/,
    )
    expect(await rows(data)).toMatchObject([
      { state: 'signs', publicKey: 'RSA 3072', clients: 0 },
      { state: 'previous', publicKey: 'EC P-256', clients: 1 },
    ])
    const [ca, previous, server] = ['ca.pem', 'ca-previous.pem', 'server.pem'].map(name => join(data, name))
    expect(await readFile(previous ?? '', 'utf8')).toBe(before)
    for (const each of [ca, previous])
      expect(verdict('-CAfile', each ?? '', '-untrusted', server ?? '', server ?? '')).toContain('OK')

    const again = await kmipd(['ca', 'rollover', '--data', data])
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('retire it first: kmipd ca retire')])
    await sign(path, data, 'new')
    expect(verdict('-CAfile', ca ?? '', join(path, 'new.pem'))).toContain('OK')

    const unasked = await kmipd(['ca', 'retire', '--data', data])
    expect([unasked.status, unasked.stderr]).toEqual([5, expect.stringContaining('shut out at once: old.')])
    const no = await onTerminal(['ca', 'retire', '--data', data], 'n\r')
    expect([no.status, no.stdout]).toEqual([5, expect.stringContaining('not confirmed; nothing was done')])
    expect(await states(data)).toEqual(['signs', 'previous'])
    expect(await done(['ca', 'retire', '--yes', '--data', data])).toMatch(
      /no longer trusted; 1 certificate revoked\.\nShut out until they get a new certificate: old\n$/,
    )
    expect(await states(data)).toEqual(['signs', 'retired'])
    expect(verdict('-CAfile', ca ?? '', '-untrusted', server ?? '', server ?? '')).toContain('OK')
    expect(await json(['client', 'show', 'old', '--data', data])).toMatchObject({
      clients: [{ state: 'revoked', revoked: { reason: 'superseded' } }],
    })
    const nothing = await kmipd(['ca', 'retire', '--yes', '--data', data])
    expect([nothing.status, nothing.stderr]).toEqual([1, expect.stringContaining('there is no authority to retire')])
  })

  it('replaces the authority under a root, and the root, whose key may be elsewhere', async () => {
    const path = await folder()
    const data = join(path, 'data')
    await done(['init', '--data', data, '--host', 'localhost', '--issuing'])
    const rootKey = join(path, 'root.key')

    await rename(join(data, 'root.key'), rootKey)
    const without = await kmipd(['ca', 'rollover', '--data', data])
    expect([without.status, without.stderr]).toEqual([1, expect.stringContaining('give it with --root-key')])
    await done(['ca', 'rollover', '--root-key', rootKey, '--data', data])
    expect(await states(data)).toEqual(['signs', 'previous', 'root'])
    await done(['ca', 'retire', '--yes', '--data', data])

    await done(['ca', 'rollover', '--root', '--root-key', rootKey, '--data', data])
    expect(await states(data)).toEqual(['signs', 'previous', 'root', 'root', 'retired'])
    const server = join(data, 'server.pem')
    for (const name of ['ca.pem', 'ca-previous.pem'])
      expect(verdict('-CAfile', join(data, name), '-untrusted', server, server)).toContain('OK')
    await done(['ca', 'retire', '--yes', '--data', data])
    expect(verdict('-CAfile', join(data, 'ca.pem'), '-untrusted', server, server)).toContain('OK')
  })

  it('goes to an authority that there is, and refuses what clients could not follow', async () => {
    const { path, data } = await house()
    const config = join(path, 'ca.cnf')

    await writeFile(
      config,
      '[req]\ndistinguished_name=dn\nx509_extensions=ca\n[dn]\n[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n',
    )
    const own = (name: string) =>
      openssl(
        ...`req -x509 -config ${config} -newkey rsa:2048 -nodes -days 3000 -subj /CN=${name}`.split(' '),
        ...['-keyout', join(path, `${name}.key`), '-out', join(path, `${name}.pem`)],
      )
    own('next')
    const options = ['--ca-cert', join(path, 'next.pem'), '--ca-key', join(path, 'next.key'), '--data', data]
    await done(['ca', 'rollover', ...options])
    const server = join(data, 'server.pem')
    for (const name of ['ca.pem', 'ca-previous.pem'])
      expect(verdict('-CAfile', join(data, name), '-untrusted', server, server)).toContain('OK')
    await done(['ca', 'retire', '--yes', '--data', data])
    const same = await kmipd(['ca', 'rollover', ...options])
    expect([same.status, same.stderr]).toEqual([1, expect.stringContaining('has the key of the present one')])
  })
})

describe('revocation lists', () => {
  it('name what was revoked, why, and are believed by openssl', async () => {
    const { path, data } = await house()
    for (const name of ['lost', 'kept']) await sign(path, data, name)
    const [crl, delta] = [join(path, 'all.crl'), join(path, 'delta.crl')]
    const write = async (): Promise<string> => {
      await done(['ca', 'crl', '--out', crl, '--data', data])
      await done(['ca', 'crl', '--delta', '--der', '--out', delta, '--data', data])
      return openssl('crl', '-in', crl, '-noout', '-text')
    }
    const check = (name: string): string =>
      verdict('-crl_check', '-CRLfile', crl, '-CAfile', join(data, 'ca.pem'), join(path, `${name}.pem`))
    expect(await write()).toContain('No Revoked Certificates')
    expect(check('lost')).toContain('OK')

    const wrong = await kmipd(['client', 'revoke', 'lost', '--reason', 'whim', '--yes', '--data', data])
    expect([wrong.status, wrong.stderr]).toEqual([
      2,
      expect.stringContaining('choose one of unspecified, keyCompromise'),
    ])
    await done(['client', 'revoke', 'lost', '--reason', 'keyCompromise', '--yes', '--data', data])
    const { clients } = (await json(['client', 'show', 'lost', '--data', data])) as {
      clients: { serialNumber: string }[]
    }
    const text = await write()
    expect(text).toMatch(/CRL Number: \n +2\n/)
    expect(text.replaceAll(/[:\s]/g, '').toLowerCase()).toContain(`serialnumber${clients[0]?.serialNumber ?? '?'}`)
    expect(text).toContain('Key Compromise')
    expect(openssl('crl', '-inform', 'DER', '-in', delta, '-noout', '-text')).toMatch(
      /Delta CRL Indicator: critical[\s\S]*Key Compromise/,
    )
    expect(openssl('crl', '-in', crl, '-CAfile', join(data, 'ca.pem'), '-noout', '-verify')).toBeDefined()
    expect(check('lost')).toContain('certificate revoked')
    expect(check('kept')).toContain('OK')

    await done(['server-certificate', 'renew', '--revoke', 'keyCompromise', '--data', data])
    expect(await json(['ca', 'crl', '--data', data])).toMatchObject({ number: '3', revoked: 2 })
    expect(await json(['ca', 'crl', '--data', data])).toMatchObject({ number: '3' })
    const none = await kmipd(['ca', 'crl', '--authority', 'nobody', '--data', data])
    expect([none.status, none.stderr]).toEqual([3, expect.stringContaining('kmipd ca list')])
  })

  it('of the old authority go on until it is retired', async () => {
    const { path, data } = await house()
    await sign(path, data, 'lost')
    await done(['ca', 'rollover', '--data', data])
    await done(['client', 'revoke', 'lost', '--yes', '--data', data])
    const previous = (await rows(data))[1]?.id ?? ''
    const crl = join(path, 'old.crl')
    await done(['ca', 'crl', '--authority', previous, '--out', crl, '--data', data])
    const ca = join(data, 'ca-previous.pem')
    expect(verdict('-crl_check', '-CRLfile', crl, '-CAfile', ca, join(path, 'lost.pem'))).toContain('revoked')
    expect(await json(['ca', 'crl', '--data', data])).toMatchObject({ revoked: 0 })
  })
})

describe('a root above an issuing authority', () => {
  it('lists the one that was retired, while its key is here', async () => {
    const path = await folder()
    const data = join(path, 'data')
    await done(['init', '--data', data, '--host', 'localhost', '--issuing'])
    await done(['ca', 'rollover', '--data', data])
    await done(['ca', 'retire', '--yes', '--data', data])
    const root = (await rows(data)).find(({ state }) => state === 'root')?.id ?? ''
    const list = ['ca', 'crl', '--authority', root, '--data', data]
    expect(await json(list)).toMatchObject({ revoked: 1 })
    await rename(join(data, 'root.key'), join(path, 'root.key'))
    const { status, stderr } = await kmipd(list)
    expect([status, stderr]).toEqual([1, expect.stringContaining('put root.key back')])
  })
})

describe('server-certificate', () => {
  it('is made anew, with the same names and more', async () => {
    const { data } = await house()
    const before = (await json(['server-certificate', 'show', '--data', data])) as {
      fingerprint: string
      names: string[]
    }
    const after = await json(['server-certificate', 'renew', '--host', 'more.example', '--data', data])
    expect(after).toMatchObject({ names: [...before.names, 'more.example'] })
    expect(after).not.toMatchObject({ fingerprint: before.fingerprint })
    expect(await json(['server-certificate', 'show', '--data', data])).toMatchObject({
      names: [...before.names, 'more.example'],
    })
  })
})

describe('policy', () => {
  it('decides what is signed', async () => {
    const { path, data } = await house()
    const csr = request(path)
    const trial = async (env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<string> => {
      const { status, stderr } = await kmipd(['client', 'sign', csr, '--name', 'a', ...args, '--data', data], { env })
      return status === 0 ? 'signed' : stderr
    }
    expect(await trial({ KMIPD_POLICY_KEY_TYPES: 'P-256,Ed25519' })).toContain(
      'its key is RSA-2048; wanted P-256 or Ed25519',
    )
    expect(await trial({ KMIPD_POLICY_REQUIRED_SUBJECT: 'OU' })).toContain('its subject has no OU')
    expect(await trial({ KMIPD_POLICY_FORBIDDEN_SUBJECT: 'O' })).toContain('its subject has O')
    expect(await trial({ KMIPD_POLICY_MAXIMUM_DAYS: '90' }, '--days', '91')).toContain('policy.maximumDays allows 90')
    expect(await json(['client', 'list', '--data', data])).toEqual({ clients: [] })
    expect(await trial({ KMIPD_POLICY_MAXIMUM_DAYS: '90' })).toBe('signed')
    expect(await json(['client', 'list', '--data', data])).toMatchObject({ clients: [{ daysLeft: 90 }] })
    const env = { KMIPD_POLICY_KEY_TYPES: 'RSA-3072' }
    const issued = await kmipd(['client', 'issue', 'b', '--out', join(path, 'b'), '--data', data], { env })
    expect([issued.status, issued.stderr]).toEqual([1, expect.stringContaining('its key is P-256; wanted RSA-3072')])
    // A client that makes no request has no subject but its name.
    const named = { KMIPD_POLICY_REQUIRED_SUBJECT: 'O' }
    await done(['client', 'issue', 'b', '--out', join(path, 'b'), '--data', data], { env: named })
  })
})

describe('client trust', () => {
  it('takes no certificate that has expired, and none of an authority', async () => {
    const { path, data } = await house()
    const trust = (file: string) => kmipd(['client', 'trust', file, '--name', 'a', '--data', data])
    const other = await newHouse()
    const authority = await trust(join(other.data, 'ca.pem'))
    expect([authority.status, authority.stderr]).toEqual([1, expect.stringContaining('is that of an authority')])
    const now = new Date(Date.now() - 10 * 86_400_000)
    const past = openAuthority(await createAuthority({ now }))
    const { publicKey } = await generateKeyPair()
    const { pem } = await past.sign(past.plan(publicKey, clientProfile({ commonName: 'o', days: 9 }), now))
    const old = join(path, 'old.pem')
    await writeFile(old, pem)
    const expired = await trust(old)
    expect([expired.status, expired.stderr]).toEqual([1, expect.stringContaining('expired on')])
  })
})
