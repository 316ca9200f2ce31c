/**
 * Every attribute of KMIP 1.0 to 2.1: what its value is, in which versions it exists, whether it may have several
 * instances, and what a client may do to it.
 *
 * Conditions that a word cannot tell (a date that may be changed only until it is reached) are the lifecycle's.
 *
 * @module
 */
import type { Range } from '../schema/version.ts'
import { Boolean, bits, Bytes, DateTime, Integer, Interval, named, type Shape, Text } from '../schema/shape.ts'
import * as values from '../structures/attribute-values.ts'
import * as enumerations from './enumerations.ts'
import { CryptographicUsageMask, ProtectionStorageMask } from './masks.ts'

/** What a client may do to an attribute once the object exists. `create`: give it when the object is made. */
export type ClientRight = 'create' | 'add' | 'modify' | 'delete'

export interface AttributeRow<T, M extends boolean = boolean> {
  readonly shape: Shape<T>
  readonly range: Range | undefined
  /** Whether several instances may exist side by side. */
  readonly multiple: M
  readonly client: readonly ClientRight[]
}

const one = <T>(shape: Shape<T>, client: readonly ClientRight[], range?: Range): AttributeRow<T, false> => ({
  shape,
  range,
  multiple: false,
  client,
})
const several = <T>(shape: Shape<T>, client: readonly ClientRight[], range?: Range): AttributeRow<T, true> => ({
  shape,
  range,
  multiple: true,
  client,
})

const server: readonly ClientRight[] = []
const created: readonly ClientRight[] = ['create']
const once: readonly ClientRight[] = ['create', 'add']
const changed: readonly ClientRight[] = ['create', 'add', 'modify']
const free: readonly ClientRight[] = ['create', 'add', 'modify', 'delete']

/** KMIP 2.1 §4, in the order of its sections; KMIP 1.4 §3 for those that 2.0 dropped. */
export const attributes = {
  activationDate: one(DateTime, changed),
  alternativeName: several(values.AlternativeName, free, '1.2..'),
  alwaysSensitive: one(Boolean, server, '1.4..'),
  applicationSpecificInformation: several(values.ApplicationSpecificInformation, free),
  archiveDate: one(DateTime, server),
  certificateSubjectCN: several(Text, server, '2.0..'),
  certificateSubjectO: several(Text, server, '2.0..'),
  certificateSubjectOU: several(Text, server, '2.0..'),
  certificateSubjectEmail: several(Text, server, '2.0..'),
  certificateSubjectC: several(Text, server, '2.0..'),
  certificateSubjectST: several(Text, server, '2.0..'),
  certificateSubjectL: several(Text, server, '2.0..'),
  certificateSubjectUID: several(Text, server, '2.0..'),
  certificateSubjectSerialNumber: several(Text, server, '2.0..'),
  certificateSubjectTitle: several(Text, server, '2.0..'),
  certificateSubjectDC: several(Text, server, '2.0..'),
  certificateSubjectDNQualifier: several(Text, server, '2.0..'),
  certificateIssuerCN: several(Text, server, '2.0..'),
  certificateIssuerO: several(Text, server, '2.0..'),
  certificateIssuerOU: several(Text, server, '2.0..'),
  certificateIssuerEmail: several(Text, server, '2.0..'),
  certificateIssuerC: several(Text, server, '2.0..'),
  certificateIssuerST: several(Text, server, '2.0..'),
  certificateIssuerL: several(Text, server, '2.0..'),
  certificateIssuerUID: several(Text, server, '2.0..'),
  certificateIssuerSerialNumber: several(Text, server, '2.0..'),
  certificateIssuerTitle: several(Text, server, '2.0..'),
  certificateIssuerDC: several(Text, server, '2.0..'),
  certificateIssuerDNQualifier: several(Text, server, '2.0..'),
  certificateIdentifier: one(values.CertificateIdentifier, server, '..1.4'),
  certificateIssuer: one(values.CertificateIssuer, server, '..1.4'),
  certificateLength: one(Integer, server, '1.1..'),
  certificateSubject: one(values.CertificateSubject, server, '..1.4'),
  certificateType: one(named(enumerations.CertificateType), created),
  comment: one(Text, free, '1.4..'),
  compromiseDate: one(DateTime, server),
  compromiseOccurrenceDate: one(DateTime, server),
  contactInformation: one(Text, free),
  cryptographicAlgorithm: one(named(enumerations.CryptographicAlgorithm), created),
  cryptographicDomainParameters: one(values.CryptographicDomainParameters, created),
  cryptographicLength: one(Integer, created),
  cryptographicParameters: several(values.CryptographicParameters, free),
  cryptographicUsageMask: one(bits(CryptographicUsageMask), created),
  deactivationDate: one(DateTime, changed),
  description: one(Text, free, '1.4..'),
  destroyDate: one(DateTime, server),
  digest: several(values.Digest, server),
  digitalSignatureAlgorithm: several(named(enumerations.DigitalSignatureAlgorithm), server, '1.1..'),
  extractable: one(Boolean, changed, '1.4..'),
  fresh: one(Boolean, created, '1.1..'),
  initialDate: one(DateTime, server),
  keyFormatType: one(named(enumerations.KeyFormatType), created, '2.0..'),
  keyValueLocation: several(values.KeyValueLocation, free, '1.2..'),
  keyValuePresent: one(Boolean, server, '1.2..'),
  lastChangeDate: one(DateTime, server),
  leaseTime: one(Interval, server),
  link: several(values.Link, free),
  name: several(values.Name, free),
  neverExtractable: one(Boolean, server, '1.4..'),
  nistKeyType: several(named(enumerations.NISTKeyType), once, '2.0..'),
  objectGroup: several(Text, free),
  objectType: one(named(enumerations.ObjectType), created),
  opaqueDataType: one(named(enumerations.OpaqueDataType), created, '2.0..'),
  operationPolicyName: one(Text, created, '..1.4'),
  originalCreationDate: one(DateTime, once, '1.2..'),
  pkcs12FriendlyName: one(Text, free, '1.4..'),
  processStartDate: one(DateTime, changed),
  protectStopDate: one(DateTime, changed),
  protectionLevel: one(named(enumerations.ProtectionLevel), free, '2.0..'),
  protectionPeriod: one(Interval, free, '2.0..'),
  protectionStorageMask: one(bits(ProtectionStorageMask), server, '2.0..'),
  quantumSafe: one(Boolean, free, '2.0..'),
  randomNumberGenerator: one(values.RngParameters, once, '1.3..'),
  revocationReason: one(values.RevocationReason, server),
  rotateAutomatic: one(Boolean, once, '2.1..'),
  rotateDate: one(DateTime, server, '2.1..'),
  rotateGeneration: one(Integer, server, '2.1..'),
  rotateInterval: one(Interval, once, '2.1..'),
  rotateLatest: one(Boolean, server, '2.1..'),
  rotateName: one(values.RotateName, free, '2.1..'),
  rotateOffset: one(Interval, once, '2.1..'),
  sensitive: one(Boolean, changed, '1.4..'),
  shortUniqueIdentifier: one(Bytes, server, '2.0..'),
  state: one(named(enumerations.State), server),
  uniqueIdentifier: one(Text, server),
  usageLimits: one(values.UsageLimits, free),
  x509CertificateIdentifier: one(values.X509CertificateIdentifier, server, '1.1..'),
  x509CertificateIssuer: one(values.X509CertificateIssuer, server, '1.1..'),
  x509CertificateSubject: one(values.X509CertificateSubject, server, '1.1..'),
} as const satisfies Record<string, AttributeRow<unknown>>
