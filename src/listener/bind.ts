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
    if (host === '::' && lacksIpv6(error)) return bind(server, { host: '0.0.0.0', port })
    throw bindError(error, { host, port }, 'listen')
  }
  const address = server.address()
  return typeof address === 'object' && address !== null
    ? { host: address.address, port: address.port }
    : { host, port }
}

/** Why `::` cannot be listened on. */
export const lacksIpv6 = (error: unknown): boolean => ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(codeOf(error))

/** @param section of the settings, that has the host and port */
export function bindError(error: unknown, { host, port }: Endpoint, section: 'listen' | 'https'): ListenError {
  const [kind, words] = bindWords[codeOf(error)]?.(section) ?? ['failed' as const, wordsOf(error)]
  return new ListenError(kind, `cannot listen on ${host} port ${port}: ${words}`, error)
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown'

const bindWords: Readonly<Record<string, (section: string) => readonly [ListenErrorCode, string]>> = {
  EADDRINUSE: section => ['inUse', `another program listens there: stop it, or set ${section}.port`],
  EADDRNOTAVAIL: section => ['noAddress', `this machine has no such address: set ${section}.host`],
  ENOTFOUND: section => ['noAddress', `there is no such host name: set ${section}.host`],
  EACCES: section => ['notPermitted', `this user may not: set ${section}.port to 1024 or more`],
}
