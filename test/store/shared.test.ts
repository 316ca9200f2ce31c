/**
 * Many processes use one database, of which one at a time has it open.
 *
 * @module
 */
import { readdir, stat } from 'node:fs/promises'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { lmdb, lockHolder, StoreError } from '../../store/index.ts'
import { bytes, child, codeOf, folder, openLmdb } from './engines.ts'

const counter = bytes('counter')

test('opening it does not undo what is committed meanwhile', async () => {
  const path = await folder()
  const visitors = Array.from({ length: 4 }, () => child('visitor', [path]))
  await Promise.all(visitors.map(({ said }) => said('ready')))
  const engine = await openLmdb(path)
  const until = Date.now() + 5000
  let number = 0
  for (; Date.now() < until; number++) {
    const value = number === 0 ? undefined : bytes(`${number - 1}`)
    await engine.commit([{ key: counter, value }], [{ key: counter, value: bytes(`${number}`) }])
  }
  expect(number).toBeGreaterThan(50)
  for (const { process } of visitors) process.stdin?.end()
  expect(await Promise.all(visitors.map(({ ended }) => ended))).toEqual([0, 0, 0, 0])
  for (const { lines } of visitors) expect(Number(lines.at(-1)?.split(' ')[1])).toBeGreaterThan(5)
})

test('one that stays is given it by one that does not, which goes on through it', async () => {
  const path = await folder()
  const other = child('committer', [path, 'echo', ''])
  await other.said('ready')
  expect((await lockHolder(path))?.pid).toBe(String(other.process.pid))
  const engine = await openLmdb(path, true)
  expect((await lockHolder(path))?.pid).toBe(String(process.pid))
  other.process.stdin?.write('one\n')
  await other.said('one')
  expect(await engine.get(counter)).toEqual(bytes('one'))
  expect((await lockHolder(path))?.pid).toBe(String(process.pid))
  // And when it has gone, the other opens it again.
  await engine.close()
  other.process.stdin?.write('two\n')
  await other.said('two')
  expect((await lockHolder(path))?.pid).toBe(String(other.process.pid))
  expect(await (await openLmdb(path)).get(counter)).toEqual(bytes('two'))
  other.process.stdin?.end()
  expect(await other.ended).toBe(0)
})

test('what is under way when it is handed over is finished', async () => {
  const path = await folder()
  const first = await openLmdb(path)
  const put = (number: number): Promise<void> => first.commit([], [{ key: bytes(`k${number}`), value: bytes('v') }])
  const commits = Array.from({ length: 50 }, (_, number) => put(number))
  const second = openLmdb(path, true)
  for (let number = 50; number < 200; number++) {
    commits.push(put(number))
    await new Promise(resolve => setImmediate(resolve))
  }
  await Promise.all(commits)
  const found = await (await second).range(bytes('k'), bytes('l'), { limit: 1000 })
  expect(found).toHaveLength(200)
})

test('it is handed over while it is being opened', async () => {
  for (let round = 0; round < 10; round++) {
    const path = await folder()
    const first = child('committer', [path, 'echo', ''])
    while ((await lockHolder(path)) === undefined) await new Promise(resolve => setTimeout(resolve, round / 4))
    const second = await openLmdb(path, true)
    first.process.stdin?.write(`v${round}\n`)
    await first.said(`v${round}`)
    expect(await second.get(counter)).toEqual(bytes(`v${round}`))
    first.process.kill()
  }
})

test('it is not opened again before it is closed, though that takes a while', async () => {
  const path = await folder()
  const first = await openLmdb(path)
  const put = (number: number) => first.commit([], [{ key: bytes(`k${number}`), value: new Uint8Array(500) }])
  const commits = Promise.all(Array.from({ length: 5000 }, (_, number) => put(number)))
  let isClosed = false
  const closed = first.close().then(() => (isClosed = true))
  const second = await openLmdb(path, true)
  expect(isClosed).toBe(true)
  await Promise.all([commits, closed])
  expect(await second.range(bytes('k'), bytes('l'), { limit: 10_000 })).toHaveLength(5000)
})

test('a page of large rows arrives whole, in both directions', async () => {
  const path = await folder()
  const engine = await openLmdb(path, true)
  const keys = Array.from({ length: 12 }, (_, number) => bytes(`k${String(number).padStart(2, '0')}`))
  for (const key of keys) await engine.commit([], [{ key, value: new Uint8Array(3_000_000).fill(key[2] ?? 0) }])
  const beside = await openLmdb(path)
  for (const [limit, reverse] of [
    [12, false],
    [12, true],
    [9, false],
    [100, true],
  ] as const) {
    const found = await beside.range(bytes('k'), bytes('l'), { limit, reverse })
    expect(found.map(({ key }) => key)).toEqual((reverse ? keys.toReversed() : keys).slice(0, limit))
    expect(found.every(({ key, value }) => value.length === 3_000_000 && value[7] === key[2])).toBe(true)
  }
})

