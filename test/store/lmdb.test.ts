import { copyFile, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Change, lmdb, masterKeyText, openStore, type StoredRecord } from '../../store/index.ts'
import { bytes, child, codeOf, folder, openLmdb } from './engines.ts'

const masterKey = masterKeyText('ab'.repeat(32))

test('its folder and files are private', async () => {
  const path = join(await folder(), 'new', 'data')
  const engine = await openLmdb(path)
  await engine.commit([], [{ key: bytes('a'), value: bytes('1') }])
  const mode = async (name: string) => ((await stat(join(path, name))).mode & 0o777).toString(8)
  expect(await mode('.')).toBe('700')
  expect(await mode('data.mdb')).toBe('600')
  expect(await mode('lock.mdb')).toBe('600')
  expect(await mode('journal')).toBe('600')
})

test('it grows as it must, and keeps everything when opened again', async () => {
  const path = await folder()
  const engine = await lmdb({ path })
  const value = new Uint8Array(3000).fill(7)
  const key = (number: number) => bytes(`k${number}`)
  const held = await engine.range(undefined, undefined, { limit: 1 })
  await Promise.all(Array.from({ length: 4000 }, (_, number) => engine.commit([], [{ key: key(number), value }])))
  await engine.commit([], [{ key: bytes('large'), value: new Uint8Array(20_000_000).fill(8) }])
  await engine.close()
  expect(held).toEqual([])
  const again = await openLmdb(path)
  for (let number = 0; number < 4000; number++) expect((await again.get(key(number)))?.length).toBe(3000)
  expect((await again.get(bytes('large')))?.every(byte => byte === 8)).toBe(true)
})

test.each([
  ['text', Buffer.from('hello '.repeat(5000)), 'format'],
  ['a few bytes', Buffer.from('hello'), 'format'],
  ['zeros', Buffer.alloc(100_000), 'format'],
  ['nothing', Buffer.alloc(0), 'damaged'],
])('a file of %s is refused and left as it is', async (_, content, code) => {
  const path = await folder()
  await writeFile(join(path, 'data.mdb'), content)
  expect(await codeOf(lmdb({ path }))).toBe(code)
  expect(await readFile(join(path, 'data.mdb'))).toEqual(content)
})

test('a file of a newer LMDB is refused', async () => {
  const path = await folder()
  await (await lmdb({ path })).close()
  const file = await readFile(join(path, 'data.mdb'))
  file.writeUInt32LE(3, 28)
  await writeFile(join(path, 'data.mdb'), file)
  expect(await codeOf(lmdb({ path }))).toBe('format')
})

test('a file that was cut short is refused, wherever it was cut, and left as it is', async () => {
  const path = await folder()
  const engine = await lmdb({ path })
  for (let number = 0; number < 400; number++) {
    const size = number % 50 === 0 ? 20_000 : 500
    void engine.commit([], [{ key: bytes(`k${number}`), value: new Uint8Array(size).fill(number) }])
  }
  await engine.commit([], [])
  await engine.close()
  const whole = join(await folder(), 'whole')
  const file = join(path, 'data.mdb')
  await copyFile(file, whole)
  // Behind what is used is room that was reserved.
  const used = (await readFile(file)).toString('latin1').replace(/\0+$/, '').length
  for (const part of [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97]) {
    await copyFile(whole, file)
    await truncate(file, Math.floor(used * part))
    await expect(lmdb({ path })).rejects.toMatchObject({ code: 'damaged' })
    expect((await stat(file)).size).toBe(Math.floor(used * part))
  }
  await copyFile(whole, file)
  await (await lmdb({ path })).close()
})

test('a file whose last pages are free may be shorter than it says', async () => {
  const path = await folder()
  const large = { key: bytes('large'), value: new Uint8Array(1_000_000) }
  // Closed each time, so that the database has it, and not the journal alone.
  async function commit(change: Change): Promise<void> {
    const engine = await lmdb({ path })
    await engine.commit([], [change])
    await engine.close()
  }
  await commit({ key: bytes('a'), value: bytes('1') })
  await commit(large)
  await commit({ key: large.key, value: undefined })
  // The free pages' own tree moves to the front before the end is cut off.
  for (let number = 0; number < 11; number++) await commit({ key: bytes('a'), value: bytes(`${number}`) })
  const file = join(path, 'data.mdb')
  const content = await readFile(file)
  const lastPage = Math.max(...[0, 4096].map(meta => Number(content.readBigUInt64LE(meta + 144))))
  expect(lastPage * 4096).toBeGreaterThan(1_000_000)
  await truncate(file, lastPage * 4096 - 200_000)
  const again = await openLmdb(path)
  expect(await again.get(bytes('a'))).toEqual(bytes('10'))
  await again.commit([], [large])
  expect((await again.get(large.key))?.length).toBe(1_000_000)
})

