/**
 * The OASIS test cases, played over mutual TLS against the server as users start it.
 *
 * A test case that is known not to pass stands in `unsupported.json` with the reason, and must not pass.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { startServer } from '../../src/index.ts'
import { materialMissing, materialNote } from '../protocol/material.ts'
import { type Case, findCases, isPublished, stepsOf } from './cases.ts'
import { connect } from './client.ts'
import { corrections, correctionsOf } from './corrections.ts'
import { inWords, play } from './run.ts'

const unsupported = JSON.parse(readFileSync(new URL('unsupported.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, string>
>

const { played } = findCases()

/** Plays the test case on a server of its own; gives what went wrong, in words. */
async function outcomeOf({ file, after }: Case): Promise<string | undefined> {
  const files = [...after, file]
  const missing = files.find(each => !isPublished(each))
  if (missing !== undefined) return `${missing} is not published`
  const server = await startServer({ ephemeral: true, host: '127.0.0.1', port: 0 })
  try {
    const { kmip, ca, client: credentials } = server
    if (credentials === undefined) throw new Error('an ephemeral server has a client')
    const client = await connect({ ...kmip, ca, cert: credentials.cert, key: credentials.key })
    try {
      for (const each of files) {
        const failure = await play(stepsOf(each), request => client.exchange(request), correctionsOf(each))
        if (failure !== undefined) return inWords(each, failure)
      }
      return undefined
    } finally {
      client.close()
    }
  } finally {
    await server.close()
  }
}

describe.skipIf(materialMissing)(`OASIS test cases${materialNote}`, () => {
  it.each(played)('$file', async each => {
    const outcome = await outcomeOf(each)
    const reason = unsupported[each.file]
    if (reason === undefined) expect(outcome ?? 'passed').toBe('passed')
    else expect(outcome, `it is listed as unsupported (${reason}), but it passes`).toBeDefined()
  })

  it('are what is listed as unsupported and what is corrected', () => {
    const files = played.map(({ file }) => file)
    expect(Object.keys(unsupported).filter(file => !files.includes(file))).toEqual([])
    expect(corrections.filter(({ file }) => !files.some(each => file.test(each)))).toEqual([])
  })
})
