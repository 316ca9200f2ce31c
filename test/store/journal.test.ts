/**
 * What is committed and not yet in the database: found again after a crash, whatever the crash left half-done.
 *
 * The database behind the journal is one in memory here, that survives a crash and fails on demand; the journal is a file.
 *
 * @module
 */
import fs from 'node:fs'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { memory, StoreError, type Change, type Engine, type Entry } from '../../store/index.ts'
import type { Base } from '../../store/base.ts'
import { journaled } from '../../store/journaled.ts'
import { bytes, codeOf, folder } from './engines.ts'

const pageBytes = 4096
const journalBytes = 256 * pageBytes

interface Disk {
  readonly journal: string
  readonly rows: Engine
  /** How many more writes the database takes: then it is full. */
  writesLeft: number
  hasRoom: boolean
  transactions: number
}

async function newDisk(): Promise<Disk> {
  return {
    journal: join(await folder(), 'journal'),
    rows: memory(),
    writesLeft: Infinity,
    hasRoom: true,
    transactions: 0,
  }
}

interface Process {
  readonly engine: Engine
  /** Nothing that it still does reaches the database. */
  crash(): Promise<void>
}

async function start(disk: Disk): Promise<Process> {
  let isDead = false
  const full = new StoreError('full', 'no space is left')
  const base: Base = {
    get: (key, previous) => disk.rows.get(key, previous) as Uint8Array | undefined,
    range: (from, to, options) => disk.rows.range(from, to, options) as readonly Entry[],
    write(changes) {
      if (isDead || disk.writesLeft <= 0) return Promise.reject(full)
      disk.writesLeft--
      disk.transactions++
      return disk.rows.commit([], changes)
    },
    reserve: () => (disk.hasRoom ? Promise.resolve() : Promise.reject(full)),
    transaction: () => Promise.resolve(disk.transactions),
    close: () => Promise.resolve(),
  }
  const engine = await journaled(disk.journal, base)
  const crash = (): Promise<void> => {
    isDead = true
    return engine.close()
  }
  onTestFinished(crash)
  return { engine, crash }
}

/** One whose database takes nothing after the first commit, so that all else is in the journal. */
async function journalAlone(): Promise<{ disk: Disk; process: Process }> {
  const disk = await newDisk()
  const process = await start(disk)
  await put(process.engine, 'first', 'in the database')
  disk.writesLeft = 0
  return { disk, process }
}

const put = (engine: Engine, key: string, value: string): Promise<void> =>
  engine.commit([], [{ key: bytes(key), value: bytes(value) }])

async function all(engine: Engine): Promise<Record<string, string>> {
  const entries = await engine.range(undefined, undefined, { limit: 1e6 })
  return Object.fromEntries(entries.map(({ key, value }) => [text(key), text(value)]))
}

const text = (value: Uint8Array): string => Buffer.from(value).toString()

