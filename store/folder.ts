/**
 * Folders as the store wants them: private, and on stable storage.
 *
 * @module
 */
import { mkdir, open } from 'node:fs/promises'

/** Makes the folder, and those above it, when missing: 0700. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
}

/** A new file's name is durable only once its folder is. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
