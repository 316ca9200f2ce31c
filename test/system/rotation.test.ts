/**
 * A server under load gets a new certificate, then a new authority, then forgets the old one: no client sees an error.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Client } from '../../src/client.ts'
import { Get, Register } from '../../src/index.ts'
import { retire } from '../../src/retirement.ts'
import { rollOver } from '../../src/rollover.ts'
import { serverCredentials } from '../../src/server-certificate.ts'
import { ownKey } from './requests.ts'
import {
  enrolled,
  eventually,
  type Identity,
  launch,
  newFolder,
  removeFolder,
  type ServerProcess,
  within,
} from './server-process.ts'

/** Half of them keep one connection, half make a new one for every Get. */
const workers = 8

/** What a worker connects with; swapped while it works. */
interface Means {
  identity: Identity
  ca: string
}

const caOf = (data: string): string => readFileSync(join(data, 'ca.pem'), 'utf8')

/** Gets one key again and again, until it is told to stop. */
async function work(server: ServerProcess, uniqueIdentifier: string, means: Means, isSteady: boolean, load: Load) {
  let steady: Client | undefined
  let last: { readonly identity: Identity; readonly session: Buffer | undefined } | undefined
  for (let round = 0; !load.isOver; round++) {
    try {
      const { identity, ca } = means
      // Every second connection resumes the last session, the others verify the server.
      const session = round % 2 === 0 && last?.identity === identity ? last.session : undefined
      const client = steady ?? (await server.connect(identity, { ca, session }))
      const { object } = await client.call(Get, { uniqueIdentifier })
      expect(object).toBeDefined()
      load.gets += 1
      if (isSteady) steady = client
      else {
        last = { identity, session: client.session() }
        await client.close()
      }
    } catch (error) {
      load.errors.push(error)
      return
    }
  }
  await steady?.close()
}

interface Load {
  isOver: boolean
  gets: number
  readonly errors: unknown[]
}

test('rotation and rollover under load: eight clients see no error', async () => {
  const data = await newFolder()
  const server = await launch(data)
  try {
    const group = { group: 'load' }
    const first = await enrolled(data, 'worker', group)
    const client = await server.connect(first)
    const { uniqueIdentifier } = await client.call(Register, ownKey(randomBytes(32)))
    await client.close()
    const means = Array.from({ length: workers }, (): Means => ({ identity: first, ca: server.ca }))
    const load: Load = { isOver: false, gets: 0, errors: [] }
    const working = means.map((each, index) => work(server, uniqueIdentifier, each, index % 2 === 0, load))
    /** All have got something since. */
    const goesOn = async (): Promise<void> => {
      const { gets } = load
      await eventually(() => (load.gets > gets + 10 * workers || load.errors.length > 0 ? true : undefined))
      expect(load.errors).toEqual([])
    }
    const logged = (words: string) => eventually(() => server.log().find(({ msg }) => msg === words))

    await goesOn()
    await within(data, opened =>
      serverCredentials(opened, { hosts: [], keyType: 'P-256', isRenewal: true }, new Date()),
    )
    await logged('the server has a new certificate')
    await goesOn()

    const old = caOf(data)
    await within(data, opened => rollOver(opened, {}, new Date()))
    await logged('this authority signs from now on')
    await goesOn()
    expect(caOf(data)).not.toBe(old)
    const second = await enrolled(data, 'worker', group)
    for (const [index, each] of means.entries()) {
      // Some trust the old authority still, some the new one alone, with certificates of either.
      if (index % 4 < 2) each.ca = caOf(data)
      if (index % 3 < 2) each.identity = second
    }
    await goesOn()

    for (const each of means) Object.assign(each, { ca: caOf(data), identity: second })
    load.isOver = true
    await Promise.all(working)
    expect(load.errors).toEqual([])

    const again: Load = { isOver: false, gets: 0, errors: [] }
    const workingAgain = means.map((each, index) => work(server, uniqueIdentifier, each, index % 2 === 0, again))
    const steadyOld = await server.connect(first)
    await steadyOld.call(Get, { uniqueIdentifier })
    await within(data, opened => retire(opened, new Date()))
    await expect(steadyOld.call(Get, { uniqueIdentifier })).rejects.toThrow(/revoked on .* \(superseded\)/)
    await logged('this authority is no longer trusted')
    await eventually(() => (again.gets > 20 * workers || again.errors.length > 0 ? true : undefined))
    again.isOver = true
    await Promise.all(workingAgain)
    expect(again.errors).toEqual([])
    await expect(server.connect(second, { ca: old })).rejects.toThrow(/certificate|issuer/)
    await expect(
      server.connect(first, { ca: caOf(data) }).then(late => late.call(Get, { uniqueIdentifier })),
    ).rejects.toThrow()
  } finally {
    await server.end()
    await removeFolder(data)
  }
})
