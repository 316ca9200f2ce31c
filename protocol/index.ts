/**
 * KMIP, spoken: bytes to items, items to messages, and back. Imports nothing outside itself.
 *
 * @module
 */
export * from './attributes/fields.ts'
export * from './attributes/names.ts'
export { keepAttributes, keptAttributes } from './attributes/spelling.ts'
export * from './dump.ts'
export * from './errors.ts'
export * from './frame.ts'
export * from './item.ts'
export { encodeInSteps, identifierItemBytes, identifiersOf, isLong } from './messages/long-response.ts'
export * from './messages/messages.ts'
export * from './names.ts'
export * from './operations.ts'
export * from './reasons.ts'
export { codec, type Codec } from './schema/codec.ts'
export type { Enumeration, Mask, NameOf } from './schema/enumeration.ts'
export * from './schema/version.ts'
export type { Field, Fields, Inline, Shape, ValueOf } from './schema/shape.ts'
export * from './structures/attribute-values.ts'
export * from './structures/managed-object.ts'
export * as enumerations from './tables/enumerations.ts'
export * as masks from './tables/masks.ts'
export type { ClientRight } from './tables/attributes.ts'
export { decode } from './ttlv/decode.ts'
export { encode } from './ttlv/encode.ts'
