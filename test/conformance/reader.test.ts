/**
 * The runner itself: it reads the XML right, and lets no difference pass that is not permitted.
 *
 * @module
 */
import { describe, expect, it } from 'vitest'
import { decode, encode, type Item, structureItem, tagName, tagNumber } from '../../protocol/index.ts'
import {
  fromHex,
  materialMissing,
  materialNote,
  type RecordedMessage,
  recordedMessages,
  toHex,
} from '../protocol/material.ts'
import { findCases, isPublished, stepsOf } from './cases.ts'
import { compare, type Difference } from './compare.ts'
import { itemOf } from './values.ts'
import { variations } from './variations.ts'
import { type Element, readVector } from './vector.ts'

const message = (name: 'RequestMessage' | 'ResponseMessage', body: string): string => `<${name}>${body}</${name}>`
const vector = (request: string, response = ''): string =>
  `<?xml version="1.0"?><KMIP>${message('RequestMessage', request)}${message('ResponseMessage', response)}</KMIP>`

const filling = { now: 1_000_000, placeholders: new Map([['$UNIQUE_IDENTIFIER_0', 'abc']]) }

/** The only member of the request, as an item. */
function read(xml: string): Item | undefined {
  const [step] = readVector(vector(xml))
  const item = step && itemOf(step.request, filling)
  return item?.type === 'Structure' ? item.value[0] : undefined
}

describe('XML', () => {
  it.each([
    ['<BatchCount type="Integer" value="-1"/>', 'Integer', -1],
    ['<CryptographicUsageMask type="Integer" value="Encrypt Decrypt"/>', 'Integer', 12],
    ['<CryptographicUsageMask type="Integer" value="Encrypt|Decrypt"/>', 'Integer', 12],
    ['<CryptographicUsageMask type="Integer" value="0x0000000c"/>', 'Integer', 12],
    ['<CryptographicUsageMask type="Integer" value="ContentCommitment"/>', 'Integer', 0x400],
    ['<ObjectType type="Enumeration" value="SymmetricKey"/>', 'Enumeration', 2],
    ['<ObjectType type="Enumeration" value="0x00000002"/>', 'Enumeration', 2],
    ['<AttributeReference type="Enumeration" value="CryptographicLength"/>', 'Enumeration', 0x42002a],
    ['<UsageLimitsCount type="LongInteger" value="9007199254740993"/>', 'LongInteger', 9007199254740993n],
    ['<Modulus type="BigInteger" value="0000000000010001"/>', 'BigInteger', Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 1)],
    ['<BatchOrderOption type="Boolean" value="true"/>', 'Boolean', true],
    ['<NameValue type="TextString" value="a &amp; &lt;b&gt;"/>', 'TextString', 'a & <b>'],
    ['<UniqueIdentifier type="TextString" value="$UNIQUE_IDENTIFIER_0"/>', 'TextString', 'abc'],
    ['<KeyMaterial type="ByteString" value="00ffA0"/>', 'ByteString', Uint8Array.of(0, 255, 160)],
    ['<ActivationDate type="DateTime" value="1970-01-01T10:00:06+10:00"/>', 'DateTime', 6],
    ['<ActivationDate type="DateTime" value="$NOW"/>', 'DateTime', 1_000_000],
    ['<ActivationDate type="DateTime" value="$NOW-3600"/>', 'DateTime', 996_400],
    ['<LeaseTime type="Interval" value="3600"/>', 'Interval', 3600],
    ['<TTLV tag="0x540001" name="Extension" type="TextString" value="na"/>', 'TextString', 'na'],
  ])('%s', (xml, type, value) => {
    expect(read(xml)).toMatchObject({ type, value })
  })

  it('takes an Attribute Value’s names from the attribute', () => {
    const item = read(
      '<Attribute><AttributeName type="TextString" value="Cryptographic Algorithm"/><AttributeValue type="Enumeration" value="AES"/></Attribute>',
    )
    expect(item).toMatchObject({ value: [{ value: 'Cryptographic Algorithm' }, { type: 'Enumeration', value: 3 }] })
  })

  it.each([
    [
      'a document type',
      `<!DOCTYPE KMIP [<!ENTITY e SYSTEM "file:///etc/passwd">]>${vector('').slice(21)}`,
      /document type/,
    ],
    ['what is not closed', '<KMIP><RequestMessage></KMIP>', /tag/],
    ['an unknown element', vector('<Nonsense/>'), /unknown element Nonsense/],
    ['an unknown type', vector('<BatchCount type="Float" value="1"/>'), /unknown type Float/],
    ['a request without a response', `<KMIP>${message('RequestMessage', '')}</KMIP>`, /step 0/],
    ['another root', '<XML/>', /not KMIP/],
  ])('refuses %s', (_, xml, words) => {
    expect(() => readVector(xml)).toThrow(words)
  })

  it.each([
    ['an unknown name', '<ObjectType type="Enumeration" value="Nonsense"/>', /Nonsense is no Object Type/],
    ['an unknown bit', '<CryptographicUsageMask type="Integer" value="Encrypt Nonsense"/>', /Nonsense is no bit/],
    ['half an octet', '<KeyMaterial type="ByteString" value="0"/>', /not hexadecimal/],
    [
      'what no response has named',
      '<UniqueIdentifier type="TextString" value="$UNIQUE_IDENTIFIER_1"/>',
      /before any response/,
    ],
  ])('refuses %s', (_, xml, words) => {
    expect(() => read(xml)).toThrow(words)
  })
})

