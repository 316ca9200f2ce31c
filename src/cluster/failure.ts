/**
 * Why a method fails, in Element's envelope: code, name, message.
 *
 * Which names Element itself gives to failures of its KMIP methods is not public. Of those below, xUnknownAPIMethod,
 * xMissingParameter, xInvalidParameter, xDBNoSuchPath, xAsyncHandleDoesNotExist and xAPINotPermitted are seen in its
 * documentation and its clients; the others are our own.
 *
 * @module
 */

export type FailureName =
  | 'xUnknownAPIMethod'
  | 'xUnknownAPIVersion'
  | 'xMissingParameter'
  | 'xInvalidParameter'
  | 'xDBNoSuchPath'
  | 'xAsyncHandleDoesNotExist'
  | 'xAPINotPermitted'
  | 'xInvalidRequest'
  | 'xInternalError'
  | 'xKmipConnectionFailed'
  | 'xKmipAuthenticationFailed'
  | 'xKmipServerError'
  | 'xKmipKeyConflict'

/** The code of all system errors. */
const systemError = 500

/** Safe to tell whoever asked. */
export class ElementError extends Error {
  override readonly name = 'ElementError'
  readonly code = systemError
  readonly errorName: FailureName

  /** @param message what was found, what was wanted, what to do */
  constructor(errorName: FailureName, message: string) {
    super(message)
    this.errorName = errorName
  }
}

export const notPermitted = (message: string): ElementError => new ElementError('xAPINotPermitted', message)
export const invalid = (message: string): ElementError => new ElementError('xInvalidParameter', message)

/** @param path such as `kmipKeyServers/3` */
export const noSuch = (path: string): ElementError =>
  new ElementError('xDBNoSuchPath', `DBClient operation requested on a non-existent path at [/${path}]`)
