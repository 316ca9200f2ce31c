/**
 * PyKMIP 0.10, the client library of TrueNAS and others, against a real server: `story.py` is the story, a row per step.
 *
 * It is Debian's package python3-pykmip. Where it is not installed the suite says so; in CI it must be.
 *
 * @module
 */
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signClient } from '../../../src/enrollment.ts'
import { launch, newFolder, removeFolder, type ServerProcess, within } from '../server-process.ts'

const python = '/usr/bin/python3'
const script = fileURLToPath(new URL('story.py', import.meta.url))

interface Row {
  readonly version: string
  readonly step: string
  readonly ok?: boolean
  readonly error?: string
}

const rowsOf = (text: string): Row[] =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Row)

/** Tells the steps if PyKMIP is there to be imported. */
const told = spawnSync(python, [script, 'steps'], { encoding: 'utf8' })
const isInstalled = told.status === 0
const steps = isInstalled ? rowsOf(told.stdout) : []
const isMissing = /No module named 'kmip'|ENOENT/.test(`${told.stderr} ${told.error?.message ?? ''}`)

const missing = `${python} has no module kmip; apt-get install python3-pykmip`

if (!isInstalled && (!isMissing || process.env['CI'] === 'true'))
  it('PyKMIP can be imported', () => expect.fail(isMissing ? missing : told.stderr))

describe.skipIf(!isInstalled)(`PyKMIP${isInstalled ? '' : `: skipped, ${missing}`}`, () => {
  let folder: string
  let server: ServerProcess
  let rows: Row[]

  beforeAll(async () => {
    folder = await newFolder()
    server = await launch(folder)
    const key = join(folder, 'client.key')
    const certificate = join(folder, 'client.pem')
    const request = join(folder, 'client.csr')
    const openssl = (...argument: string[]) => execFileSync('openssl', argument, { stdio: 'pipe' })
    openssl('genrsa', '-out', key, '2048')
    openssl('req', '-new', '-key', key, '-out', request, '-subj', '/O=Example/CN=array.example.com')
    const asked = { name: 'array', group: 'storage' }
    const signed = await within(folder, opened => signClient(readFileSync(request), asked, opened, new Date()))
    writeFileSync(certificate, signed.certificate.pem)
    const argument = [script, 'run', String(server.port), certificate, key, join(folder, 'ca.pem')]
    const { stdout } = await promisify(execFile)(python, argument, { encoding: 'utf8' })
    rows = rowsOf(stdout)
  })

  afterAll(async () => {
    await server.end()
    await removeFolder(folder)
  })

  it.each(steps)('at KMIP $version: $step', step => {
    expect(rows.find(row => row.version === step.version && row.step === step.step)).toEqual({ ...step, ok: true })
  })
})
