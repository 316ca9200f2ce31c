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

it('is read beside the server, and written when that has ended', async () => {
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

  const server = await lockFolder(data)
  const create = ['keys', 'create', '--group', 'a', '--name', 'new', '--data', data]
  const refused = await kmipd(create)
  expect([refused.status, refused.stderr]).toEqual([4, expect.stringContaining('restart that with this release first')])
  const out = join(path, 'drive.key')
  await done(['keys', 'export', objects.drive, '--out', out, '--yes', '--data', data])
  expect(await readFile(out)).toHaveLength(16)
  await server.release()

  const made = (await done(create)).trim()
  const listed = await done(['keys', 'list', '--data', data])
  expect(listed).toContain(made)
  expect(listed).toContain(objects.drive)
})
