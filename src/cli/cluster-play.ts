/**
 * `kmipd cluster --flavour sased`.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { mostPrimaries, playSased, SasedError, type Step } from '../cluster/sased.ts'
import { addressOf } from './address.ts'
import type { PlayOptions } from './cluster-options.ts'
import { screenOf } from './command.ts'
import { CommandError } from './endings.ts'

export async function play(options: PlayOptions, command: Command): Promise<void> {
  const screen = screenOf(command)
  const { server = [], ca, cert, key, drives, patience, compression, keep = false } = options
  if (server.length === 0 || ca === undefined || cert === undefined || key === undefined)
    throw new CommandError('usage', 'a conversation wants --server, --ca, --cert and --key')
  if (server.length > mostPrimaries)
    throw new CommandError(
      'usage',
      `${server.length} servers were given; an array has at most ${mostPrimaries} primaries`,
    )
  const group = options.group ?? `array-${randomBytes(3).toString('hex')}`
  const steps: Step[] = []
  const played = await playSased({
    primaries: server.map(addressOf),
    ca: await readFile(ca, 'utf8'),
    cert: await readFile(cert, 'utf8'),
    key: await readFile(key, 'utf8'),
    drives,
    group,
    patienceMs: patience * 1000,
    compression,
    keep,
    timeoutMs: 10_000,
    tell: step => {
      steps.push(step)
      const drive = step.drive === undefined ? '' : ` drive ${step.drive}`
      const outcome = step.outcome === 'done' ? screen.colours.green('done') : screen.colours.yellow(step.outcome)
      screen.note(`${step.server.padEnd(21)} ${step.step.padEnd(8)}${drive} ${outcome}`)
    },
  }).catch((error: unknown) => {
    if (!(error instanceof SasedError)) throw error
    // What was done until then is the result all the same.
    const { code, message } = error
    if (screen.isJson) screen.show({ group, steps, error: { code, message } }, () => '')
    throw new CommandError('refused', message, { cause: error })
  })
  screen.show(
    { group, ...played, steps },
    () =>
      `${played.registered} secrets registered, ${played.unlocked} drives unlocked, ${played.destroyed} secrets destroyed, in group ${group}`,
  )
}
