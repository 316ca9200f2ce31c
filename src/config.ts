/**
 * The settings: `kmipd.toml` in the data folder, then the environment, then flags, the later over the earlier.
 *
 * The table of settings is the schema; the file that `init` writes, the names of the environment's variables and the words
 * of every complaint come from it. A key that is not in it is an error, since a limit that is misspelt is a limit that is
 * not set. Secrets are no settings: the passphrase comes from `KMIPD_PASSPHRASE`, the master key from `KMIPD_MASTER_KEY`.
 *
 * @module
 */
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parse as parseToml, TomlError } from 'smol-toml'
import type * as z from 'zod'
import { nearest } from './config/nearest.ts'
import {
  examples,
  inPlace,
  paths,
  presets,
  schema,
  type Section,
  type Sections,
  settings,
  trustKeys,
} from './config/settings.ts'

type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T

/** All settings, frozen. `data` and `log.file` are absolute; other paths are relative to `data`. */
export type Config = Frozen<z.infer<typeof schema>> & { readonly data: string }

/** Some settings, unchecked: as flags give them. */
export type Settings = { readonly [S in Section]?: Readonly<Partial<Record<keyof z.infer<Sections[S]>, unknown>>> }

/** `unreadable`: the file. `syntax`: it is not TOML. `invalid`: settings that are unknown or wrong. */
export type ConfigErrorCode = 'unreadable' | 'syntax' | 'invalid'

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code: ConfigErrorCode

  /** @param message one line for each thing that is wrong */
  constructor(code: ConfigErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

export interface ConfigSources {
  /** The data folder. */
  readonly data: string
  /** `KMIPD_LISTEN_PORT` is `port` of `listen`, `KMIPD_LIMITS_MAX_MESSAGE_BYTES` is `maxMessageBytes` of `limits`. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly flags?: Settings
}

/**
 * Reads and checks all settings. A file that is not there is an empty one.
 *
 * @throws ConfigError that names every setting that is wrong, where it stands, what was found and what was wanted
 */
export async function loadConfig({ data, environment = {}, flags = {} }: ConfigSources): Promise<Config> {
  const file = join(data, 'kmipd.toml')
  const layers: readonly Layer[] = [
    await readLayer(file),
    ...fromEnvironment(environment),
    { origin: 'a flag', values: flags, isText: true },
  ]
  const merged: Values = {}
  const origins = new Map<string, string>()
  for (const layer of layers) merge(merged, origins, layer)
  const parsed = schema.safeParse(merged, inPlace)
  if (!parsed.success) {
    const placeOf = (path: string): string => origins.get(path) ?? file
    throw new ConfigError(
      'invalid',
      parsed.error.issues.flatMap(issue => complaints(issue, merged, placeOf)).join('\n'),
    )
  }
  const folder = resolve(data)
  const { log, ...rest } = parsed.data
  const config = {
    ...rest,
    log: log.file === undefined ? log : { ...log, file: resolve(folder, log.file) },
    data: folder,
  }
  return freeze(config)
}

/**
 * The settings file that a new data folder gets: every setting with its default and its meaning, commented out.
 *
 * @param set settings to write as given, not commented out
 */
export function defaultConfigFile(set: Settings = {}): string {
  const sections = Object.entries(settings).map(([section, { shape }]) => {
    const given: Values = { ...set[section as Section] }
    const lines = Object.entries<z.ZodType>(shape).flatMap(([key, { description = '' }]) => {
      const path = `${section}.${key}`
      const line = `${key} = ${JSON.stringify(given[key] ?? presets.get(path) ?? examples[path])}`
      const setting = path === 'tls.trust' ? trustExample : [given[key] === undefined ? `# ${line}` : line]
      return ['', ...description.split('\n').map(words => `# ${words}`), ...setting]
    })
    return [`[${section}]`, ...lines, ''].join('\n')
  })
  return [fileHead, ...sections].join('\n')
}

const fileHead = `# Settings of kmipd. Each line that is commented out shows the default.
# The environment goes before this file: KMIPD_LISTEN_PORT is port of [listen], KMIPD_LIMITS_IDLE_MS is idleMs of [limits].
# Flags go before the environment. Secrets never stand here. File names are relative to this folder.
`

const trustExample = [
  '# [[tls.trust]]',
  '# ca = "other-ca.pem"',
  '# group = "backup"',
  '# crl = "other-ca.crl"',
  '# expiredCrl = "serve"',
]

/** Tables of a settings file, before they are checked. */
type Values = Record<string, unknown>

interface Layer {
  readonly origin: string
  readonly values: Readonly<Record<string, unknown>>
  /** Whether numbers and lists may come as text. */
  readonly isText: boolean
}

const isTable = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

async function readLayer(file: string): Promise<Layer> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    if (code === 'ENOENT') return ''
    throw new ConfigError('unreadable', `${file} cannot be read (${code}); let the user that runs kmipd read it`, error)
  })
  try {
    return { origin: file, values: parseToml(text), isText: false }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const problem = error.message.split('\n')[0] ?? ''
    throw new ConfigError('syntax', `${file}, line ${error.line}, column ${error.column}: ${problem}`, error)
  }
}

