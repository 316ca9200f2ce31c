/**
 * The cluster is a partner of the key server, not a part of it: it shares its client, its words and its libraries.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What it may import of this package. */
const shared =
  /^(src\/(client|log|cluster)\.ts|src\/(cluster|diagnosis)\/.*|src\/trust-check\/dial\.ts|(protocol|store|certs)\/index\.ts)$/

const files = [
  'src/cluster.ts',
  ...readdirSync(join(root, 'src/cluster'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => `src/cluster/${name}`),
]

it.each(files)('%s imports nothing of the key server', file => {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(root, file), 'utf8'), true, true)
  const own = importedFiles
    .map(({ fileName }) => fileName)
    .filter(name => name.startsWith('.'))
    .map(name => relative(root, resolve(root, dirname(file), name)))
  expect(own.filter(name => !shared.test(name))).toEqual([])
})

it('is loaded only by commands that are about a cluster', () => {
  const commands = readdirSync(join(root, 'src/cli')).filter(name => !name.startsWith('cluster'))
  const loading = commands.filter(name => readFileSync(join(root, 'src/cli', name), 'utf8').includes('/cluster/'))
  expect(loading).toEqual([])
  const entry = ts.preProcessFile(readFileSync(join(root, 'src/cli/cluster.ts'), 'utf8'), true, true).importedFiles
  expect(entry.map(({ fileName }) => fileName).filter(name => name.startsWith('../'))).toEqual([])
})
