import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { done, folder, house, json, kmipd, modeOf, onTerminal, openssl } from './kmipd.ts'

interface Shown {
  readonly uniqueIdentifier: string
  readonly state: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly material?: string
}

const keysOf = (data: string) => ({
  run: (...args: string[]) => kmipd(['keys', ...args, '--data', data]),
  done: async (...args: string[]) => (await done(['keys', ...args, '--data', data])).trim(),
  show: async (uid: string, ...args: string[]) => (await json(['keys', 'show', uid, ...args, '--data', data])) as Shown,
  list: async (...args: string[]) =>
    ((await json(['keys', 'list', ...args, '--data', data])) as { objects: Shown[] }).objects.map(
      ({ uniqueIdentifier }) => uniqueIdentifier,
    ),
})

describe('keys', () => {
  it('are made, shown, activated, exported, revoked and destroyed', async () => {
    const { path, data } = await house()
    const keys = keysOf(data)
    const uid = await keys.done(
      'create',
      '--group',
      'g',
      '--name',
      'disk 7',
      '--attribute',
      'x-Rack=12',
      '--object-group',
      'o',
    )
    expect(await keys.show(uid)).toMatchObject({
      uniqueIdentifier: uid,
      objectType: 'SymmetricKey',
      state: 'PreActive',
      group: 'g',
      creator: 'administrator',
      name: ['disk 7'],
      attributes: {
        cryptographicAlgorithm: 'AES',
        cryptographicLength: 256,
        cryptographicUsageMask: ['Encrypt', 'Decrypt'],
        objectGroup: ['o'],
        'x-Rack': ['12'],
        name: [{ nameValue: 'disk 7', nameType: 'UninterpretedTextString' }],
        initialDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
      },
    })

    expect(await keys.done('activate', uid)).toBe(`${uid} activated`)
    const active = await keys.run('destroy', uid, '--yes')
    expect([active.status, active.stderr]).toEqual([1, expect.stringContaining('Active')])

    const out = join(path, 'key.hex')
    await keys.done('export', uid, '--out', out, '--format', 'hex', '--yes')
    const material = (await readFile(out, 'utf8')).trim()
    expect(material).toMatch(/^[0-9a-f]{64}$/)
    expect(await modeOf(out)).toBe('600')
    expect((await keys.show(uid, '--material', '--yes')).material).toBe(material)
    expect(await keys.done('show', uid, '--material', '--yes')).toContain(material)
    for (const silent of [await keys.done('show', uid), await keys.done('list'), JSON.stringify(await keys.show(uid))])
      expect(silent).not.toContain(material)

    expect(await keys.done('revoke', uid, '--reason', 'superseded', '--message', 'newer', '--yes')).toBe(
      `${uid} revoked`,
    )
    expect((await keys.show(uid)).attributes['revocationReason']).toEqual({
      revocationReasonCode: 'Superseded',
      revocationMessage: 'newer',
    })
    expect(await keys.done('destroy', uid, '--yes')).toBe(`${uid} destroyed`)
    expect((await keys.show(uid)).state).toBe('Destroyed')
    const gone = await keys.run('show', uid, '--material', '--yes')
    expect([gone.status, gone.stdout]).toEqual([1, ''])
  })

  it('are not given away, destroyed or overwritten by mistake', async () => {
    const { path, data } = await house()
    const keys = keysOf(data)
    const uid = await keys.done('create', '--group', 'g')
    const out = join(path, 'key')
    for (const args of [
      ['show', uid, '--material'],
      ['export', uid, '--out', out],
      ['destroy', uid],
      ['revoke', uid],
    ]) {
      const { status, stdout, stderr } = await keys.run(...args)
      expect([args[0], status, stdout]).toEqual([args[0], 5, ''])
      expect(stderr).toMatch(/^kmipd: nobody is there to confirm this: .* Give --yes to do so\n$/)
    }
    expect((await keys.show(uid)).state).toBe('PreActive')

    await writeFile(out, 'precious')
    const over = await keys.run('export', uid, '--out', out, '--yes')
    expect([over.status, over.stderr]).toEqual([1, expect.stringContaining('is not overwritten')])
    expect(await readFile(out, 'utf8')).toBe('precious')

    const no = await onTerminal(['keys', 'destroy', uid, '--data', data], '\r')
    expect([no.status, no.stdout]).toEqual([5, expect.stringContaining('not confirmed; nothing was done')])
    expect((await onTerminal(['keys', 'destroy', uid, '--data', data], 'yes\r')).status).toBe(0)
    expect((await keys.show(uid)).state).toBe('Destroyed')
  })

  it('are found by type, state, name, group, object group and attribute', async () => {
    const { data } = await house()
    const keys = keysOf(data)
    const one = await keys.done('create', '--group', 'a', '--name', 'n', '--object-group', 'o')
    const two = await keys.done('create', '--group', 'b', '--name', 'n', '--attribute', 'x-Rack=12', '--length', '128')
    await keys.done('activate', two)
    expect(await keys.list()).toEqual([two, one])
    expect(await keys.list('--limit', '1')).toEqual([two])
    expect(await keys.list('--group', 'a')).toEqual([one])
    expect(await keys.list('--name', 'n')).toEqual([two, one])
    expect(await keys.list('--object-group', 'o')).toEqual([one])
    expect(await keys.list('--state', 'pre-active')).toEqual([one])
    expect(await keys.list('--attribute', 'x-Rack=12', '--attribute', 'Cryptographic Length=128')).toEqual([two])
    expect(await keys.list('--attribute', 'x-Rack=13')).toEqual([])
    expect(await keys.list('--type', 'Certificate')).toEqual([])
    expect(await keys.done('list', '--type', 'Certificate')).toBe('no objects')
    const same = await keys.run('create', '--group', 'b', '--name', 'n')
    expect([same.status, same.stderr]).toEqual([1, expect.stringMatching(/^kmipd: another object .* name "n"; /m)])
  })

  it('tells what was done before one of several failed', async () => {
    const { data } = await house()
    const keys = keysOf(data)
    const uid = await keys.done('create', '--group', 'g')
    const { status, stdout, stderr } = await keys.run('activate', uid, 'nope')
    expect({ status, stdout }).toEqual({ status: 3, stdout: `${uid} activated\n` })
    expect(stderr).toMatch(/^kmipd: there is no object "nope"; /)
  })
})

