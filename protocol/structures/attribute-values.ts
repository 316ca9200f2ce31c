/**
 * The structures that are values of attributes. KMIP 2.1 §4, and §3 of KMIP 1.x for those it dropped.
 *
 * @module
 */
import type { NameOf } from '../schema/enumeration.ts'
import {
  Boolean,
  bits,
  Bytes,
  either,
  Integer,
  LongInteger,
  many,
  mapped,
  named,
  optional,
  structure,
  Text,
  type ValueOf,
} from '../schema/shape.ts'
import * as enumerations from '../tables/enumerations.ts'
import { ProtectionStorageMask } from '../tables/masks.ts'

/** KMIP 2.1 §4.32 */
export const Name = structure({ nameValue: Text, nameType: named(enumerations.NameType) })
export type Name = ValueOf<typeof Name>

/**
 * Another object, or this one: by its identifier, or from 2.0 on by what an operation of the same batch returned.
 * KMIP 2.1 §4.58
 */
export type UniqueIdentifier = string | OperationReference | { readonly nth: number }

/** What an operation of the same batch returned. */
export interface OperationReference {
  readonly reference: NameOf<typeof enumerations.UniqueIdentifierEnumeration> | number
}

export const UniqueIdentifier = either(
  Text,
  mapped(named(enumerations.UniqueIdentifierEnumeration), {
    read: (reference): OperationReference => ({ reference }),
    write: value => value.reference,
    is: (value): value is OperationReference => typeof value === 'object' && value !== null && 'reference' in value,
  }),
  mapped(Integer, {
    read: nth => ({ nth }),
    write: value => value.nth,
    is: (value): value is { readonly nth: number } => typeof value === 'object' && value !== null && 'nth' in value,
  }),
)

/** KMIP 2.1 §4.16; from `digitalSignatureAlgorithm` to `initialCounterValue` since 1.2, the rest since 1.4. */
export const CryptographicParameters = structure({
  blockCipherMode: optional(named(enumerations.BlockCipherMode)),
  paddingMethod: optional(named(enumerations.PaddingMethod)),
  hashingAlgorithm: optional(named(enumerations.HashingAlgorithm)),
  keyRoleType: optional(named(enumerations.KeyRoleType)),
  digitalSignatureAlgorithm: optional(named(enumerations.DigitalSignatureAlgorithm), '1.2..'),
  cryptographicAlgorithm: optional(named(enumerations.CryptographicAlgorithm), '1.2..'),
  randomIV: optional(Boolean, '1.2..'),
  ivLength: optional(Integer, '1.2..'),
  tagLength: optional(Integer, '1.2..'),
  fixedFieldLength: optional(Integer, '1.2..'),
  invocationFieldLength: optional(Integer, '1.2..'),
  counterLength: optional(Integer, '1.2..'),
  initialCounterValue: optional(Integer, '1.2..'),
  saltLength: optional(Integer, '1.4..'),
  maskGenerator: optional(named(enumerations.MaskGenerator), '1.4..'),
  maskGeneratorHashingAlgorithm: optional(named(enumerations.HashingAlgorithm), '1.4..'),
  pSource: optional(Bytes, '1.4..'),
  trailerField: optional(Integer, '1.4..'),
})

/** KMIP 2.1 §4.14 */
export const CryptographicDomainParameters = structure({
  qlength: optional(Integer),
  recommendedCurve: optional(named(enumerations.RecommendedCurve)),
})

/** KMIP 2.1 §4.21 */
export const Digest = structure({
  hashingAlgorithm: named(enumerations.HashingAlgorithm),
  digestValue: optional(Bytes),
  keyFormatType: optional(named(enumerations.KeyFormatType), '1.1..'),
})

/** KMIP 2.1 §4.59. The count is what remains; clients set total and unit only. */
export const UsageLimits = structure({
  usageLimitsTotal: optional(LongInteger),
  usageLimitsCount: optional(LongInteger),
  usageLimitsUnit: optional(named(enumerations.UsageLimitsUnit)),
})

/** KMIP 2.1 §4.47 */
export const RevocationReason = structure({
  revocationReasonCode: named(enumerations.RevocationReasonCode),
  revocationMessage: optional(Text),
})

/** KMIP 2.1 §4.31 */
export const Link = structure({ linkType: named(enumerations.LinkType), linkedObjectIdentifier: UniqueIdentifier })

/** KMIP 2.1 §4.4 */
export const ApplicationSpecificInformation = structure({ applicationNamespace: Text, applicationData: optional(Text) })

/** KMIP 2.1 §4.2 */
export const AlternativeName = structure({
  alternativeNameValue: Text,
  alternativeNameType: named(enumerations.AlternativeNameType),
})

/** KMIP 2.1 §4.27 */
export const KeyValueLocation = structure({
  keyValueLocationValue: Text,
  keyValueLocationType: named(enumerations.KeyValueLocationType),
})

/** KMIP 2.1 §7.36 */
export const RngParameters = structure({
  rngAlgorithm: named(enumerations.RNGAlgorithm),
  cryptographicAlgorithm: optional(named(enumerations.CryptographicAlgorithm)),
  cryptographicLength: optional(Integer),
  hashingAlgorithm: optional(named(enumerations.HashingAlgorithm)),
  drbgAlgorithm: optional(named(enumerations.DRBGAlgorithm)),
  recommendedCurve: optional(named(enumerations.RecommendedCurve)),
  fips186Variation: optional(named(enumerations.FIPS186Variation)),
  predictionResistance: optional(Boolean),
})

/** KMIP 2.1 §4.53 */
export const RotateName = structure({ rotateNameValue: Text, rotateNameType: named(enumerations.RotateNameType) })

/** KMIP 2.1 §4.61 */
export const X509CertificateIdentifier = structure({ issuerDistinguishedName: Bytes, certificateSerialNumber: Bytes })

/** KMIP 2.1 §4.62 */
export const X509CertificateIssuer = structure({ issuerDistinguishedName: Bytes, issuerAlternativeName: many(Bytes) })

/** KMIP 2.1 §4.63 */
export const X509CertificateSubject = structure({
  subjectDistinguishedName: Bytes,
  subjectAlternativeName: many(Bytes),
})

/** KMIP 1.4 §3.13, deprecated since 1.1 */
export const CertificateIdentifier = structure({ issuer: Text, serialNumber: optional(Text) })

/** KMIP 1.4 §3.14, deprecated since 1.1 */
export const CertificateSubject = structure({
  certificateSubjectDistinguishedName: Text,
  certificateSubjectAlternativeName: many(Text),
})

/** KMIP 1.4 §3.15, deprecated since 1.1 */
export const CertificateIssuer = structure({
  certificateIssuerDistinguishedName: Text,
  certificateIssuerAlternativeName: many(Text),
})

/** KMIP 2.1 §7.33: several acceptable combinations, the first that the server has. */
export const ProtectionStorageMasks = structure({ protectionStorageMask: many(bits(ProtectionStorageMask)) })
