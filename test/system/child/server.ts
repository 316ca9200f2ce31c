/**
 * A server in a process of its own, on any free port. Argument: data folder. Settings come from the environment.
 *
 * It loads, waits for a line, starts, and prints one line of JSON that says where it listens.
 */
import { startServer } from '../../../src/index.ts'

const [data = ''] = process.argv.slice(2)
process.stdin.on('end', () => process.exit(1))
await new Promise(resolve => process.stdin.once('data', resolve))
const server = await startServer({
  data,
  host: '127.0.0.1',
  port: 0,
  hosts: ['localhost', '127.0.0.1'],
  environment: process.env,
})
process.once('SIGTERM', () => void server.close().then(() => process.exit(0)))
process.stdout.write(`${JSON.stringify({ port: server.kmip.port })}\n`)
