import { chmod, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  createMasterKeyFile,
  masterKeyFile,
  masterKeyPassphrase,
  masterKeyText,
  memory,
  openStore,
  StoreError,
  type Engine,
  type MasterKey,
} from '../../store/index.ts'
import { bytes, codeOf, engines, folder } from './engines.ts'

const first = masterKeyText('11'.repeat(32))
const second = masterKeyText('22'.repeat(32))

describe('a master key file', () => {
  test('is made once, private, and opens the store again', async () => {
    const path = join(await folder(), 'master.key')
    await createMasterKeyFile(path)
    const content = await readFile(path, 'utf8')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(Buffer.from(content, 'base64')).toHaveLength(32)
    await expect(createMasterKeyFile(path)).rejects.toThrow(/never overwritten/)
    expect(await readFile(path, 'utf8')).toBe(content)
    const engine = memory()
    await fill(engine, masterKeyFile(path))
    expect(await read(engine, masterKeyFile(path))).toBe('body')
    expect(await read(engine, masterKeyText(content))).toBe('body')
  })

  test('is refused when group or others may touch it, saying what to do', async () => {
    const path = join(await folder(), 'master.key')
    await createMasterKeyFile(path)
    for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610]) {
      await chmod(path, mode)
      await expect(masterKeyFile(path).unlock()).rejects.toThrow(`chmod 600 ${path}`)
    }
    await chmod(path, 0o400)
    expect((await masterKeyFile(path).unlock()).key).toHaveLength(32)
  })

  test.each([
    ['raw', Buffer.alloc(32, 7), 32],
    ['hexadecimal', `${'0A'.repeat(32)}\n`, 32],
    ['base64 without padding', Buffer.alloc(32, 255).toString('base64url'), 32],
    ['empty', '', undefined],
    ['31 bytes', Buffer.alloc(31, 7), undefined],
    ['33 bytes', Buffer.alloc(33, 7), undefined],
    ['hexadecimal of 31 bytes', '0a'.repeat(31), undefined],
    ['much too long', '0a'.repeat(5000), undefined],
  ])('%s', async (_, content, length) => {
    const path = join(await folder(), 'master.key')
    await writeFile(path, content, { mode: 0o600 })
    const unlocked = masterKeyFile(path).unlock()
    if (length === undefined) expect(await codeOf(unlocked)).toBe('masterKey')
    else expect((await unlocked).key).toHaveLength(length)
  })

  test('that is missing, a folder or a dangling link is an error, and none is made in its place', async () => {
    const path = await folder()
    await symlink('nowhere', join(path, 'link'))
    for (const file of [path, join(path, 'missing'), join(path, 'link')]) {
      const engine = memory()
      expect(await codeOf(openStore({ engine, masterKey: masterKeyFile(file) }))).toBe('masterKey')
      expect(await engine.range(undefined, undefined, { limit: 1 })).toEqual([])
    }
    expect(await codeOf(createMasterKeyFile(join(path, 'none', 'master.key')))).toBe('masterKey')
  })
})

test('a key in a text must be 32 bytes, and does not get into the error', async () => {
  for (const value of ['', 'secret', '11'.repeat(31), '1'.repeat(63), `${'11'.repeat(31)}zz`]) {
    const error = await masterKeyText(value)
      .unlock()
      .catch((error: unknown) => error)
    if (!(error instanceof StoreError)) throw new Error('an error was expected')
    expect(error.code).toBe('masterKey')
    if (value !== '') expect(error.message).not.toContain(value)
  }
})

