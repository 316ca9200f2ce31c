/**
 * A store of an older format, and a server of an older release that may have it open.
 *
 * @module
 */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { lmdb, lockFolder } from '../../store/index.ts'
import { done, house, kmipd } from './kmipd.ts'

const { masterKey, objects, rows } = JSON.parse(
  await readFile(new URL('../store/format-1.json', import.meta.url), 'utf8'),
) as {
  readonly masterKey: string
  readonly objects: Readonly<Record<'drive', string>>
  readonly rows: readonly (readonly [string, string])[]
}

it('is not opened beside a server that does not answer for it, and written when that has ended', async () => {
  const { path, data } = await house()
  await rm(join(data, 'store'), { recursive: true })
  const engine = await lmdb({ path: join(data, 'store') })
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64')
  await engine.commit(
    [],
    rows.map(([key, value]) => ({ key: bytes(key), value: bytes(value) })),
  )
  await engine.close()
  await writeFile(join(data, 'master.key'), `${masterKey}\n`)

  const file = join(data, 'store', 'data.mdb')
  const before = await readFile(file)
  const server = await lockFolder(data)
  const refused = await kmipd(['keys', 'list', '--data', data])
  expect([refused.status, refused.stderr]).toEqual([4, expect.stringContaining('restart it with this one first')])
  expect(await readFile(file)).toEqual(before)
  await server.release()

  const out = join(path, 'drive.key')
  await done(['keys', 'export', objects.drive, '--out', out, '--yes', '--data', data])
  expect(await readFile(out)).toHaveLength(16)
  const made = (await done(['keys', 'create', '--group', 'a', '--name', 'new', '--data', data])).trim()
  const listed = await done(['keys', 'list', '--data', data])
  expect(listed).toContain(made)
  expect(listed).toContain(objects.drive)
})
