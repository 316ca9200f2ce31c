/**
 * What people see of a message: names for numbers, and never a secret.
 *
 * @module
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decode,
  dumpJson,
  dumpText,
  encode,
  type Item,
  type KeyBlock,
  type ManagedObject,
  operations,
  versions,
  writeRequest,
  writeResponse,
} from '../../protocol/index.ts'
import { toHex } from './material.ts'

/** Sixteen bytes or more, which do not occur by chance. */
const secret = fc.uint8Array({ minLength: 16, maxLength: 64 })
const bigSecret = fc.uint8Array({ minLength: 16, maxLength: 16 })

const keyed = (keyFormatType: KeyBlock['keyFormatType'], keyValue: KeyBlock['keyValue']): { keyBlock: KeyBlock } => ({
  keyBlock: { keyFormatType, keyValue },
})
const withMaterial = (keyMaterial: Uint8Array) => ({ keyMaterial, attributes: [] })

/** Every place in which an object has a secret. */
const objects: readonly ((secret: Uint8Array, number: Uint8Array) => ManagedObject)[] = [
  key => ({ objectType: 'SymmetricKey', ...keyed('Raw', withMaterial(key)) }),
  key => ({ objectType: 'SymmetricKey', ...keyed('Raw', key) }),
  key => ({
    objectType: 'SymmetricKey',
    ...keyed('TransparentSymmetricKey', { keyMaterial: { key }, attributes: [] }),
  }),
  key => ({ objectType: 'PrivateKey', ...keyed('PKCS_8', withMaterial(key)) }),
  (_, d) => ({ objectType: 'PrivateKey', ...keyed('TransparentECPrivateKey', { keyMaterial: { d }, attributes: [] }) }),
  (_, x) => ({
    objectType: 'PrivateKey',
    ...keyed('TransparentDSAPrivateKey', { keyMaterial: { x }, attributes: [] }),
  }),
  (_, number) => ({
    objectType: 'PrivateKey',
    ...keyed('TransparentRSAPrivateKey', {
      keyMaterial: { modulus: number, privateExponent: number, p: number, q: number, crtCoefficient: number },
      attributes: [],
    }),
  }),
  key => ({ objectType: 'SecretData', secretDataType: 'Password', ...keyed('Opaque', withMaterial(key)) }),
  key => ({ objectType: 'OpaqueObject', opaqueDataType: 0x80000001, opaqueDataValue: key }),
  key => ({ objectType: 'PGPKey', pgpKeyVersion: 4, ...keyed('Raw', withMaterial(key)) }),
  key => ({
    objectType: 'SplitKey',
    splitKeyParts: 2,
    keyPartIdentifier: 1,
    splitKeyThreshold: 2,
    splitKeyMethod: 'XOR',
    ...keyed('Raw', withMaterial(key)),
  }),
]

/** Every spelling of the bytes that a person or a program could take them from. */
const spellings = (bytes: Uint8Array): string[] => {
  const buffer = Buffer.from(bytes)
  return [buffer.toString('hex'), buffer.toString('hex').toUpperCase(), buffer.toString('base64'), bytes.join(',')]
}

const dumps = (item: Item): string => `${dumpText(item)}\n${JSON.stringify(dumpJson(item))}`

describe('dump', () => {
  it('shows no secret of an object that is registered or fetched', () => {
    const which = fc.record({
      version: fc.constantFrom(...versions),
      make: fc.constantFrom(...objects),
      key: secret,
      number: bigSecret,
    })
    fc.assert(
      fc.property(which, ({ version, make, key, number }) => {
        const object = make(key, number)
        if (object.objectType === 'PGPKey' && ['1.0', '1.1'].includes(version)) return
        const { objectType } = object
        const register = writeRequest(
          [{ operation: operations.Register, payload: { objectType, attributes: [], object } }],
          version,
        )
        const payload = { objectType, uniqueIdentifier: '1', object }
        const get = writeResponse({
          version,
          timeStamp: 0,
          batchItem: [{ operation: 'Get', resultStatus: 'Success', payload }],
        })
        for (const item of [register, get]) {
          const bytes = toHex(encode(item))
          expect(
            spellings(key)
              .concat(spellings(number))
              .some(text => bytes.includes(text)),
          ).toBe(true)
          const shown = dumps(decode(encode(item)))
          for (const text of [...spellings(key), ...spellings(number)]) expect(shown).not.toContain(text)
          expect(shown).toContain('[hidden]')
        }
      }),
      { numRuns: 300 },
    )
  })

  it('shows no password', () => {
    const letters = fc.stringMatching(/^[!-~]{12,30}$/)
    fc.assert(
      fc.property(letters, password => {
        const item = writeRequest([{ operation: operations.Activate, payload: {} }], '1.4', {
          authentication: {
            credential: [
              { credentialType: 'UsernameAndPassword', credentialValue: { username: 'disk shelf', password } },
            ],
          },
        })
        const shown = dumps(item)
        expect(shown).not.toContain(password)
        expect(shown).not.toContain(JSON.stringify(password).slice(1, -1))
        expect(shown).toContain('disk shelf')
      }),
    )
  })

  it('shows a secret when asked to', () => {
    const key = Uint8Array.from({ length: 16 }, (_, at) => at)
    const item: Item = { tag: 0x420043, type: 'ByteString', value: key }
    expect(dumpText(item, { secrets: true })).toBe(`Key Material (ByteString): ${toHex(key)}`)
    expect(dumpText(item)).toBe('Key Material (ByteString): [hidden] 16 bytes')
    expect(dumpJson(item, { secrets: true })).toEqual({ tag: 'KeyMaterial', type: 'ByteString', value: toHex(key) })
  })

  const create = (version: '1.4' | '2.1') =>
    writeRequest(
      [
        {
          operation: operations.Create,
          payload: {
            objectType: 'SymmetricKey',
            attributes: [
              { name: 'cryptographicAlgorithm', value: 'AES' },
              { name: 'cryptographicUsageMask', value: 12 },
              { name: 'activationDate', value: 0 },
            ],
          },
        },
      ],
      version,
    )

  it('names enumerations and masks, also under the name of a 1.x attribute', () => {
    const first = dumpText(create('1.4'))
    expect(first).toContain('Operation (Enumeration): Create')
    expect(first).toContain('Object Type (Enumeration): SymmetricKey')
    expect(first).toContain('Attribute Value (Enumeration): AES')
    expect(first).toContain('Attribute Value (Integer): Encrypt|Decrypt')
    expect(first).toContain('Attribute Value (DateTime): 1970-01-01T00:00:00Z')
    const second = dumpText(create('2.1'))
    expect(second).toContain('Cryptographic Algorithm (Enumeration): AES')
    expect(second).toContain('Cryptographic Usage Mask (Integer): Encrypt|Decrypt')
  })

  it('is the JSON of the profiles', () => {
    expect(JSON.stringify(dumpJson(create('2.1')))).toContain(
      '{"tag":"ObjectType","type":"Enumeration","value":"SymmetricKey"}',
    )
  })

  it('shows what has no name by its number', () => {
    expect(dumpText({ tag: 0x540001, type: 'Enumeration', value: 0x80000001 })).toBe(
      '0x540001 (Enumeration): 0x80000001',
    )
  })
})
