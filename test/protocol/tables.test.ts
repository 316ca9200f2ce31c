/**
 * The tables against the specifications: every number, name and version, every operation's fields, every attribute's
 * rules. Where we differ on purpose the difference stands here with its reason, and must be there.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import {
  attributeRow,
  attributeWords,
  covers,
  enumerations,
  existsIn,
  type Field,
  type Fields,
  type Inline,
  isMultiple,
  masks,
  operationIn,
  type Range,
  type Shape,
  standardNames,
  tagCamelCase,
  tagName,
  tagNumber,
  isTagName,
  tagWords,
  type Version,
  versions,
} from '../../protocol/index.ts'
import { materialMissing, materialNote, readTable } from './material.ts'

interface Listed {
  readonly text: string
  readonly versions: readonly string[]
}
interface Spec {
  readonly tags: Readonly<Record<string, Listed & { readonly tag: string }>>
  readonly enumerations_detail: Readonly<
    Record<string, Listed & { readonly values: Readonly<Record<string, Listed & { readonly name: string }>> }>
  >
  readonly masks_detail: Readonly<Record<string, Readonly<Record<string, Listed & { readonly name: string }>>>>
}
interface SpecField {
  readonly item: string
  readonly required: string
  readonly tag?: string
}
type SpecOperations = Readonly<
  Record<
    string,
    Readonly<Record<string, { readonly request?: readonly SpecField[]; readonly response?: readonly SpecField[] }>>
  >
>
type SpecAttributes = Readonly<
  Record<string, Readonly<Record<string, { readonly rules: Readonly<Record<string, string>> }>>>
>

const table = (name: string): unknown => (materialMissing ? {} : readTable('spec', `${name}.json`))
const spec = table('kmip') as Spec
const specOperations = table('operations') as SpecOperations
const specAttributes = table('attributes') as SpecAttributes

const isSpoken = (listed: Listed): boolean => listed.versions.some(version => versions.some(each => each === version))
const firstOf = (listed: Listed): string | undefined => versions.find(version => listed.versions.includes(version))
const spoken = <T extends Listed>(listed: Readonly<Record<string, T>>): [string, T][] =>
  Object.entries(listed).filter(([, each]) => isSpoken(each))

describe.skipIf(materialMissing)(`tables${materialNote}`, () => {
  it('have every tag, and no other', () => {
    const wanted = spoken(spec.tags).map(([name, { tag, text }]) => [Number(tag), name, text])
    expect(wanted.length).toBeGreaterThan(350)
    const found: unknown[] = []
    for (let number = 0x420000; number <= 0x42ffff; number++)
      if (tagName(number) !== undefined) found.push([number, tagCamelCase(number), tagWords(number)])
    expect(found).toEqual(wanted.sort(([a], [b]) => Number(a) - Number(b)))
  })

  it('have every enumeration: number, name and first version', () => {
    const ours = new Map(Object.values(enumerations).map(each => [each.words, each]))
    for (const [name, { text, values }] of spoken(spec.enumerations_detail)) {
      const found = ours.get(text) as (typeof enumerations)['ObjectType'] | undefined
      const wanted = spoken(values).map(([number, value]) => [Number(number), value.name, firstOf(value)])
      expect(
        found?.names
          .map(each => [found.number(each), each, found.since(each)])
          .sort(([a], [b]) => Number(a) - Number(b)),
        name,
      ).toEqual(wanted.sort(([a], [b]) => Number(a) - Number(b)))
    }
  })

  it('have every mask', () => {
    for (const [name, bits] of Object.entries(spec.masks_detail)) {
      const found = Object.values(masks).find(each => each.words.replaceAll(' ', '') === name)
      expect(found?.bits, name).toEqual(Object.fromEntries(spoken(bits).map(([bit, { name }]) => [name, Number(bit)])))
    }
  })
})

/** One field of an operation as one word: `Unique Identifier?` may be absent, `Operation*` may be repeated. */
const fieldWord = (words: string, required: boolean, repeated: boolean): string =>
  `${words}${repeated ? '*' : required ? '' : '?'}`

function ourFields(shape: Shape<unknown>, version: Version): string[] {
  const fields: Fields = shape.kind === 'structure' ? shape.fields : {}
  return Object.entries(fields).flatMap(([name, field]) => {
    if (field.kind === 'inline') return inlineWord(field, version)
    const {
      cardinality,
      range,
    }: Pick<Field<unknown>, 'cardinality' | 'range'> = field.kind === 'field'
      ? field
      : { cardinality: 'one', range: undefined }
    if (!covers(range, version) || !isTagName(name)) return []
    return [fieldWord(tagWords(tagNumber(name)), cardinality === 'one', cardinality === 'many')]
  })
}

function inlineWord(inline: Inline<unknown>, version: Version): string[] {
  // Any object claims the tags of all kinds, a Certificate's first; criteria also claim what some clients wrap them in.
  const [tag] = inline.claims(version)
  const { cardinality } = inline
  if (tag === undefined) return []
  if (tag === tagNumber('certificate')) return [fieldWord('Any Object', cardinality === 'one', false)]
  const isList = cardinality === 'many' && tag !== tagNumber('attributes')
  return [fieldWord(tagWords(tag), cardinality !== 'optional', isList)]
}

const specFields = (fields: readonly SpecField[] = []): string[] =>
  fields
    .filter(({ required }) => required !== '')
    .map(({ tag, required }) =>
      fieldWord(
        tag === undefined ? 'Any Object' : tagWords(Number(tag)),
        required.startsWith('Yes'),
        /repeated/i.test(required),
      ),
    )

