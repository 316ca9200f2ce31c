/**
 * A cluster as users run it.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { executable } from '../cli/kmipd.ts'

export interface Ready {
  readonly pid: number
  readonly api: { readonly host: string; readonly port: number }
  readonly state: string
  readonly ca: string
  readonly user: string
  readonly passwordFile: string
}

/** `kmipd cluster serve`, once it is ready. */
export async function clusterServing(
  args: readonly string[],
): Promise<Ready & { readonly stop: () => Promise<number | null> }> {
  const all = [executable, 'cluster', 'serve', '--json', '--compression', '100', '--timeout', '20', ...args]
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  return {
    ...(JSON.parse(line) as Ready),
    async stop() {
      child.kill('SIGTERM')
      await once(child, 'exit')
      return child.exitCode
    },
  }
}
