/**
 * Request and response messages. KMIP 2.1 §8 and §9.
 *
 * A message's header is read whole or the message is refused; a batch item whose payload cannot be read carries the
 * problem instead, so that the other items of its batch are still answered.
 *
 * @module
 */
import { SchemaError } from '../errors.ts'
import { type Item, type Structure, structureItem } from '../item.ts'
import { tagNumber, tagWords } from '../names.ts'
import { type Operation, operationIn, type OperationName, ProtocolVersion } from '../operations.ts'
import { reasonIn, type ResultReasonName } from '../reasons.ts'
import { codec, readWithin } from '../schema/codec.ts'
import type { NameOf } from '../schema/enumeration.ts'
import type { ValueOf } from '../schema/shape.ts'
import { type Version, versionNumbered, versions } from '../schema/version.ts'
import type * as enumerations from '../tables/enumerations.ts'
import { RequestBatchItem, RequestHeader, ResponseBatchItem, ResponseHeader } from './shapes.ts'

export type { RequestHeader } from './shapes.ts'

/** One thing asked for. `problem` is why the payload could not be read; then there is none. */
export type RequestItem = Omit<ValueOf<typeof RequestBatchItem>, 'requestPayload'> & {
  readonly payload?: unknown
  readonly problem?: SchemaError | undefined
}

export interface RequestMessage {
  readonly version: Version
  readonly header: RequestHeader
  readonly batchItem: readonly RequestItem[]
}

/** One thing answered. */
export interface ResponseItem {
  readonly operation?: OperationName | number | undefined
  readonly uniqueBatchItemID?: Uint8Array | undefined
  readonly resultStatus: NameOf<typeof enumerations.ResultStatus> | number
  readonly resultReason?: ResultReasonName | number | undefined
  readonly resultMessage?: string | undefined
  readonly payload?: unknown
}

export interface ResponseMessage {
  readonly version: Version
  /** Seconds since 1970. */
  readonly timeStamp: number
  readonly clientCorrelationValue?: string | undefined
  readonly serverCorrelationValue?: string | undefined
  readonly batchItem: readonly ResponseItem[]
}

const tag = {
  batchItem: tagNumber('batchItem'),
  protocolVersion: tagNumber('protocolVersion'),
  requestHeader: tagNumber('requestHeader'),
  requestMessage: tagNumber('requestMessage'),
  requestPayload: tagNumber('requestPayload'),
  responseHeader: tagNumber('responseHeader'),
  responseMessage: tagNumber('responseMessage'),
  responsePayload: tagNumber('responsePayload'),
}

interface Parts {
  readonly version: Version
  readonly header: Item
  readonly batchItem: readonly Item[]
}

/** Splits a message into header and batch items, and finds its version. */
function partsOf(message: Item, messageTag: number, headerTag: number): Parts {
  if (message.tag !== messageTag)
    throw new SchemaError('unexpected', `${tagWords(message.tag)} where ${tagWords(messageTag)} is wanted`)
  if (message.type !== 'Structure')
    throw new SchemaError('type', `a ${message.type} where Structure is wanted`, tagWords(messageTag))
  const [header, ...batchItem] = message.value
  if (header?.tag !== headerTag || header.type !== 'Structure')
    throw new SchemaError('missing', `${tagWords(headerTag)} is not the first field`, tagWords(messageTag))
  return { version: versionOf(header), header, batchItem }
}

/**
 * The version that a message is in.
 *
 * @throws SchemaError, code `version` if it is not spoken here.
 */
function versionOf(header: Structure): Version {
  const item = header.value.find(member => member.tag === tag.protocolVersion)
  if (item === undefined) throw new SchemaError('missing', 'Protocol Version is missing', tagWords(header.tag))
  const { protocolVersionMajor: major, protocolVersionMinor: minor } = readWithin(codec(ProtocolVersion, '1.0'), item)
  const version = versionNumbered(major, minor)
  if (version === undefined)
    throw new SchemaError('version', `KMIP ${major}.${minor} is not spoken here; ${versions.join(', ')} are`)
  return version
}

/** The version in which to refuse a message whose own is not spoken: the nearest that is. */
export function nearestVersion(message: Item | undefined): Version {
  const header = message?.type === 'Structure' ? message.value[0] : undefined
  const item =
    header?.type === 'Structure' ? header.value.find(member => member.tag === tag.protocolVersion) : undefined
  const [major = 1, minor = 0] =
    item?.type === 'Structure' ? item.value.map(member => (member.type === 'Integer' ? member.value : 0)) : []
  const spoken = versionNumbered(major, minor)
  if (spoken !== undefined) return spoken
  if (major === 0) return '1.0'
  return major === 1 ? '1.4' : '2.1'
}

/**
 * Reads a request message.
 *
 * @throws SchemaError if the message as a whole is not one; what is wrong with a single item's payload is its `problem`.
 */
export function readRequest(message: Item): RequestMessage {
  const { version, header: headerItem, batchItem: items } = partsOf(message, tag.requestMessage, tag.requestHeader)
  const header = readWithin(codec(RequestHeader, version), headerItem)
  const batchItem = items.map(item => readRequestItem(expect(item, tag.batchItem), version))
  if (header.batchCount !== batchItem.length)
    throw new SchemaError(
      'value',
      `Batch Count is ${header.batchCount}, batch items are ${batchItem.length}`,
      'Request Header',
    )
  return { version, header, batchItem }
}

