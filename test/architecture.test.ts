/**
 * Which folder may import what, as a table; and that protocol versions are compared in one folder only.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Rule {
  /** Folders whose files any file here may import: its own. */
  readonly own: string
  /** Files of other folders: their doors. */
  readonly doors: readonly string[]
  readonly node: boolean
  /** Packages, and the one file that may import each, or `any file`. */
  readonly packages: Readonly<Record<string, string>>
}

const doors = ['protocol/index.ts', 'store/index.ts', 'certs/index.ts']

/** Three libraries that never heard of one another, and one house that introduces them. */
const rules: readonly Rule[] = [
  { own: 'protocol', doors: [], node: false, packages: {} },
  { own: 'store', doors: [], node: true, packages: { lmdb: 'store/lmdb.ts' } },
  { own: 'certs', doors: [], node: true, packages: { asn1js: 'any file', 'node-forge': 'any file' } },
  {
    own: 'src',
    doors,
    node: true,
    packages: {
      'cli-table3': 'any file',
      commander: 'any file',
      fastify: 'any file',
      picocolors: 'any file',
      pino: 'any file',
      'smol-toml': 'any file',
      zod: 'any file',
    },
  },
]

const filesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => `${folder}/${name}`)
    .sort()

const sourceOf = (file: string): string => readFileSync(join(root, file), 'utf8')

/** What a file imports or exports again, types and `import()` among them. */
const importsOf = (source: string): string[] =>
  ts.preProcessFile(source, true, true).importedFiles.map(({ fileName }) => fileName)

const withoutComments = (source: string): string =>
  source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '')

/** Why the import is not allowed, or undefined. */
function objection(file: string, name: string, { own, doors, node, packages }: Rule): string | undefined {
  if (name.startsWith('node:')) return node ? undefined : `${own} needs nothing of Node.js`
  if (name.startsWith('.')) {
    const target = relative(root, resolve(root, dirname(file), name)).replaceAll('\\', '/')
    return target.startsWith(`${own}/`) || doors.includes(target)
      ? undefined
      : `${target} is no door that ${own} may use`
  }
  const allowed = packages[name]
  if (allowed === undefined) return `${own} may not use the package ${name}`
  return allowed === 'any file' || allowed === file ? undefined : `the package ${name} is for ${allowed} alone`
}

describe('architecture', () => {
  it.each(rules)('$own imports what it may', rule => {
    const files = filesIn(rule.own)
    expect(files.length).toBeGreaterThan(0)
    const wrong = files.flatMap(file =>
      importsOf(sourceOf(file)).flatMap(name => {
        const reason = objection(file, name, rule)
        return reason === undefined ? [] : [`${file} imports ${name}: ${reason}`]
      }),
    )
    expect(wrong).toEqual([])
  })

  it('sees every way to import', () => {
    const source = `
      import a from 'a'
      import type { B } from "b"
      export * from './c.ts'
      import 'd'
      const e = await import('e')
      // import f from 'f'
      const text = "import h from 'h'"
      Buffer.from('i')
      /* import g from 'g' */
    `
    expect(importsOf(source)).toEqual(['a', 'b', './c.ts', 'd', 'e'])
  })

  it('objects to what the table does not name', () => {
    const [protocol, store] = rules
    if (protocol === undefined || store === undefined) throw new Error('no rules')
    expect(objection('protocol/ttlv/decode.ts', 'node:fs', protocol)).toMatch(/Node.js/)
    expect(objection('protocol/ttlv/decode.ts', '../../store/index.ts', protocol)).toMatch(/no door/)
    expect(objection('protocol/schema/codec.ts', '../errors.ts', protocol)).toBeUndefined()
    expect(objection('store/rows.ts', 'lmdb', store)).toMatch(/store\/lmdb\.ts alone/)
    expect(objection('store/rows.ts', '../test/x.ts', store)).toMatch(/no door/)
  })

  it('compares protocol versions nowhere but in protocol', () => {
    const wrong = ['src', 'store', 'certs']
      .flatMap(filesIn)
      .flatMap(file => versionsIn(withoutComments(sourceOf(file))).map(line => `${file}: ${line}`))
    expect(wrong).toEqual([])
  })

  it('lets a version be a default, and nothing else', () => {
    expect(versionsIn("const { version = '1.4' } = options\nconst newest = versions.at(-1) ?? '2.1'")).toEqual([])
    for (const line of [
      "if (version === '1.4') return",
      "covers('..1.4', version)",
      "['1.0', '1.1'].includes(v)",
      "{ '2.0': x }",
    ])
      expect(versionsIn(line)).toEqual([line])
  })
})

/** Lines that name a protocol version or a range of them, but for one that is taken where none is given. */
const versionsIn = (source: string): string[] =>
  source
    .split('\n')
    .filter(line => /(?<!(?:\?\?|[^=!<>]=) )['"`](?:\.\.)?[12]\.[0-4](?:\.\.(?:[12]\.[0-4])?)?['"`]/.test(line))
    .map(line => line.trim())
