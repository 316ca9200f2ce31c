/**
 * What a line of the log says, and what it never does.
 *
 * @module
 */

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

export function allowed(fields: Fields): Record<string, unknown> {
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
export function isoClock(): () => string {
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
export function itemLine(fields: ItemFields, time: string): string {
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
