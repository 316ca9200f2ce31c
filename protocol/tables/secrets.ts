/**
 * What no log, dump or error may show: these tags, and whatever stands inside them.
 *
 * @module
 */
import { type TagName, tagNumber } from '../names.ts'

const secret: readonly TagName[] = [
  'keyMaterial',
  'keyValue',
  'opaqueDataValue',
  'data',
  'password',
  'oneTimePassword',
  'hashedPassword',
  'serverHashedPassword',
  'ticketValue',
  'derivationData',
  'privateExponent',
  'primeExponentP',
  'primeExponentQ',
  'crtCoefficient',
  'd',
  'x',
  'key',
  'pkcs11InputParameters',
  'pkcs11OutputParameters',
]

export const secretTags: ReadonlySet<number> = new Set(secret.map(tagNumber))
