/** Takes the lock of a folder, says so, and holds it while its input is open. Arguments: folder, `idle` to hold nothing open. */
import { lockFolder, StoreError } from '../../../store/index.ts'

const [folder = '', mode] = process.argv.slice(2)
try {
  const lock = await lockFolder(folder)
  process.stdout.write('held\n')
  if (mode !== 'idle') {
    for await (const line of process.stdin) if (String(line).startsWith('release')) break
    await lock.release()
    process.stdout.write('released\n')
    process.stdin.destroy()
  }
} catch (error) {
  process.stdout.write(error instanceof StoreError ? `${error.code}\n` : `${String(error)}\n`)
}
