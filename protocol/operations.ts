/**
 * The operations: what each one's request and response hold. KMIP 2.1 §6.1, KMIP 1.4 §4.
 *
 * @module
 */
import {
  AttributeIndex,
  AttributeList,
  AttributeNames,
  AttributeReference,
  AttributeReferences,
  Criteria,
  CurrentAttribute,
  EchoedAttribute,
  ModifiedAttribute,
  NewAttribute,
  NewAttributes,
} from './attributes/fields.ts'
import type { NameOf } from './schema/enumeration.ts'
import {
  bits,
  DateTime,
  type Fields,
  Integer,
  Interval,
  LongInteger,
  many,
  named,
  optional,
  type Shape,
  structure,
  type StructureOf,
  Text,
} from './schema/shape.ts'
import { covers, type Range, type Version } from './schema/version.ts'
import {
  ProtectionStorageMasks,
  RevocationReason,
  RngParameters,
  UniqueIdentifier,
} from './structures/attribute-values.ts'
import { AnyObject, KeyWrappingSpecification, OptionalObject } from './structures/managed-object.ts'
import {
  CapabilityInformation,
  ExtensionInformation,
  ProfileInformation,
  ServerInformation,
  ValidationInformation,
} from './structures/server.ts'
import * as enumerations from './tables/enumerations.ts'
import { CryptographicUsageMask, StorageStatusMask } from './tables/masks.ts'

export type OperationName = NameOf<typeof enumerations.Operation>

/** One operation of the specification: its name and the shapes of its two payloads. */
export interface Operation<Request, Response> {
  readonly name: OperationName
  readonly range: Range | undefined
  readonly request: Shape<Request>
  readonly response: Shape<Response>
}

export type RequestOf<O> = O extends Operation<infer Q, unknown> ? Q : never
export type ResponseOf<O> = O extends Operation<unknown, infer R> ? R : never

const operation = <const Q extends Fields, const R extends Fields>(
  name: OperationName,
  { range, request, response }: { range?: Range; request: Q; response: R },
): Operation<StructureOf<Q>, StructureOf<R>> => ({
  name,
  range,
  request: structure(request),
  response: structure(response),
})

/** Absent, the ID Placeholder is meant. KMIP 2.1 §6.1 */
const uniqueIdentifier = optional(UniqueIdentifier)

/** KMIP 2.1 §4.58 */
const identified = { uniqueIdentifier: Text }

/** KMIP 2.1 §6.1.1 */
export const Activate = operation('Activate', { request: { uniqueIdentifier }, response: identified })

/** KMIP 2.1 §6.1.2 */
export const AddAttribute = operation('AddAttribute', {
  request: { uniqueIdentifier, newAttribute: NewAttribute },
  response: { ...identified, attribute: EchoedAttribute },
})

/** KMIP 2.1 §6.1.3 */
export const AdjustAttribute = operation('AdjustAttribute', {
  range: '2.0..',
  request: {
    uniqueIdentifier,
    attributeReference: AttributeReference,
    adjustmentType: named(enumerations.AdjustmentType),
    adjustmentValue: optional(Integer),
  },
  response: identified,
})

/**
 * KMIP 2.1 §6.1.7. The response has the fields that a check failed on, too; a batch item that failed carries no payload
 * here, so this server sends none of them: its result reason and message tell.
 */
export const Check = operation('Check', {
  request: {
    uniqueIdentifier,
    usageLimitsCount: optional(LongInteger),
    cryptographicUsageMask: optional(bits(CryptographicUsageMask)),
    leaseTime: optional(Interval),
  },
  response: {
    ...identified,
    usageLimitsCount: optional(LongInteger),
    cryptographicUsageMask: optional(bits(CryptographicUsageMask)),
    leaseTime: optional(Interval),
  },
})

/** KMIP 2.1 §6.1.8 */
export const Create = operation('Create', {
  request: {
    objectType: named(enumerations.ObjectType),
    attributes: NewAttributes,
    protectionStorageMasks: optional(ProtectionStorageMasks, '2.0..'),
  },
  response: { objectType: named(enumerations.ObjectType), ...identified },
})

/** KMIP 2.1 §6.1.13 */
export const DeleteAttribute = operation('DeleteAttribute', {
  request: {
    uniqueIdentifier,
    currentAttribute: CurrentAttribute,
    attributeReference: AttributeReference,
    attributeIndex: AttributeIndex,
  },
  response: { ...identified, attribute: EchoedAttribute },
})

/** KMIP 2.1 §6.1.15 */
export const Destroy = operation('Destroy', { request: { uniqueIdentifier }, response: identified })

/** KMIP 2.1 §9.16 */
export const ProtocolVersion = structure({ protocolVersionMajor: Integer, protocolVersionMinor: Integer })

/** KMIP 2.1 §6.1.16. In any version's message, since a client asks before it knows. */
export const DiscoverVersions = operation('DiscoverVersions', {
  request: { protocolVersion: many(ProtocolVersion) },
  response: { protocolVersion: many(ProtocolVersion) },
})

