/**
 * What the steps of a handshake pass on to one another, and what each finds.
 *
 * @module
 */
import { isIP } from 'node:net'
import type { Certificate } from '../../certs/index.ts'
import type { Truster } from '../diagnosis/chain.ts'
import type { Fault } from '../diagnosis/faults.ts'
import type { Handshake, Target } from './dial.ts'
import type { Identity } from './files.ts'
import type { ServerFlight, TlsVersion } from './hello.ts'
import type { Reply } from './traffic.ts'

/** What is known so far; each step adds to it. */
export interface Visit {
  readonly host: string
  readonly port: number
  /** What the certificate has to name. */
  readonly name: string
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly passphrase?: string | undefined
  readonly timeoutMs: number
  readonly now: () => number
  truster?: Truster
  identity?: Identity
  addresses?: readonly string[]
  address?: string
  versions: readonly { readonly version: TlsVersion; readonly suite: string | undefined }[]
  /** The best that the server speaks in clear, and what it said. */
  flight?: ServerFlight
  chain: readonly { readonly certificate: Certificate; readonly source: 'server' | 'trustStore' }[]
  leafFaults?: readonly Fault[]
  /** OpenSSL's. */
  verdict?: string | undefined
  /** Whether a client certificate is asked for, as far as is known. */
  isWanted?: boolean
  authorities: readonly string[]
  handshake?: Handshake
  reply?: Reply
  kmip?: { readonly versions: readonly string[]; readonly clock: Date }
}

export const targetOf = ({ address = '', port, name, timeoutMs }: Visit): Target => ({
  address,
  port,
  // An address is no server name. RFC 6066 §3
  serverName: isIP(name) === 0 ? name : undefined,
  timeoutMs,
})

export interface Finding {
  /** In a line. */
  readonly found: string
  /** What stops the handshake, the most telling first. */
  readonly faults: readonly Fault[]
  /** What does not stop it, and may matter later. */
  readonly warnings: readonly Fault[]
}

export const good = (found: string, warnings: readonly Fault[] = []): Finding => ({ found, faults: [], warnings })

export const bad = (found: string, ...faults: readonly Fault[]): Finding => ({ found, faults, warnings: [] })

export type StepName =
  'files' | 'name' | 'connection' | 'tls' | 'certificate' | 'trust' | 'keyExchange' | 'clientCertificate' | 'traffic'

export interface Stage {
  readonly name: StepName
  /** Whether who asks for it may go on with what is wrong here. */
  readonly isBypassable?: boolean
  /** Whether it is looked at even if the step before it stops: the two questions have nothing to do with each other. */
  readonly isCompanion?: boolean
  readonly examine: (visit: Visit) => Promise<Finding>
}
