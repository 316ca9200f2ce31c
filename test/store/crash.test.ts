import { expect, test } from 'vitest'
import { masterKeyText, openStore, type Store } from '../../store/index.ts'
import { child, folder, openLmdb } from './engines.ts'

const batches = 8
const writers = 3

test('killed writers lose nothing they acknowledged and leave nothing half-written', async () => {
  const path = await folder()
  let acknowledged = 0
  for (let batch = 0; batch < batches; batch++) {
    const names = Array.from({ length: writers }, (_, index) => `${batch}-${index}`)
    const children = names.map(name => child('writer', [path, name]))
    await Promise.all(children.map(({ said }) => said('ready')))
    // One after the other, so that some go on writing beside one that just died.
    await Promise.all(
      children.map(async ({ process, ended }) => {
        await new Promise(resolve => setTimeout(resolve, 20 + Math.random() * 400))
        process.kill('SIGKILL')
        expect(await ended).toBe('SIGKILL')
      }),
    )
    const engine = await openLmdb(path)
    const store = await openStore({ engine, masterKey: masterKeyText('ab'.repeat(32)), create: false })
    for (const [index, name] of names.entries()) {
      // The last line may be cut off by the kill; a whole one begins with the name.
      const said = children[index]?.lines.filter(line => /^\d+-\d\.\d\.\d+$/.test(line)) ?? []
      acknowledged += said.length
      await check(store, name, said)
    }
    await engine.close()
  }
  expect(acknowledged).toBeGreaterThan(batches * writers)
})

async function check(store: Store, name: string, said: readonly string[]): Promise<void> {
  const found = { a: await ids(store, 'a', name), b: await ids(store, 'b', name), c: await ids(store, 'c', name) }
  expect(found.b).toEqual(found.a)
  expect(found.c).toEqual(found.a)
  const kept = new Set(found.a)
  expect(said.filter(id => !kept.has(id))).toEqual([])
  const last = new Map<string, number>()
  for (const id of found.a) {
    const worker = id.slice(0, id.lastIndexOf('.'))
    last.set(worker, Math.max(last.get(worker) ?? 0, Number(id.slice(worker.length + 1))))
    for (const table of ['a', 'b', 'c']) {
      const body = Buffer.from((await store.get(table, id))?.body ?? [])
      expect(body.subarray(0, id.length + 1).toString()).toBe(`${id} `)
      expect(await store.holder(table, id)).toBe(id)
    }
  }
  for (const [worker, number] of last) {
    expect(Buffer.from((await store.get('last', worker))?.body ?? []).toString()).toBe(`${worker}.${number}`)
  }
}

async function ids(store: Store, table: string, name: string): Promise<string[]> {
  const all: string[] = []
  for await (const id of store.find(table, `of ${name}`)) all.push(id)
  return all
}
