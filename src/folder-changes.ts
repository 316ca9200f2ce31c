/**
 * Several files of the data folder changed as if they were one: all of them or none, whenever the power goes.
 *
 * What is to stand in them is first written down whole, in one file; that moment decides. Whoever opens the folder next
 * finds that file, and ends what is left to do. Doing a part of it twice changes nothing.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod'
import { type FolderLock, lockFolder, StoreError } from '../store/index.ts'
import { type DataFolder, DataFolderError, writeWhole } from './data-folder.ts'

/** What one file is to hold. */
export interface FileChange {
  /** A file of the data folder itself. */
  readonly path: string
  /** Absent to have no such file. */
  readonly content?: string | undefined
  /** Default 0600. */
  readonly mode?: number | undefined
}

const schema = z.array(z.object({ name: z.string(), content: z.string().optional(), mode: z.number().optional() }))

/** Holds key material until all files have theirs, so it is as private as they are. */
const pendingOf = (folder: DataFolder): string => join(folder.changes, 'pending.json')

/** Whether files are being changed at this moment, or were when something failed. */
export const isChanging = (folder: DataFolder): boolean => existsSync(pendingOf(folder))

/**
 * Decides on changes and makes them, one process at a time.
 *
 * @param decide looks at the folder as it is, which nobody else changes meanwhile, and says what to change
 * @throws StoreError `locked` when somebody else goes on changing files; whatever `decide` throws, and then nothing is changed
 */
export function changeFiles<T>(
  folder: DataFolder,
  decide: () => Promise<{ readonly files: readonly FileChange[]; readonly result: T }>,
): Promise<T> {
  return alone(folder, async () => {
    await complete(folder)
    const { files, result } = await decide()
    if (files.length === 0) return result
    const pending = files.map(({ path, ...rest }) => {
      if (dirname(path) !== folder.path) throw new DataFolderError(`${path} is no file of ${folder.path}`)
      return { name: basename(path), ...rest }
    })
    await writeWhole(pendingOf(folder), JSON.stringify(pending))
    await complete(folder)
    return result
  })
}

/** Ends what an earlier process left half done. */
export async function completeChanges(folder: DataFolder): Promise<void> {
  if (isChanging(folder)) await alone(folder, () => complete(folder))
}

async function complete(folder: DataFolder): Promise<void> {
  const pending = pendingOf(folder)
  if (!existsSync(pending)) return
  for (const { name, content, mode } of schema.parse(JSON.parse(await readFile(pending, 'utf8')))) {
    const path = join(folder.path, basename(name))
    if (content === undefined) await rm(path, { force: true })
    else await writeWhole(path, content, mode)
  }
  await rm(pending)
}

/** Others are done in a moment; whoever takes longer is to be told of. */
const patienceMs = 10_000
const pauseMs = 100

async function alone<T>(folder: DataFolder, work: () => Promise<T>): Promise<T> {
  const lock = await locked(folder, Date.now() + patienceMs)
  try {
    return await work()
  } finally {
    await lock.release()
  }
}

async function locked(folder: DataFolder, until: number): Promise<FolderLock> {
  for (;;) {
    try {
      return await lockFolder(folder.changes)
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'locked' || Date.now() > until) throw error
      await delay(pauseMs)
    }
  }
}