describe('a journal', () => {
  test('keeps what the database has not, and is empty once it has', async () => {
    const { disk, process } = await journalAlone()
    await put(process.engine, 'second', 'in the journal')
    await process.engine.commit([], [{ key: bytes('first'), value: undefined }])
    const kept = { second: 'in the journal' }
    expect(await all(process.engine)).toEqual(kept)
    await process.crash()
    expect(await all(disk.rows)).toEqual({ first: 'in the database' })

    const again = await start(disk)
    expect(await all(again.engine)).toEqual(kept)
    await again.crash()
    disk.writesLeft = Infinity
    await (await start(disk)).engine.close()
    expect(await all(disk.rows)).toEqual(kept)
    // Nothing of it comes back over what the database has taken since.
    await disk.rows.commit([], [{ key: bytes('second'), value: bytes('newer') }])
    expect(await all((await start(disk)).engine)).toEqual({ second: 'newer' })
  })

  test('brings what it holds to the database soon, unasked', async () => {
    const disk = await newDisk()
    const { engine } = await start(disk)
    await put(engine, 'a', '1')
    await put(engine, 'b', '2')
    await expect.poll(() => all(disk.rows), { timeout: 10_000 }).toEqual({ a: '1', b: '2' })
  })

  test('lets the first commit pass, which older releases are to see, and those that are larger than it', async () => {
    const { disk, process } = await journalAlone()
    expect(await all(disk.rows)).toEqual({ first: 'in the database' })
    await put(process.engine, 'small', 'x')
    const large = 'x'.repeat(journalBytes)
    expect(await codeOf(put(process.engine, 'large', large))).toBe('full')
    disk.writesLeft = Infinity
    await put(process.engine, 'large', large)
    expect(Object.keys(await all(disk.rows))).toEqual(['first', 'large', 'small'])
  })

  test('takes nothing as long as the database has no room for it', async () => {
    const { disk, process } = await journalAlone()
    disk.hasRoom = false
    expect(await codeOf(put(process.engine, 'a', '1'))).toBe('full')
    disk.writesLeft = 1
    await put(process.engine, 'a', '2')
    expect((await all(disk.rows)).a).toBe('2')
    expect(await codeOf(put(process.engine, 'a', '3'))).toBe('full')
    expect(await process.engine.get(bytes('a'))).toEqual(bytes('2'))
  })

  test('is not overfilled: commits fail when both are full, and go on when the database does', async () => {
    const { disk, process } = await journalAlone()
    const value = 'x'.repeat(200_000)
    const codes: string[] = []
    for (let number = 0; number < 14; number++) codes.push(await codeOf(put(process.engine, `k${number}`, value)))
    const kept = codes.filter(code => code === 'none').length
    expect(codes).toEqual([...Array<string>(kept).fill('none'), ...Array<string>(14 - kept).fill('full')])
    expect(kept).toBeGreaterThan(8)
    await process.crash()
    const again = await start(disk)
    expect(Object.keys(await all(again.engine))).toHaveLength(1 + kept)
    expect(await codeOf(put(again.engine, 'one more', value))).toBe('full')
    disk.writesLeft = Infinity
    await put(again.engine, 'one more', value)
    expect(Object.keys(await all(again.engine))).toHaveLength(2 + kept)
  })

  test.each([1, 2])('whose write fails has nothing of it, though it arrived, after %d errors', async errors => {
    const { disk, process } = await journalAlone()
    await put(process.engine, 'a', '1')
    failWrites(errors)
    expect(await codeOf(put(process.engine, 'b', '2'))).toBe('io')
    expect(await process.engine.get(bytes('b'))).toBeUndefined()
    await put(process.engine, 'c', '3')
    await process.crash()
    const again = await start(disk)
    const kept = { first: 'in the database', a: '1', c: '3' }
    expect(await all(again.engine)).toEqual(kept)
    await again.crash()
    expect(await all((await start(disk)).engine)).toEqual(kept)
  })

  test.each([
    ['at the begin of a round, while the next goes to the database itself', [], Infinity, journalBytes],
    ['behind others, while the next goes to the other journal', ['a', 'b'], 0, journalBytes - 3 * pageBytes],
  ])('that failed %s does not come back, nor a part of it', async (_, before, writesLeft, size) => {
    const { disk, process } = await journalAlone()
    for (const key of before) await put(process.engine, key, '1')
    failWrites(2)
    const change = (key: string, value: string): Change => ({ key: bytes(key), value: bytes(value) })
    expect(await codeOf(process.engine.commit([], [change('x', 'failed'), change('y', 'failed')]))).toBe('io')
    disk.writesLeft = writesLeft
    await process.engine.commit([], [change('x', 'acknowledged'), change('large', 'x'.repeat(size))])
    await process.crash()
    const { x, y } = await all((await start(disk)).engine)
    expect([x, y]).toEqual(['acknowledged', undefined])
  })
})

/** Of the next writes the first arrives, and all are said to fail. */
function failWrites(times: number): void {
  const { write } = fs
  const restore = (): void => {
    Object.assign(fs, { write })
    syncBuiltinESMExports()
  }
  onTestFinished(restore)
  let left = times
  const fails = (file: number, content: Buffer, at: number, length: number, position: number, done: Done): void => {
    if (left === times) fs.writeSync(file, content, at, length, position)
    if (--left === 0) restore()
    done(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }))
  }
  Object.assign(fs, { write: fails })
  syncBuiltinESMExports()
}

type Done = (error: Error) => void

