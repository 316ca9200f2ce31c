/**
 * The two ways in which bytes can fail to be a KMIP message.
 *
 * @module
 */

/** The bytes are not TTLV. `offset` counts bytes from the start of the message, `path` names the enclosing items. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  readonly offset: number
  readonly path: string

  constructor(problem: string, offset: number, path = '') {
    super(`${problem}${path === '' ? '' : ` in ${path}`}, at byte ${offset}`)
    this.offset = offset
    this.path = path
  }
}

/**
 * Why an item is not what the schema asks for.
 *
 * - `missing`: a required field is absent. `unexpected`: a field that this structure does not have at this version, or
 *   has only once. `type`: another item type than the field's. `value`: the right type, an unacceptable value.
 * - `version`: a protocol version that is not spoken. `operation`: an operation that the version does not have.
 */
export type SchemaErrorCode = 'missing' | 'unexpected' | 'type' | 'value' | 'version' | 'operation'

/** Well-formed TTLV that is not a well-formed message. The message tells the path, what was found and what was wanted. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
  readonly code: SchemaErrorCode
  readonly problem: string
  readonly path: string

  constructor(code: SchemaErrorCode, problem: string, path = '') {
    super(path === '' ? problem : `${path}: ${problem}`)
    this.code = code
    this.problem = problem
    this.path = path
  }

  /** The same problem, seen from one structure further out. */
  within(words: string): SchemaError {
    return new SchemaError(this.code, this.problem, this.path === '' ? words : `${words} / ${this.path}`)
  }
}
