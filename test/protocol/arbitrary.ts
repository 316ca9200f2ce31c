/**
 * Generators that follow the protocol's own descriptions: every value that a shape can hold at a version, so that a new
 * field or operation is tested as soon as it is described.
 *
 * What the descriptions cannot tell, an inline field's values, stands here in a table.
 *
 * @module
 */
import fc from 'fast-check'
import {
  AnyObject,
  AttributeIndex,
  type AttributeInstance,
  AttributeList,
  type AttributeName,
  AttributeNames,
  AttributeReference,
  AttributeReferences,
  attributeRow,
  covers,
  Criteria,
  CurrentAttribute,
  EchoedAttribute,
  enumerations,
  existsIn,
  type Field,
  type Fields,
  type Inline,
  type Item,
  type ItemType,
  KeyAttributes,
  KeyBlock,
  type ManagedObject,
  ModifiedAttribute,
  Name,
  NewAttribute,
  NewAttributes,
  objectExistsIn,
  type ObjectType,
  OptionalObject,
  type Shape,
  standardNames,
  type Structure,
  tagNumber,
  type ValueOf,
  type Version,
} from '../../protocol/index.ts'

type Arbitrary<T> = fc.Arbitrary<T>

const text = fc.string({ unit: 'binary', maxLength: 80 })
const bytes = fc.uint8Array({ maxLength: 40 })
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })

/** The value of each type that is no structure. */
const primitives: { readonly [T in Exclude<ItemType, 'Structure'>]: Arbitrary<Extract<Item, { type: T }>['value']> } = {
  Integer: fc.integer(),
  LongInteger: int64,
  BigInteger: fc
    .uint8Array({ minLength: 1, maxLength: 40 })
    .map(raw => Uint8Array.from({ length: Math.ceil(raw.length / 8) * 8 }, (_, at) => raw[at] ?? 0)),
  Enumeration: uint32,
  Boolean: fc.boolean(),
  TextString: text,
  ByteString: bytes,
  DateTime: fc.oneof({ weight: 9, arbitrary: fc.maxSafeInteger() }, fc.constant(Number.POSITIVE_INFINITY)),
  Interval: uint32,
  DateTimeExtended: int64,
}

const tag = fc.oneof(fc.integer({ min: 0x420001, max: 0x420176 }), fc.integer({ min: 0, max: 0xff_ffff }))

const leaf = (type: Exclude<ItemType, 'Structure'>): Arbitrary<Item> =>
  fc.record({ tag, type: fc.constant(type), value: primitives[type] as Arbitrary<unknown> }) as Arbitrary<Item>

const leaves = (Object.keys(primitives) as Exclude<ItemType, 'Structure'>[]).map(leaf)

/** Any item tree that can be encoded, a few structures deep. */
export const anyItem: Arbitrary<Item> = fc.letrec<{ item: Item }>(tie => ({
  item: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    ...leaves,
    fc.record<Structure>({ tag, type: fc.constant('Structure'), value: fc.array(tie('item'), { maxLength: 5 }) }),
  ),
})).item

/** Every value that the shape can hold at the version. */
export const valueOf = <T>(shape: Shape<T>, version: Version): Arbitrary<T> =>
  remembered(shape, version, () => anyValue(shape, version)) as Arbitrary<T>

const memory = new WeakMap<object, Map<string, Arbitrary<unknown>>>()

function remembered(of: object, key: string, make: () => Arbitrary<unknown>): Arbitrary<unknown> {
  const known = memory.get(of) ?? new Map<string, Arbitrary<unknown>>()
  memory.set(of, known)
  const arbitrary = known.get(key) ?? make()
  known.set(key, arbitrary)
  return arbitrary
}

function anyValue(shape: Shape<unknown>, version: Version): Arbitrary<unknown> {
  switch (shape.kind) {
    case 'primitive':
      return primitives[shape.type]
    case 'mask':
      return fc.integer()
    case 'enumeration':
      return named(shape.table)
    case 'structure':
      return structureOf(shape.fields, version, 'whole')
    case 'either':
      return fc.oneof(...shape.shapes.map(each => alternative(each, version)))
    case 'mapped':
      return valueOf(shape.shape, version).map(value => shape.mapping.read(value))
    case 'any':
      return anyItem
  }
}

