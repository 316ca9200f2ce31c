/**
 * Servers of every temper: `openssl s_server`, plain TCP, TLS of our own making. Each ends with its test.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { createServer as createTlsServer, type TlsOptions, type TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import type { Pair } from './certificates.ts'

/** @returns its port */
export function opensslServer({ cert, key }: Pair, ...option: readonly string[]): Promise<number> {
  const child = spawn('openssl', ['s_server', '-accept', '127.0.0.1:0', '-cert', cert, '-key', key, ...option])
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdin.on('error', () => undefined)
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  return new Promise((resolve, reject) => {
    createInterface(child.stdout).on('line', line => {
      const port = /^ACCEPT .*:(\d+)$/.exec(line)?.[1]
      if (port !== undefined) resolve(Number(port))
      // It says something to everybody whom it lets in.
      if (line.startsWith('CIPHER is ')) child.stdin.write('welcome\n')
    })
    child.on('close', () => reject(new Error(`openssl s_server ended: ${complaint}`)))
  })
}

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as { port: number }).port
}

/** @returns its port */
export const tcpServer = (greet: (socket: Socket) => void): Promise<number> => listening(createServer(greet))

/** @returns its port */
export function tlsServer(options: TlsOptions, greet: (socket: TLSSocket) => void): Promise<number> {
  const server = createTlsServer(options, greet)
  server.on('tlsClientError', () => undefined)
  server.on('secureConnection', socket => socket.on('error', () => undefined))
  return listening(server)
}

/** A port on which nobody listens; one that was free a moment ago may be somebody else's by now. */
export const freePort = async (): Promise<number> => 1

/** A port behind which a process hangs and takes no more connections: the system lets a few wait, and answers no others. */
export async function hungPort(): Promise<number> {
  const script = `require('net').createServer().listen({port: 0, host: '127.0.0.1', backlog: 1}, function () {
    console.log(this.address().port); process.kill(process.pid, 'SIGSTOP') })`
  const child = spawn(process.execPath, ['-e', script])
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const port = Number(line)
  const waiting = Array.from({ length: 4 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => undefined))
  onTestFinished(() => waiting.forEach(socket => socket.destroy()))
  await Promise.race([
    Promise.all(waiting.map(socket => once(socket, 'connect'))),
    new Promise(r => setTimeout(r, 300)),
  ])
  return port
}
