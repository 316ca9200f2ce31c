/**
 * The README's walks, through enrollment over HTTPS and through Element's API, run as they stand there, with curl and openssl.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serve } from '../cluster/partners.ts'
import { type Api, startApi } from '../https/server.ts'
import { newFolder, removeFolder } from '../system/server-process.ts'
import { executable } from './kmipd.ts'

const readme = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8')

/** The blocks of shell of some sections, in order. */
const commandsOf = (...headings: readonly string[]): string =>
  headings
    .map(heading => readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '')
    .flatMap(section => [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block))
    .join('\n')

let api: Api
let folder: string

beforeAll(async () => {
  api = await startApi()
  folder = await newFolder()
  symlinkSync(dirname(executable), join(folder, 'bin'))
  symlinkSync(api.data, join(folder, 'data'))
})

afterAll(async () => {
  await api.end()
  await removeFolder(folder)
})

const walk = (commands: string) =>
  spawnSync('bash', ['--norc', '-ec', `set -o pipefail\n${commands}`], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
    timeout: 110_000,
  })

test('enrollment over HTTPS, and a look at the handshake, work as the README tells', () => {
  const commands = commandsOf('Enroll over HTTPS', 'Trust')
    .replaceAll('localhost:5697', `localhost:${api.port}`)
    .replaceAll('localhost:5696', `localhost:${api.kmipPort}`)
    .replaceAll(/^(.*) # refused$/gm, '! $1')
  const { status, stdout, stderr } = walk(commands)
  expect([status, stderr]).toEqual([0, expect.stringMatching(/revoked|does not admit|ends the connection/)])
  const located = [...stdout.matchAll(/^([0-9a-f-]{36})\b.*$/gm)].map(([, id]) => id)
  expect(located.length).toBeGreaterThanOrEqual(2)
  expect(stdout).toMatch(/node-7 .* token portal +pending/)
  expect(stdout).toContain('The handshake works.')
})

test('the walk that Element documents works as the README tells', async () => {
  const { partner, port } = await serve(join(folder, 'cluster'))
  const commands = commandsOf('Rehearse without a storage cluster')
    .replaceAll('localhost:8443', `localhost:${port}`)
    .replaceAll('"kmipKeyServerPort":5696', `"kmipKeyServerPort":${api.kmipPort}`)
  const { status, stdout, stderr } = walk(commands)
  expect([status, stderr, stdout]).toEqual([0, '', expect.not.stringContaining('"error"')])
  const called = [...commands.matchAll(/\belement ([A-Z]\w+)/g)].map(([, method]) => method)
  expect(called).toHaveLength(13)
  expect(stdout).toContain('4 drives are unlocked')
  expect(stdout).toMatch(/"masterKeyInfo":\{.*"keyManagementType":"External","keyProviderID":1\}/)
  expect(stdout).toMatch(/\{"id":1,"result":\{"faults":\[\]\}\}\n$/)
  const { drives } = await partner.call('KmipdListDrives')
  expect(drives.every(({ isLocked, keyProviderID }) => !isLocked && keyProviderID === 1)).toBe(true)
})
