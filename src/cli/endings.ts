/**
 * How a command ends: the one table of exit codes, and which error means which.
 *
 * @module
 */
import { CommanderError } from 'commander'
import { CertsError } from '../../certs/index.ts'
import { DecodeError, FrameError, SchemaError } from '../../protocol/index.ts'
import { StoreError, type StoreErrorCode } from '../../store/index.ts'
import { ConnectionError, KmipError } from '../client.ts'
import { ConfigError } from '../config.ts'
import { DataFolderError } from '../data-folder.ts'
import { EnrollmentError } from '../enrollment.ts'
import { fault, FaultError } from '../diagnosis/faults.ts'
import { Failure } from '../failure.ts'
import { ListenError } from '../listener.ts'
import { RolloverError } from '../rollover.ts'

export type Ending = 'done' | 'refused' | 'usage' | 'notFound' | 'unavailable' | 'unconfirmed'

/** Exit codes and what they mean; the help shows this table. */
export const endings: Readonly<Record<Ending, readonly [exitCode: number, words: string]>> = {
  done: [0, 'done'],
  refused: [1, 'refused or failed'],
  usage: [2, 'the command line or the settings are wrong'],
  notFound: [3, 'no such client, certificate or object'],
  unavailable: [4, 'server, store, data folder or file cannot be reached or opened'],
  unconfirmed: [5, 'a confirmation was wanted and not given'],
}

/** A command's own reason to end. Message: what was found; what to do. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly ending: Ending

  constructor(ending: Ending, message: string, options?: ErrorOptions) {
    super(message, options)
    this.ending = ending
  }
}

/** What a user is told of an error, and a program. */
export interface Complaint {
  readonly ending: Ending
  readonly code: string
  /** One line. */
  readonly message: string
}

export function complaintOf(error: unknown): Complaint {
  const complaint = known(error) ?? system(error) ?? internal(error)
  return { ...complaint, message: complaint.message.replace(/\s*\n\s*/g, '; ') }
}

const storeEndings: Partial<Record<StoreErrorCode, Ending>> = {
  format: 'unavailable',
  masterKey: 'unavailable',
  locked: 'unavailable',
  full: 'unavailable',
  io: 'unavailable',
}

const listing = 'list what there is with: kmipd keys list, or kmipd kmip locate'

/** What to do about a reason, where the server's words do not tell. */
const hints: Readonly<Record<string, string>> = {
  ObjectNotFound: listing,
  ItemNotFound: listing,
  NonUniqueNameAttribute: 'choose another name, or destroy that object first',
  WrongKeyLifecycleState: 'keys go from pre-active by activate to active, by revoke to deactivated, then destroy',
}

function refusal(reason: string, message: string): Complaint {
  const hint = hints[reason]
  return {
    ending: reason === 'ObjectNotFound' || reason === 'ItemNotFound' ? 'notFound' : 'refused',
    code: reason === '' ? 'refused' : reason,
    message: hint === undefined ? message : `${message}; ${hint}`,
  }
}

function known(error: unknown): Complaint | undefined {
  if (error instanceof FaultError) return { ending: 'unavailable', code: error.fault.code, message: error.message }
  if (error instanceof CommandError) return { ending: error.ending, code: error.ending, message: error.message }
  if (error instanceof CommanderError)
    return { ending: 'usage', code: 'usage', message: error.message.replace(/^error: /, '') }
  if (error instanceof Failure || error instanceof KmipError) return refusal(error.reason, error.message)
  if (error instanceof StoreError)
    return { ending: storeEndings[error.code] ?? 'refused', code: error.code, message: error.message }
  if (error instanceof DataFolderError) return { ending: 'unavailable', code: 'dataFolder', message: error.message }
  if (error instanceof ConnectionError)
    return { ending: 'unavailable', code: error.code, message: `${error.message}; ${connections[error.code]}` }
  if (error instanceof ListenError) return { ending: 'unavailable', code: error.code, message: error.message }
  if (error instanceof ConfigError) return { ending: 'usage', code: 'settings', message: error.message }
  if (error instanceof EnrollmentError)
    return {
      ending: error.code === 'notFound' ? 'notFound' : 'refused',
      code: error.code === 'notFound' ? 'notFound' : 'refused',
      message: error.message,
    }
  if (error instanceof RolloverError) return { ending: 'refused', code: 'refused', message: error.message }
  if (error instanceof CertsError) return { ending: 'refused', code: error.code, message: error.message }
  if (error instanceof SchemaError || error instanceof DecodeError || error instanceof FrameError)
    return { ending: 'refused', code: 'malformed', message: error.message }
  return undefined
}

const connections: Readonly<Record<ConnectionError['code'], string>> = {
  closed: fault('closedAfterwards', 'client', {}).hint,
  identity: fault('wrongName', 'server', { name: '', names: '' }).hint,
  timeout: 'check address, port, route and firewall',
}

/** What the operating system's and OpenSSL's codes mean to whoever typed the command. */
const meanings: readonly (readonly [pattern: RegExp, meaning: string])[] = [
  [
    /^(ECONN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ENOTFOUND|EAI_|EPIPE|ERR_(SSL|TLS|OSSL)|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_)/,
    'look at the connection step by step: kmipd trust check',
  ],
  [/^ENOENT$/, 'check the path'],
  [/^(EACCES|EPERM)$/, 'run it as the owner, or correct the permissions'],
  [/^EADDRINUSE$/, 'another process listens there; choose another with --port'],
  [/^EADDRNOTAVAIL$/, 'this machine has no such address; choose another with --host'],
  [/^EISDIR$/, 'name a file, not a folder'],
  [/^ENOTDIR$/, 'a part of the path is no folder'],
  [/^(ENOSPC|EDQUOT|EROFS|EIO)$/, 'the disk does not take it'],
]

function system(error: unknown): Complaint | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  const { code, message } = error
  const meaning = meanings.find(([pattern]) => pattern.test(code))?.[1]
  return meaning === undefined
    ? undefined
    : { ending: 'unavailable', code, message: `${message === '' ? code : message}; ${meaning}` }
}

const internal = (error: unknown): Complaint => ({
  ending: 'refused',
  code: 'internal',
  message: `${error instanceof Error ? error.message : String(error)}; KMIPD_DEBUG=1 tells more`,
})
