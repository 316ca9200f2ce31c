import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memory, type Change, type Engine, type Guard } from '../../store/index.ts'
import { bytes, codeOf, engines, openLmdb, folder } from './engines.ts'

const key = fc.uint8Array({ minLength: 1, maxLength: 3, max: 3 })
const value = fc.uint8Array({ maxLength: 40 })
const bound = fc.option(key, { nil: undefined })
const limit = fc.integer({ min: 0, max: 12 })
const write = fc.record({
  changes: fc.array(fc.record({ key, value: fc.option(value, { nil: undefined }) }), { maxLength: 8 }),
})

describe.each(engines)('%s', (name, open) => {
  test('holds what was put, until it is removed', async () => {
    const engine = await open()
    expect(await engine.get(bytes('a'))).toBeUndefined()
    await put(engine, 'a', '1')
    await put(engine, 'b', '')
    expect(await engine.get(bytes('a'))).toEqual(bytes('1'))
    expect(await engine.get(bytes('b'))).toEqual(bytes(''))
    await engine.commit([], [{ key: bytes('a'), value: undefined }])
    await engine.commit([], [{ key: bytes('a'), value: undefined }])
    expect(await engine.get(bytes('a'))).toBeUndefined()
  })

  test('gives back the previous value itself exactly when nothing changed', async () => {
    const engine = await open()
    await put(engine, 'a', '1')
    const seen = await engine.get(bytes('a'))
    expect(await engine.get(bytes('a'), seen)).toBe(seen)
    await put(engine, 'a', '2')
    expect(await engine.get(bytes('a'), seen)).toEqual(bytes('2'))
    await engine.commit([], [{ key: bytes('a'), value: undefined }])
    expect(await engine.get(bytes('a'), seen)).toBeUndefined()
  })

  test('tells, where it can, that nothing has changed', async () => {
    const engine = await open()
    await put(engine, 'a', '1')
    const state = engine.state()
    await engine.get(bytes('a'))
    await codeOf(engine.commit([{ key: bytes('a'), value: undefined }], [{ key: bytes('a'), value: bytes('2') }]))
    expect(engine.state()).toBe(state)
    await put(engine, 'b', '1')
    expect(engine.state() === state).toBe(state === undefined)
    expect(state === undefined).toBe(name.endsWith('open'))
  })

  test('gives copies, which a later write or the caller does not change', async () => {
    const engine = await open()
    const large = new Uint8Array(100_000).fill(1)
    for (const size of [10, 4_000, 40_000, 100_000]) {
      await engine.commit([], [{ key: bytes('a'), value: large.subarray(0, size) }])
      const copy = await engine.get(bytes('a'))
      const [entry] = await engine.range(undefined, undefined, { limit: 1 })
      await engine.commit([], [{ key: bytes('a'), value: new Uint8Array(size).fill(2) }])
      await engine.get(bytes('a'))
      await engine.range(undefined, undefined, { limit: 1 })
      expect(Buffer.compare(copy ?? bytes(''), large.subarray(0, size))).toBe(0)
      expect(Buffer.compare(entry?.value ?? bytes(''), large.subarray(0, size))).toBe(0)
      copy?.fill(9)
      expect((await engine.get(bytes('a')))?.[0]).toBe(2)
    }
  })

  test('does all of a commit or, when one guard does not hold, nothing', async () => {
    const engine = await open()
    await put(engine, 'a', '1')
    const good: Guard = { key: bytes('a'), value: bytes('1') }
    for (const bad of [
      { key: bytes('a'), value: bytes('2') },
      { key: bytes('a'), value: undefined },
      { key: bytes('a'), value: bytes('') },
      { key: bytes('none'), value: bytes('1') },
      { key: bytes('none'), value: bytes('') },
    ]) {
      const commit = engine.commit([good, bad, good], [{ key: bytes('b'), value: bytes('1') }])
      await expect(commit).rejects.toMatchObject({ code: 'conflict', guard: bad })
      expect(await engine.get(bytes('b'))).toBeUndefined()
    }
    await engine.commit([good, { key: bytes('none'), value: undefined }], [{ key: bytes('b'), value: bytes('1') }])
    expect(await engine.get(bytes('b'))).toEqual(bytes('1'))
    await engine.commit([good], [])
    expect(await codeOf(engine.commit([{ key: bytes('a'), value: bytes('x') }], []))).toBe('conflict')
  })

  test('lets one of many concurrent committers win, each time', async () => {
    const engine = await open()
    await put(engine, 'n', '0')
    let conflicts = 0
    const add = async () => {
      for (;;) {
        const seen = await engine.get(bytes('n'))
        const next = bytes(String(Number(Buffer.from(seen ?? []).toString()) + 1))
        const code = await codeOf(engine.commit([{ key: bytes('n'), value: seen }], [{ key: bytes('n'), value: next }]))
        if (code === 'none') return
        expect(code).toBe('conflict')
        conflicts++
      }
    }
    await Promise.all(Array.from({ length: 40 }, add))
    expect(await engine.get(bytes('n'))).toEqual(bytes('40'))
    expect(conflicts).toBeGreaterThan(0)
  })

  test('refuses keys beyond the limits before it changes anything', async () => {
    const engine = await open()
    const longest = new Uint8Array(1978).fill(7)
    await engine.commit([], [{ key: longest, value: bytes('1') }])
    expect(await engine.get(longest)).toEqual(bytes('1'))
    for (const size of [0, 1979]) {
      const bad = { key: new Uint8Array(size).fill(7), value: bytes('2') }
      expect(await codeOf(engine.commit([], [{ key: bytes('a'), value: bytes('2') }, bad]))).toBe('invalid')
      expect(await codeOf(engine.commit([bad], []))).toBe('invalid')
    }
    expect(await engine.get(bytes('a'))).toBeUndefined()
  })

  test('finishes what is under way when it closes, then refuses', async () => {
    const engine = await open()
    const commits = Array.from({ length: 20 }, (_, index) => put(engine, `k${index}`, 'v'))
    await engine.close()
    await Promise.all(commits)
    expect(() => engine.get(bytes('k1'))).toThrow(expect.objectContaining({ code: 'closed' }))
    expect(() => engine.range(undefined, undefined, { limit: 1 })).toThrow(expect.objectContaining({ code: 'closed' }))
    expect(await codeOf(put(engine, 'a', '1'))).toBe('closed')
    await engine.close()
  })
})

