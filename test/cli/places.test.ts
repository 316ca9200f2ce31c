/**
 * Where kmipd may be installed.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
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

  it('keeps what it compiled for itself, and compiles it again when that is damaged', async () => {
    const place = join(folder, 'in ü#%41?')
    const cache = join(place, 'dist', '.compile-cache')
    const version = async (): Promise<string> =>
      (await promisify(execFile)(process.execPath, [join(place, 'bin', 'kmipd'), '--version'])).stdout
    const wanted = await version()
    const [name = '', ...others] = await readdir(cache)
    expect(others).toEqual([])
    const kept = join(cache, name)
    expect([(await stat(cache)).mode & 0o777, (await stat(kept)).mode & 0o777]).toEqual([0o700, 0o600])
    const whole = await readFile(kept)
    expect(await version()).toBe(wanted)
    expect(await readFile(kept)).toEqual(whole)
    const flipped = Buffer.from(whole).fill(0x5a, 2000, 2400)
    for (const damaged of [flipped, whole.subarray(0, 5000), Buffer.alloc(0)]) {
      await writeFile(kept, damaged)
      expect(await version()).toBe(wanted)
      expect((await readFile(kept)).length).toBeGreaterThan(100_000)
      expect(await version()).toBe(wanted)
    }
  })
})
