/**
 * The OASIS material: specifications as tables, recorded messages, test cases. It may not travel with the source, so it
 * is looked for beside the project, or where `KMIP_VECTORS` says. Without it the tests that need it are skipped and say
 * so; on a build machine its absence is a failure.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = process.env['KMIP_VECTORS'] ?? fileURLToPath(new URL('../../../shared/kmip', import.meta.url))

/** Absent, and nobody insists: then suites that need the material are skipped. */
export const materialMissing = !existsSync(join(folder, 'vectors.tsv')) && process.env['CI'] !== 'true'

/** For the title of a suite: why it is skipped, if it is. */
export const materialNote = materialMissing ? ` (skipped: no OASIS material in ${folder}; set KMIP_VECTORS)` : ''

/** A file of the material. */
export const readMaterial = (...path: string[]): string => readFileSync(join(folder, ...path), 'utf8')

/** A JSON file of the material; the caller knows what it holds. */
export const readTable = (...path: string[]): unknown => JSON.parse(readMaterial(...path))

/** The files of a folder of the material, sorted; none if there is no such folder. */
export const listMaterial = (...path: string[]): string[] => {
  const found = join(folder, ...path)
  return existsSync(found) ? readdirSync(found).sort() : []
}

/** One message of `hex/ttlv_hex.json`. */
export interface RecordedMessage {
  readonly name: string
  readonly kind: 'request' | 'response'
  readonly version: string
  readonly hex: string
  readonly vector?: string
  readonly step?: number
  readonly test_case?: string
  readonly xml_matches?: boolean
}

export const recordedMessages = (): readonly RecordedMessage[] => readTable('hex', 'ttlv_hex.json') as RecordedMessage[]

/** What a real client sent, of `captures/pykmip-0.10.json`. */
export interface Capture {
  readonly version: string
  readonly op: string
  readonly req?: string
}

export const captures = (): readonly Capture[] => readTable('captures', 'pykmip-0.10.json') as Capture[]

export const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
