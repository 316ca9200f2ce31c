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
import picocolors from 'picocolors'
import { destination as openDestination, pino, stdTimeFunctions } from 'pino'

/** What an event may say of itself. */
export interface Fields {
  /** Of the other end. */
  readonly address?: string
  readonly port?: number
  readonly host?: string
  readonly tlsVersion?: string
  readonly resumed?: boolean
  readonly connections?: number
  readonly bytes?: number
  /** Of a certificate. */
  readonly subject?: string
  readonly issuer?: string
  readonly serialNumber?: string
  readonly fingerprint?: string
  readonly notAfter?: string
  /** Who did what to which object, and how it went. */
  readonly client?: string | undefined
  readonly group?: string | undefined
  readonly operation?: string | number | undefined
  readonly uniqueIdentifier?: string | undefined
  readonly result?: string | number
  readonly message?: string | undefined
  readonly durationMs?: number
  /** Ties a line to what a client was told. */
  readonly correlation?: string
  readonly reason?: string | number | undefined
  readonly hint?: string
  /** Of a refusal: the word for its reason that never changes. */
  readonly fault?: string
  /** A client's own words. */
  readonly note?: string
  readonly path?: string
  readonly version?: string
  readonly signal?: string
  /** An `Error`: its name, code, message and stack are written, and those of its cause. */
  readonly error?: unknown
}

/** One batch item. */
export interface ItemFields {
  readonly client: string
  readonly group?: string | undefined
  /** A number where the protocol has no name. */
  readonly operation?: string | number | undefined
  readonly uniqueIdentifier?: string | undefined
  /** The result status, and of a failure the result reason and message. */
  readonly result: string | number
  readonly reason?: string | number | undefined
  readonly message?: string | undefined
  readonly durationMs: number
  readonly correlation: string
}

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

/** All of `Fields` but the error. The type makes the list complete. */
const names: Readonly<Record<Exclude<keyof Fields, 'error'>, true>> = {
  address: true,
  port: true,
  host: true,
  tlsVersion: true,
  resumed: true,
  connections: true,
  bytes: true,
  subject: true,
  issuer: true,
  serialNumber: true,
  fingerprint: true,
  notAfter: true,
  client: true,
  group: true,
  operation: true,
  uniqueIdentifier: true,
  result: true,
  reason: true,
  message: true,
  hint: true,
  fault: true,
  durationMs: true,
  correlation: true,
  note: true,
  path: true,
  version: true,
  signal: true,
}

/** What a client can make as long as it likes is cut. */
const maxCharacters = 1024

const cut = (text: string): string => (text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text)

const isAllowed = (name: string): name is keyof typeof names => Object.hasOwn(names, name)

function allowed(fields: Fields): Record<string, unknown> {
  const plain: Record<string, unknown> = {}
  for (const name in fields) {
    if (name === 'error') plain['error'] = plainError(fields.error)
    else if (isAllowed(name)) {
      const value: unknown = fields[name]
      if (typeof value === 'string') plain[name] = cut(value)
      else if (typeof value === 'number' || typeof value === 'boolean') plain[name] = value
    }
  }
  return plain
}

/** Now, as ISO 8601 has it; written once a millisecond. */
function isoClock(): () => string {
  let lastMs = 0
  let text = ''
  return () => {
    const now = Date.now()
    if (now !== lastMs) text = new Date(now).toISOString()
    lastMs = now
    return text
  }
}

/** As pino would write it, in a fraction of the time: there is one for every batch item. */
function itemLine(fields: ItemFields, time: string): string {
  const { client, group, operation, uniqueIdentifier, result, reason, message, durationMs, correlation } = fields
  return (
    `{"level":"info","time":"${time}"` +
    member('client', client) +
    member('group', group) +
    member('operation', operation) +
    member('uniqueIdentifier', uniqueIdentifier) +
    member('result', result) +
    member('reason', reason) +
    member('message', message) +
    `,"durationMs":${Math.round(durationMs * 1000) / 1000}` +
    member('correlation', correlation) +
    ',"msg":"item"}\n'
  )
}

function member(name: keyof ItemFields, value: string | number | undefined): string {
  if (value === undefined) return ''
  if (typeof value === 'number') return `,"${name}":${value}`
  return plainWord.test(value) ? `,"${name}":"${value}"` : `,"${name}":${JSON.stringify(cut(value))}`
}

/** What JSON writes as it is: most of what is logged. */
const plainWord = /^[\w .:-]{0,128}$/

/** Causes of causes are followed this far. */
const maxCauses = 3

function plainError(error: unknown, depth = 0): Record<string, unknown> | undefined {
  if (!(error instanceof Error)) return error === undefined ? undefined : { name: typeof error }
  const { name, message, stack, cause } = error
  const code: unknown = 'code' in error ? error.code : undefined
  return {
    name,
    ...(typeof code === 'string' ? { code } : {}),
    message: cut(message),
    stack,
    ...(depth < maxCauses && cause !== undefined ? { cause: plainError(cause, depth + 1) } : {}),
  }
}

// Where CI is set the library takes a pipe for a terminal.
const isTerminal = process.stderr.isTTY as boolean | undefined
const { dim, green, yellow, red } = picocolors.createColors(picocolors.isColorSupported && isTerminal === true)

const colours: Readonly<Record<string, (text: string) => string>> = {
  debug: dim,
  info: green,
  warn: yellow,
  error: red,
}

/** `12:00:00.000 warn  connection refused  address=192.0.2.1 reason="…"` */
function forPeople(line: string): string {
  const { level, time, msg, error, ...rest } = JSON.parse(line) as {
    readonly level: string
    readonly time: string
    readonly msg: string
    readonly error?: { readonly name?: string; readonly message?: string; readonly stack?: string }
  } & Readonly<Record<string, unknown>>
  const fields = Object.entries(rest).map(
    ([name, value]) => dim(`${name}=`) + (/^[\w.:@/-]+$/.test(String(value)) ? String(value) : JSON.stringify(value)),
  )
  const detail = error ? `\n${error.stack ?? error.message ?? error.name ?? ''}` : ''
  const label = (colours[level] ?? String)(level.padEnd(5))
  return `${[dim(time.slice(11, 23)), label, msg, ...fields].join(' ')}${detail}\n`
}
