/**
 * Commands that change several files of a data folder are killed before each file they touch: what they leave opens, and is
 * either as it was or as it was to be; and the command can be given again.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { isIssuedBy, matchesKey, readCertificates, verifyChain } from '../../certs/index.ts'
import { initialise } from '../../src/initialise.ts'
import { retire } from '../../src/retirement.ts'
import { rollOver } from '../../src/rollover.ts'
import { presentCredentials } from '../../src/server-certificate.ts'
import { enrolled, newFolder, removeFolder, within } from './server-process.ts'

const kmipd = fileURLToPath(new URL('../../bin/kmipd', import.meta.url))

/** Kills the process before the file is changed of which so many were changed before; temporary ones do not count. */
const killer = (at: number): string =>
  `data:text/javascript,${encodeURIComponent(`
    import fs from 'node:fs/promises'
    import { syncBuiltinESMExports } from 'node:module'
    let left = ${at}
    const counted = (name, pathOf) => {
      const original = fs[name]
      fs[name] = (...args) => {
        if (/\\.(pem|key|json)$/.test(pathOf(args)) && left-- === 0) process.kill(process.pid, 'SIGKILL')
        return original(...args)
      }
    }
    counted('rename', ([, to]) => to)
    counted('rm', ([path]) => path)
    syncBuiltinESMExports()
  `)}`

/** @returns whether it was killed */
async function cutShort(at: number, args: readonly string[], data: string): Promise<boolean> {
  const child = spawn(process.execPath, ['--import', killer(at), kmipd, ...args, '--data', data], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] },
  })
  let complaint = ''
  child.stderr.on('data', chunk => (complaint += String(chunk)))
  await once(child, 'close')
  if (child.signalCode === null && child.exitCode !== 0) throw new Error(complaint)
  return child.signalCode === 'SIGKILL'
}

interface State {
  readonly signing: string
  readonly previous: string | undefined
  readonly server: string
}

/** What the folder holds; fails unless all of it fits together. */
async function stateOf(data: string): Promise<State> {
  return within(data, async ({ folder, authorities: { signing, previous, cross } }) => {
    const server = await presentCredentials(folder)
    if (server === undefined) throw new Error('no server certificate')
    expect(matchesKey(server.leaf, server.key)).toBe(true)
    expect(isIssuedBy(server.leaf, signing.certificate)).toBe(true)
    expect(cross === undefined).toBe(previous === undefined)
    const shown = readCertificates(server.certificate)
    verifyChain([...shown, ...(previous === undefined ? [] : [previous.certificate])], new Date())
    expect(shown.length).toBe(previous === undefined ? 1 : 2)
    return {
      signing: signing.certificate.fingerprint,
      previous: previous?.certificate.fingerprint,
      server: server.leaf.fingerprint,
    }
  })
}

interface Case {
  readonly args: readonly string[]
  readonly prepare?: (data: string) => Promise<unknown>
  /** Whether it was done, or nothing of it. */
  readonly isDone: (before: State, after: State) => boolean
  readonly again: (data: string) => Promise<unknown>
  readonly least: number
}

const cases: readonly Case[] = [
  {
    args: ['ca', 'rollover'],
    isDone: (before, after) => after.signing !== before.signing,
    again: data => within(data, opened => rollOver(opened, {}, new Date())),
    least: 8,
  },
  {
    args: ['ca', 'retire', '--yes'],
    prepare: data => within(data, opened => rollOver(opened, {}, new Date())),
    isDone: (_, after) => after.previous === undefined,
    again: data => within(data, opened => retire(opened, new Date())),
    least: 7,
  },
  {
    args: ['server-certificate', 'renew'],
    isDone: (before, after) => after.server !== before.server,
    again: data => cutShort(1000, ['server-certificate', 'renew'], data),
    least: 4,
  },
]

it.each(cases)('$args, killed before each file that it changes', async ({ args, prepare, isDone, again, least }) => {
  const folder = await newFolder()
  try {
    const origin = join(folder, 'origin')
    await initialise({ data: origin, hosts: ['localhost'] })
    await enrolled(origin, 'client')
    await prepare?.(origin)
    const before = await stateOf(origin)
    for (let at = 0; ; at++) {
      const data = join(folder, String(at))
      await cp(origin, data, { recursive: true })
      const isKilled = await cutShort(at, args, data)
      const after = await stateOf(data)
      if (isDone(before, after)) expect(at).toBeGreaterThan(0)
      else {
        expect(isKilled).toBe(true)
        expect(after).toEqual(before)
        await again(data)
        expect(isDone(before, await stateOf(data))).toBe(true)
      }
      if (!isKilled) {
        expect(at).toBeGreaterThanOrEqual(least)
        return
      }
    }
  } finally {
    await removeFolder(folder)
  }
})
