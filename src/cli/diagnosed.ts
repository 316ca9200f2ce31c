/**
 * Connections that fail, looked at step by step: what the system or OpenSSL says of them helps nobody.
 *
 * @module
 */
import { ConnectionError } from '../client.ts'
import { FaultError } from '../diagnosis/faults.ts'
import { checkTrust, type TrustCheckOptions } from '../trust-check.ts'

/** What to throw in place of an error: why the same connection does not come about, if that can be found. */
export async function diagnosed(error: unknown, options: TrustCheckOptions): Promise<unknown> {
  if (!isTrouble(error)) return error
  const { stopped } = await checkTrust({ timeoutMs: 5000, ...options })
  return stopped === undefined ? error : new FaultError(stopped.fault)
}

/** Whether it is about a connection: the codes of the system and of OpenSSL are in capitals, and files have a path. */
const isTrouble = (error: unknown): boolean =>
  error instanceof ConnectionError ||
  (error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^[A-Z][A-Z0-9_/]+$/.test(error.code) &&
    !('path' in error))
