/**
 * Where a server is, as people write it.
 *
 * @module
 */
import { CommandError } from './endings.ts'

/** `host`, `host:5696`, `192.0.2.1:5696`, `::1`, `[::1]`, `[::1]:5696`. */
export function addressOf(server: string): { host: string; port?: number } {
  const {
    bracketed,
    plain: host,
    port,
  } = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:]+))(?::(?<port>\d{1,5}))?$/.exec(server)?.groups ?? {}
  const found = bracketed ?? host ?? (/^[0-9a-f:.%]+$/i.test(server) ? server : undefined)
  if (found === undefined || Number(port ?? 1) > 65_535 || Number(port ?? 1) < 1)
    throw new CommandError('usage', `${JSON.stringify(server)} is no server; write HOST or HOST:PORT`)
  return { host: found, ...(port === undefined ? {} : { port: Number(port) }) }
}
