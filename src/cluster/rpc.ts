/**
 * Element's JSON-RPC: a body in, an answer out. Parameters have names; there are no batches.
 *
 * @module
 */
import type { Context } from './context.ts'
import { type Cause, KeyServerError } from './diagnosis.ts'
import { ElementError, type FailureName, invalid } from './failure.ts'
import { methodCalled, supportedVersions } from './methods.ts'

export interface Answer {
  readonly id: string | number | null
  readonly result?: unknown
  readonly error?: { readonly code: number; readonly name: string; readonly message: string }
  readonly unusedParameters?: readonly string[]
}

/** Never throws. */
export async function answer(context: Context, version: string, body: string): Promise<Answer> {
  let id: Answer['id'] = null
  try {
    const request = parse(body)
    id = idOf(request)
    if (!supportedVersions.includes(version))
      throw new ElementError(
        'xUnknownAPIVersion',
        `there is no API version ${version}; choose one of ${supportedVersions.join(', ')}`,
      )
    const { method: name, params = {} } = request
    if (typeof name !== 'string') throw new ElementError('xInvalidRequest', 'Missing member=[method]')
    const method = methodCalled(name)
    if (method === undefined) throw new ElementError('xUnknownAPIMethod', `method=${name}`)
    const given = parametersOf(params)
    const unused = Object.keys(given).filter(each => !method.parameters.includes(each))
    const result = await method.call(context, given)
    return { id, result, ...(unused.length === 0 ? {} : { unusedParameters: unused }) }
  } catch (error) {
    return { id, error: errorOf(context, error) }
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function parse(body: string): Record<string, unknown> {
  let request: unknown
  try {
    request = JSON.parse(body)
  } catch {
    throw new ElementError('xInvalidRequest', 'the body is not JSON')
  }
  if (Array.isArray(request))
    throw new ElementError('xInvalidRequest', 'batches are not answered; send one request at a time')
  if (!isRecord(request)) throw new ElementError('xInvalidRequest', 'the body is no object')
  return request
}

/** What is sent back as it came. */
function idOf({ id = null }: Record<string, unknown>): Answer['id'] {
  if (id === null || typeof id === 'string' || typeof id === 'number') return id
  throw new ElementError('xInvalidRequest', 'the id is neither a text nor a number; choose one of them')
}

function parametersOf(params: unknown): Readonly<Record<string, unknown>> {
  if (params === null) return {}
  if (Array.isArray(params)) throw invalid('params is a list; parameters have names')
  if (!isRecord(params)) throw invalid('params is no object')
  return params
}

const names: Readonly<Record<Cause, FailureName>> = {
  connection: 'xKmipConnectionFailed',
  authentication: 'xKmipAuthenticationFailed',
  server: 'xKmipServerError',
}

function errorOf({ log }: Context, error: unknown): NonNullable<Answer['error']> {
  const known =
    error instanceof KeyServerError
      ? new ElementError(error.isConflict ? 'xKmipKeyConflict' : names[error.kind], error.message)
      : error
  if (known instanceof ElementError) return { code: known.code, name: known.errorName, message: known.message }
  log.error({ error }, 'cluster: a method failed')
  return { code: 500, name: 'xInternalError', message: 'internal error; the log of the cluster tells more' }
}