function expect(item: Item, wanted: number): Item {
  if (item.tag !== wanted)
    throw new SchemaError('unexpected', `${tagWords(item.tag)} where ${tagWords(wanted)} is wanted`)
  return item
}

function readRequestItem(item: Item, version: Version): RequestItem {
  const batchItem = readWithin(codec(RequestBatchItem, version), item)
  const { operation: name, ephemeral, uniqueBatchItemID, requestPayload, messageExtension } = batchItem
  const operation = operationIn(name, version)
  let payload: unknown
  let problem: SchemaError | undefined
  try {
    if (operation === undefined)
      throw new SchemaError('operation', `the operation ${name} is not supported in KMIP ${version}`)
    payload = readWithin(codec(operation.request, version), expect(requestPayload, tag.requestPayload))
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error
    problem = error
  }
  return { operation: name, ephemeral, uniqueBatchItemID, messageExtension, payload, problem }
}

/** Writes a response message; result reasons and fields are those of its version. */
export function writeResponse(message: ResponseMessage): Structure {
  const { version } = message
  const header = codec(ResponseHeader, version).write(tag.responseHeader, {
    protocolVersion: protocolVersion(version),
    timeStamp: message.timeStamp,
    attestationType: [],
    clientCorrelationValue: message.clientCorrelationValue,
    serverCorrelationValue: message.serverCorrelationValue,
    batchCount: message.batchItem.length,
  })
  return structureItem(tag.responseMessage, [
    header,
    ...message.batchItem.map(item => writeResponseItem(item, version)),
  ])
}

const noExtensions: readonly never[] = []

function writeResponseItem(item: ResponseItem, version: Version): Item {
  const { operation, uniqueBatchItemID, resultStatus, resultReason, resultMessage, payload } = item
  return codec(ResponseBatchItem, version).write(tag.batchItem, {
    operation,
    uniqueBatchItemID,
    resultStatus,
    resultReason: typeof resultReason === 'string' ? reasonIn(resultReason, version) : resultReason,
    resultMessage,
    responsePayload:
      payload === undefined ? undefined : writePayload('response', operation, payload, tag.responsePayload, version),
    messageExtension: noExtensions,
  })
}

export function writePayload(
  side: 'request' | 'response',
  name: string | number | undefined,
  payload: unknown,
  as: number,
  version: Version,
): Item {
  const operation = name === undefined ? undefined : operationIn(name, version)
  if (operation === undefined)
    throw new SchemaError('operation', `the operation ${name ?? 'nothing'} is not supported in KMIP ${version}`)
  return codec(operation[side], version).write(as, payload)
}

const protocolVersions = Object.fromEntries(
  versions.map(version => {
    const [protocolVersionMajor, protocolVersionMinor] = version.split('.').map(Number)
    return [version, { protocolVersionMajor, protocolVersionMinor }]
  }),
) as Record<Version, ValueOf<typeof ProtocolVersion>>

export const protocolVersion = (version: Version): ValueOf<typeof ProtocolVersion> => protocolVersions[version]

/** One operation to ask for. */
export interface Call<Q = unknown, R = unknown> {
  readonly operation: Operation<Q, R>
  readonly payload: Q
  readonly uniqueBatchItemID?: Uint8Array
}

export type RequestOptions = Partial<Omit<RequestHeader, 'protocolVersion' | 'batchCount'>>

/** Writes a request message, as a client does. */
export function writeRequest(calls: readonly Call[], version: Version, options: RequestOptions = {}): Structure {
  const header = codec(RequestHeader, version).write(tag.requestHeader, {
    attestationType: [],
    ...options,
    protocolVersion: protocolVersion(version),
    batchCount: calls.length,
  })
  const items = calls.map(({ operation, payload, uniqueBatchItemID }) =>
    codec(RequestBatchItem, version).write(tag.batchItem, {
      operation: operation.name,
      uniqueBatchItemID,
      requestPayload: writePayload('request', operation.name, payload, tag.requestPayload, version),
      messageExtension: [],
    }),
  )
  return structureItem(tag.requestMessage, [header, ...items])
}

/**
 * Reads a response message, as a client does.
 *
 * @throws SchemaError
 */
export function readResponse(message: Item): ResponseMessage {
  const { version, header: headerItem, batchItem } = partsOf(message, tag.responseMessage, tag.responseHeader)
  const header = readWithin(codec(ResponseHeader, version), headerItem)
  return {
    version,
    timeStamp: header.timeStamp,
    clientCorrelationValue: header.clientCorrelationValue,
    serverCorrelationValue: header.serverCorrelationValue,
    batchItem: batchItem.map(item => readResponseItem(expect(item, tag.batchItem), version)),
  }
}

function readResponseItem(item: Item, version: Version): ResponseItem {
  const { responsePayload, messageExtension, asynchronousCorrelationValue, ...rest } = readWithin(
    codec(ResponseBatchItem, version),
    item,
  )
  if (responsePayload === undefined) return rest
  const operation = rest.operation === undefined ? undefined : operationIn(rest.operation, version)
  if (operation === undefined) return rest
  return { ...rest, payload: readWithin(codec(operation.response, version), responsePayload) }
}
