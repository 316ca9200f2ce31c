/**
 * What the clients ask, encoded.
 *
 * @module
 */
import { Create, encode, Get, Locate, type Operation, type RequestOf, writeRequest } from '../../protocol/index.ts'

const version = '1.4'

const request = <Q, R>(operation: Operation<Q, R>, payload: Q): Uint8Array =>
  encode(writeRequest([{ operation, payload }], version))

const nameCriterion = (name: string): RequestOf<typeof Locate>['attributes'] => [
  { name: 'name', value: { nameValue: name, nameType: 'UninterpretedTextString' } },
]

export const getOf = (uniqueIdentifier: string): Uint8Array => request(Get, { uniqueIdentifier })

export const locateOf = (name: string): Uint8Array => request(Locate, { attributes: nameCriterion(name) })

/** A search that every object meets. */
export const locateAll = (): Uint8Array => request(Locate, { attributes: [] })

export const createOf = (name: string): Uint8Array =>
  request(Create, {
    objectType: 'SymmetricKey',
    attributes: [
      { name: 'cryptographicAlgorithm', value: 'AES' },
      { name: 'cryptographicLength', value: 256 },
      { name: 'cryptographicUsageMask', value: 12 },
      ...nameCriterion(name),
    ],
  })
