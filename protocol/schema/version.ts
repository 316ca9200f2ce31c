/**
 * Protocol versions and ranges of them. Nothing outside the protocol library compares versions.
 *
 * @module
 */

/** The versions spoken, oldest first. */
export const versions = ['1.0', '1.1', '1.2', '1.3', '1.4', '2.0', '2.1'] as const

export type Version = (typeof versions)[number]

/** `1.3..` from a version on, `..1.4` up to it, `1.0..1.2` both, ends included. */
export type Range = `${Version}..` | `..${Version}` | `${Version}..${Version}`

const order = new Map<string, number>(versions.map((version, index) => [version, index]))

const bounds = new Map<Range, readonly [from: number, to: number]>()

function boundsOf(range: Range): readonly [from: number, to: number] {
  const known = bounds.get(range)
  if (known !== undefined) return known
  const [from = '', to = ''] = range.split('..')
  const found = [order.get(from) ?? 0, order.get(to) ?? versions.length] as const
  bounds.set(range, found)
  return found
}

/** Whether the range, or its absence, covers the version. */
export function covers(range: Range | undefined, version: Version): boolean {
  if (range === undefined) return true
  const [from, to] = boundsOf(range)
  const at = order.get(version) ?? 0
  return at >= from && at <= to
}

const byNumbers = new Map<number, Version>(versions.map(version => [numbersOf(version), version]))

/** Of a version's text, both numbers in one. */
function numbersOf(version: Version): number {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return numberOf(major, minor)
}

function numberOf(major: number, minor: number): number {
  return major * 0x1_0000_0000 + minor
}

/** The version of these numbers, if it is spoken. */
export const versionNumbered = (major: number, minor: number): Version | undefined =>
  byNumbers.get(numberOf(major, minor))

export const isVersion = (text: string): text is Version => order.has(text)
