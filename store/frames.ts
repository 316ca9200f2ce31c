/**
 * What the process that has a database open and its guests send each other: frames of fields.
 *
 * | bytes | |
 * |--:|---|
 * | 4 | length of what follows |
 * | 4 | length of a field and one, or 0 for a field that is absent |
 * | … | the field; then the next |
 *
 * A guest asks `number, question, …`, and is answered `number, answer, …`; answers may overtake each other.
 *
 * | question | fields | answer | fields |
 * |---|---|---|---|
 * | `get` | key | `done` | value |
 * | `range` | from, to, limit, whether in reverse | `done`, or `part` of it | key, value, key, value, … |
 * | `commit` | number of guards, their keys and values, then those of the changes | `done` | |
 * | `leave` | | `stay`, or the connection ends | |
 * | any | | `failed` | code, message, position of the guard that does not hold |
 *
 * @module
 */
import type { Socket } from 'node:net'

export type Field = Uint8Array | undefined

/** More than any commit takes, and a bound for what a stranger may make this process hold. */
export const maxFrameBytes = 256 * 1024 * 1024

/** @returns undefined when it would be larger than a frame may be */
export function frame(fields: readonly Field[]): Uint8Array | undefined {
  const size = fields.reduce((sum, field) => sum + lengthBytes + (field?.length ?? 0), 0)
  if (size > maxFrameBytes) return undefined
  const bytes = Buffer.allocUnsafe(lengthBytes + size)
  let at = bytes.writeUInt32BE(size)
  for (const field of fields) {
    at = bytes.writeUInt32BE(field === undefined ? 0 : field.length + 1, at)
    if (field === undefined) continue
    bytes.set(field, at)
    at += field.length
  }
  return bytes
}

/** Hears the frames that arrive; a connection that brings anything else is ended. */
export function onFrame(socket: Socket, use: (fields: readonly Field[]) => void): void {
  let chunks: Uint8Array[] = []
  let held = 0
  let wanted = lengthBytes
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    held += chunk.length
    if (held < wanted) return
    let rest = Buffer.concat(chunks)
    wanted = lengthBytes
    while (rest.length >= lengthBytes) {
      const size = rest.readUInt32BE()
      wanted = lengthBytes + size
      if (rest.length < wanted && size <= maxFrameBytes) break
      const fields = size > maxFrameBytes ? undefined : fieldsOf(rest.subarray(lengthBytes, wanted))
      if (fields === undefined) {
        socket.destroy()
        return
      }
      use(fields)
      rest = rest.subarray(wanted)
      wanted = lengthBytes
    }
    chunks = [rest]
    held = rest.length
  })
}

/** Undefined where they are none, or cut short. */
function fieldsOf(bytes: Buffer): Field[] | undefined {
  if (bytes.length === 0) return undefined
  const fields: Field[] = []
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < lengthBytes) return undefined
    const length = bytes.readUInt32BE(at)
    at += lengthBytes
    if (length === 0) fields.push(undefined)
    else {
      const end = at + length - 1
      if (end > bytes.length) return undefined
      fields.push(bytes.subarray(at, end))
      at = end
    }
  }
  return fields
}

const lengthBytes = 4

export const text = (field: Field): string => Buffer.from(field ?? []).toString()

export const bytes = (words: string): Uint8Array => Buffer.from(words)
