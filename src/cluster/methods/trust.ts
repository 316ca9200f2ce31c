/**
 * The cluster's key pair and its certificate request.
 *
 * @module
 */
import * as z from 'zod'
import { CertsError, createRequest, exportPrivateKey, generateKeyPair } from '../../../certs/index.ts'
import { invalid, notPermitted } from '../failure.ts'
import { maybe, method } from '../method.ts'

const fields = [
  'commonName',
  'organization',
  'organizationalUnit',
  'locality',
  'state',
  'country',
  'emailAddress',
] as const

const text = maybe(z.string())

/** As requests of Element 11.7 have it, where RFC 2986 wants 0. */
const requestVersion = 2

export const trustMethods = [
  method(
    'CreatePublicPrivateKeyPair',
    {
      commonName: text,
      organization: text,
      organizationalUnit: text,
      locality: text,
      state: text,
      country: text,
      emailAddress: text,
    },
    async ({ memory }, params) => {
      const given = fields.flatMap(field => {
        const value = params[field]
        return value === undefined || value === '' ? [] : [[field, value] as const]
      })
      const subject = given.length === 0 ? { commonName: memory.state.name } : Object.fromEntries(given)
      const keyPair = await generateKeyPair('RSA-2048')
      try {
        const request = await createRequest({ subject, keyPair, version: requestVersion })
        const privateKey = exportPrivateKey(keyPair.privateKey)
        await memory.change(draft => (draft.keyPair = { privateKey, request }))
      } catch (error) {
        throw error instanceof CertsError ? invalid(error.message) : error
      }
      return {}
    },
  ),

  method('GetClientCertificateSignRequest', {}, ({ memory }) => {
    const { keyPair } = memory.state
    if (keyPair === undefined) throw notPermitted('there is no key pair; CreatePublicPrivateKeyPair makes one')
    return { clientCertificateSignRequest: keyPair.request }
  }),
]
