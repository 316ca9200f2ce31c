/**
 * The files that a client brings to a handshake: whom it trusts, and what it shows.
 *
 * @module
 */
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { rootCertificates } from 'node:tls'
import {
  type Certificate,
  CertsError,
  exportPrivateKey,
  matchesKey,
  readCertificate,
  readCertificates,
  readPrivateKey,
} from '../../certs/index.ts'
import { dateFault, usageFaults } from '../diagnosis/certificate.ts'
import { isSelfSigned, readable, type Truster } from '../diagnosis/chain.ts'
import { type Fault, fault, FaultError } from '../diagnosis/faults.ts'

/** Where the passphrase of a client's key comes from. */
export const passphraseVariable = 'KMIPD_KEY_PASSPHRASE'

/** What a client shows. */
export interface Identity {
  readonly certificate: Certificate
  /** PEM: the certificate, and what follows it in its file. */
  readonly cert: string
  /** PEM, not encrypted. */
  readonly key: string
  /** What a server may find wrong with it. */
  readonly faults: readonly Fault[]
}

/**
 * The authorities in a file, which may hold many.
 *
 * @param path absent, the public authorities that come with Node.js
 * @throws FaultError
 */
export async function trusterFrom(path: string | undefined): Promise<Truster> {
  if (path === undefined) {
    const trusted = readable(rootCertificates.map(derOf))
    return { trusted, words: `the client (public authorities)`, store: 'a file, and give that with --ca' }
  }
  const content = await contentOf(path)
  const blocks = content.toString('latin1').match(/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----[^-]*-----END [^-]*-----/g)
  const trusted = blocks === null ? [onlyIn(path, content)] : readable(blocks.map(derOf))
  const [first] = trusted
  if (first === undefined) throw new FaultError(wrongFile(path, 'no certificate in it can be read', authorityWanted))
  if (!trusted.some(each => each.isAuthority || isSelfSigned(each)))
    throw new FaultError(fault('noAuthority', 'client', { path, subject: first.subject.text }))
  return { trusted, words: `the client (${basename(path)})`, store: path }
}

const authorityWanted = 'the certificates of authorities (of kmipd: ca.pem)'

const derOf = (pem: string): Uint8Array => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64')

/** @throws FaultError */
function onlyIn(path: string, content: Buffer): Certificate {
  try {
    return readCertificate(content)
  } catch (error) {
    if (error instanceof CertsError) throw new FaultError(wrongFile(path, error.message, authorityWanted))
    throw error
  }
}

const wrongFile = (path: string, words: string, wanted: string): Fault =>
  fault('wrongFile', 'client', { path, words, wanted })

/** @throws FaultError */
async function contentOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new FaultError(fault('fileUnreadable', 'client', { path, code }))
  }
}

/**
 * A client's certificate and key, which may be in one file.
 *
 * @param now milliseconds since 1970
 * @throws FaultError
 */
export async function identityFrom(
  certPath: string,
  keyPath: string,
  passphrase: string | undefined,
  now: number,
): Promise<Identity> {
  const chain = certificatesIn(certPath, await contentOf(certPath))
  const [certificate] = chain
  const key = keyIn(keyPath, await contentOf(keyPath), passphrase)
  const paths = { cert: certPath, key: keyPath }
  const { subject, isAuthority } = certificate
  if (!matchesKey(certificate, key)) {
    if (chain.some(each => matchesKey(each, key)))
      throw new FaultError(fault('wrongOrder', 'client', { ...paths, subject: subject.text }))
    throw new FaultError(
      isAuthority
        ? fault('authorityFile', 'client', { path: certPath, subject: subject.text })
        : fault('keyMismatch', 'client', paths),
    )
  }
  const dates = dateFault(certificate, 'client', now)
  return {
    certificate,
    cert: chain.map(({ pem }) => pem).join(''),
    key,
    faults: [...(dates === undefined ? [] : [dates]), ...usageFaults(certificate, 'client')],
  }
}

/** @throws FaultError */
function certificatesIn(path: string, content: Buffer): readonly [Certificate, ...Certificate[]] {
  try {
    const [first, ...rest] = readCertificates(content)
    return [first ?? readCertificate(content), ...rest]
  } catch (error) {
    if (error instanceof CertsError)
      throw new FaultError(wrongFile(path, error.message, 'the certificate of the client'))
    throw error
  }
}

/** @throws FaultError */
function keyIn(path: string, content: Buffer, passphrase: string | undefined): string {
  try {
    return exportPrivateKey(readPrivateKey(content, passphrase))
  } catch (error) {
    if (!(error instanceof CertsError)) throw error
    throw new FaultError(
      error.code === 'keyEncrypted'
        ? fault('keyLocked', 'client', { path, words: error.message, variable: passphraseVariable })
        : wrongFile(path, error.message, 'the private key of the client, in PEM'),
    )
  }
}
