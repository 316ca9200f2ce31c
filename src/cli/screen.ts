/**
 * Where a command's words go: its result to standard output, as one JSON document or as text, all else to standard error.
 *
 * @module
 */
import { createInterface } from 'node:readline/promises'
import picocolors from 'picocolors'
import { CommandError } from './endings.ts'

export type Colours = ReturnType<typeof picocolors.createColors>

export interface Screen {
  readonly isJson: boolean
  readonly colours: Colours
  /** The result: as JSON, or as these lines. */
  show(json: unknown, text: () => string): void
  /** Something to know beside the result; not with `--json`. */
  note(text: string): void
  /** A danger that was asked for: to standard error, whatever else is asked for. */
  shout(text: string): void
  /** Lines of a name and a value, the values aligned. */
  pairs(pairs: readonly (readonly [name: string, value: string | undefined])[]): string
  /** @throws CommandError `unconfirmed`, also where nobody can be asked */
  confirm(question: string, isConfirmed: boolean): Promise<void>
}

export interface ScreenOptions {
  readonly isJson: boolean
  readonly hasColour: boolean
}

/** Whether a person looks on who may be asked. */
export const isAttended = (): boolean => process.stdin.isTTY && process.stderr.isTTY

export function screen({ isJson, hasColour }: ScreenOptions): Screen {
  const colours = picocolors.createColors(hasColour)
  return {
    isJson,
    colours,

    show(json, text) {
      process.stdout.write(isJson ? `${JSON.stringify(json)}\n` : withNewline(text()))
    },

    note(text) {
      if (!isJson) process.stderr.write(withNewline(text))
    },

    shout(text) {
      process.stderr.write(`${colours.red(colours.bold(`WARNING: ${text}`))}\n`)
    },

    pairs(pairs) {
      const present = pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
      const width = Math.max(0, ...present.map(([name]) => name.length))
      return present.map(([name, value]) => `${colours.dim(name.padEnd(width))}  ${value}`).join('\n')
    },

    async confirm(question, isConfirmed) {
      if (isConfirmed) return
      if (!isAttended())
        throw new CommandError('unconfirmed', `nobody is there to confirm this: ${question} Give --yes to do so`)
      if (!/^y(es)?$/i.test((await ask(`${question} [y/N] `)).trim()))
        throw new CommandError('unconfirmed', 'not confirmed; nothing was done')
    },
  }
}

/** What is typed; nothing if that is Ctrl-C or Ctrl-D. */
async function ask(question: string): Promise<string> {
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await new Promise<string>(resolve => {
    const end = (): void => {
      // The cursor still stands behind the question.
      process.stderr.write('\n')
      resolve('')
    }
    asking.once('SIGINT', end).once('close', end)
    void asking.question(question).then(resolve, () => resolve(''))
  })
  asking.removeAllListeners('close')
  asking.close()
  return answer
}

const withNewline = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`)

/** Text that a client chose, fit for a terminal: control characters and marks that reorder text do nothing there. */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, character => {
    const code = character.charCodeAt(0).toString(16)
    return `\\u${code.padStart(4, '0')}`
  })

const dayMs = 86_400_000

/** Days from now on, to the nearest; negative when it is over. */
export const daysUntil = (ms: number, now: number = Date.now()): number =>
  ms < now ? Math.floor((ms - now) / dayMs) : Math.round((ms - now) / dayMs)

export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** Fewer days than this are a warning: replacing a certificate on a cluster takes time. */
export const fewDays = 30
const someDays = 90

/** `2028-11-20 (729 days)`, in the colour that the days deserve. */
export function until(ms: number, colours: Colours): string {
  const days = daysUntil(ms)
  const text = `${dayOf(ms)} (${days < 0 ? 'expired' : `${days} days`})`
  return days < fewDays ? colours.red(text) : days < someDays ? colours.yellow(text) : colours.green(text)
}
