/**
 * Small files beside a cluster's memory.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { open, rename } from 'node:fs/promises'

/** Whole or not at all; for the owner alone. */
export async function writeSecret(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}

export const newPassword = (): string => randomBytes(12).toString('base64url')
