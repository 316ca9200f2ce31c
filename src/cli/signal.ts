/**
 * How a command that serves is told to stop.
 *
 * @module
 */
import { constants } from 'node:os'

/** Resolves at the first SIGTERM or SIGINT; the second ends the process. */
export function signalled(): Promise<void> {
  return new Promise(resolve => {
    let isStopping = false
    const onSignal = (signal: 'SIGTERM' | 'SIGINT'): void => {
      // As a shell counts a process that a signal ended.
      if (isStopping) process.exit(128 + constants.signals[signal])
      isStopping = true
      resolve()
    }
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  })
}
