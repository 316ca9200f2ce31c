/**
 * A data folder with many objects in it, made through the store and not over the wire: that takes seconds.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { loadConfig } from '../../src/config.ts'
import { issueClient } from '../../src/enrollment.ts'
import { openHouse } from '../../src/house.ts'
import { identifiers } from '../../src/identifiers.ts'
import { newObject } from '../../src/objects/new-object.ts'
import { recent } from '../../src/objects/recent.ts'
import { beginWork } from '../../src/objects/work.ts'
import { initialise } from '../../src/initialise.ts'
import type { Store } from '../../store/index.ts'

/** What a client needs to be let in: PEM. */
export interface Credentials {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

export interface Seeded {
  readonly data: string
  readonly client: Credentials
  /** What the server shows: PEM. */
  readonly server: { readonly certificate: string; readonly key: string }
  /** The Unique Identifiers; the Name of each is `nameOf` its place. */
  readonly ids: readonly string[]
}

export const nameOf = (place: number): string => `drive ${place.toString().padStart(7, '0')}`

const group = 'bench'

/** Objects in one commit, and commits at a time. */
const commitSize = 64
const commitsAtOnce = 16

/** @param data a folder that is not there yet */
export async function seed(data: string, count: number): Promise<Seeded> {
  const { server } = await initialise({ data, hosts: ['127.0.0.1'] })
  const opened = await openHouse(await loadConfig({ data }), {})
  const { store, authority } = opened
  try {
    const client = await issueClient({ name: group }, 'P-256', opened, new Date())
    return {
      data,
      client: { ca: authority.chain.join(''), cert: client.certificate.pem, key: client.key },
      server,
      ids: await fill(store, count),
    }
  } finally {
    await store.close()
  }
}

async function fill(store: Store, count: number): Promise<string[]> {
  const newIdentifier = identifiers(Date.now, randomBytes)
  const ids: string[] = []
  while (ids.length < count) {
    const commits: Promise<void>[] = []
    for (let commit = 0; commit < commitsAtOnce; commit++) {
      const work = beginWork(store, recent())
      for (let each = 0; each < commitSize && ids.length < count; each++) {
        const uniqueIdentifier = newIdentifier()
        work.write({ ...drive(uniqueIdentifier, nameOf(ids.length)), group, creator: group })
        ids.push(uniqueIdentifier)
      }
      commits.push(work.commit())
    }
    await Promise.all(commits)
  }
  return ids
}

/** The authentication key of a drive, as a storage cluster registers it. */
const drive = (uniqueIdentifier: string, name: string) =>
  newObject(
    {
      uniqueIdentifier,
      object: {
        objectType: 'SymmetricKey',
        keyBlock: {
          keyFormatType: 'Raw',
          keyValue: { keyMaterial: randomBytes(32), attributes: [] },
          cryptographicAlgorithm: 'AES',
          cryptographicLength: 256,
        },
      },
      instances: [
        { name: 'name', value: { nameValue: name, nameType: 'UninterpretedTextString' } },
        { name: 'cryptographicUsageMask', value: 12 },
        // Handed out before: a first Get would be a write, too.
        { name: 'fresh', value: false },
      ],
      isGenerated: false,
    },
    Math.floor(Date.now() / 1000),
  )