const [step] = readVector(
  vector(
    '',
    `<ResponseHeader>
      <TimeStamp type="DateTime" value="$NOW"/>
      <BatchCount type="Integer" value="1"/>
    </ResponseHeader>
    <BatchItem>
      <Operation type="Enumeration" value="GetAttributes"/>
      <ResultStatus type="Enumeration" value="Success"/>
      <ResponsePayload>
        <UniqueIdentifier type="TextString" value="$UNIQUE_IDENTIFIER_0"/>
        <Attribute><AttributeName type="TextString" value="State"/><AttributeValue type="Enumeration" value="Active"/></Attribute>
        <Attribute><AttributeName type="TextString" value="x-ID"/><AttributeValue type="TextString" value="$UNIQUE_IDENTIFIER_0"/></Attribute>
        <Attribute><AttributeName type="TextString" value="Initial Date"/><AttributeValue type="DateTime" value="2012-04-27T08:12:24+00:00"/></Attribute>
      </ResponsePayload>
    </BatchItem>`,
  ),
)

/** The reply as it is printed, with each item changed as told. */
function reply(change: (item: Item) => readonly Item[] = item => [item]): Item {
  const changed = (item: Item): readonly Item[] =>
    change(item.type === 'Structure' ? { ...item, value: item.value.flatMap(changed) } : item)
  const [item] = step === undefined ? [] : changed(itemOf(step.response, filling))
  return item ?? structureItem(0, [])
}

const differences = (found: Item, printed: Element | undefined = step?.response): readonly Difference[] =>
  printed === undefined
    ? []
    : compare(printed, found, new Map(), {
        now: filling.now,
        toleranceSeconds: 60,
        variations,
        wasSent: () => false,
      }).differences

const is = (item: Item, name: string): boolean => tagName(item.tag) === name
const attributeNamed = (item: Item, name: string): boolean =>
  item.type === 'Structure' && is(item, 'attribute') && item.value.some(({ value }) => value === name)

describe('comparison', () => {
  it('finds no difference where there is none', () => {
    expect(differences(reply())).toEqual([])
  })

  it.each<[string, (item: Item) => readonly Item[]]>([
    [
      'a date that no request fixed',
      item => [item.type === 'DateTime' && is(item, 'attributeValue') ? { ...item, value: 5 } : item],
    ],
    [
      'a time stamp a little off',
      item => [item.type === 'DateTime' && is(item, 'timeStamp') ? { ...item, value: item.value + 30 } : item],
    ],
    [
      'attributes in another order',
      item => [
        item.type === 'Structure' && is(item, 'responsePayload')
          ? { ...item, value: [...item.value.slice(0, 1), ...item.value.slice(1).reverse()] }
          : item,
      ],
    ],
    [
      'one attribute more',
      item =>
        attributeNamed(item, 'State')
          ? [item, structureItem(item.tag, [{ tag: tagNumber('attributeName'), type: 'TextString', value: 'Fresh' }])]
          : [item],
    ],
    [
      'words with the result',
      item =>
        is(item, 'resultStatus')
          ? [item, { tag: tagNumber('resultMessage'), type: 'TextString', value: 'fine' }]
          : [item],
    ],
  ])('permits %s', (_, change) => {
    expect(differences(reply(change))).toEqual([])
  })

  it.each<[string, string, (item: Item) => readonly Item[]]>([
    [
      'another value',
      'Attribute(State)[0]/AttributeValue',
      item => [item.type === 'Enumeration' && is(item, 'attributeValue') ? { ...item, value: 1 } : item],
    ],
    [
      'another type',
      'Attribute(x-ID)[1]/AttributeValue',
      item => [
        item.type === 'TextString' && is(item, 'attributeValue')
          ? { ...item, type: 'ByteString', value: fromHex('abcd') }
          : item,
      ],
    ],
    ['an attribute less', 'Attribute(State)[0]', item => (attributeNamed(item, 'State') ? [] : [item])],
    [
      'a field more',
      'BatchItem/UniqueBatchItemID',
      item =>
        is(item, 'operation')
          ? [item, { tag: tagNumber('uniqueBatchItemID'), type: 'ByteString', value: fromHex('01') }]
          : [item],
    ],
    ['a field less', 'BatchItem/Operation', item => (is(item, 'operation') ? [] : [item])],
    [
      'fields in another order',
      'BatchItem, order of fields',
      item => [item.type === 'Structure' && is(item, 'batchItem') ? { ...item, value: item.value.toReversed() } : item],
    ],
    [
      'a time stamp far off',
      'ResponseHeader/TimeStamp',
      item => [item.type === 'DateTime' && is(item, 'timeStamp') ? { ...item, value: item.value + 61 } : item],
    ],
    [
      'two values under one placeholder',
      'Attribute(x-ID)[1]/AttributeValue',
      item => [item.type === 'TextString' && is(item, 'attributeValue') ? { ...item, value: 'xyz' } : item],
    ],
  ])('refuses %s', (_, path, change) => {
    expect(differences(reply(change)).map(each => each.path)).toEqual([
      `ResponseMessage/${path}`.replace(
        'ResponseMessage/Attribute',
        'ResponseMessage/BatchItem/ResponsePayload/Attribute',
      ),
    ])
  })
})

