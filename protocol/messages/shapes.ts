/**
 * The headers and batch items of messages, as the specification tabulates them. KMIP 2.1 §8 and §9
 *
 * @module
 */
import { ProtocolVersion } from '../operations.ts'
import {
  AnyItem,
  Boolean,
  Bytes,
  DateTime,
  DateTimeExtended,
  either,
  Integer,
  many,
  nameable,
  named,
  optional,
  structure,
  Text,
  type ValueOf,
} from '../schema/shape.ts'
import * as enumerations from '../tables/enumerations.ts'

const Nonce = structure({ nonceID: Bytes, nonceValue: Bytes })

/** Every credential's fields. KMIP 2.1 §9.11 */
const CredentialValue = structure({
  username: optional(Text),
  password: optional(Text),
  oneTimePassword: optional(Text, '2.0..'),
  timeStamp: optional(DateTimeExtended, '2.0..'),
  hashingAlgorithm: optional(named(enumerations.HashingAlgorithm), '2.0..'),
  hashedPassword: optional(Bytes, '2.0..'),
  deviceSerialNumber: optional(Text, '1.1..'),
  deviceIdentifier: optional(Text, '1.1..'),
  networkIdentifier: optional(Text, '1.1..'),
  machineIdentifier: optional(Text, '1.1..'),
  mediaIdentifier: optional(Text, '1.1..'),
  nonce: optional(Nonce, '1.2..'),
  attestationType: optional(named(enumerations.AttestationType), '1.2..'),
  attestationMeasurement: optional(Bytes, '1.2..'),
  attestationAssertion: optional(Bytes, '1.2..'),
  ticket: optional(structure({ ticketType: named(enumerations.TicketType), ticketValue: Bytes }), '2.0..'),
})

const Credential = structure({ credentialType: named(enumerations.CredentialType), credentialValue: CredentialValue })

/** KMIP 2.1 §8.2 */
export const RequestHeader = structure({
  protocolVersion: ProtocolVersion,
  maximumResponseSize: optional(Integer),
  clientCorrelationValue: optional(Text, '1.4..'),
  serverCorrelationValue: optional(Text, '1.4..'),
  asynchronousIndicator: optional(either(Boolean, named(enumerations.AsynchronousIndicator))),
  attestationCapableIndicator: optional(Boolean, '1.2..'),
  attestationType: many(named(enumerations.AttestationType), '1.2..'),
  authentication: optional(structure({ credential: many(Credential) })),
  batchErrorContinuationOption: optional(named(enumerations.BatchErrorContinuationOption)),
  batchOrderOption: optional(Boolean),
  timeStamp: optional(DateTime),
  batchCount: Integer,
})
export type RequestHeader = ValueOf<typeof RequestHeader>

/** KMIP 2.1 §9.13 */
const MessageExtension = structure({
  vendorIdentification: Text,
  criticalityIndicator: Boolean,
  vendorExtension: AnyItem,
})

/** KMIP 2.1 §8.3 */
export const RequestBatchItem = structure({
  // An operation that nobody knows fails by itself, and not the whole batch.
  operation: nameable(enumerations.Operation),
  ephemeral: optional(Boolean, '2.1..'),
  uniqueBatchItemID: optional(Bytes),
  requestPayload: AnyItem,
  messageExtension: many(MessageExtension),
})

/** KMIP 2.1 §8.5 */
export const ResponseHeader = structure({
  protocolVersion: ProtocolVersion,
  timeStamp: DateTime,
  nonce: optional(Nonce, '1.2..'),
  serverHashedPassword: optional(Bytes, '2.0..'),
  attestationType: many(named(enumerations.AttestationType), '1.2..'),
  clientCorrelationValue: optional(Text, '1.4..'),
  serverCorrelationValue: optional(Text, '1.4..'),
  batchCount: Integer,
})

/** KMIP 2.1 §8.6 */
export const ResponseBatchItem = structure({
  operation: optional(nameable(enumerations.Operation)),
  uniqueBatchItemID: optional(Bytes),
  resultStatus: named(enumerations.ResultStatus),
  resultReason: optional(named(enumerations.ResultReason)),
  resultMessage: optional(Text),
  asynchronousCorrelationValue: optional(Bytes),
  responsePayload: optional(AnyItem),
  messageExtension: many(MessageExtension),
})