/** KMIP 2.1 §6.1.19 */
export const Get = operation('Get', {
  request: {
    uniqueIdentifier,
    keyFormatType: optional(named(enumerations.KeyFormatType)),
    keyWrapType: optional(named(enumerations.KeyWrapType), '1.4..'),
    keyCompressionType: optional(named(enumerations.KeyCompressionType)),
    keyWrappingSpecification: optional(KeyWrappingSpecification),
  },
  response: { objectType: named(enumerations.ObjectType), ...identified, object: AnyObject },
})

/** KMIP 2.1 §6.1.20 */
export const GetAttributes = operation('GetAttributes', {
  request: { uniqueIdentifier, attributeReference: AttributeReferences },
  response: { ...identified, attributes: AttributeList },
})

/** KMIP 2.1 §6.1.21 */
export const GetAttributeList = operation('GetAttributeList', {
  request: { uniqueIdentifier },
  response: { ...identified, attributeReference: AttributeNames },
})

/** KMIP 2.1 §6.1.26: for interoperability tests, it tells the server where a test case begins and ends. */
export const Interop = operation('Interop', {
  range: '2.0..',
  request: { interopFunction: named(enumerations.InteropFunction), interopIdentifier: optional(Text) },
  response: {},
})

/**
 * KMIP 2.1 §6.1.28. Attributes in order, since a date given twice is a range. Offset Items is read at any version:
 * a client that pages with it under a 1.0 header would otherwise see the first page for ever.
 */
export const Locate = operation('Locate', {
  request: {
    maximumItems: optional(Integer),
    offsetItems: optional(Integer),
    storageStatusMask: optional(bits(StorageStatusMask)),
    objectGroupMember: optional(named(enumerations.ObjectGroupMember), '1.1..'),
    attributes: Criteria,
  },
  response: { locatedItems: optional(Integer, '1.3..'), uniqueIdentifier: many(Text) },
})

/** KMIP 2.1 §6.1.29 */
export const Log = operation('Log', { range: '2.0..', request: { logMessage: Text }, response: {} })

/** KMIP 2.1 §6.1.34 */
export const ModifyAttribute = operation('ModifyAttribute', {
  request: { uniqueIdentifier, currentAttribute: CurrentAttribute, newAttribute: ModifiedAttribute },
  response: { ...identified, attribute: EchoedAttribute },
})

/** KMIP 2.1 §6.1.40 */
export const Query = operation('Query', {
  request: {
    queryFunction: many(named(enumerations.QueryFunction)),
    objectGroups: optional(structure({ objectGroup: many(Text) }), '2.1..'),
  },
  response: {
    operation: many(named(enumerations.Operation)),
    objectType: many(named(enumerations.ObjectType)),
    vendorIdentification: optional(Text),
    serverInformation: optional(ServerInformation),
    applicationNamespace: many(Text),
    extensionInformation: many(ExtensionInformation, '1.1..'),
    attestationType: many(named(enumerations.AttestationType), '1.2..'),
    rngParameters: many(RngParameters, '1.3..'),
    profileInformation: many(ProfileInformation, '1.3..'),
    validationInformation: many(ValidationInformation, '1.3..'),
    capabilityInformation: many(CapabilityInformation, '1.3..'),
    clientRegistrationMethod: many(named(enumerations.ClientRegistrationMethod), '1.3..'),
    protectionStorageMasks: optional(ProtectionStorageMasks, '2.0..'),
  },
})

/** KMIP 2.1 §6.1.43. Before 1.2 the object may be absent, but then there is nothing to register. */
export const Register = operation('Register', {
  request: {
    objectType: named(enumerations.ObjectType),
    attributes: NewAttributes,
    object: OptionalObject,
    protectionStorageMasks: optional(ProtectionStorageMasks, '2.0..'),
  },
  response: identified,
})

/** KMIP 2.1 §6.1.44 */
export const Revoke = operation('Revoke', {
  request: {
    uniqueIdentifier,
    revocationReason: RevocationReason,
    compromiseOccurrenceDate: optional(DateTime),
  },
  response: identified,
})

/** KMIP 2.1 §6.1.51 */
export const SetAttribute = operation('SetAttribute', {
  range: '2.0..',
  request: { uniqueIdentifier, newAttribute: NewAttribute },
  response: identified,
})

/** Every operation whose payloads are described. */
export const operations = {
  Activate,
  AddAttribute,
  AdjustAttribute,
  Check,
  Create,
  DeleteAttribute,
  Destroy,
  DiscoverVersions,
  Get,
  GetAttributeList,
  GetAttributes,
  Interop,
  Locate,
  Log,
  ModifyAttribute,
  Query,
  Register,
  Revoke,
  SetAttribute,
} as const satisfies Partial<Record<OperationName, Operation<unknown, unknown>>>

/** An operation by its name, if its payloads are described and the version has it. */
export function operationIn(name: string | number, version: Version): Operation<unknown, unknown> | undefined {
  if (typeof name === 'number' || !Object.hasOwn(operations, name)) return undefined
  const found = operations[name as keyof typeof operations] as unknown as Operation<unknown, unknown>
  return covers(found.range, version) ? found : undefined
}

/**
 * The operations that the version's own table lists. Discover Versions is answered before that, since a client asks before
 * it knows, but it is not listed.
 */
export const operationsOf = (version: Version): OperationName[] =>
  Object.values(operations)
    .map(({ name }) => name)
    .filter(name => covers(`${enumerations.Operation.since(name)}..`, version))
