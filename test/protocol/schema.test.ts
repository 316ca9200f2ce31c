/**
 * The schema's promises, for every operation at every version: what is written can be read back, and whatever is read
 * is either understood or refused with a reason.
 *
 * @module
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AttributeInstance,
  type Call,
  codec,
  decode,
  encode,
  existsIn,
  type Item,
  keepAttributes,
  keepObject,
  keptAttributes,
  keptObject,
  type ManagedObject,
  type Operation,
  operationIn,
  operations,
  readRequest,
  readResponse,
  SchemaError,
  structureItem,
  type TagName,
  tagNumber,
  type Version,
  versions,
  writeRequest,
} from '../../protocol/index.ts'
import { anyItem, instance, managedObject, valueOf } from './arbitrary.ts'

const described = versions.flatMap(version =>
  Object.keys(operations).flatMap(name => {
    const operation = operationIn(name, version)
    return operation === undefined ? [] : [{ version, name, operation }]
  }),
)

const throughBytes = (item: Item): Item => decode(encode(item))

describe.each(versions)('KMIP %s', version => {
  const cases = described.filter(each => each.version === version)

  it.each(cases)('reads what it writes: $name', ({ operation }) => {
    for (const side of ['request', 'response'] as const) {
      const payload = codec(operation[side], version)
      const tag = tagNumber(side === 'request' ? 'requestPayload' : 'responsePayload')
      fc.assert(
        fc.property(valueOf(operation[side], version), value => {
          expect(payload.read(throughBytes(payload.write(tag, value)))).toEqual(value)
        }),
        { numRuns: 40 },
      )
    }
  })

  it('reads the requests that a client writes, batches and all', () => {
    const call = fc.oneof(
      ...cases.map(({ operation }) =>
        fc.record({ operation: fc.constant(operation), payload: valueOf(operation.request, version) }),
      ),
    )
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 4 }), fc.integer(), (calls, maximumResponseSize) => {
        const read = readRequest(throughBytes(writeRequest(calls, version, { maximumResponseSize })))
        expect(read.version).toBe(version)
        expect(read.header).toMatchObject({ maximumResponseSize, batchCount: calls.length })
        expect(read.batchItem.map(({ operation, payload, problem }) => ({ operation, payload, problem }))).toEqual(
          calls.map(({ operation, payload }) => ({ operation: operation.name, payload, problem: undefined })),
        )
      }),
      { numRuns: 60 },
    )
  })

  it('keeps every attribute and object that the version can send', () => {
    fc.assert(
      fc.property(fc.array(instance(version, 'whole')), instances => {
        const kept = keptAttributes(throughBytes(keepAttributes(instances)))
        expect(kept).toEqual(instances.map(({ name, value }) => ({ name, value })))
      }),
      { numRuns: 60 },
    )
    fc.assert(
      fc.property(managedObject(version), object => {
        const kept = keptObject(throughBytes(keepObject(object)))
        expect(kept).toEqual(object.objectType === 'Template' ? object : asKept(object))
      }),
      { numRuns: 60 },
    )
  })
})

/** The same object, but for what KMIP 2.1, in which it is kept, cannot say of attributes beside its key. */
function asKept(object: ManagedObject): ManagedObject {
  if (!('keyBlock' in object)) return object
  const { keyBlock } = object
  const { keyValue } = keyBlock
  if (keyValue === undefined || keyValue instanceof Uint8Array) return object
  const attributes = keyValue.attributes
    .filter(({ name }) => name !== 'template' && existsIn(name, '2.1'))
    .map(({ index, ...rest }) => rest)
  return { ...object, keyBlock: { ...keyBlock, keyValue: { ...keyValue, attributes } } }
}

/** Returns, or throws a SchemaError. */
function refusesOnly(read: () => unknown): void {
  try {
    read()
  } catch (error) {
    expect(error).toBeInstanceOf(SchemaError)
    expect((error as SchemaError).problem).not.toBe('')
  }
}