test('a folder that is a file is an error', async () => {
  const path = await folder()
  await writeFile(join(path, 'file'), '')
  expect(await codeOf(lmdb({ path: join(path, 'file') }))).toBe('io')
})

test('bytes damaged in the file cost the record they belong to, and no other', async () => {
  const path = await folder()
  const store = await openStore({ engine: await lmdb({ path }), masterKey })
  const body = Buffer.alloc(20_000)
  for (const id of ['1', '2', '3']) await store.commit([{ table: 'object', id, body }])
  const { envelope } = ((await store.get('object', '2')) as StoredRecord).seen
  await store.close()
  const file = await readFile(join(path, 'data.mdb'))
  const at = file.indexOf(envelope.subarray(0, 100))
  file.writeUInt8(file.readUInt8(at + 10_000) ^ 1, at + 10_000)
  await writeFile(join(path, 'data.mdb'), file)
  const again = await openStore({ engine: await openLmdb(path), masterKey })
  expect(() => again.get('object', '2')).toThrow(
    expect.objectContaining({ code: 'damaged', table: 'object', id: '2' }) as Error,
  )
  for (const id of ['1', '3']) expect((await again.get('object', id))?.body).toEqual(body)
})

test('guards hold among processes', async () => {
  const path = await folder()
  const engine = await openLmdb(path)
  const children = [child('committer', [path, 'count', '25']), child('committer', [path, 'count', '25'])]
  expect(await Promise.all(children.map(({ ended }) => ended))).toEqual([0, 0])
  expect(await engine.get(bytes('counter'))).toEqual(bytes('400'))
})

test('a commit of another process is seen by the next read', async () => {
  const path = await folder()
  const engine = await openLmdb(path)
  const other = child('committer', [path, 'echo', ''])
  await other.said('ready')
  for (let round = 0; round < 200; round++) {
    const said = other.said(`v${round}`)
    other.process.stdin?.write(`v${round}\n`)
    const waiting = { still: true }
    void said.then(() => (waiting.still = false))
    // Reads all the while, so that there is an old view to be stuck with.
    while (waiting.still) {
      await engine.get(bytes('counter'))
      await engine.range(undefined, undefined, { limit: 1 })
      await new Promise(resolve => setImmediate(resolve))
    }
    const [entry] = await engine.range(undefined, undefined, { limit: 1 })
    expect(Buffer.from(entry?.value ?? []).toString()).toBe(`v${round}`)
    expect(await engine.get(bytes('counter'))).toEqual(bytes(`v${round}`))
  }
  other.process.stdin?.end()
  expect(await other.ended).toBe(0)
})

test('a unique term raced by processes goes to one of them', async () => {
  const path = await folder()
  const times = 60
  const racers = ['left', 'right'].map(name => child('committer', [path, name, `${times}`]))
  await Promise.all(racers.map(({ said }) => said('ready')))
  for (const { process } of racers) process.stdin?.write('go\n')
  expect(await Promise.all(racers.map(({ ended }) => ended))).toEqual([0, 0])
  const store = await openStore({ engine: await openLmdb(path), masterKey })
  for (let number = 0; number < times; number++) {
    const results = racers.map(({ lines }) => lines.find(line => line.startsWith(`${number} `)))
    expect(results.sort()).toEqual([`${number} duplicate`, `${number} won`])
    const held = await store.holder('drive', `name ${number}`)
    for (const id of [`${number} left`, `${number} right`]) {
      expect((await store.get('drive', id)) !== undefined).toBe(id === held)
    }
  }
})

test('a write that does not fit fails, reads go on, and so do writes that fit', async () => {
  const path = await folder()
  const limited = ['sh', '-c', 'ulimit -f 6000; exec "$@"', 'sh']
  const writer = child('full', [path], limited)
  expect(await writer.ended).toBe(0)
  const [small, large, read, second, many, again, kept] = writer.lines
  expect([small, read, second, again]).toEqual(['small kept', 'read true undefined', 'small kept', 'again kept'])
  expect(large).toMatch(/^large (full|io)$/)
  expect(many).toMatch(/^many (full|io)$/)
  expect(writer.lines).toHaveLength(7)
  // Without the limit, everything acknowledged is there and writing goes on.
  const engine = await openLmdb(path)
  await engine.commit([], [{ key: bytes('large'), value: new Uint8Array(8_000_000).fill(1) }])
  expect((await engine.get(bytes('large')))?.length).toBe(8_000_000)
  const count = Number(kept?.split(' ')[1])
  expect(count).toBeGreaterThan(100)
  for (let number = 60; number < count; number++) expect((await engine.get(bytes(`k${number}`)))?.length).toBe(3000)
})
