/**
 * Commits until it is killed, and says what was acknowledged. Arguments: folder, own name.
 *
 * Each commit makes one record in each of three tables, and replaces the one of its worker.
 */
import { randomBytes } from 'node:crypto'
import { writeSync } from 'node:fs'
import { lmdb, masterKeyText, openStore } from '../../../store/index.ts'

const [path = '', name = ''] = process.argv.slice(2)
const store = await openStore({ engine: await lmdb({ path }), masterKey: masterKeyText('ab'.repeat(32)) })
writeSync(1, 'ready\n')

async function work(worker: number): Promise<never> {
  const own = `${name}.${worker}`
  for (let number = 0; ; number++) {
    const id = `${own}.${number}`
    const body = Buffer.concat([Buffer.from(`${id} `), randomBytes(number % 5 === 0 ? 6000 : 400)])
    const previous = await store.get('last', own)
    await store.commit([
      ...['a', 'b', 'c'].map(table => ({ table, id, body, terms: [`of ${name}`], uniqueTerms: [id] })),
      { table: 'last', id: own, previous, body: Buffer.from(id) },
    ])
    writeSync(1, `${id}\n`)
  }
}

await Promise.all([0, 1, 2, 3, 4, 5].map(work))
