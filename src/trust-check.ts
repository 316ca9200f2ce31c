/**
 * The handshake of a client with a server, step by step, as a storage controller makes it: where it stops, whose side is
 * wrong, and what to do.
 *
 * ```ts
 * const report = await checkTrust({ host, port, ca: 'cacert.pem', cert: 'cert.pem', key: 'key.pem' })
 * ```
 *
 * It makes some six connections: one for each version of TLS, one without a client certificate to see that of the server,
 * and a whole one. It judges the server's certificate itself and asks OpenSSL as well, so that it can say what is missing
 * and is never content where OpenSSL is not.
 *
 * @module
 */
import type { Certificate } from '../certs/index.ts'
import type { Fault } from './diagnosis/faults.ts'
import type { TlsVersion } from './trust-check/hello.ts'
import { stages } from './trust-check/stages.ts'
import type { Finding, StepName, Visit } from './trust-check/visit.ts'

export { passphraseVariable } from './trust-check/files.ts'
export type { StepName } from './trust-check/visit.ts'

export interface TrustCheckOptions {
  /** A name or an address. */
  readonly host: string
  readonly port: number
  /** File of the authorities that are trusted. Default: the public ones. */
  readonly ca?: string | undefined
  /** File of the client's certificate, and of its key; the one may hold both. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** Of the key. */
  readonly passphrase?: string | undefined
  /** What the server is called, if not as the host. */
  readonly serverName?: string | undefined
  /** Goes on with a server that is not trusted. Default false. */
  readonly isInsecure?: boolean | undefined
  /** For each connection and answer. Default 10,000. */
  readonly timeoutMs?: number | undefined
  /** Milliseconds since 1970. Default the system's clock. */
  readonly now?: (() => number) | undefined
}

/** `bypassed`: failed, and gone on all the same, as was asked for. */
export type Outcome = 'passed' | 'warned' | 'bypassed' | 'failed' | 'notReached'

export interface Step {
  readonly name: StepName
  readonly outcome: Outcome
  /** What was found, in a line; empty where it was not reached. */
  readonly found: string
  /** What stops the handshake, the most telling first; or what may matter later. */
  readonly faults: readonly Fault[]
}

export interface TrustReport {
  readonly host: string
  readonly port: number
  /** What the certificate has to name. */
  readonly name: string
  readonly address: string | undefined
  readonly steps: readonly Step[]
  /** Which versions of TLS are spoken, and with which suite of all that were offered. */
  readonly versions: readonly { readonly version: TlsVersion; readonly suite: string | undefined }[]
  /** The server's certificate, and its issuers as far as they were found. */
  readonly chain: readonly { readonly certificate: Certificate; readonly source: 'server' | 'trustStore' }[]
  /** Whether the server asks for a client certificate, and of whom; unknown of a server that speaks TLS 1.3 alone. */
  readonly clientCertificate: { readonly isWanted: boolean | undefined; readonly authorities: readonly string[] }
  readonly session:
    { readonly version: string; readonly cipher: string; readonly group: string | undefined } | undefined
  /** Versions of KMIP that are spoken; absent where no KMIP was heard. */
  readonly kmip: { readonly versions: readonly string[]; readonly clock: Date } | undefined
  /** Where it stops. */
  readonly stopped: { readonly step: StepName; readonly fault: Fault } | undefined
}

/** Makes the handshake. Whatever goes wrong is in the report. */
export async function checkTrust(options: TrustCheckOptions): Promise<TrustReport> {
  const { host, port, serverName, isInsecure = false } = options
  const visit: Visit = {
    ...options,
    name: (serverName ?? host).replace(/%.*$/, ''),
    timeoutMs: options.timeoutMs ?? 10_000,
    now: options.now ?? Date.now,
    versions: [],
    chain: [],
    authorities: [],
  }
  const steps: Step[] = []
  let stopped: TrustReport['stopped']
  for (const { name, examine, isBypassable, isCompanion } of stages) {
    // The name on a certificate and who vouches for it are two questions, and both are answered at once.
    if (stopped !== undefined && !(isCompanion === true && visit.chain.length > 0)) {
      steps.push({ name, outcome: 'notReached', found: '', faults: [] })
      continue
    }
    const finding = await examine(visit)
    const outcome = outcomeOf(finding, isBypassable === true && isInsecure)
    steps.push({ name, outcome, found: finding.found, faults: [...finding.faults, ...finding.warnings] })
    const [fault] = finding.faults
    if (outcome === 'failed' && fault !== undefined) stopped ??= { step: name, fault }
  }
  visit.handshake?.socket.destroy()
  const { address, versions, chain, authorities, isWanted, handshake, kmip } = visit
  return {
    host,
    port,
    name: visit.name,
    address,
    steps,
    versions,
    chain,
    clientCertificate: { isWanted, authorities },
    session: handshake?.session,
    kmip,
    stopped,
  }
}

const outcomeOf = ({ faults, warnings }: Finding, isBypassed: boolean): Outcome =>
  faults.length > 0 ? (isBypassed ? 'bypassed' : 'failed') : warnings.length > 0 ? 'warned' : 'passed'