interface Difference {
  readonly operation: string
  readonly side: 'request' | 'response'
  /** What the specification has, and what we have in its place. */
  readonly theirs: string
  readonly ours: string
  readonly range?: Range
  readonly reason: string
}

const differences: readonly Difference[] = [
  ...['Create', 'Register'].map((operation): Difference => ({
    operation,
    side: 'response',
    theirs: 'Template-Attribute?',
    ours: '',
    range: '..1.4',
    reason: 'what the server chose can be asked for; no client of note reads it here',
  })),
  ...['AddAttribute', 'ModifyAttribute', 'DeleteAttribute'].map((operation): Difference => ({
    operation,
    side: 'response',
    theirs: 'Attribute',
    ours: 'Attribute?',
    range: '..1.4',
    reason: 'one description for both spellings, and 2.x has no such field',
  })),
  {
    operation: 'DeleteAttribute',
    side: 'request',
    theirs: 'Attribute Name',
    ours: 'Attribute Name?',
    range: '..1.4',
    reason: 'one description for both spellings, and in 2.x Current Attribute may stand instead',
  },
  {
    operation: 'AdjustAttribute',
    side: 'request',
    theirs: 'Attribute Reference',
    ours: 'Attribute Reference?',
    range: '2.0..',
    reason: 'the same field as Delete Attribute’s',
  },
  {
    operation: 'Locate',
    side: 'request',
    theirs: '',
    ours: 'Offset Items?',
    range: '..1.2',
    reason: 'clients page with it under any version’s header',
  },
  {
    operation: 'Register',
    side: 'request',
    theirs: 'Any Object',
    ours: 'Any Object?',
    range: '1.2..',
    reason: '1.0 and 1.1 let it be absent, and its absence is then a failure of its own',
  },
  {
    operation: 'Interop',
    side: 'request',
    theirs: 'Interop Identifier',
    ours: 'Interop Identifier?',
    range: '2.0..',
    reason: 'Reset has nothing to identify',
  },
  {
    operation: 'Query',
    side: 'response',
    theirs: 'Defaults Information?',
    ours: '',
    range: '2.0..',
    reason: 'the server has no defaults to tell',
  },
  {
    operation: 'Query',
    side: 'response',
    theirs: 'Protection Storage Masks',
    ours: 'Protection Storage Masks?',
    range: '2.0..',
    reason: 'only asked for by Query Storage Protection Masks; the profiles’ test cases answer without',
  },
]

describe.skipIf(materialMissing)('operations', () => {
  it.each(versions)('of KMIP %s have the fields of the specification, in its order', version => {
    for (const [name, spec] of Object.entries(specOperations[version] ?? {})) {
      const operation = operationIn(name.replaceAll(' ', ''), version)
      if (operation === undefined) continue
      for (const side of ['request', 'response'] as const) {
        const ours = ourFields(operation[side], version)
        const differs = differences.filter(
          each => each.operation === operation.name && each.side === side && covers(each.range, version),
        )
        const asTheirs = differs.reduce((fields, each) => replacedIn(fields, each), specFields(spec[side]))
        expect(ours, `${name} ${side}`).toEqual(asTheirs.filter(field => field !== ''))
      }
    }
  })
})

/** The specification's fields with ours in their place; a field of our own comes after Maximum Items. */
function replacedIn(fields: readonly string[], { theirs, ours, operation, reason }: Difference): string[] {
  if (theirs === '') return fields.flatMap((field, index) => (index === 0 ? [field, ours] : [field]))
  expect(fields, `${operation}: ${reason}`).toContain(theirs)
  return fields.map(field => (field === theirs ? ours : field))
}

/** Set by the client when it makes the object, though the table says the server sets it. */
const saysServer: ReadonlySet<string> = new Set([
  'certificateType',
  'cryptographicAlgorithm',
  'cryptographicLength',
  'keyFormatType',
  'objectType',
  'opaqueDataType',
])

describe.skipIf(materialMissing)('attributes', () => {
  const inTables = standardNames.filter(name => !/^certificate(Subject|Issuer)[A-Z]/.test(name))

  it.each(versions)('of KMIP %s have the rules of the specification', version => {
    const rows = specAttributes[version] ?? {}
    const notAttributes = ['Attributes', 'Object Attributes', 'Certificate Attributes', 'Custom Attribute']
    expect(new Set(inTables.filter(name => existsIn(name, version)).map(attributeWords))).toEqual(
      new Set(Object.keys(rows).filter(words => !notAttributes.includes(words))),
    )
    for (const name of inTables) {
      const { client } = attributeRow(name)
      const rules = rows[attributeWords(name)]?.rules
      if (rules === undefined) continue
      const says = (rule: string): string => rules[rule] ?? ''
      expect(
        {
          several: isMultiple(name),
          create: client.includes('create'),
          modify: client.includes('modify'),
          delete: client.includes('delete'),
        },
        name,
      ).toEqual({
        several: says('Multiple instances permitted').startsWith('Yes'),
        create: says('Initially set by').includes('Client') || saysServer.has(name),
        modify: says('Modifiable by client').startsWith('Yes'),
        delete: says('Deletable by client').startsWith('Yes'),
      })
    }
  })

  it.each(['2.0', '2.1'] as const)('of a certificate’s names are the server’s, in KMIP %s', version => {
    const names = standardNames.filter(name => /^certificate(Subject|Issuer)[A-Z]/.test(name))
    expect(names).toHaveLength(24)
    for (const name of names) {
      expect(existsIn(name, version)).toBe(true)
      expect(attributeRow(name)).toMatchObject({ multiple: true, client: [] })
    }
  })
})
