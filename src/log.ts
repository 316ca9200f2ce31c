/**
 * The log: one line of JSON per event, or a line for people where a person looks on.
 *
 * Only the fields listed here are ever written, and of these only plain values: an object that finds its way into a log
 * call by mistake, with a key inside, does not come out. Lines are gathered and written together, ten times a second, so
 * that a batch item costs microseconds; whoever ends the process calls `close`.
 *
 * @module
 */
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { destination as openDestination, pino, stdTimeFunctions } from 'pino'
import { allowed, type Fields, isoClock, type ItemFields, itemLine } from './log/lines.ts'
import { forPeople } from './log/people.ts'

export type { Fields, ItemFields } from './log/lines.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

type Write = (fields: Fields, message: string) => void

/** What a part of the server needs of the log. */
export type Log = Readonly<Record<LogLevel, Write>>

export interface RunningLog extends Log {
  /** The audit line of a batch item, at level info. */
  readonly item: (fields: ItemFields) => void
  /** After the file was moved away: goes on in a new one of the same name. Nothing is lost. */
  readonly reopen: () => void
  /** Writes what is gathered, at once. */
  readonly flush: () => void
  /** Writes what is gathered and ends the log. Call it last. */
  readonly close: () => Promise<void>
}

export interface LogOptions {
  /** Default `info`. */
  readonly level?: LogLevel | undefined
  /** Default: standard error, since standard output is a command's answer. Made with mode 0640. */
  readonly file?: string | undefined
  /** Lines for people in place of JSON. Default: whether standard error is a terminal. Never in a file. */
  readonly pretty?: boolean | undefined
}

/** Written together, or after a while. */
const gatheredBytes = 65_536
/** Of UTF-8, for a unit of a string. */
const maxBytesPerChar = 3
const flushMs = 100

/** Gathered before a line is dropped: a disk that is full or a reader that hangs must not fill the memory. */
const maxWaitingBytes = 16_777_216

const fileMode = 0o640

/** @throws the system's error when the file cannot be opened */
export async function openLog({ level = 'info', file, pretty }: LogOptions = {}): Promise<RunningLog> {
  const isPretty = file === undefined && (pretty ?? process.stderr.isTTY)
  // The stream of a file that cannot be opened would fail once more, and loudly, when the process ends.
  if (file !== undefined) await (await open(file, 'a', fileMode)).close()
  const stream = openDestination({
    dest: file ?? 2,
    mode: fileMode,
    sync: false,
    // What is passed on at the end is then still to be written, at once: nothing is under way that nobody waits for.
    minLength: gatheredBytes,
    maxWrite: 2 * gatheredBytes,
    maxLength: maxWaitingBytes,
  })
  if (file !== undefined) await once(stream, 'ready')
  // A log that cannot be written must not end the server; what waits is tried again with the next line.
  stream.on('error', () => undefined)
  // As bytes: text that is put together of very many pieces takes long to be written.
  const gathered = Buffer.allocUnsafe(gatheredBytes)
  let length = 0
  let timer: NodeJS.Timeout | undefined
  const lines = {
    write(line: string) {
      const text = isPretty ? forPeople(line) : line
      if (text.length * maxBytesPerChar > gatheredBytes - length) pass()
      if (text.length * maxBytesPerChar > gatheredBytes) stream.write(text)
      else length += gathered.write(text, length)
      timer ??= setTimeout(pass, flushMs).unref()
    },
  }
  const logger = pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime, formatters: { level: label => ({ level: label }) } },
    lines,
  )
  const writer =
    (label: LogLevel): Write =>
    (fields, message) => {
      if (logger.isLevelEnabled(label)) logger[label](allowed(fields), message)
    }
  const clock = isoClock()
  let isOpen = true

  function pass(): void {
    clearTimeout(timer)
    timer = undefined
    if (length === 0) return
    hand()
    stream.flush()
  }

  function hand(): void {
    if (length > 0) stream.write(gathered.toString('utf8', 0, length))
    length = 0
  }

  function passNow(): void {
    clearTimeout(timer)
    timer = undefined
    hand()
    stream.flushSync()
  }

  function passLast(): void {
    if (length > 0) passNow()
  }

  // Before the destination ends itself, which it does at the first of these; the second comes alone where a process exits.
  process.prependListener('beforeExit', pass)
  process.on('exit', passLast)

  return {
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    item(fields) {
      if (logger.isLevelEnabled('info')) lines.write(itemLine(fields, clock()))
    },
    reopen() {
      if (file !== undefined) stream.reopen()
    },
    flush() {
      if (isOpen) passNow()
    },
    async close() {
      if (!isOpen) return
      isOpen = false
      process.off('beforeExit', pass)
      process.off('exit', passLast)
      passNow()
      if (file !== undefined) stream.end()
    },
  }
}