/** A structure's fields at the version; `partial` may leave out those that must be there, as a criterion may. */
function structureOf(fields: Fields, version: Version, extent: 'whole' | 'partial'): Arbitrary<unknown> {
  const values: Record<string, Arbitrary<unknown>> = {}
  const required: string[] = []
  for (const [name, field] of Object.entries(fields)) {
    const {
      shape,
      cardinality,
      range,
    }: Pick<Field<unknown>, 'cardinality' | 'range'> & { shape: Shape<unknown> | Inline<unknown> } =
      field.kind === 'inline'
        ? { shape: field, cardinality: field.cardinality, range: undefined }
        : field.kind === 'field'
          ? field
          : { shape: field, cardinality: 'one', range: undefined }
    if (!covers(range, version) || (shape.kind === 'inline' && shape.claims(version).length === 0)) continue
    const value = shape.kind === 'inline' ? inlineOf(shape, version) : valueOf(shape, version)
    values[name] = cardinality === 'many' && shape.kind !== 'inline' ? fc.array(value, { maxLength: 3 }) : value
    if (cardinality === 'many' || (cardinality === 'one' && extent === 'whole') || shape === AttributeIndex)
      required.push(name)
  }
  return fc.record(values, { requiredKeys: required, noNullPrototype: true })
}

const isFirst = (version: Version): boolean => version.startsWith('1.')

/** What each inline field holds in memory. */
const inlines = new Map<Inline<unknown>, (version: Version) => Arbitrary<unknown>>([
  [AttributeList, version => fc.array(instance(version, 'whole'), { maxLength: 4 })],
  [KeyAttributes, version => fc.array(instance(version, 'whole'), { maxLength: 2 })],
  [Criteria, version => fc.array(fc.oneof(...criteria(version)), { maxLength: 4 })],
  [NewAttributes, version => fc.array(fc.oneof(...newInstances(version)), { maxLength: 4 })],
  [NewAttribute, version => instance(version, 'whole')],
  // In 1.x what is not given is the first instance: read as 0, so it is never absent in memory.
  [
    ModifiedAttribute,
    version => instance(version, 'whole').map(made => (isFirst(version) ? { index: 0, ...made } : made)),
  ],
  [AttributeIndex, () => fc.integer()],
  [CurrentAttribute, version => instance(version, 'whole')],
  [EchoedAttribute, version => instance(version, 'whole')],
  [AttributeNames, version => fc.array(attributeName(version), { maxLength: 4 })],
  [AttributeReferences, version => fc.array(attributeName(version), { maxLength: 4 })],
  [AttributeReference, attributeName],
  [AnyObject, managedObject],
  [OptionalObject, managedObject],
])

function inlineOf(inline: Inline<unknown>, version: Version): Arbitrary<unknown> {
  const make = inlines.get(inline)
  if (make === undefined) throw new TypeError('an inline field that has no generator: give it a row in `inlines`')
  return remembered(inline, version, () => make(version))
}

const standardIn = (version: Version) => standardNames.filter(name => existsIn(name, version))

/** `x-Barcode`. In 1.x a custom attribute's name is any text with a hyphen in it, not first. */
const customName = (version: Version): Arbitrary<AttributeName> =>
  fc
    .tuple(
      isFirst(version) ? fc.stringMatching(/^[xy é]{1,3}$/) : fc.stringMatching(/^[A-Za-z0-9_.]{0,9}$/),
      fc.string({ unit: 'binary', maxLength: 20 }),
    )
    .map(([vendor, name]): AttributeName => `${vendor}-${name}`)

function attributeName(version: Version): Arbitrary<AttributeName> {
  return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...standardIn(version)) }, customName(version))
}