describe('after a crash', () => {
  test('a group that was torn anywhere is not there, and all before it is', async () => {
    const { disk, process } = await journalAlone()
    await put(process.engine, 'a', 'x'.repeat(5000))
    await put(process.engine, 'b', 'x'.repeat(9000))
    await process.crash()
    const whole = await readFile(disk.journal)
    const last = 3 * pageBytes
    for (let from = last; from < last + 9000; from += 377) {
      const torn = Buffer.from(whole)
      torn.fill(from % 2 === 0 ? 0 : 0xa5, from, last + 3 * pageBytes)
      await writeFile(disk.journal, torn)
      const again = await start(disk)
      expect(Object.keys(await all(again.engine))).toEqual(['a', 'first'])
      await put(again.engine, 'c', '3')
      await again.crash()
      const once = await start(disk)
      expect(Object.keys(await all(once.engine))).toEqual(['a', 'c', 'first'])
      await once.crash()
    }
  })

  test.each([
    ['in the kind of file', 3],
    ['in the head of the one that is filled', 20],
    ['in the head of the other', journalBytes + 3],
    ['in the check of a group', pageBytes + 5],
    ['in the round of a group', pageBytes + 39],
    ['in the number of a group', pageBytes + 43],
    ['in the length of a group', pageBytes + 46],
    ['in the rows of a group', pageBytes + 50],
  ])('one wrong bit %s is damage, and nothing is touched', async (_, at) => {
    const { disk, process } = await journalAlone()
    for (const key of ['a', 'b', 'c']) await put(process.engine, key, '1')
    await process.crash()
    const content = await readFile(disk.journal)
    content.writeUInt8(content.readUInt8(at) ^ 1, at)
    await writeFile(disk.journal, content)
    await expect(start(disk)).rejects.toMatchObject({ code: 'damaged' })
    expect(Buffer.compare(await readFile(disk.journal), content)).toBe(0)
  })

  test.each([0, 100, pageBytes, 2 * journalBytes - 1, 2 * journalBytes + 1])(
    'a file of %d bytes is damage',
    async size => {
      const { disk, process } = await journalAlone()
      await process.crash()
      await truncate(disk.journal, size)
      await expect(start(disk)).rejects.toMatchObject({ code: 'damaged' })
    },
  )

  test('it is refused beside an older database, unless there is nothing in it', async () => {
    const { disk, process } = await journalAlone()
    await put(process.engine, 'a', '1')
    await process.crash()
    const rest = { ...disk, transactions: 0 }
    await expect(start(rest)).rejects.toMatchObject({ code: 'damaged' })
    disk.writesLeft = Infinity
    await (await start(disk)).engine.close()
    const older = { ...(await newDisk()), journal: disk.journal }
    const restored = await start(older)
    expect(await all(restored.engine)).toEqual({})
    await put(restored.engine, 'seen', 'by older releases')
    expect(await all(older.rows)).toEqual({ seen: 'by older releases' })
  })

  test('one of a newer release is left to that', async () => {
    const { disk, process } = await journalAlone()
    await process.crash()
    const content = await readFile(disk.journal)
    content.write('2', 'kmipd journal '.length)
    await writeFile(disk.journal, content)
    await expect(start(disk)).rejects.toMatchObject({ code: 'format' })
  })

  test('every row is as it was committed last, whatever the database had taken', { timeout: 120_000 }, async () => {
    const key = fc.integer({ min: 0, max: 400 }).map(number => bytes(`k${number}`))
    const value = fc.oneof(
      { weight: 20, arbitrary: fc.uint8Array({ maxLength: 300 }) },
      {
        weight: 1,
        arbitrary: fc.integer({ min: 100_000, max: 600_000 }).map(length => new Uint8Array(length).fill(7)),
      },
    )
    const change = fc.record({ key, value: fc.option(value, { nil: undefined, freq: 3 }) })
    const step = fc.oneof(
      {
        weight: 12,
        arbitrary: fc.record({ commits: fc.array(fc.array(change, { maxLength: 60 }), { maxLength: 8 }) }),
      },
      { weight: 2, arbitrary: fc.record({ crash: fc.boolean() }) },
      { weight: 2, arbitrary: fc.record({ writesLeft: fc.constantFrom(0, 1, 2, Infinity, Infinity) }) },
      { weight: 1, arbitrary: fc.record({ hasRoom: fc.boolean() }) },
    )
    let journaledOnes = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 20 }), async steps => {
        const disk = await newDisk()
        const model = memory()
        let process = await start(disk)
        for (const step of steps) {
          if ('commits' in step) await commitAll(process.engine, model, step.commits)
          else if ('crash' in step) {
            await (step.crash ? process.crash() : process.engine.close())
            process = await start(disk)
            if (Object.keys(await all(disk.rows)).length < Object.keys(await all(model)).length) journaledOnes++
          } else Object.assign(disk, step)
          await expectSame(process.engine, model)
        }
        disk.writesLeft = Infinity
        await process.engine.close()
        await expectSame(disk.rows, model)
      }),
      { numRuns: 15 },
    )
    expect(journaledOnes).toBeGreaterThan(1)
  })
})

/** Together, so that some share a group; what fails is not to be there. */
async function commitAll(engine: Engine, model: Engine, commits: readonly (readonly Change[])[]): Promise<void> {
  const done = await Promise.allSettled(commits.map(changes => engine.commit([], changes)))
  for (const [index, { status }] of done.entries()) {
    if (status === 'fulfilled') await model.commit([], commits[index] ?? [])
  }
}

async function expectSame(engine: Engine, model: Engine): Promise<void> {
  for (const reverse of [false, true]) {
    for (const [from, to, limit] of [
      [undefined, undefined, 1000],
      [bytes('k2'), bytes('k3'), 7],
      [bytes('k15'), undefined, 40],
    ] as const) {
      const found = await engine.range(from, to, { limit, reverse })
      const wanted = await model.range(from, to, { limit, reverse })
      expect(found.map(({ key }) => text(key))).toEqual(wanted.map(({ key }) => text(key)))
      expect(found.every(({ value }, at) => Buffer.compare(value, wanted[at]?.value ?? bytes('?')) === 0)).toBe(true)
    }
  }
  for (const key of ['k1', 'k2', 'k3', 'k4']) expect(await engine.get(bytes(key))).toEqual(await model.get(bytes(key)))
}