test('lmdb answers as memory does, whatever is written and asked', async () => {
  const path = await folder()
  const engine = await openLmdb(path)
  await fc.assert(
    fc.asyncProperty(
      fc.array(write, { maxLength: 6 }),
      fc.array(fc.tuple(bound, bound, limit, fc.boolean()), { minLength: 1, maxLength: 20 }),
      async (writes, questions) => {
        const model = memory()
        await clear(engine)
        for (const { changes } of writes) {
          await model.commit([], changes)
          await engine.commit([], changes)
        }
        for (const [from, to, limit, reverse] of questions) {
          expect(plain(await engine.range(from, to, { limit, reverse }))).toEqual(
            plain(await model.range(from, to, { limit, reverse })),
          )
        }
      },
    ),
    { numRuns: 150 },
  )
})

test.each(engines)('%s: a range is every entry between its bounds, in order', async (_, open) => {
  const engine = await open()
  await fc.assert(
    fc.asyncProperty(fc.array(key), bound, bound, limit, fc.boolean(), async (keys, from, to, limit, reverse) => {
      await clear(engine)
      await engine.commit(
        [],
        keys.map(key => ({ key, value: key })),
      )
      const wanted = [...new Map(keys.map(key => [Buffer.from(key).toString('hex'), key])).entries()]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, key]) => key)
        .filter(key => !(from && Buffer.compare(key, from) < 0) && !(to && Buffer.compare(key, to) >= 0))
      if (reverse) wanted.reverse()
      const found = await engine.range(from, to, { limit, reverse })
      expect(plain(found)).toEqual(plain(wanted.slice(0, limit).map(key => ({ key, value: key }))))
    }),
    { numRuns: 150 },
  )
})

function put(engine: Engine, key: string, value: string): Promise<void> {
  return engine.commit([], [{ key: bytes(key), value: bytes(value) }])
}

async function clear(engine: Engine): Promise<void> {
  const entries = await engine.range(undefined, undefined, { limit: 1000 })
  await engine.commit(
    [],
    entries.map(({ key }) => ({ key, value: undefined })),
  )
}

function plain(entries: readonly Change[]): string[] {
  return entries.map(
    ({ key, value }) => `${Buffer.from(key).toString('hex')}=${Buffer.from(value ?? []).toString('hex')}`,
  )
}