/** The recorded message's file and step in the XML test cases, if it is one of those. */
function printedAs({ vector, test_case, version, name, kind, ...recorded }: RecordedMessage): Element | undefined {
  const file =
    vector ?? (version === '1.1' && test_case !== undefined ? `1.1/testcases/${test_case}-11.xml` : undefined)
  if (file === undefined || !isPublished(file)) return undefined
  const number = recorded.step ?? Number(/step (\d+)/.exec(name)?.[1])
  return stepsOf(file)[number]?.[kind]
}

describe.skipIf(materialMissing)(`the XML test cases and the same messages in TTLV${materialNote}`, () => {
  it('are the same where the documents print both', () => {
    const both = recordedMessages().filter(({ xml_matches }) => xml_matches === true)
    expect(both.length).toBeGreaterThan(20)
    for (const each of both.filter(({ kind }) => kind === 'request')) {
      const printed = printedAs(each)
      if (printed === undefined) continue
      expect(toHex(encode(itemOf(printed, filling))), each.name).toBe(each.hex.toLowerCase())
    }
  })

  /** The TTLV is an earlier edition's: a field less, another step. */
  const otherEdition = ['KMIP-TC-1.1 12.1 step 0 response', 'KMIP-TC-1.1 14.1 step 5 response']

  it('are the same replies, but for what may differ', () => {
    let compared = 0
    for (const each of recordedMessages().filter(({ kind }) => kind === 'response')) {
      const printed = printedAs(each)
      if (printed === undefined) continue
      compared++
      const found = compare(printed, decode(fromHex(each.hex)), new Map(), {
        now: filling.now,
        toleranceSeconds: Number.POSITIVE_INFINITY,
        variations,
        wasSent: () => false,
      }).differences
      expect(found.length > 0, `${each.name}: ${JSON.stringify(found)}`).toBe(otherEdition.includes(each.name))
    }
    expect(compared).toBeGreaterThan(120)
  })

  it('are all read, those of the profiles that we meet among those to be played', () => {
    const { played } = findCases()
    const count = (profile: string): number => played.filter(each => each.profile === profile).length
    expect({
      BL: count('BL'),
      SKLC: count('SKLC'),
      SKFF: count('SKFF'),
      OMOS: count('OMOS'),
      SASED: count('SASED'),
      TL: count('TL'),
    }).toEqual({ BL: 14, SKLC: 14, SKFF: 58, OMOS: 7, SASED: 18, TL: 15 })
    const after = (name: string) => played.find(({ file }) => file.includes(name))?.after
    expect(after('SASED-M-2-14')).toEqual([])
    expect(after('SASED-M-3-14')).toEqual(['1.4/mandatory/SASED-M-2-14.xml'])
    expect(after('TC-OTP-3-13')).toEqual(['1.3/testcases/TC-OTP-SETUP-2-13.xml'])
    expect(after('TC-OTP-CLEANUP-1-13')).toEqual(['1.3/testcases/TC-OTP-SETUP-1-13.xml'])
  })
})
