/**
 * Certificates good and bad, made with openssl, and with the certificate library where a date has to be of another day.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import {
  type Authority,
  clientProfile,
  exportPrivateKey,
  generateKeyPair,
  openAuthority,
  type Profile,
  serverProfile,
} from '../../certs/index.ts'

export const folder = mkdtempSync(join(tmpdir(), 'trust-check-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0

/** Writes a file that is gone after the tests, and names it. */
export function file(content: string | Uint8Array, ending = 'pem'): string {
  const path = join(folder, `${files++}.${ending}`)
  writeFileSync(path, content)
  return path
}

export const openssl = (...argument: string[]): string =>
  execFileSync('openssl', argument, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** Paths of PEM files. */
export interface Pair {
  readonly cert: string
  readonly key: string
}

interface Wanted {
  readonly subject: string
  /** Absent for one that signs itself. */
  readonly issuer?: Pair
  /** As openssl writes them. */
  readonly extensions?: readonly string[]
  /** As `openssl genpkey` takes it. */
  readonly keyType?: readonly string[]
  readonly digest?: string
}

const ec = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']
export const rsa = (bits: number): string[] => ['-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${bits}`]

export function issue({ subject, issuer, extensions = [], keyType = ec, digest = 'sha256' }: Wanted): Pair {
  const key = join(folder, `${files++}.key`)
  openssl('genpkey', ...keyType, '-out', key)
  const request = file(openssl('req', '-new', '-key', key, '-subj', subject), 'csr')
  const signer = issuer === undefined ? ['-signkey', key] : ['-CA', issuer.cert, '-CAkey', issuer.key]
  const cert = openssl(
    ...['x509', '-req', '-in', request, ...signer, `-${digest}`, '-days', '30'],
    ...['-set_serial', `0x${String(files).padStart(8, '1')}`, '-extfile', file(extensions.join('\n'), 'ext')],
  )
  return { cert: file(cert), key }
}

export const request = (key: string): string => file(openssl('req', '-new', '-key', key, '-subj', '/CN=request'), 'csr')

/** Several certificates in one file. */
export const bundle = (...pairs: readonly Pair[]): string =>
  file(pairs.map(({ cert }) => readFileSync(cert, 'utf8')).join(''))

const authority = [
  'basicConstraints=critical,CA:TRUE',
  'keyUsage=critical,keyCertSign,cRLSign',
  'subjectKeyIdentifier=hash',
]
const issued = ['authorityKeyIdentifier=keyid']
export const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1'

export const root = (name: string): Pair => issue({ subject: `/CN=${name}`, extensions: authority })

export const intermediate = (name: string, issuer: Pair, ...extensions: readonly string[]): Pair =>
  issue({ subject: `/CN=${name}`, issuer, extensions: extensions.length > 0 ? extensions : [...authority, ...issued] })

/** A server certificate that nothing is wrong with, but for what is given. */
export const server = (issuer: Pair, extensions: readonly string[] = [names, ...issued], more: Partial<Wanted> = {}) =>
  issue({ subject: '/CN=server', issuer, extensions, ...more })

export const client = (issuer: Pair | undefined, extensions: readonly string[] = issued): Pair =>
  issue({ subject: '/CN=client', ...(issuer === undefined ? { extensions: [] } : { issuer, extensions }) })

/** The library's authority from openssl's files. */
export const libraryAuthority = ({ cert, key }: Pair): Authority =>
  openAuthority({ certificate: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') })

const dayMs = 86_400_000

/** A certificate for 30 days that begins so many days from now. */
export async function dated(by: Authority, kind: 'client' | 'server', beginsInDays: number): Promise<Pair> {
  const { publicKey, privateKey } = await generateKeyPair()
  const profile: Profile =
    kind === 'client'
      ? clientProfile({ commonName: 'dated', days: 30 })
      : serverProfile({ names: ['localhost', '127.0.0.1'], days: 30 })
  const { pem } = await by.sign(by.plan(publicKey, profile, new Date(Date.now() + beginsInDays * dayMs)))
  return { cert: file(pem), key: file(exportPrivateKey(privateKey), 'key') }
}
