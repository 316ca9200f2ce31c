/**
 * The warnings and errors at the end of a log file.
 *
 * @module
 */
import { open } from 'node:fs/promises'

/** No more than this of the end of the file is looked at. */
const maxBytes = 8_388_608

export interface LogLines {
  readonly file: string
  /** Of the part that was looked at. */
  readonly warnings: number
  readonly errors: number
  /** The last ones, oldest first, as the log has them. */
  readonly lines: readonly unknown[]
}

/** @param most how many lines are kept @throws the system's error */
export async function lastComplaints(file: string, most: number): Promise<LogLines> {
  const handle = await open(file, 'r')
  try {
    const { size } = await handle.stat()
    const start = Math.max(0, size - maxBytes)
    const buffer = Buffer.alloc(size - start)
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, start)
    const lines = buffer.subarray(0, bytesRead).toString().split('\n')
    // The first may have been cut in two.
    const found = lines.slice(start === 0 ? 0 : 1).flatMap(complaintIn)
    const count = (level: string): number => found.filter(each => each['level'] === level).length
    return { file, warnings: count('warn'), errors: count('error'), lines: found.slice(-most) }
  } finally {
    await handle.close()
  }
}

type Line = Readonly<Record<string, unknown>>

function complaintIn(line: string): Line[] {
  if (!/"level":"(warn|error)"/.test(line)) return []
  try {
    const parsed = JSON.parse(line) as Line
    return parsed['level'] === 'warn' || parsed['level'] === 'error' ? [parsed] : []
  } catch {
    // Cut by a full disk, or no line of ours.
    return []
  }
}
