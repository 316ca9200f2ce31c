/**
 * Whose the files of a store are. As root, in a folder of another user; as anybody else, in one of one's own.
 *
 * @module
 */
import { chown, lstat, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createMasterKeyFile, giveToOwner, lockFolder } from '../../store/index.ts'
import { bytes, folder, openLmdb } from './engines.ts'

const own = process.geteuid?.() ?? 0
const owner = own === 0 ? 65_534 : own

async function ownedFolder(): Promise<string> {
  const path = await folder()
  await chown(path, owner, process.getegid?.() ?? 0)
  return path
}

test('what is made in a folder is its owner’s', async () => {
  const path = await ownedFolder()
  const engine = await openLmdb(join(path, 'store'))
  await engine.commit([], [{ key: bytes('a'), value: bytes('1') }])
  await createMasterKeyFile(join(path, 'master.key'))
  const lock = await lockFolder(path)
  const names = await readdir(path, { recursive: true })
  expect(names.sort()).toEqual([
    'master.key',
    'server-1.lock',
    'store',
    'store/data.mdb',
    'store/journal',
    'store/lock.mdb',
    'store/server-1.lock',
  ])
  for (const name of names) expect([name, (await stat(join(path, name))).uid]).toEqual([name, owner])
  await lock.release()
})

test('what a link leads to is not given away', async () => {
  const path = await ownedFolder()
  const target = join(await folder(), 'shadow')
  await writeFile(target, '')
  await symlink(target, join(path, 'link'))
  await giveToOwner(join(path, 'link'))
  expect((await lstat(join(path, 'link'))).uid).toBe(owner)
  expect((await stat(target)).uid).toBe(own)
})
