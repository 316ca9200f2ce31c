/**
 * The openssl command line: a second, independent reader and writer of everything that the library makes and takes.
 * @module
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'certs-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0

/** Writes a file that is gone after the tests, and names it. */
export function file(content: string | Uint8Array): string {
  const path = join(folder, `${files++}.pem`)
  writeFileSync(path, content)
  return path
}

/** Runs one openssl command; throws with its complaint when it fails. */
export const openssl = (...argument: string[]): string =>
  execFileSync('openssl', argument, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** Whether openssl finds the signature of a request good. Its exit code does not tell. */
export const verifiesRequest = (pem: string): boolean =>
  spawnSync('openssl', ['req', '-in', file(pem), '-noout', '-verify'], { encoding: 'utf8' }).stderr.includes(
    'verify OK',
  )

const config = file('[req]\ndistinguished_name=dn\nprompt=no\n[dn]\n')

/** The subject that a storage cluster asks for, field by field. */
export const clusterSubject = {
  commonName: 'cluster-1.example.com',
  organization: 'Example, Inc.',
  organizationalUnit: 'Storage',
  locality: 'Zürich',
  state: 'ZH',
  country: 'CH',
  emailAddress: 'ops@example.com',
}

const { commonName, organization, organizationalUnit, locality, state, country, emailAddress } = clusterSubject

/** The same in the notation of `openssl req -subj`. */
export const clusterSubj = [
  `/CN=${commonName}/O=${organization}/OU=${organizationalUnit}`,
  `/L=${locality}/ST=${state}/C=${country}/emailAddress=${emailAddress}`,
].join('')

/** A private key (PEM) from `openssl genpkey`. */
export const genpkey = (algorithm: string, ...option: string[]): string =>
  openssl('genpkey', '-algorithm', algorithm, ...option.flatMap(each => ['-pkeyopt', each]))

/** A request (PEM) as a cluster makes it, from `openssl req`. */
export const opensslRequest = (key: string, ...option: string[]): string =>
  openssl(
    ...['req', '-new', '-utf8', '-config', config, '-key', file(key), '-subj', clusterSubj],
    ...['-addext', 'keyUsage=critical,digitalSignature,keyEncipherment', '-addext', 'extendedKeyUsage=clientAuth'],
    ...option,
  )

/** A self-signed certificate (PEM) from `openssl req -x509`; by default, one of an authority. */
export const opensslRoot = (key: string, subj: string, ...extension: string[]): string => {
  const extensions = [
    'subjectKeyIdentifier=hash',
    'authorityKeyIdentifier=keyid',
    ...(extension.length ? extension : authority),
  ]
  return openssl(
    ...['req', '-new', '-x509', '-utf8', '-config', config, '-key', file(key), '-subj', subj, '-days', '3650'],
    ...extensions.flatMap(each => ['-addext', each]),
  )
}

const authority = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign']