describe('any item', () => {
  it('is a message or is refused with a reason', () => {
    fc.assert(
      fc.property(anyItem, item => {
        refusesOnly(() => readRequest(item))
        refusesOnly(() => readResponse(item))
      }),
      { numRuns: 500 },
    )
  })

  it('is a field of a payload or is its item’s problem', () => {
    const payload = tagNumber('requestPayload')
    fc.assert(
      fc.property(aRequest, fc.array(anyItem, { maxLength: 4 }), (request, items) => {
        const at = sizeOf(request) - sizeOf(payloadOf(request))
        const changed = replaced(request, at, () => structureItem(payload, items))
        const [item] = readRequest(changed).batchItem
        if (item?.payload === undefined) expect(item?.problem).toBeInstanceOf(SchemaError)
      }),
      { numRuns: 2000 },
    )
  })

  it('may stand in the place of any item of a message', () => {
    fc.assert(
      fc.property(aRequest, fc.nat(), anyItem, fc.boolean(), (request, at, instead, keepTag) => {
        const changed = replaced(request, at % sizeOf(request), found =>
          keepTag ? { ...instead, tag: found.tag } : instead,
        )
        refusesOnly(() => readRequest(changed))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('an attribute that the version does not have', () => {
  const { AddAttribute, AdjustAttribute, Create, DeleteAttribute, GetAttributes, Locate, ModifyAttribute } = operations
  const { GetAttributeList, SetAttribute } = operations
  const sensitive = { name: 'sensitive', value: true } as const
  const policy: AttributeInstance = { name: 'operationPolicyName', value: 'default' }
  const create = { objectType: 'SymmetricKey', protectionStorageMasks: undefined } as const
  const row = <Q>(operation: Operation<Q, unknown>, version: Version, payload: Q, words: string) => ({
    name: operation.name,
    version,
    words,
    write: () => writeRequest([{ operation, payload }] as Call[], version),
  })

  it.each([
    row(Locate, '1.2', { attributes: [sensitive] }, 'Sensitive'),
    row(Locate, '2.0', { attributes: [policy] }, 'Operation Policy Name'),
    row(Create, '1.2', { ...create, attributes: [sensitive] }, 'Sensitive'),
    row(Create, '2.1', { ...create, attributes: [policy] }, 'Operation Policy Name'),
    row(AddAttribute, '1.2', { newAttribute: sensitive }, 'Sensitive'),
    row(SetAttribute, '2.0', { newAttribute: policy }, 'Operation Policy Name'),
    row(ModifyAttribute, '1.2', { newAttribute: sensitive }, 'Sensitive'),
    row(ModifyAttribute, '2.1', { newAttribute: sensitive, currentAttribute: policy }, 'Operation Policy Name'),
    row(DeleteAttribute, '1.2', { attributeReference: 'sensitive' }, 'Sensitive'),
    row(AdjustAttribute, '2.0', { attributeReference: policy.name, adjustmentType: 'Negate' }, 'Operation Policy Name'),
    row(GetAttributes, '1.2', { attributeReference: ['state', 'sensitive'] }, 'Sensitive'),
  ])('is refused in a request: $name, KMIP $version', ({ write, version, words }) => {
    const refused = { code: 'unexpected', problem: `${words} does not exist in KMIP ${version}` }
    expect(write).toThrow(expect.objectContaining(refused))
  })

  const response = <R>({ response }: Operation<unknown, R>, version: Version, payload: R): R => {
    const read = codec(response, version)
    return read.read(throughBytes(read.write(tagNumber('responsePayload'), payload)))
  }

  it('is left out of a response', () => {
    const uniqueIdentifier = '1'
    const state: AttributeInstance = { name: 'state', value: 'Active' }
    expect(response(GetAttributes, '1.2', { uniqueIdentifier, attributes: [sensitive, state] }).attributes).toEqual([
      state,
    ])
    expect(
      response(GetAttributeList, '1.2', { uniqueIdentifier, attributeReference: ['sensitive', 'state'] })
        .attributeReference,
    ).toEqual(['state'])
    expect(response(AddAttribute, '1.2', { uniqueIdentifier, attribute: sensitive })).toEqual({ uniqueIdentifier })
  })
})

it.each([
  [
    '1.4',
    { objectType: 'CertificateRequest', certificateRequestType: 'PEM', certificateRequestValue: new Uint8Array() },
  ],
  ['2.0', { objectType: 'Template', attributes: [] }],
] as const)('sends no object that KMIP %s does not have', (version, object) => {
  const payload = { objectType: object.objectType, uniqueIdentifier: '1', object }
  expect(() => codec(operations.Get.response, version).write(tagNumber('responsePayload'), payload)).toThrow(
    expect.objectContaining({ code: 'value' }),
  )
})

it('searches for what a 1.x client wraps in a Template-Attribute', () => {
  const inner = (tag: TagName, value: string): Item => ({ tag: tagNumber(tag), type: 'TextString', value })
  const kind: Item = { tag: tagNumber('nameType'), type: 'Enumeration', value: 1 }
  const name = (tag: TagName): Item => structureItem(tagNumber(tag), [inner('nameValue', 'disk'), kind])
  const wrapped = structureItem(tagNumber('templateAttribute'), [
    structureItem(tagNumber('attribute'), [
      inner('attributeName', 'Name'),
      structureItem(tagNumber('attributeValue'), [inner('nameValue', 'disk')]),
    ]),
    name('name'),
  ])
  const { attributes } = codec(operations.Locate.request, '1.0').read(
    structureItem(tagNumber('requestPayload'), [wrapped]),
  )
  expect(attributes).toEqual([
    { name: 'name', value: { nameValue: 'disk' } },
    { name: 'template', value: { nameValue: 'disk', nameType: 'UninterpretedTextString' } },
  ])
  expect(() =>
    codec(operations.Locate.request, '2.0').read(structureItem(tagNumber('requestPayload'), [wrapped])),
  ).toThrow(SchemaError)
})

/** A request of one operation, at any version. */
const aRequest = fc
  .constantFrom(...described)
  .chain(({ version, operation }) =>
    valueOf(operation.request, version).map(payload => writeRequest([{ operation, payload }], version)),
  )

/** The payload of a request's only batch item: its very last structure. */
const payloadOf = (request: Item): Item =>
  request.type === 'Structure' && request.tag !== tagNumber('requestPayload')
    ? payloadOf(request.value.at(-1) ?? request)
    : request

/** How many items the tree holds. */
const sizeOf = (item: Item): number =>
  item.type === 'Structure' ? item.value.reduce((sum, member) => sum + sizeOf(member), 1) : 1

/** The tree with its n-th item, counted from the root, replaced. */
function replaced(item: Item, n: number, by: (found: Item) => Item): Item {
  if (n === 0 || item.type !== 'Structure') return by(item)
  let before = 1
  return {
    ...item,
    value: item.value.map(member => {
      const at = n - before
      before += sizeOf(member)
      return at >= 0 && at < sizeOf(member) ? replaced(member, at, by) : member
    }),
  }
}
