/**
 * Which test cases are played: all of KMIP 1.0 to 2.1 whose every operation the protocol describes.
 *
 * @module
 */
import { operations, tagNumber, versions } from '../../protocol/index.ts'
import { listMaterial, materialMissing, readMaterial } from '../protocol/material.ts'
import { type Element, readVector, type Step } from './vector.ts'

export interface Case {
  /** `2.1/mandatory/BL-M-1-21.xml` */
  readonly file: string
  /** `SASED` */
  readonly profile: string
  /** Files to play before it, on the same server. */
  readonly after: readonly string[]
}

interface Row extends Case {
  readonly version: string
}

/** `vectors.tsv`: file, profile, version, class, and what must have run before on the same server. */
function rows(): Row[] {
  if (materialMissing) return []
  const [, ...lines] = readMaterial('vectors.tsv').trimEnd().split('\n')
  return lines.map(line => {
    const [file = '', profile = '', version = '', , after = ''] = line.split('\t')
    return { file, profile, version, after: afterOf(file, after) }
  })
}

/**
 * What `vectors.tsv` does not tell: which case cleans up after which, and which of two set-ups is meant, the first, with
 * a key value, or the second, without.
 */
const needs: Readonly<Record<string, string>> = { 'TC-CREG-3': 'TC-CREG-1', 'TC-OTP-3': 'TC-OTP-SETUP-2' }

/** `SASED-M-2-14` stands for one file, `TC-OTP-SETUP-1/2` for either of two, of the same version and beside the file. */
function afterOf(file: string, after: string): string[] {
  const [, folder = '', name = '', suffix = ''] = /^(.*)\/(.*)(-\d\d)\.xml$/.exec(file) ?? []
  const needed = needs[name] ?? after.replace(suffix, '').replace(/\/\d+$/, '')
  return needed === '' ? [] : [`${folder}/${needed}${suffix}.xml`]
}

export const stepsOf = (file: string): readonly Step[] => readVector(readMaterial('vectors', ...file.split('/')))

/** The operations that a test case's requests ask for. */
const operationsIn = (steps: readonly Step[]): string[] =>
  steps
    .flatMap(({ request }) => members(request, 'batchItem').flatMap(item => members(item, 'operation')))
    .map(({ text }) => text)

const members = (element: Element, name: 'batchItem' | 'operation'): readonly Element[] =>
  element.members.filter(({ tag }) => tag === tagNumber(name))

export interface Cases {
  readonly played: readonly Case[]
  /** Operations that are not described, and how many test cases ask for them. */
  readonly leftOut: ReadonlyMap<string, number>
}

export function findCases(): Cases {
  const played: Case[] = []
  const leftOut = new Map<string, number>()
  for (const { version, ...each } of rows().filter(({ version }) => versions.some(spoken => spoken === version))) {
    const missing = new Set(operationsIn(stepsOf(each.file)).filter(name => !Object.hasOwn(operations, name)))
    if (missing.size === 0) played.push(each)
    for (const name of missing) leftOut.set(name, (leftOut.get(name) ?? 0) + 1)
  }
  return { played, leftOut }
}

/** Whether the file is part of the material: a few test cases need a set-up that was never published. */
export const isPublished = (file: string): boolean => {
  const [version = '', folder = '', name = ''] = file.split('/')
  return listMaterial('vectors', version, folder).includes(name)
}
