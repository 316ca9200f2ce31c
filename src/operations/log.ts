import { Log } from '../../protocol/index.ts'
import { handle } from './handle.ts'

/** A client's words, into the log. KMIP 2.1 §6.1.29 */
export const log = handle(Log, ({ logMessage }, { note }) => {
  note(logMessage)
  return {}
})
