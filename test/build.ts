/**
 * Builds `dist` once before the tests, if a source is newer than it: the command line is tested as users run it.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const sources = ['src', 'protocol', 'store', 'certs', 'tsconfig.json', 'package.json']
/** Written by every build, and by nothing that only checks. */
const built = join(root, 'dist/bin/kmipd-serve.cjs')

const changed = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0

const newest = (path: string): number =>
  statSync(path).isDirectory()
    ? Math.max(...readdirSync(path, { recursive: true, encoding: 'utf8' }).map(name => changed(join(path, name))))
    : changed(path)

/** What does not compile is written all the same and is complained of here; `npm test` fails on it before. */
export function setup(): void {
  if (Math.max(...sources.map(name => newest(join(root, name)))) < changed(built)) return
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const { status, stdout } = spawnSync(process.execPath, [compiler], { cwd: root, encoding: 'utf8' })
  if (status !== 0) process.stderr.write(stdout)
  const bundled = spawnSync('npm', ['run', '--silent', 'bundle'], { cwd: root, encoding: 'utf8' })
  if (bundled.status !== 0) throw new Error(`the command could not be built: ${bundled.stderr}`)
}
