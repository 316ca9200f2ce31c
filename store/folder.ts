/**
 * Folders as the store wants them: private, and on stable storage.
 *
 * @module
 */
import { type FileHandle, lchown, mkdir, open, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/**
 * Makes the folder, and those above it, when missing: 0700.
 *
 * Step by step, since Node's own recursive `mkdir` never returns where no folder can be made, as below `/proc`.
 */
export async function makeFolder(path: string): Promise<void> {
  const folder = resolve(path)
  try {
    await mkdir(folder, { mode })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return
    if (code !== 'ENOENT' || dirname(folder) === folder) throw error
    await makeFolder(dirname(folder))
    await mkdir(folder, { mode })
  }
  await giveToOwner(folder)
}

/**
 * What root makes in a folder is the folder's owner's, whose server could not read it otherwise. Never through a link: the
 * owner may be somebody whom root does not trust, and put one there meanwhile.
 *
 * @param file what was made, where it is an open file
 */
export async function giveToOwner(path: string, file?: FileHandle): Promise<void> {
  if (process.geteuid?.() !== 0) return
  const { uid, gid } = await stat(dirname(path))
  if (uid === 0) return
  await (file === undefined ? lchown(path, uid, gid) : file.chown(uid, gid))
}

const mode = 0o700

/** A new file's name is durable only once its folder is. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
