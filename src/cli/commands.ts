/**
 * All commands there are.
 *
 * @module
 */
import type { Command } from 'commander'
import { addCa } from './ca.ts'
import { addClient } from './client.ts'
import { addCluster } from './cluster.ts'
import { addDecode } from './decode.ts'
import { addEnrollment } from './enrollment.ts'
import { addInit } from './init.ts'
import { addKeys } from './keys.ts'
import { addKmip } from './kmip.ts'
import { addServe } from './serve.ts'
import { addServerCertificate } from './server-certificate.ts'
import { addStatus } from './status.ts'
import { addSupportBundle } from './support-bundle.ts'
import { addTask } from './task.ts'
import { addToken } from './token.ts'
import { addTrust } from './trust.ts'

/** Each adds a command to the program, in the order of the help. */
export const commands: readonly ((program: Command) => void)[] = [
  addServe,
  addInit,
  addClient,
  addCa,
  addServerCertificate,
  addKeys,
  addKmip,
  addDecode,
  addStatus,
  addTrust,
  addSupportBundle,
  addToken,
  addCluster,
  addEnrollment,
  addTask,
]
