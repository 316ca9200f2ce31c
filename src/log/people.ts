/**
 * Lines of the log for people who look on.
 *
 * @module
 */
import picocolors from 'picocolors'

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
export function forPeople(line: string): string {
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
