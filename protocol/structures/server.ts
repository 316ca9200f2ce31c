/**
 * What a server tells of itself when it is queried. KMIP 2.1 §7.
 *
 * @module
 */
import { Boolean, either, Integer, many, named, optional, structure, Text } from '../schema/shape.ts'
import * as enumerations from '../tables/enumerations.ts'

/** KMIP 2.1 §7.37. Before 2.0 its content is the vendor's own: the same fields serve. */
export const ServerInformation = structure({
  serverName: optional(Text),
  serverSerialNumber: optional(Text),
  serverVersion: optional(Text),
  serverLoad: optional(Text),
  productName: optional(Text),
  buildLevel: optional(Text),
  buildDate: optional(Text),
  clusterInfo: optional(Text),
  alternateFailoverEndpoints: many(Text),
})

/** KMIP 2.1 §7.13. Before 2.0 the type is a number. */
export const ExtensionInformation = structure({
  extensionName: Text,
  extensionTag: optional(Integer),
  extensionType: optional(either(Integer, named(enumerations.ItemType))),
  extensionEnumeration: optional(Integer, '2.0..'),
  extensionAttribute: optional(Boolean, '2.0..'),
  extensionParentStructureTag: optional(Integer, '2.0..'),
  extensionDescription: optional(Text, '2.0..'),
})

/** KMIP 2.1 §7.31 */
export const ProfileInformation = structure({
  profileName: named(enumerations.ProfileName),
  profileVersion: optional(structure({ profileVersionMajor: Integer, profileVersionMinor: Integer }), '2.0..'),
  serverURI: optional(Text),
  serverPort: optional(Integer),
})

/** KMIP 2.1 §7.41 */
export const ValidationInformation = structure({
  validationAuthorityType: named(enumerations.ValidationAuthorityType),
  validationAuthorityCountry: optional(Text),
  validationAuthorityURI: optional(Text),
  validationVersionMajor: Integer,
  validationVersionMinor: optional(Integer),
  validationType: named(enumerations.ValidationType),
  validationLevel: Integer,
  validationCertificateIdentifier: optional(Text),
  validationCertificateURI: optional(Text),
  validationVendorURI: optional(Text),
  validationProfile: many(Text),
})

/** KMIP 2.1 §7.5 */
export const CapabilityInformation = structure({
  streamingCapability: optional(Boolean),
  asynchronousCapability: optional(Boolean),
  attestationCapability: optional(Boolean),
  batchUndoCapability: optional(Boolean, '1.4..'),
  batchContinueCapability: optional(Boolean, '1.4..'),
  unwrapMode: optional(named(enumerations.UnwrapMode)),
  destroyAction: optional(named(enumerations.DestroyAction)),
  shreddingAlgorithm: optional(named(enumerations.ShreddingAlgorithm)),
  rngMode: optional(named(enumerations.RNGMode)),
  quantumSafeCapability: optional(Boolean, '2.1..'),
})