describe('keys register', () => {
  it('keeps what a file holds, and export gives it back', async () => {
    const { path, data } = await house()
    const keys = keysOf(data)
    const file = (name: string): string => join(path, name)
    const bytes = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')
    await writeFile(file('raw'), bytes)
    await writeFile(file('hex'), `${bytes.toString('hex').replace(/(..)/g, '$1 ')}\n`)
    await writeFile(file('base64'), bytes.toString('base64'))
    const symmetric = ['--type', 'SymmetricKey', '--algorithm', 'AES', '--group', 'g']
    for (const format of ['raw', 'hex', 'base64']) {
      const uid = await keys.done('register', file(format), '--format', format, ...symmetric)
      const { material, attributes } = await keys.show(uid, '--material', '--yes')
      expect([material, attributes['cryptographicLength']]).toEqual([bytes.toString('hex'), 128])
    }
    const wrong = await keys.run('register', file('raw'), '--format', 'hex', ...symmetric)
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining('is not hex')])
    expect((await keys.run('register', file('raw'), ...symmetric, '--length', '256')).status).toBe(1)

    await writeFile(file('secret'), 'open sesame\n')
    for (const type of ['SecretData', 'OpaqueObject']) {
      const uid = await keys.done('register', file('secret'), '--type', type, '--group', 'g')
      await keys.done('export', uid, '--out', file(type), '--yes')
      expect(await readFile(file(type), 'utf8')).toBe('open sesame\n')
    }
    const piped = await kmipd(['keys', 'register', '-', '--type', 'SecretData', '--group', 'g', '--data', data], {
      input: 'from a pipe',
    })
    expect((await keys.show(piped.stdout.trim(), '--material', '--yes')).material).toBe(
      Buffer.from('from a pipe').toString('hex'),
    )
  })

  it('keeps certificates and asymmetric keys', async () => {
    const { path, data } = await house()
    const keys = keysOf(data)
    const file = (name: string): string => join(path, name)
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384', '-out', file('ec.pem'))
    openssl('pkey', '-in', file('ec.pem'), '-pubout', '-out', file('ec.pub'))
    openssl('genrsa', '-traditional', '-out', file('rsa.pem'), '2048')
    const rows = [
      ['Certificate', join(data, 'ca.pem'), { certificateType: 'X_509' }],
      ['PublicKey', file('ec.pub'), { cryptographicAlgorithm: 'EC', cryptographicLength: 384, keyFormatType: 'X_509' }],
      [
        'PrivateKey',
        file('rsa.pem'),
        { cryptographicAlgorithm: 'RSA', cryptographicLength: 2048, keyFormatType: 'PKCS_8' },
      ],
    ] as const
    for (const [type, source, attributes] of rows) {
      const uid = await keys.done('register', source, '--type', type, '--group', 'g')
      expect(await keys.show(uid)).toMatchObject({ objectType: type, attributes })
      await keys.done('export', uid, '--out', file(uid), '--yes')
      expect((await readFile(file(uid)))[0]).toBe(0x30)
    }
    expect((await keys.run('register', file('ec.pub'), '--type', 'PrivateKey', '--group', 'g')).status).toBe(1)
  })
})

describe('keys of nowhere', () => {
  it('are not found, and no data folder is made', async () => {
    const path = await folder()
    const { status, stderr } = await kmipd(['keys', 'list'], { cwd: path, env: { KMIPD_DATA: 'elsewhere' } })
    expect(status).toBe(4)
    expect(stderr).toBe(
      `kmipd: ${path}/elsewhere is no data folder of kmipd; make one with kmipd init --data ${path}/elsewhere\n`,
    )
  })
})
