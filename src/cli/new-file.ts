/**
 * Files that a command makes: new ones only, whole or not at all.
 *
 * @module
 */
import { existsSync, readdirSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { CommandError } from './endings.ts'

/** To be asked before the work that the file is for. @throws CommandError if something is there */
export function refuseExisting(path: string): void {
  if (existsSync(path)) throw exists(path)
}

/** As `refuseExisting`, for a file in a folder that is not made. @throws CommandError if there is no such folder, too */
export function refuseUnwritable(path: string): void {
  refuseExisting(path)
  const folder = dirname(resolve(path))
  if (!existsSync(folder))
    throw new CommandError('refused', `there is no folder ${folder} to write ${path} to; make it first`)
}

const exists = (path: string): CommandError =>
  new CommandError('refused', `${path} is there already and is not overwritten; choose another name`)

/** Durably. No hard links: it may be on a memory stick. */
export async function writeNewFile(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode).catch((error: unknown) => {
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? exists(path) : error
  })
  try {
    await file.writeFile(content)
    await file.sync()
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
}

export interface NewFile {
  readonly path: string
  readonly content: string | Uint8Array
  readonly mode: number
}

/** All of them, or none: what was written before one failed is removed again. */
export async function writeNewFiles(files: readonly NewFile[]): Promise<void> {
  const written: string[] = []
  try {
    for (const { path, content, mode } of files) {
      await writeNewFile(path, content, mode)
      written.push(path)
    }
  } catch (error) {
    for (const path of written) await rm(path, { force: true })
    throw error
  }
}

/** To be asked before the work that the folder's files are for. @throws CommandError if something is in it */
export function refuseFilled(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new CommandError('refused', `${folder} is there already and is not empty; choose another folder`)
}

/** The owner alone reads and writes. */
export const privateMode = 0o600
export const publicMode = 0o644
