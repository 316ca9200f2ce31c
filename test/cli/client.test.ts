import { copyFile, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { done, house, json, kmipd, modeOf, newHouse, onTerminal, openssl, request } from './kmipd.ts'

interface Client {
  readonly name: string
  readonly group: string
  readonly state: string
  readonly serialNumber: string
  readonly fingerprint: string
  readonly daysLeft: number
  readonly revoked?: { readonly reason: string }
}

const list = async (data: string): Promise<readonly Client[]> =>
  ((await json(['client', 'list', '--data', data])) as { clients: Client[] }).clients

describe('client sign', () => {
  it('signs a request of openssl, which verifies the result', async () => {
    const { path, data } = await house()
    const out = join(path, 'cluster.pem')
    const { status, stdout, stderr } = await kmipd([
      'client',
      'sign',
      request(path),
      '--name',
      'cluster-1',
      '--out',
      out,
      '--data',
      data,
    ])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain(join(data, 'ca.pem'))
    expect(stdout).toMatch(/Serial number +[0-9a-f]{40}\n/)
    expect(openssl('verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', join(data, 'ca.pem'), out)).toContain(
      'OK',
    )
    expect(openssl('x509', '-in', out, '-noout', '-pubkey')).toBe(
      openssl('pkey', '-in', join(path, 'cluster.key'), '-pubout'),
    )
    expect(await list(data)).toMatchObject([{ name: 'cluster-1', group: 'cluster-1', state: 'valid', daysLeft: 730 }])
  })

  it('writes the certificate alone to standard output, and reads standard input', async () => {
    const { path, data } = await house()
    const input = await readFile(request(path))
    const { stdout, stderr } = await kmipd(['client', 'sign', '-', '--name', 'a', '--data', data], { input })
    expect(stdout).toMatch(/^-----BEGIN CERTIFICATE-----\n[\s\S]*-----END CERTIFICATE-----\n$/)
    expect(stderr).toContain(join(data, 'ca.pem'))
  })

  it('gives certificates in JSON, and warns of few days', async () => {
    const { path, data } = await house()
    const csr = request(path)
    const args = ['client', 'sign', csr, '--name', 'a', '--group', 'g', '--days', '29', '--data', data]
    const signed = (await json(args)) as { certificate: string; ca: string; group: string; daysLeft: number }
    expect(signed).toMatchObject({ group: 'g', daysLeft: 29, caFile: join(data, 'ca.pem') })
    expect(signed.certificate).toMatch(/^-----BEGIN CERTIFICATE-----/)
    expect(signed.ca).toBe(await readFile(join(data, 'ca.pem'), 'utf8'))
    expect((await kmipd(args)).stderr).toMatch(/warning: the certificate of a is valid for 29 days only/)
  })

  it('never overwrites, and then enrolls nobody', async () => {
    const { path, data } = await house()
    const csr = request(path)
    const { status, stderr } = await kmipd(['client', 'sign', csr, '--name', 'a', '--out', csr, '--data', data])
    expect(status).toBe(1)
    expect(stderr).toMatch(/^kmipd: .*cluster\.csr is there already and is not overwritten; .*\n$/)
    expect(await list(data)).toEqual([])
  })

  it('refuses what is no request, and a bad name', async () => {
    const { path, data } = await house()
    const csr = request(path)
    const wrong = await kmipd(['client', 'sign', join(data, 'ca.pem'), '--name', 'a', '--data', data, '--json'])
    expect(wrong.status).toBe(1)
    expect(JSON.parse(wrong.stderr)).toMatchObject({ error: { code: 'notARequest' } })
    const name = await kmipd(['client', 'sign', csr, '--name', '../a', '--data', data])
    expect([name.status, name.stderr]).toEqual([1, expect.stringContaining('the client name "../a"')])
    expect(await list(data)).toEqual([])
  })
})

describe('client issue', () => {
  it('writes key, certificate and authority, the key for its owner alone', async () => {
    const { path, data } = await house()
    const out = join(path, 'new')
    await done(['client', 'issue', 'backup', '--key-type', 'RSA-2048', '--out', out, '--data', data])
    expect((await readdir(out)).sort()).toEqual(['ca.pem', 'cert.pem', 'key.pem'])
    expect(await modeOf(join(out, 'key.pem'))).toBe('600')
    expect(openssl('verify', '-CAfile', join(out, 'ca.pem'), join(out, 'cert.pem'))).toContain('OK')
    expect(openssl('pkey', '-in', join(out, 'key.pem'), '-text', '-noout')).toContain('2048 bit')

    const again = await kmipd(['client', 'issue', 'backup', '--out', out, '--data', data])
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('is there already')])
    expect(await list(data)).toHaveLength(1)
  })
})