test('two that stay cannot both', async () => {
  const path = await folder()
  const first = await openLmdb(path, true)
  for (const name of await readdir(path)) expect((await stat(join(path, name))).mode & 0o777).toBe(0o600)
  const error = await lmdb({ path, stays: true }).catch((error: unknown) => error)
  expect(error).toMatchObject({
    code: 'locked',
    message: expect.stringContaining(`process ${process.pid} on`) as string,
  })
  await first.commit([], [{ key: counter, value: bytes('1') }])
  await first.close()
  expect(await (await openLmdb(path, true)).get(counter)).toEqual(bytes('1'))
})

test('a process that has it open and is killed leaves it to the next, with what it acknowledged', async () => {
  const path = await folder()
  const other = child('committer', [path, 'echo', ''])
  await other.said('ready')
  const engine = await openLmdb(path)
  other.process.stdin?.write('one\n')
  await other.said('one')
  other.process.kill('SIGKILL')
  await other.ended
  expect(await engine.get(counter)).toEqual(bytes('one'))
  await engine.commit([{ key: counter, value: bytes('one') }], [{ key: counter, value: bytes('two') }])
  expect((await lockHolder(path))?.pid).toBe(String(process.pid))
})

test('one that does not answer is told of', async () => {
  const path = await folder()
  const other = child('committer', [path, 'echo', ''])
  await other.said('ready')
  other.process.kill('SIGSTOP')
  const error = await lmdb({ path }).catch((error: unknown) => error)
  if (!(error instanceof StoreError)) throw new Error('an error was expected')
  expect([error.code, error.message]).toEqual(['io', expect.stringContaining('does not answer')])
  other.process.kill('SIGCONT')
  await openLmdb(path)
})

describe('a caller that talks nonsense', () => {
  const head = (...lengths: number[]): Buffer => Buffer.concat(lengths.map(length => word(length)))
  const word = (length: number): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(length)
    return bytes
  }

  test.each([
    ['a length beyond the limit', head(0xffff_ffff)],
    ['a field longer than its frame', head(8, 100, 0)],
    ['nothing', head(0)],
    ['half a length of a field', Buffer.concat([head(2), Buffer.alloc(2)])],
    ['a request of the web', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('%s: loses its connection, and nobody else notices', async (_, nonsense) => {
    const path = await folder()
    const engine = await openLmdb(path, true)
    const beside = await openLmdb(path)
    const caller = await connected(path)
    const ended = new Promise(resolve => caller.on('close', resolve))
    caller.write(nonsense)
    await ended
    await beside.commit([], [{ key: counter, value: bytes('1') }])
    expect(await engine.get(counter)).toEqual(bytes('1'))
  })

  test('an unknown question is refused, and an unfinished one waits', async () => {
    const path = await folder()
    await openLmdb(path, true)
    const caller = await connected(path)
    const field = (text: string): Buffer => Buffer.concat([head(text.length + 1), Buffer.from(text)])
    const question = Buffer.concat([field('7'), field('rename')])
    let answer = ''
    caller.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    caller.write(Buffer.concat([head(question.length), question, head(100)]))
    await expect.poll(() => answer).toContain('invalid')
    expect(caller.destroyed).toBe(false)
    caller.destroy()
    expect(await codeOf((await openLmdb(path)).commit([], [{ key: counter, value: bytes('1') }]))).toBe('none')
  })

  test('one that does not listen does not keep the process alive', async () => {
    const path = await folder()
    const host = child('committer', [path, 'echo', ''])
    await host.said('ready')
    const beside = await openLmdb(path)
    await beside.commit([], [{ key: counter, value: new Uint8Array(8_000_000) }])
    const caller = (await connected(path)).pause()
    const field = (text: string): Buffer => Buffer.concat([head(text.length + 1), Buffer.from(text)])
    const question = Buffer.concat([field('7'), field('get'), field('counter')])
    for (let asked = 0; asked < 20; asked++) caller.write(Buffer.concat([head(question.length), question]))
    await beside.get(counter)
    host.process.stdin?.end()
    expect(await host.ended).toBe(0)
    caller.destroy()
  })

  async function connected(path: string): Promise<Socket> {
    const [name = ''] = (await readdir(path)).filter(name => name.startsWith('server-'))
    const socket = createConnection(join(path, name))
    socket.on('error', () => socket.destroy())
    await new Promise(resolve => socket.once('data', resolve))
    return socket
  }
})
