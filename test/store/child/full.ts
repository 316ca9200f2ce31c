/** Writes to a database whose file may not grow beyond a limit set by the caller. Argument: folder. */
import { lmdb, StoreError } from '../../../store/index.ts'

const [path = ''] = process.argv.slice(2)
const engine = await lmdb({ path })
const say = (line: string) => process.stdout.write(`${line}\n`)

async function attempt(key: string, size: number): Promise<string> {
  return engine.commit([], [{ key: Buffer.from(key), value: Buffer.alloc(size, key) }]).then(
    () => 'kept',
    (error: unknown) => (error instanceof StoreError ? error.code : String(error)),
  )
}

async function check(key: string, size: number): Promise<boolean> {
  const value = await engine.get(Buffer.from(key))
  return value !== undefined && Buffer.alloc(size, key).equals(value)
}

process.on('unhandledRejection', () => say('unhandled'))
say(`small ${await attempt('first', 500)}`)
say(`large ${await attempt('large', 8_000_000)}`)
say(`read ${await check('first', 500)} ${String(await engine.get(Buffer.from('large')))}`)
say(`small ${await attempt('second', 500)}`)
let kept = 0
let result = 'kept'
while (result === 'kept' && kept < 5000) {
  const group = await Promise.all(Array.from({ length: 8 }, (_, index) => attempt(`k${kept + index}`, 3000)))
  result = group.find(code => code !== 'kept') ?? 'kept'
  if (result === 'kept') kept += group.length
  else if (group.some(code => code === 'kept')) say('a failed group was kept in part')
}
say(`many ${result}`)
for (let number = 0; number < kept; number++) if (!(await check(`k${number}`, 3000))) say(`lost ${number}`)
// What is removed makes space; the pages come free with the commits that follow.
for (let number = 0; number < 60; number++) {
  await engine.commit([], [{ key: Buffer.from(`k${number}`), value: undefined }]).catch(() => undefined)
}
say(`again ${await attempt('again', 3000)}`)
say(`kept ${kept}`)
await engine.close()
