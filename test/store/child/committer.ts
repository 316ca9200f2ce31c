/** Writes to a database beside others. Arguments: folder, own name, how often. */
import { lmdb, masterKeyText, openStore, StoreError } from '../../../store/index.ts'

const [path = '', name = '', times = ''] = process.argv.slice(2)
const engine = await lmdb({ path })
const key = Buffer.from('counter')

/** One more, however many others do the same. */
async function count(): Promise<void> {
  for (;;) {
    const seen = await engine.get(key)
    const value = Buffer.from(String(Number(Buffer.from(seen ?? []).toString()) + 1))
    try {
      await engine.commit([{ key, value: seen }], [{ key, value }])
      return
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'conflict')) throw error
    }
  }
}

if (name === 'count') {
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let done = 0; done < Number(times); done++) await count()
    }),
  )
  await engine.close()
} else if (name === 'echo') {
  // Commits each line it is told, and says so.
  process.stdout.write('ready\n')
  for await (const line of process.stdin) {
    const value = String(line).trim()
    await engine.commit([], [{ key, value: Buffer.from(value) }])
    process.stdout.write(`${value}\n`)
  }
  await engine.close()
} else {
  const store = await openStore({ engine, masterKey: masterKeyText('ab'.repeat(32)) })
  process.stdout.write('ready\n')
  await new Promise(resolve => process.stdin.once('data', resolve))
  for (let number = 0; number < Number(times); number++) {
    const record = { table: 'drive', id: `${number} ${name}`, body: Buffer.alloc(0), uniqueTerms: [`name ${number}`] }
    const result = await store.commit([record]).then(
      () => 'won',
      (error: unknown) => (error instanceof StoreError ? error.code : String(error)),
    )
    process.stdout.write(`${number} ${result}\n`)
  }
  await store.close()
  process.stdin.destroy()
}
