/**
 * The process that has a database open answers those that have not: its guests.
 *
 * Whoever can connect could as well write the file; what is asked is judged all the same, as the engine judges it.
 *
 * @module
 */
import type { Socket } from 'node:net'
import type { Change, Guard } from './change.ts'
import type { Engine } from './engine.ts'
import { StoreError } from './error.ts'
import { bytes, type Field, frame, onFrame, text } from './frames.ts'

export interface Host {
  /** A guest that comes before the engine is open waits. */
  readonly engine: Promise<Engine>
  /** A guest wants to have the database open itself: false when this process stays, and starts to leave otherwise. */
  leave(): boolean
}

/**
 * Serves one guest for as long as it is connected. Commits go on together; what is read is given one after the other, so that a
 * guest that asks much and takes nothing holds one answer.
 */
export function serve(guest: Socket, host: Host): void {
  let reading = Promise.resolve()
  onFrame(guest, ([number, question, ...fields]) => {
    const asked = text(question)
    // When this process leaves, the connection ends: that is the answer.
    if (asked === 'leave' && host.leave()) return
    async function reply(): Promise<void> {
      if (guest.destroyed) return
      const whole = frame([number, ...(await answer(asked, fields, host))]) ?? frame([number, ...failed(tooLarge())])
      if (whole !== undefined && guest.writable && !guest.write(whole)) await taken(guest)
    }
    if (asked === 'commit') void reply()
    else reading = reading.then(reply)
  })
}

/** What was written has left, or never will. */
function taken(guest: Socket): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      guest.off('drain', done).off('close', done)
      resolve()
    }
    guest.on('drain', done).on('close', done)
  })
}

async function answer(question: string, fields: readonly Field[], host: Host): Promise<readonly Field[]> {
  try {
    if (question === 'leave') return [bytes('stay')]
    const engine = await host.engine
    if (question === 'commit') return await commit(engine, fields)
    if (question === 'range') return await range(engine, fields)
    if (question === 'get') return [bytes('done'), await engine.get(fields[0] ?? none)]
    throw new StoreError('invalid', 'the process that has the database open is of another release: restart it')
  } catch (error) {
    return failed(error)
  }
}

async function range(engine: Engine, [from, to, limit, reverse]: readonly Field[]): Promise<readonly Field[]> {
  const entries = await engine.range(from, to, { limit: Number(text(limit)), reverse: reverse !== undefined })
  let size = 0
  const beyond = entries.findIndex(({ key, value }) => (size += key.length + value.length) > maxPageBytes)
  const shown = beyond === -1 ? entries : entries.slice(0, Math.max(1, beyond))
  const answer = shown.length < entries.length ? 'part' : 'done'
  return [bytes(answer), ...shown.flatMap(({ key, value }) => [key, value])]
}

/** A page that holds more is answered in part. */
const maxPageBytes = 16 * 1024 * 1024

async function commit(engine: Engine, [count, ...fields]: readonly Field[]): Promise<readonly Field[]> {
  const rows: Change[] = []
  for (let at = 0; at < fields.length; at += 2) rows.push({ key: fields[at] ?? none, value: fields[at + 1] })
  const guards = rows.splice(0, Number(text(count)))
  try {
    await engine.commit(guards, rows)
    return [bytes('done')]
  } catch (error) {
    return failed(error, guards)
  }
}

function failed(error: unknown, guards: readonly Guard[] = []): readonly Field[] {
  const { code, message, guard } = error instanceof StoreError ? error : new StoreError('io', String(error))
  const position = guard && bytes(String(guards.indexOf(guard)))
  return [bytes('failed'), bytes(code), bytes(message), position]
}

const tooLarge = (): StoreError => new StoreError('invalid', 'more is asked for at once than can be answered at once')

const none = new Uint8Array()