describe.each(engines)('%s', (_, make) => {
  test('only its own master key opens a store, and a wrong one changes nothing', async () => {
    const engine = await make()
    await fill(engine, first)
    const before = await engine.range(undefined, undefined, { limit: 100 })
    await expect(openStore({ engine, masterKey: second })).rejects.toMatchObject({ code: 'masterKey' })
    await expect(openStore({ engine, masterKey: masterKeyPassphrase('x') })).rejects.toMatchObject({
      code: 'masterKey',
    })
    expect(await engine.range(undefined, undefined, { limit: 100 })).toEqual(before)
    expect(await read(engine, first)).toBe('body')
  })

  test('a passphrase opens the store it made, with the parameters kept in it', async () => {
    const engine = await make()
    await fill(engine, masterKeyPassphrase('Grüße'))
    // The same words in another Unicode spelling are the same passphrase.
    expect(await read(engine, masterKeyPassphrase('Grüße'.normalize('NFD')))).toBe('body')
    expect(await codeOf(openStore({ engine, masterKey: masterKeyPassphrase('Gruesse') }))).toBe('masterKey')
    expect(await codeOf(openStore({ engine, masterKey: first }))).toBe('masterKey')
    expect(await codeOf(openStore({ engine: memory(), masterKey: masterKeyPassphrase('') }))).toBe('masterKey')
  })

  test('another master key takes over, and an open store goes on', async () => {
    const engine = await make()
    await fill(engine, first)
    const store = await openStore({ engine, masterKey: first })
    const other = await openStore({ engine, masterKey: first })
    const records = await engine.range(bytes('r'), undefined, { limit: 100 })
    await store.rewrap(second)
    expect(await codeOf(openStore({ engine, masterKey: first }))).toBe('masterKey')
    expect(await read(engine, second)).toBe('body')
    expect(await engine.range(bytes('r'), undefined, { limit: 100 })).toEqual(records)
    for (const open of [store, other]) {
      const previous = await open.get('object', '1')
      await open.commit([{ table: 'object', id: '1', previous, body: bytes('body'), terms: ['term'] }])
    }
    // What needs the master key needs the new one.
    expect(await codeOf(other.rotate())).toBe('masterKey')
    await store.rotate()
    await store.rewrap(masterKeyPassphrase('words'))
    expect(await read(engine, masterKeyPassphrase('words'))).toBe('body')
    expect(await codeOf(openStore({ engine, masterKey: second }))).toBe('masterKey')
  })

  test('a new data key seals what is written from then on, also for stores open elsewhere', async () => {
    const engine = await make()
    await fill(engine, first)
    const store = await openStore({ engine, masterKey: first })
    const other = await openStore({ engine, masterKey: first })
    await store.rotate()
    await other.rotate()
    await store.commit([{ table: 'object', id: '2', body: bytes('two'), terms: ['term'] }])
    await other.commit([{ table: 'object', id: '3', body: bytes('three'), terms: ['term'] }])
    const numbers = (await engine.range(bytes('r'), bytes('s'), { limit: 9 })).map(({ value }) => value[4])
    expect(numbers).toEqual([1, 2, 3])
    for (const open of [store, other, await openStore({ engine, masterKey: first })]) {
      for (const id of ['1', '2', '3']) expect((await open.get('object', id))?.id).toBe(id)
      expect(await open.count('object', 'term', 9)).toBe(3)
    }
  })

  test('data keys grow old', async () => {
    const engine = await make()
    const day = 24 * 60 * 60 * 1000
    const number = async (days: number) => {
      const store = await openStore({ engine, masterKey: first, now: () => days * day })
      await store.commit([{ table: 'object', id: `${days}`, body: bytes('') }])
      return (await engine.get(bytes(`robject\0${days}`)))?.[4]
    }
    expect(await number(1)).toBe(1)
    expect(await number(90)).toBe(1)
    expect(await number(92)).toBe(2)
    expect(await number(181)).toBe(2)
    expect(await number(183)).toBe(3)
  })

  test('stores opened at the same moment in an empty engine are one store', async () => {
    const engine = await make()
    const stores = await Promise.all(Array.from({ length: 8 }, () => openStore({ engine, masterKey: first })))
    expect(new Set(stores.map(({ id }) => id)).size).toBe(1)
    await stores[0]?.commit([{ table: 'object', id: '1', body: bytes('body'), terms: ['term'] }])
    for (const store of stores) expect(await store.count('object', 'term', 2)).toBe(1)
  })

  test('a store is made only where one may be', async () => {
    const engine = await make()
    expect(await codeOf(openStore({ engine, masterKey: first, create: false }))).toBe('format')
    expect(await engine.range(undefined, undefined, { limit: 1 })).toEqual([])
    const made = await openStore({ engine, masterKey: first, now: () => 0 })
    const found = await openStore({ engine, masterKey: first, create: false })
    expect(found.id).toBe(made.id)
    expect(found.created).toEqual(new Date(0))
  })

  test.each<[string, (header: Header) => Record<string, unknown> | string, string]>([
    ['of a newer format', header => ({ ...header, format: 4 }), 'format'],
    ['of no format', header => ({ ...header, format: 0 }), 'format'],
    ['without a format', header => ({ ...header, format: undefined }), 'damaged'],
    ['with another id', header => ({ ...header, id: 'other' }), 'masterKey'],
    ['with another date', header => ({ ...header, created: '1970-01-01T00:00:00.000Z' }), 'damaged'],
    ['that asks for a passphrase', header => ({ ...header, kdf: kdf(2 ** 14) }), 'masterKey'],
    ['that asks for all the memory', header => ({ ...header, kdf: kdf(2 ** 30) }), 'damaged'],
    ['that is not JSON', () => '{', 'damaged'],
  ])('a header %s is refused', async (_, edit, code) => {
    const engine = await make()
    await fill(engine, first)
    const value = await engine.get(bytes('h'))
    const edited = edit(JSON.parse(Buffer.from(value ?? []).toString()) as Header)
    const text = typeof edited === 'string' ? edited : JSON.stringify(edited)
    await engine.commit([], [{ key: bytes('h'), value: bytes(text) }])
    expect(await codeOf(openStore({ engine, masterKey: first }))).toBe(code)
    expect(await engine.get(bytes('h'))).toEqual(bytes(text))
  })

  test('what is not whole is refused', async () => {
    const engine = await make()
    await fill(engine, first)
    const keyring = await engine.get(bytes('hk'))
    if (keyring === undefined) throw new Error('a keyring was expected')
    const flipped = Uint8Array.from(keyring)
    flipped[40] = (flipped[40] ?? 0) ^ 1
    for (const value of [flipped, undefined, bytes('x')]) {
      await engine.commit([], [{ key: bytes('hk'), value }])
      expect(await codeOf(openStore({ engine, masterKey: first }))).toBe('damaged')
    }
    await engine.commit(
      [],
      [
        { key: bytes('h'), value: undefined },
        { key: bytes('hk'), value: undefined },
      ],
    )
    expect(await codeOf(openStore({ engine, masterKey: first }))).toBe('format')
  })
})

type Header = Record<string, unknown>

function kdf(N: number): unknown {
  return { name: 'scrypt', N, r: 8, p: 1, salt: 'AAAAAAAAAAAAAAAAAAAAAA==' }
}

async function fill(engine: Engine, masterKey: MasterKey): Promise<void> {
  const store = await openStore({ engine, masterKey })
  await store.commit([{ table: 'object', id: '1', body: bytes('body'), terms: ['term'] }])
}

async function read(engine: Engine, masterKey: MasterKey): Promise<string> {
  const store = await openStore({ engine, masterKey })
  expect(await store.count('object', 'term', 2)).toBe(1)
  return Buffer.from((await store.get('object', '1'))?.body ?? []).toString()
}
