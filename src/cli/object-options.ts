/**
 * What the command line says of an object: its attributes, for making it and for finding it.
 *
 * @module
 */
import { type Command } from 'commander'
import {
  type AttributeInstance,
  attributeRow,
  attributeWords,
  enumerations,
  isStandard,
  type Item,
  masks,
  type Shape,
  standardNames,
  tagNumber,
} from '../../protocol/index.ts'
import { several, wholeNumber } from './command.ts'
import { CommandError } from './endings.ts'

export interface ObjectOptions {
  readonly name?: string
  readonly algorithm?: string
  readonly length?: number
  readonly usage?: string
  readonly objectGroup?: string
  readonly attribute?: readonly string[]
}

export interface CriteriaOptions {
  readonly name?: string
  readonly type?: string
  readonly state?: string
  readonly objectGroup?: string
  readonly attribute?: readonly string[]
  readonly limit?: number
}

const attributeHelp = 'x-NAME=TEXT, or a standard attribute such as contactInformation=TEXT; repeatable'

/** For making an object. */
export const addObjectOptions = (command: Command): Command =>
  command
    .option('--name <name>', 'Name attribute: unique within its group')
    .option('--algorithm <algorithm>', 'Cryptographic Algorithm, such as AES')
    .option('--length <bits>', 'Cryptographic Length', wholeNumber(1, 65_536))
    .option('--usage <list>', 'Cryptographic Usage Mask: names with commas between, such as Encrypt,Decrypt')
    .option('--object-group <name>', 'Object Group attribute')
    .option('--attribute <name=value>', attributeHelp, several)

/** For finding objects. */
export const addCriteriaOptions = (command: Command): Command =>
  command
    .option('--type <type>', `object type: ${listOf(enumerations.ObjectType.names)}`)
    .option('--state <state>', `state: ${listOf(enumerations.State.names)}`)
    .option('--name <name>', 'Name attribute')
    .option('--object-group <name>', 'Object Group attribute')
    .option('--attribute <name=value>', attributeHelp, several)
    .option('--limit <count>', 'at most so many, the newest; default all', wholeNumber(1, 1_000_000_000))

const listOf = (names: readonly string[]): string => names.join(', ')

export const newAttributes = (options: ObjectOptions): AttributeInstance[] => [
  ...named(options.name),
  ...(options.algorithm === undefined
    ? []
    : [
        {
          name: 'cryptographicAlgorithm',
          value: nameIn(enumerations.CryptographicAlgorithm, options.algorithm),
        } as const,
      ]),
  ...(options.length === undefined ? [] : [{ name: 'cryptographicLength', value: options.length } as const]),
  ...(options.usage === undefined
    ? []
    : [{ name: 'cryptographicUsageMask', value: maskOf(masks.CryptographicUsageMask, options.usage) } as const]),
  ...common(options),
]

export const searchCriteria = (options: CriteriaOptions): AttributeInstance[] => [
  ...(options.type === undefined
    ? []
    : [{ name: 'objectType', value: nameIn(enumerations.ObjectType, options.type) } as const]),
  ...(options.state === undefined
    ? []
    : [{ name: 'state', value: nameIn(enumerations.State, options.state) } as const]),
  ...named(options.name),
  ...common(options),
]

const named = (name: string | undefined): AttributeInstance[] =>
  name === undefined ? [] : [{ name: 'name', value: { nameValue: name, nameType: 'UninterpretedTextString' } }]

const common = ({ objectGroup, attribute = [] }: Pick<ObjectOptions, 'objectGroup' | 'attribute'>) => [
  ...(objectGroup === undefined ? [] : [{ name: 'objectGroup', value: objectGroup } as const]),
  ...attribute.map(parseAttribute),
]

interface Names<N extends string> {
  readonly words: string
  readonly names: readonly N[]
}

const folded = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, '')

/** A value of an enumeration, however its words are written: `KeyCompromise`, `key-compromise`. */
export function nameIn<N extends string>({ words, names }: Names<N>, text: string): N {
  const found = names.find(name => folded(name) === folded(text))
  if (found === undefined)
    throw new CommandError('usage', `${JSON.stringify(text)} is no ${words}; choose one of ${listOf(names)}`)
  return found
}

interface Bits {
  readonly words: string
  readonly bits: Readonly<Record<string, number>>
}

function maskOf({ words, bits }: Bits, text: string): number {
  const names = text.split(/[,|]/).map(each => nameIn({ words, names: Object.keys(bits) }, each))
  return names.reduce((mask, name) => mask | (bits[name] ?? 0), 0)
}

/** `x-Rack=12`: a custom attribute's text; `contactInformation=ops` or `Contact Information=ops`: a standard one's value. */
export function parseAttribute(text: string): AttributeInstance {
  const equals = text.indexOf('=')
  if (equals < 1)
    throw new CommandError('usage', `${JSON.stringify(text)} is no attribute; write NAME=VALUE, such as x-Rack=12`)
  const [name, value] = [text.slice(0, equals), text.slice(equals + 1)]
  const standard = standardNames.find(each => folded(each) === folded(name) || attributeWords(each) === name)
  if (standard !== undefined) {
    const parsed = parseValue(attributeRow(standard).shape, value, attributeWords(standard))
    return { name: standard, value: parsed } as AttributeInstance
  }
  if (!isCustom(name))
    throw new CommandError('usage', `there is no attribute ${JSON.stringify(name)}; a custom one begins with x-`)
  const item: Item = { tag: tagNumber('attributeValue'), type: 'TextString', value }
  return { name, value: item }
}

const isCustom = (name: string): name is `${string}-${string}` => /^[A-Za-z0-9_.]+-./.test(name) && !isStandard(name)

function parseValue(shape: Shape<unknown>, text: string, words: string): unknown {
  if (shape.kind === 'enumeration') return nameIn(shape.table, text)
  if (shape.kind === 'mask') return maskOf(shape.table, text)
  const parsed = shape.kind === 'primitive' ? primitives[shape.type]?.(text) : undefined
  if (parsed === undefined || Number.isNaN(parsed))
    throw new CommandError('usage', `${JSON.stringify(text)} is no value that ${words} can be given here`)
  return parsed
}

type Primitive = Extract<Shape<unknown>, { kind: 'primitive' }>['type']

const primitives: Partial<Record<Primitive, (text: string) => unknown>> = {
  TextString: text => text,
  Integer: text => (/^-?\d+$/.test(text) ? Number(text) : undefined),
  Interval: text => (/^\d+$/.test(text) ? Number(text) : undefined),
  Boolean: text => ({ true: true, false: false })[text.toLowerCase()],
  DateTime: text => Math.floor(Date.parse(text) / 1000),
}
