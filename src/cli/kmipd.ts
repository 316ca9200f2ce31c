/**
 * The program with all its commands.
 *
 * @module
 */
import { addCa } from './ca.ts'
import { addClient } from './client.ts'
import { addCluster } from './cluster.ts'
import { addDecode } from './decode.ts'
import { addEnrollment } from './enrollment.ts'
import { addInit } from './init.ts'
import { addKeys } from './keys.ts'
import { addKmip } from './kmip.ts'
import { run } from './run.ts'
import { addServe } from './serve.ts'
import { addServerCertificate } from './server-certificate.ts'
import { addStatus } from './status.ts'
import { addSupportBundle } from './support-bundle.ts'
import { addTask } from './task.ts'
import { addToken } from './token.ts'
import { addTrust } from './trust.ts'

/** In the order of the help. */
const commands = [
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

void run(commands, process.argv)
