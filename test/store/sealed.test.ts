import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  masterKeyText,
  memory,
  openStore,
  type Engine,
  type Entry,
  type FindOptions,
  type Store,
  type StoredRecord,
} from '../../store/index.ts'
import { bytes, codeOf, engines, folder, openLmdb } from './engines.ts'

const masterKey = masterKeyText('ab'.repeat(32))
const open = (engine: Engine) => openStore({ engine, masterKey })

describe.each(engines)('%s', (_, make) => {
  test('creates, reads, replaces and deletes a record', async () => {
    const store = await open(await make())
    expect(await store.get('object', '1')).toBeUndefined()
    await store.commit([{ table: 'object', id: '1', body: bytes('one') }])
    const one = await record(store, 'object', '1')
    expect(one).toMatchObject({ table: 'object', id: '1' })
    expect(text(one)).toBe('one')
    expect(await store.get('other', '1')).toBeUndefined()
    await store.commit([{ table: 'object', id: '1', previous: one, body: bytes('') }])
    const two = await record(store, 'object', '1')
    expect(text(two)).toBe('')
    await store.commit([{ table: 'object', id: '1', previous: two }])
    expect(await store.get('object', '1')).toBeUndefined()
  })

  test('tells an unchanged record by giving back the same object', async () => {
    const store = await open(await make())
    await store.commit([{ table: 'object', id: '1', body: bytes('one') }])
    const seen = await record(store, 'object', '1')
    expect(await store.get('object', '1', seen)).toBe(seen)
    expect(await store.get('object', '1')).not.toBe(seen)
    // The same body again is a change: someone wrote.
    await store.commit([{ table: 'object', id: '1', previous: seen, body: bytes('one') }])
    const next = await store.get('object', '1', seen)
    expect(next).not.toBe(seen)
    expect(next?.body).toEqual(seen.body)
    await store.commit([{ table: 'object', id: '2', body: bytes('two') }])
    expect((await store.get('object', '2', seen))?.id).toBe('2')
  })

  test('lets the caller wipe a body without harm to the store or a later commit', async () => {
    const store = await open(await make())
    const body = Buffer.from('secret')
    await store.commit([{ table: 'object', id: '1', body, terms: ['a'] }])
    body.fill(0)
    const seen = await record(store, 'object', '1')
    seen.body.fill(0)
    expect(text(await record(store, 'object', '1'))).toBe('secret')
    await store.commit([{ table: 'object', id: '1', previous: seen, body: bytes('next'), terms: ['b'] }])
    expect(await ids(store.find('object', 'a'))).toEqual([])
    expect(await ids(store.find('object', 'b'))).toEqual(['1'])
  })

  test('refuses what was decided on an outdated read', async () => {
    const store = await open(await make())
    const create = (id: string) => store.commit([{ table: 'object', id, body: bytes('x'), terms: ['t'] }])
    await create('1')
    await expect(create('1')).rejects.toMatchObject({ code: 'conflict', table: 'object', id: '1' })
    const old = await record(store, 'object', '1')
    await store.commit([{ table: 'object', id: '1', previous: old, body: bytes('y') }])
    for (const commit of [
      () => store.commit([{ table: 'object', id: '1', previous: old, body: bytes('z') }]),
      () => store.commit([{ table: 'object', id: '1', previous: old }]),
      () =>
        store.commit(
          [{ table: 'object', id: '2', body: bytes('z'), terms: ['t'] }],
          [{ table: 'object', id: '1', record: old }],
        ),
      () => store.commit([], [{ table: 'object', id: '1', record: undefined }]),
      () =>
        store.commit([
          { table: 'object', id: '2', body: bytes('z') },
          { table: 'object', id: '1', previous: old, body: bytes('z') },
        ]),
    ]) {
      await expect(commit()).rejects.toMatchObject({ code: 'conflict', table: 'object', id: '1' })
    }
    expect(text(await record(store, 'object', '1'))).toBe('y')
    expect(await store.get('object', '2')).toBeUndefined()
    expect(await ids(store.find('object', 't'))).toEqual([])
    const now = await record(store, 'object', '1')
    await store.commit(
      [{ table: 'object', id: '2', body: bytes('z') }],
      [
        { table: 'object', id: '1', record: now },
        { table: 'object', id: '9', record: undefined },
      ],
    )
    expect(text(await record(store, 'object', '2'))).toBe('z')
  })

  test('finds by term in order, from either end, and resumes', async () => {
    const store = await open(await make())
    const all = Array.from({ length: 300 }, (_, index) => `id-${String(index).padStart(4, '0')}`)
    for (const id of all) void store.commit([{ table: 'object', id, body: bytes(id), terms: ['all', `one ${id}`] }])
    await store.commit([{ table: 'other', id: 'x', body: bytes(''), terms: ['all'] }])
    const down = all.toReversed()
    const find = (options?: FindOptions) => ids(store.find('object', 'all', options))
    expect(await find()).toEqual(all)
    expect(await find({ reverse: true })).toEqual(down)
    expect(await find({ limit: 200 })).toEqual(all.slice(0, 200))
    expect(await find({ limit: 128 })).toEqual(all.slice(0, 128))
    expect(await find({ limit: 0 })).toEqual([])
    expect(await find({ after: 'id-0100', limit: 150 })).toEqual(all.slice(101, 251))
    expect(await find({ after: 'id-0100x' })).toEqual(all.slice(101))
    expect(await find({ after: 'id-0100', reverse: true })).toEqual(all.slice(0, 100).toReversed())
    expect(await find({ after: 'id-0299' })).toEqual([])
    expect(await ids(store.list('object'))).toEqual(all)
    expect(await ids(store.list('object', { reverse: true, limit: 3 }))).toEqual(down.slice(0, 3))
    expect(await ids(store.find('object', 'one id-0007'))).toEqual(['id-0007'])
    expect(await ids(store.find('object', 'none'))).toEqual([])
    expect(await store.count('object', 'all', 1000)).toBe(300)
    expect(await store.count('object', 'all', 50)).toBe(50)
    expect(await store.count('object', 'none', 50)).toBe(0)
  })

  test('lets other work go on during a long scan', async () => {
    const store = await open(await make())
    const total = 1000
    for (let id = 0; id < total; id++) void store.commit([{ table: 'o', id: `${id}`, body: bytes(''), terms: ['t'] }])
    await store.commit([])
    let seen = 0
    let between = 0
    const beat = setInterval(() => (between += seen < total ? 1 : 0), 0)
    for await (const id of store.find('o', 't')) {
      await store.get('o', id)
      seen++
    }
    clearInterval(beat)
    expect(seen).toBe(total)
    expect(between).toBeGreaterThan(0)
  })

  test('keeps a unique term to one record, and lets it pass on', async () => {
    const store = await open(await make())
    const create = (id: string, ...uniqueTerms: string[]) =>
      store.commit([{ table: 'object', id, body: bytes(id), uniqueTerms }])
    await create('1', 'name', 'name')
    expect(await store.holder('object', 'name')).toBe('1')
    await expect(create('2', 'name')).rejects.toMatchObject({ code: 'duplicate', table: 'object', id: '2' })
    expect(await store.get('object', '2')).toBeUndefined()
    await store.commit([{ table: 'other', id: '2', body: bytes(''), uniqueTerms: ['name'] }])
    // A plain term of the same words is no claim.
    await store.commit([{ table: 'object', id: '3', body: bytes('3'), terms: ['name'] }])
    // Kept across a replacement.
    let one = await record(store, 'object', '1')
    await store.commit([{ table: 'object', id: '1', previous: one, body: bytes('1'), uniqueTerms: ['name'] }])
    expect(await codeOf(create('2', 'name'))).toBe('duplicate')
    expect(await ids(store.find('object', 'name'))).toEqual(['3'])
    // Passed on within one commit, in either order.
    one = await record(store, 'object', '1')
    await store.commit([
      { table: 'object', id: '2', body: bytes('2'), uniqueTerms: ['name'] },
      { table: 'object', id: '1', previous: one, body: bytes('1'), uniqueTerms: ['next'] },
    ])
    expect(await store.holder('object', 'name')).toBe('2')
    // Swapped.
    one = await record(store, 'object', '1')
    let two = await record(store, 'object', '2')
    await store.commit([
      { table: 'object', id: '1', previous: one, body: bytes('1'), uniqueTerms: ['name'] },
      { table: 'object', id: '2', previous: two, body: bytes('2'), uniqueTerms: ['next'] },
    ])
    expect(await store.holder('object', 'next')).toBe('2')
    // Claimed twice within one commit, and free once its record is gone.
    const claims = ['7', '8'].map(id => ({ table: 'object', id, body: bytes(''), uniqueTerms: ['both'] }))
    expect(await codeOf(store.commit(claims))).toBe('duplicate')
    two = await record(store, 'object', '2')
    await store.commit([{ table: 'object', id: '2', previous: two }])
    await create('4', 'next')
    expect(await store.holder('object', 'next')).toBe('4')
  })

  test('gives a raced unique term to exactly one', async () => {
    const store = await open(await make())
    const codes = await Promise.all(
      Array.from({ length: 50 }, (_, id) =>
        codeOf(store.commit([{ table: 'object', id: `${id}`, body: bytes(''), uniqueTerms: ['name'] }])),
      ),
    )
    expect(codes.filter(code => code === 'none')).toHaveLength(1)
    expect(codes.filter(code => code === 'duplicate')).toHaveLength(49)
    expect(await ids(store.list('object'))).toHaveLength(1)
  })

  test('refuses places and changes that make no sense', async () => {
    const store = await open(await make())
    await store.commit([{ table: 'object', id: '1', body: bytes('') }])
    const one = await record(store, 'object', '1')
    const create = (table: string, id: string) => store.commit([{ table, id, body: bytes('') }])
    for (const table of ['', '1', 'a b', 'a\0b', 'ä', 'a'.repeat(33)]) {
      expect(await codeOf(create(table, '1'))).toBe('invalid')
      expect(() => store.get(table, '1')).toThrow(expect.objectContaining({ code: 'invalid' }))
      expect(() => store.find(table, '1')).toThrow(expect.objectContaining({ code: 'invalid' }))
    }
    for (const id of ['', '\ud800', 'a'.repeat(513)]) expect(await codeOf(create('object', id))).toBe('invalid')
    expect(await codeOf(store.commit([{ table: 'object', id: '2' }]))).toBe('invalid')
    expect(await codeOf(store.commit([{ table: 'object', id: '2', previous: one, body: bytes('') }]))).toBe('invalid')
    const twice = { table: 'object', id: '2', body: bytes('') }
    expect(await codeOf(store.commit([twice, twice]))).toBe('invalid')
    for (const id of ['\0', 'ÿ', '💾', 'a/b|c', 'a'.repeat(512)]) {
      await create('object', id)
      expect((await store.get('object', id))?.id).toBe(id)
    }
  })

  test('keeps nothing of deleted and replaced records', async () => {
    const engine = await make()
    const store = await open(engine)
    const empty = await rows(engine)
    await store.commit([{ table: 'o', id: '1', body: bytes('1'), terms: ['a', 'b', 'b'], uniqueTerms: ['u', 'v'] }])
    let one = await record(store, 'o', '1')
    await store.commit([
      { table: 'o', id: '1', previous: one, body: bytes('2'), terms: ['b', 'u'], uniqueTerms: ['w'] },
    ])
    // Record, two index rows (b, u), one unique row (w).
    expect((await rows(engine)).length - empty.length).toBe(4)
    one = await record(store, 'o', '1')
    await store.commit([{ table: 'o', id: '1', previous: one }])
    expect((await rows(engine)).map(hex)).toEqual(empty.map(hex))
  })

  test('opens no envelope that was moved, swapped or changed in any bit, and reads the others', async () => {
    const engine = await make()
    const store = await open(engine)
    const body = randomBytes(40)
    for (const [table, id] of [
      ['object', '1'],
      ['object', '2'],
      ['other', '1'],
    ] as const) {
      await store.commit([{ table, id, body }])
    }
    const stored = (await rows(engine)).filter(({ key }) => key[0] === 'r'.charCodeAt(0))
    const [first, second, other] = stored
    if (!first || !second || !other) throw new Error('three records were expected')
    const put = (key: Uint8Array, value: Uint8Array) => engine.commit([], [{ key, value }])
    const attempt = async (value: Uint8Array) => {
      await put(first.key, value)
      await expect((async () => store.get('object', '1'))()).rejects.toMatchObject({
        code: 'damaged',
        table: 'object',
        id: '1',
      })
    }
    await attempt(second.value)
    await attempt(other.value)
    await attempt(bytes(''))
    await attempt(bytes('short'))
    await attempt(first.value.subarray(0, -1))
    await attempt(Buffer.concat([first.value, bytes('x')]))
    for (let bit = 0; bit < first.value.length * 8; bit += 3) {
      const flipped = Uint8Array.from(first.value)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await attempt(flipped)
    }
    expect((await record(store, 'object', '2')).body).toEqual(body)
    await put(first.key, first.value)
    expect((await record(store, 'object', '1')).body).toEqual(body)
  })

  test('agrees with a model, whatever is committed', async () => {
    const id = fc.constantFrom('1', '2', '3', '4')
    const term = fc.constantFrom('a', 'b', 'c', 'd')
    const change = fc.record({
      id,
      body: fc.option(fc.uint8Array({ maxLength: 8 }), { nil: undefined }),
      terms: fc.array(term, { maxLength: 3 }),
      uniqueTerms: fc.array(term, { maxLength: 1 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uniqueArray(change, { selector: ({ id }) => id, maxLength: 3 })), async commits => {
        const store = await open(await make())
        let model = new Map<string, { body: Uint8Array; terms: string[]; uniqueTerms: string[] }>()
        for (const changes of commits) {
          const next = new Map(model)
          for (const { id, body, terms, uniqueTerms } of changes) {
            if (body === undefined) next.delete(id)
            else next.set(id, { body, terms, uniqueTerms })
          }
          const held = [...next.values()].flatMap(({ uniqueTerms }) => uniqueTerms)
          const code = await codeOf(
            store.commit(
              await Promise.all(
                changes
                  .filter(({ id, body }) => body !== undefined || model.has(id))
                  .map(async change => ({ ...change, table: 't', previous: await store.get('t', change.id) })),
              ),
            ),
          )
          expect(code).toBe(new Set(held).size === held.length ? 'none' : 'duplicate')
          if (code === 'none') model = next
          for (const id of ['1', '2', '3', '4']) {
            const found = await store.get('t', id)
            expect(found && Uint8Array.from(found.body)).toEqual(model.get(id)?.body)
          }
          for (const term of ['a', 'b', 'c', 'd']) {
            const wanted = [...model].filter(([, { terms }]) => terms.includes(term))
            expect(await ids(store.find('t', term))).toEqual(wanted.map(([id]) => id).sort())
            const [holder] = [...model].find(([, { uniqueTerms }]) => uniqueTerms.includes(term)) ?? []
            expect(await store.holder('t', term)).toBe(holder)
          }
        }
      }),
      { numRuns: 60 },
    )
  })
})

test('neither bodies nor terms stand in the file in clear', async () => {
  const path = await folder()
  const engine = await openLmdb(path)
  const store = await open(engine)
  const secrets = ['BODY-OF-THE-RECORD', 'NAME-OF-A-DRIVE', 'UNIQUE-NAME-OF-A-DRIVE']
  const [body = '', term = '', unique = ''] = secrets
  await store.commit([{ table: 'object', id: 'visible-id', body: bytes(body), terms: [term], uniqueTerms: [unique] }])
  const one = await record(store, 'object', 'visible-id')
  await store.commit([{ table: 'object', id: 'visible-id', previous: one, body: bytes(body), terms: [unique] }])
  await store.close()
  const file = await readFile(join(path, 'data.mdb'))
  expect(file.includes('visible-id')).toBe(true)
  for (const secret of secrets) expect(file.includes(secret)).toBe(false)
  expect(file.includes(Buffer.from('ab'.repeat(32), 'hex'))).toBe(false)
})

test('two stores hash the same term differently', async () => {
  const keys = await Promise.all(
    [memory(), memory()].map(async engine => {
      const store = await open(engine)
      await store.commit([{ table: 'o', id: '1', body: bytes(''), terms: ['t'] }])
      return (await rows(engine)).map(({ key }) => Buffer.from(key).toString('hex')).find(key => key.startsWith('69'))
    }),
  )
  expect(keys[0]).toBeDefined()
  expect(keys[0]).not.toBe(keys[1])
})

async function record(store: Store, table: string, id: string): Promise<StoredRecord> {
  const found = await store.get(table, id)
  if (found === undefined) throw new Error(`there is no ${id} in ${table}`)
  return found
}

function text(record: StoredRecord): string {
  return Buffer.from(record.body).toString()
}

async function ids(found: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = []
  for await (const id of found) all.push(id)
  return all
}

async function rows(engine: Engine): Promise<readonly Entry[]> {
  return engine.range(undefined, undefined, { limit: 10_000 })
}

function hex({ key, value }: Entry): string {
  return `${Buffer.from(key).toString('hex')}=${Buffer.from(value).toString('hex')}`
}
