/**
 * Result reasons by version. The server speaks the finer words of KMIP 2.1; a client of an earlier version is told the
 * word that its own error tables hold. KMIP 1.4 §11, KMIP 2.1 §6.1 `Error Handling`.
 *
 * @module
 */
import type { NameOf } from './schema/enumeration.ts'
import { covers, type Range, type Version } from './schema/version.ts'
import type { ResultReason } from './tables/enumerations.ts'

export type ResultReasonName = NameOf<typeof ResultReason>

/** Up to the version, the reason is told as another. */
const formerly: Partial<Record<ResultReasonName, readonly [Range, ResultReasonName]>> = {
  AttributeInstanceNotFound: ['..1.4', 'ItemNotFound'],
  AttributeNotFound: ['..1.4', 'ItemNotFound'],
  AttributeReadOnly: ['..1.4', 'PermissionDenied'],
  AttributeSingleValued: ['..1.4', 'IllegalOperation'],
  BadCryptographicParameters: ['..1.4', 'InvalidField'],
  CodecError: ['..1.4', 'InvalidMessage'],
  EncodingOptionError: ['..1.0', 'InvalidField'],
  IllegalObjectType: ['..1.4', 'IllegalOperation'],
  IncompatibleCryptographicUsageMask: ['..1.4', 'PermissionDenied'],
  InternalServerError: ['..1.4', 'GeneralFailure'],
  InvalidAttribute: ['..1.4', 'InvalidField'],
  InvalidAttributeValue: ['..1.4', 'InvalidField'],
  InvalidDataType: ['..1.4', 'InvalidField'],
  InvalidObjectType: ['..1.4', 'IllegalOperation'],
  KeyValueNotPresent: ['..1.1', 'IllegalOperation'],
  KeyWrapTypeNotSupported: ['..1.4', 'FeatureNotSupported'],
  MultiValuedAttribute: ['..1.4', 'InvalidField'],
  NonUniqueNameAttribute: ['..1.4', 'InvalidField'],
  NotAuthorised: ['..1.4', 'PermissionDenied'],
  NotExtractable: ['..1.3', 'PermissionDenied'],
  NumericRange: ['..1.4', 'InvalidField'],
  ObjectAlreadyExists: ['..1.3', 'InvalidField'],
  ObjectDestroyed: ['..1.4', 'PermissionDenied'],
  ObjectNotFound: ['..1.4', 'ItemNotFound'],
  ReadOnlyAttribute: ['..1.4', 'PermissionDenied'],
  Sensitive: ['..1.3', 'PermissionDenied'],
  ServerLimitExceeded: ['..1.4', 'GeneralFailure'],
  UnknownEnumeration: ['..1.4', 'InvalidField'],
  UnknownMessageExtension: ['..1.4', 'FeatureNotSupported'],
  UnknownObjectGroup: ['..2.0', 'InvalidField'],
  UnknownTag: ['..1.4', 'InvalidField'],
  UnsupportedAttribute: ['..1.4', 'PermissionDenied'],
  UnsupportedCryptographicParameters: ['..1.4', 'InvalidField'],
  UnsupportedProtocolVersion: ['..1.4', 'InvalidMessage'],
  UsageLimitExceeded: ['..1.4', 'PermissionDenied'],
  WrongKeyLifecycleState: ['..2.0', 'PermissionDenied'],
}

/** The reason as the version tells it. */
export function reasonIn(reason: ResultReasonName, version: Version): ResultReasonName {
  const [range, former] = formerly[reason] ?? []
  return range !== undefined && former !== undefined && covers(range, version) ? former : reason
}
