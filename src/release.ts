/**
 * Which release this is, as package.json has it.
 *
 * @module
 */
import { readFileSync } from 'node:fs'

/** Looked for upwards: this file lies deeper when it is built. */
export function release(): string {
  for (const path of ['../package.json', '../../package.json'])
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Manifest
      if (name === 'kmipd') return version
    } catch {
      // Not there: one folder up, then.
    }
  return 'unknown'
}

interface Manifest {
  readonly name: string
  readonly version: string
}
