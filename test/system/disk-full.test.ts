/**
 * A server whose files may not grow beyond a limit, as on a disk that is full: writes are refused, reads go on.
 *
 * @module
 */
import { expect, test } from 'vitest'
import { type Client, Destroy, Get, KmipError, Register } from '../../src/index.ts'
import { create } from './requests.ts'
import { enrolled, launch, newFolder, removeFolder } from './server-process.ts'

/** Blocks of 512 bytes that a file may have. */
const limit = 12_000
const limited = ['sh', '-c', `ulimit -f ${limit}; exec "$@"`, 'sh']

test('a write that does not fit fails and says so, reads go on, later writes work', async () => {
  const data = await newFolder()
  // The log is a file as well, and is not to reach the limit before the store does.
  const server = await launch(data, { prefix: limited, environment: { KMIPD_LOG_LEVEL: 'error' } })
  try {
    const client = await server.connect(await enrolled(data, 'drives'))
    const kept = new Map<string, Buffer>()
    const failure = await fill(client, kept)
    expect(failure).toBeInstanceOf(KmipError)
    expect(failure?.reason).toBe('GeneralFailure')
    expect(failure?.message).toMatch(/(no space left to write|cannot write to its store); reads go on/)
    expect(kept.size).toBeGreaterThan(3)
    for (const [id, material] of kept) expect((await dataOf(client, id)).equals(material)).toBe(true)
    // What goes makes space.
    const [first = '', second = ''] = kept.keys()
    for (const id of [first, second]) {
      await client.call(Destroy, { uniqueIdentifier: id })
      kept.delete(id)
    }
    await create(client)
    kept.set(await keep(client, small), small)
    await client.close()
    await server.end()

    // With space again, everything that was acknowledged is there, and writing goes on.
    const again = await launch(data)
    try {
      const next = await again.connect(await enrolled(data, 'drives'))
      for (const [id, material] of kept) expect((await dataOf(next, id)).equals(material)).toBe(true)
      await keep(next, Buffer.alloc(largeBytes))
      await next.close()
    } finally {
      await again.end()
    }
  } finally {
    await server.end('SIGKILL')
    await removeFolder(data)
  }
})

const largeBytes = 500_000
/** The specification defines no type of opaque data; the first of those that are free. */
const anyType = 2 ** 31 + 1
const small = Buffer.alloc(72, 1)

async function keep(client: Client, opaqueDataValue: Buffer): Promise<string> {
  const object = { objectType: 'OpaqueObject', opaqueDataType: anyType, opaqueDataValue } as const
  const { uniqueIdentifier } = await client.call(Register, { objectType: 'OpaqueObject', attributes: [], object })
  return uniqueIdentifier
}

async function dataOf(client: Client, uniqueIdentifier: string): Promise<Buffer> {
  const { object } = await client.call(Get, { uniqueIdentifier })
  return Buffer.from(object.objectType === 'OpaqueObject' ? object.opaqueDataValue : [])
}

/** Registers large objects until one is refused. */
async function fill(client: Client, kept: Map<string, Buffer>): Promise<KmipError | undefined> {
  for (let number = 1; number < 200; number++) {
    const value = Buffer.alloc(largeBytes, number)
    try {
      kept.set(await keep(client, value), value)
    } catch (error) {
      if (error instanceof KmipError) return error
      throw error
    }
  }
  return undefined
}
