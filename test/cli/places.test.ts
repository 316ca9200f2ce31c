/**
 * Where kmipd may be installed.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = new URL('../..', import.meta.url)
/** The store's driver and what it needs. */
const packages = [
  'lmdb',
  '@lmdb',
  'msgpackr',
  'msgpackr-extract',
  '@msgpackr-extract',
  'weak-lru-cache',
  'ordered-binary',
  'node-gyp-build-optional-packages',
  'detect-libc',
  '@harperfast',
]

let folder: string

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'kmipd-places-')))
  const place = join(folder, 'in ü#%41?')
  await mkdir(join(place, 'dist'), { recursive: true })
  for (const each of ['bin', 'package.json', 'dist/bin', ...packages.map(name => `node_modules/${name}`)])
    await cp(new URL(each, root), join(place, each), { recursive: true, filter: from => !from.endsWith('.map') })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('kmipd', () => {
  it('starts from a folder of any name', async () => {
    const data = join(folder, 'data')
    const kmipd = join(folder, 'in ü#%41?', 'bin', 'kmipd')
    await promisify(execFile)(process.execPath, [kmipd, 'init', '--data', data])
    const { stdout } = await promisify(execFile)(process.execPath, [kmipd, 'client', 'list', '--data', data, '--json'])
    expect(JSON.parse(stdout)).toEqual({ clients: [] })
  })
})