/** One instance of one attribute of the version, standard or custom. An index of 0 is not written, so it is not here. */
export const instance = (version: Version, extent: 'whole' | 'partial'): Arbitrary<AttributeInstance> => {
  const index = isFirst(version)
    ? fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined })
    : fc.constant(undefined)
  const standard = standardIn(version).map(name => {
    const { shape } = attributeRow(name)
    const value =
      extent === 'partial' && shape.kind === 'structure'
        ? structureOf(shape.fields, version, extent)
        : valueOf(shape, version)
    return indexed(fc.record({ name: fc.constant(name), value, index }))
  })
  const custom = indexed(
    fc.record({
      name: customName(version),
      value: anyItem.map(item => ({ ...item, tag: tagNumber('attributeValue') })),
      index,
    }),
  )
  return fc.oneof({ weight: 4, arbitrary: fc.oneof(...standard) }, custom)
}

const indexed = (made: Arbitrary<{ index: number | undefined }>): Arbitrary<AttributeInstance> =>
  made.map(({ index, ...rest }) => (index === undefined ? rest : { ...rest, index }) as AttributeInstance)

const templates = (version: Version): Arbitrary<unknown>[] =>
  isFirst(version) ? [fc.record({ name: fc.constant('template'), value: valueOf(Name, version) })] : []

const newInstances = (version: Version): Arbitrary<unknown>[] => [instance(version, 'whole'), ...templates(version)]
const criteria = (version: Version): Arbitrary<unknown>[] => [instance(version, 'partial'), ...templates(version)]

/** A name, or the number of an extension. KMIP 2.1 §11 */
const named = <N extends string>(table: { readonly names: readonly N[] }): Arbitrary<N | number> => {
  const extension = fc.integer({ min: 0x8000_0000, max: 0xffff_ffff })
  return table.names.length === 0
    ? extension
    : fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...table.names) }, extension)
}

/** Where several shapes are possible an enumeration's extension is not told from an Integer in memory: only names. */
const alternative = (shape: Shape<unknown>, version: Version): Arbitrary<unknown> =>
  shape.kind === 'enumeration' ? fc.constantFrom(...shape.table.names) : valueOf(shape, version)

/** What each kind of object holds besides a Key Block. */
const contents: { readonly [T in ObjectType]: (version: Version) => Record<string, Arbitrary<unknown>> } = {
  Certificate: () => ({ certificateType: named(enumerations.CertificateType), certificateValue: bytes }),
  CertificateRequest: () => ({
    certificateRequestType: named(enumerations.CertificateRequestType),
    certificateRequestValue: bytes,
  }),
  SymmetricKey: keyed,
  PublicKey: keyed,
  PrivateKey: keyed,
  SplitKey: version => ({
    splitKeyParts: fc.integer(),
    keyPartIdentifier: fc.integer(),
    splitKeyThreshold: fc.integer(),
    splitKeyMethod: named(enumerations.SplitKeyMethod),
    ...keyed(version),
  }),
  Template: version => ({ attributes: inlineOf(AttributeList, version) }),
  SecretData: version => ({ secretDataType: named(enumerations.SecretDataType), ...keyed(version) }),
  OpaqueObject: () => ({ opaqueDataType: named(enumerations.OpaqueDataType), opaqueDataValue: bytes }),
  PGPKey: version => ({ pgpKeyVersion: fc.integer(), ...keyed(version) }),
}

function keyed(version: Version): { keyBlock: Arbitrary<ValueOf<typeof KeyBlock>> } {
  return { keyBlock: valueOf(KeyBlock, version) }
}

/** Any object that messages of the version may carry. */
export function managedObject(version: Version): Arbitrary<ManagedObject> {
  const kinds = (Object.keys(contents) as ObjectType[]).filter(kind => objectExistsIn(kind, version))
  return fc.oneof(
    ...kinds.map(kind => fc.record({ objectType: fc.constant(kind), ...contents[kind](version) })),
  ) as Arbitrary<ManagedObject>
}
