/**
 * No secret leaves: what is known to be one is cut out wherever it stands, in whatever encoding, and so is what looks like
 * one.
 *
 * Nothing that goes into a bundle is meant to hold a secret. This is for what was not meant: a log line that quotes a
 * message, a setting that holds a password.
 *
 * @module
 */

const cut = '[redacted]'

/** What secrets look like, each with what is left of it. */
const patterns: readonly (readonly [RegExp, string])[] = [
  // A key in PEM, or the beginning of one.
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g, cut],
  // A token of the HTTPS API.
  [/\bkmipd_[\w-]{16,}/g, cut],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${cut}`],
  [
    /((?:pass(?:word|phrase|wd)?|secret|token|authorization|master.?key)["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;]+)/gi,
    `$1${cut}`,
  ],
  // The user of a URL.
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, `$1${cut}@`],
  // 16 bytes or more, in hexadecimal, with or without what separates them; UUIDs have fewer in a row.
  [/(?<![0-9a-f-])(?:[0-9a-f]{2}[: ]?){16,}(?![0-9a-f-])/gi, cut],
  [/\b[0-9a-f]{32,}\b/gi, cut],
]

/** 16 bytes or more, in base64: whatever is neither a path that ends in a file nor a word. */
const armoured = /(?<![\w+/.-])(?!\/{0,2}(?:\/[\w.@+-]+)+\.[a-z]{2,5}\b)[\w+/-]{22,}={0,2}(?![\w+/-])/g

/** `AuthenticationNotSuccessful` is a word: it has no digit, and few of its letters are followed by one of the other case. */
function isWord(text: string): boolean {
  if (/\d/.test(text) || text.endsWith('=')) return !/[a-z]/.test(text) || !/[A-Z]/.test(text)
  const changes = text.match(/(?<=[a-z])(?=[^a-z])|(?<=[^a-z])(?=[a-z])/g) ?? []
  return changes.length < text.length * 0.29
}

/** Where long hexadecimal is what it says it is, and tells nobody a secret. */
const publicNames: ReadonlySet<string> = new Set([
  ...['fingerprint', 'serialNumber', 'uniqueIdentifier', 'damaged', 'correlation', 'id', 'number'],
])

/** @param name of the member that the text is the value of */
export type Redact = (text: string, name?: string) => string

/** @param secrets texts and bytes that are known to be secret */
export function redaction(secrets: readonly (string | Uint8Array)[]): Redact {
  const known = [...new Set(secrets.flatMap(spellings))].filter(text => text.length >= shortest)
  // The longest first, so that no part of one is left.
  known.sort((one, other) => other.length - one.length)
  return (text, name = '') => {
    const without = known.reduce((rest, secret) => rest.split(secret).join(cut), text)
    if (publicNames.has(name) && /^[\w:-]*$/.test(without)) return without
    return patterns
      .reduce((rest, [pattern, left]) => rest.replace(pattern, left), without)
      .replace(armoured, found => (isWord(found) ? found : cut))
  }
}

/** Shorter ones would cut words in two; they are in no place where they would stand by themselves. */
const shortest = 6

function spellings(secret: string | Uint8Array): string[] {
  const texts = typeof secret === 'string' ? [secret.trim(), ...linesOf(secret)] : []
  return [
    ...texts.flatMap(text => [text, encodeURIComponent(text)]),
    ...[secret, ...texts.flatMap(decoded)].flatMap(encodings),
  ]
}

/** The armour of PEM is no secret, and blank lines are none either. */
const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('-----'))

function encodings(secret: string | Uint8Array): string[] {
  const bytes = Buffer.from(secret)
  const hex = bytes.toString('hex')
  const base64 = bytes.toString('base64')
  return [
    hex,
    hex.toUpperCase(),
    base64,
    base64.replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('latin1'),
  ]
}

/** The bytes that a text stands for: a master key in hexadecimal or base64, a key in PEM. */
function decoded(text: string): Uint8Array[] {
  const body = linesOf(text).join('')
  if (/^([0-9a-f]{2}){16,}$/i.test(body)) return [Buffer.from(body, 'hex')]
  return /^[\w+/-]{22,}={0,2}$/.test(body) ? [Buffer.from(body, 'base64')] : []
}

/** Every text in a value, redacted; dates and numbers as they are. */
export function redacted(value: unknown, redact: Redact, name?: string): unknown {
  if (typeof value === 'string') return redact(value, name)
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(each => redacted(each, redact, name))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [redact(key), redacted(member, redact, key)]))
}