describe('client trust, list, show, revoke', () => {
  it('knows clients by name, serial number and fingerprint', async () => {
    const { path, data } = await house()
    const own = join(path, 'own.pem')
    openssl(...`req -x509 -newkey rsa:2048 -nodes -keyout ${path}/o.key -out ${own} -days 100 -subj /CN=o`.split(' '))
    await done(['client', 'trust', own, '--name', 'own', '--group', 'shared', '--data', data])
    const issue = (name: string, folder: string) =>
      done(['client', 'issue', name, '--group', 'shared', '--out', join(path, folder), '--data', data])
    await issue('one', 'a')
    await issue('one', 'b')
    const entries = await list(data)
    expect(entries.map(({ name }) => name)).toEqual(['own', 'one', 'one'])

    const [trusted, first, second] = entries
    for (const wanted of [trusted?.serialNumber, trusted?.fingerprint, trusted?.fingerprint.slice(0, 8), 'own'])
      expect(await json(['client', 'show', wanted ?? '', '--data', data])).toEqual({ clients: [trusted] })
    expect(await done(['client', 'list', '--data', data])).toMatch(
      /^NAME +GROUP +SERIAL NUMBER +VALID UNTIL +STATE\nown +shared +[0-9a-f]+ +\d{4}-\d\d-\d\d \(\d+ days\) +valid\n/,
    )

    await done(['client', 'revoke', first?.serialNumber ?? '', '--reason', 'keyCompromise', '--yes', '--data', data])
    expect(await list(data)).toMatchObject([
      { state: 'valid' },
      { state: 'revoked', revoked: { reason: 'keyCompromise' } },
      { state: 'valid' },
    ])
    const rest = await kmipd(['client', 'revoke', 'one', '--yes', '--data', data])
    expect(rest.stdout).toBe(`revoked 1 certificate:\n  one ${second?.serialNumber ?? ''}\n`)
    expect((await done(['client', 'revoke', 'one', '--data', data])).trim()).toBe(
      'nothing to do: 2 certificates of one revoked already',
    )
    const unasked = await kmipd(['client', 'revoke', 'own', '--data', data])
    expect([unasked.status, unasked.stderr]).toEqual([5, expect.stringContaining('Give --yes to do so')])
    const nobody = await kmipd(['client', 'revoke', 'nobody', '--data', data])
    expect([nobody.status, nobody.stderr]).toEqual([3, expect.stringContaining('there is no client "nobody"')])
  })

  it('revokes a certificate that is not in the register by its file', async () => {
    const { path, data } = await house()
    const guest = join(path, 'guest.pem')
    openssl(...`req -x509 -newkey rsa:2048 -nodes -keyout ${path}/g.key -out ${guest} -days 9 -subj /CN=g`.split(' '))
    expect(await done(['client', 'revoke', guest, '--reason', 'keyCompromise', '--yes', '--data', data])).toMatch(
      /^revoked 1 certificate:\n {2}g@g#[0-9a-f]{32} /,
    )
    expect(await list(data)).toMatchObject([{ state: 'revoked', revoked: { reason: 'keyCompromise' } }])
    expect(await done(['client', 'revoke', guest, '--data', data])).toContain('nothing to do')
    const trusted = await kmipd(['client', 'trust', guest, '--name', 'g', '--data', data])
    expect([trusted.status, trusted.stderr]).toEqual([1, expect.stringContaining('(keyCompromise) and stays so')])
  })

  it('asks on a terminal, and says that all certificates of a name go', async () => {
    const { path, data } = await house()
    for (const each of ['a', 'b']) await done(['client', 'issue', 'one', '--out', join(path, each), '--data', data])
    const revoke = ['client', 'revoke', 'one', '--data', data]
    const no = await onTerminal(revoke, 'n\r')
    expect(no.stdout).toContain('Revoke 2 certificates of one?')
    expect(no.status).toBe(5)
    expect((await list(data)).map(({ state }) => state)).toEqual(['valid', 'valid'])
    for (const key of ['\u0003', '\u0004']) {
      const interrupted = await onTerminal(revoke, key)
      expect([interrupted.status, interrupted.stdout]).toEqual([
        5,
        expect.stringMatching(/\[y\/N\] [^\n]*\r?\nkmipd: not confirmed; nothing was done\r?\n$/),
      ])
    }
    const yes = await onTerminal(revoke, 'y\r')
    expect(yes.stdout).toContain('revoked 2 certificates:')
    expect((await list(data)).map(({ state }) => state)).toEqual(['revoked', 'revoked'])
    expect((await onTerminal(['client', 'list', '--data', data], '')).stdout).toContain('\u001b[')
    expect((await onTerminal(['client', 'list', '--no-color', '--data', data], '')).stdout).not.toContain('\u001b[')
  })
})

describe('the master key', () => {
  it('of another store opens nothing', async () => {
    const one = await house()
    const other = await newHouse()
    await copyFile(join(other.data, 'master.key'), join(one.data, 'master.key'))
    const { status, stderr } = await kmipd(['client', 'list', '--data', one.data, '--json'])
    expect(status).toBe(4)
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'masterKey' } })
  })
})
