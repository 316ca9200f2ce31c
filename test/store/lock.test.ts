import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lockFolder, lockHolder, StoreError } from '../../store/index.ts'
import { child, codeOf, folder } from './engines.ts'

test('one holder at a time, who is named', async () => {
  const path = await folder()
  const lock = await lockFolder(path)
  const error = await lockFolder(path).catch((error: unknown) => error)
  if (!(error instanceof StoreError)) throw new Error('an error was expected')
  expect(error.code).toBe('locked')
  expect(error.message).toContain(`process ${process.pid} on `)
  await lock.release()
  await lock.release()
  expect(await readdir(path)).toEqual([])
  const next = await lockFolder(path)
  await lock.release()
  expect(await codeOf(lockFolder(path))).toBe('locked')
  await next.release()
})

test('another process holds it until it lets go', async () => {
  const path = await folder()
  const holder = child('lock-holder', [path])
  await holder.said('held')
  const error = await lockFolder(path).catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'locked', message: expect.stringContaining(`${holder.process.pid}`) as string })
  holder.process.stdin?.write('release\n')
  await holder.said('released')
  await (await lockFolder(path)).release()
})

test('who holds it is told without taking it', async () => {
  const path = await folder()
  expect(await lockHolder(path)).toBeUndefined()
  expect(await lockHolder(join(path, 'nowhere'))).toBeUndefined()
  const lock = await lockFolder(path)
  expect(await lockHolder(path)).toMatchObject({ pid: String(process.pid) })
  await lock.release()
  expect(await lockHolder(path)).toBeUndefined()
  expect(await readdir(path)).toEqual([])
  const holder = child('lock-holder', [path])
  await holder.said('held')
  expect(await lockHolder(path)).toMatchObject({ pid: String(holder.process.pid) })
  holder.process.kill('SIGKILL')
  await holder.ended
  expect(await lockHolder(path)).toBeUndefined()
})

test('a killed holder holds nothing', async () => {
  const path = await folder()
  for (let round = 0; round < 3; round++) {
    const holder = child('lock-holder', [path])
    await holder.said('held')
    expect(await codeOf(lockFolder(path))).toBe('locked')
    holder.process.kill('SIGKILL')
    await holder.ended
  }
  const lock = await lockFolder(path)
  expect(await readdir(path)).toHaveLength(1)
  await lock.release()
})

test('a stopped holder still holds', async () => {
  const path = await folder()
  const holder = child('lock-holder', [path])
  await holder.said('held')
  holder.process.kill('SIGSTOP')
  expect(await codeOf(lockFolder(path))).toBe('locked')
})

test('of many that race for a dead lock one gets it', async () => {
  const path = await folder()
  for (let round = 0; round < 4; round++) {
    await dead(path, round)
    const locks = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(path)))
    const won = locks.filter(result => result.status === 'fulfilled')
    expect(won).toHaveLength(1)
    await won[0]?.value.release()
  }
  const racers = Array.from({ length: 3 }, () => child('lock-holder', [path]))
  await Promise.all(racers.map(racer => Promise.race([racer.said('held'), racer.said('locked')])))
  expect(racers.map(({ lines }) => lines[0]).sort()).toEqual(['held', 'locked', 'locked'])
})

test('the lock does not keep a process alive', async () => {
  const holder = child('lock-holder', [await folder(), 'idle'])
  expect(await holder.ended).toBe(0)
  expect(holder.lines).toEqual(['held'])
})

test('a path too long for a socket is locked all the same', async () => {
  const path = join(await folder(), 'a'.repeat(100), 'b'.repeat(100))
  const lock = await lockFolder(path)
  expect(await codeOf(lockFolder(path))).toBe('locked')
  const other = child('lock-holder', [path])
  await other.said('locked')
  await lock.release()
  expect(await readdir(path)).toEqual([])
})

test('what cannot be locked is an error', async () => {
  const path = await folder()
  await writeFile(join(path, 'file'), '')
  expect(await codeOf(lockFolder(join(path, 'file')))).toBe('io')
})

/** Leaves the socket of a holder that was killed; every other time with one that outnumbers it. */
async function dead(path: string, round: number): Promise<void> {
  const holder = child('lock-holder', [path])
  await holder.said('held')
  holder.process.kill('SIGKILL')
  await holder.ended
  if (round % 2 === 0) return
  const next = child('lock-holder', [path])
  await next.said('held')
  next.process.kill('SIGKILL')
  await next.ended
}