const variableOf = (path: string): string =>
  `KMIPD_${path
    .replace(/[A-Z]/g, letter => `_${letter}`)
    .replace('.', '_')
    .toUpperCase()}`

/** A list of tables has no place in a variable. */
const byVariable: ReadonlyMap<string, string> = new Map(
  paths.filter(path => path !== 'tls.trust').map(path => [variableOf(path), path]),
)

/** Variables of other sections are none of ours: a container platform sets KMIPD_SERVICE_HOST and KMIPD_PORT by itself. */
const ownVariable = new RegExp(`^KMIPD_(${Object.keys(settings).join('|').toUpperCase()})_`)

const secretVariables = ['KMIPD_DATA', 'KMIPD_PASSPHRASE', 'KMIPD_MASTER_KEY']

function fromEnvironment(environment: Readonly<Record<string, string | undefined>>): Layer[] {
  return Object.entries(environment).flatMap(([variable, value]) => {
    if (value === undefined || !ownVariable.test(variable) || secretVariables.includes(variable)) return []
    const path = byVariable.get(variable)
    if (path === undefined)
      throw new ConfigError(
        'invalid',
        `the environment has the unknown variable ${variable}; did you mean ${nearest(variable, [...byVariable.keys()])}?`,
      )
    const [section = '', key = ''] = path.split('.')
    return [{ origin: `the environment variable ${variable}`, values: { [section]: { [key]: value } }, isText: true }]
  })
}

/** Puts a layer over what there is, and notes where each setting comes from. */
function merge(merged: Values, origins: Map<string, string>, { origin, values, isText }: Layer): void {
  for (const [section, table] of Object.entries(values)) {
    if (!origins.has(section)) origins.set(section, origin)
    const below = merged[section]
    if (!isTable(table)) {
      merged[section] = table
      continue
    }
    const present: Values = isTable(below) ? below : {}
    merged[section] = present
    for (const [key, value] of Object.entries(table)) {
      if (value === undefined) continue
      const path = `${section}.${key}`
      present[key] = isText && typeof value === 'string' ? fromText(value, presets.get(path) ?? examples[path]) : value
      origins.set(path, origin)
    }
  }
}

/** A number or a list, where such a one is wanted: `P-256,RSA-2048`. */
function fromText(text: string, like: unknown): unknown {
  if (typeof like === 'number' && /^\d+$/.test(text)) return Number(text)
  return Array.isArray(like) ? text.split(',').map(part => part.trim()) : text
}

function complaints(issue: z.core.$ZodIssue, values: Values, placeOf: (path: string) => string): string[] {
  const path = issue.path.map(String)
  const name = path.join('.')
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => {
      const full = [...path, key].join('.')
      const place = placeOf(path.length > 1 ? path.slice(0, 2).join('.') : full)
      const known = path.length > 1 ? trustKeys : path.length > 0 ? paths : [...Object.keys(settings), ...paths]
      return `${place} has the unknown setting ${full}; did you mean ${nearest(full, known)}?`
    })
  const found = path.reduce<unknown>((value, key) => (value as Values | undefined)?.[key], values)
  const where = placeOf(path.slice(0, 2).join('.'))
  const what = found === undefined ? `lacks ${name}` : `sets ${name} to ${JSON.stringify(found)}`
  return [`${where} ${what}; wanted ${wantedOf(issue)}`]
}

const typeWords: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a whole number',
  string: 'a text',
  array: 'a list',
  object: 'a table',
}

function wantedOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return issue.values.map(value => JSON.stringify(value)).join(' or ')
  if (issue.code === 'invalid_type') return typeWords[issue.expected] ?? issue.expected
  if (issue.code === 'too_small')
    return issue.origin === 'string' ? 'a text that is not empty' : `${issue.minimum} or more`
  if (issue.code === 'too_big') return `${issue.maximum} or less`
  return issue.message
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(freeze)
  return Object.freeze(value)
}
