/** Opens a database, reads a row, closes it, again and again until its input ends. Argument: folder. */
import { lmdb } from '../../../store/index.ts'

const [path = ''] = process.argv.slice(2)
const input = { isOpen: true }
process.stdin.on('end', () => (input.isOpen = false)).resume()
process.stdout.write('ready\n')
let visits = 0
while (input.isOpen) {
  const engine = await lmdb({ path })
  await engine.get(Buffer.from('counter'))
  await engine.close()
  visits++
}
process.stdout.write(`visits ${visits}\n`)
