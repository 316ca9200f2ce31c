/**
 * The address that is listened on.
 *
 * @module
 */
import { once } from 'node:events'
import type { Server } from 'node:net'
import { ListenError, type ListenErrorCode, wordsOf } from './error.ts'

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Without IPv6 there is no `::`; every address is then every one of IPv4. */
export async function bind(server: Server, { host, port }: Endpoint): Promise<Endpoint> {
  try {
    server.listen({ host, port })
    await once(server, 'listening')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
    if (host === '::' && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL'))
      return bind(server, { host: '0.0.0.0', port })
    const [kind, words] = bindWords[code] ?? ['failed' as const, wordsOf(error)]
    throw new ListenError(kind, `cannot listen on ${host} port ${port}: ${words}`, error)
  }
  const address = server.address()
  return typeof address === 'object' && address !== null
    ? { host: address.address, port: address.port }
    : { host, port }
}

const bindWords: Readonly<Record<string, readonly [ListenErrorCode, string]>> = {
  EADDRINUSE: ['inUse', 'another program listens there: stop it, or set listen.port'],
  EADDRNOTAVAIL: ['noAddress', 'this machine has no such address: set listen.host'],
  ENOTFOUND: ['noAddress', 'there is no such host name: set listen.host'],
  EACCES: ['notPermitted', 'this user may not: set listen.port to 1024 or more'],
}
