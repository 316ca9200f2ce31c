/**
 * What is spoken: TLS 1.2 and 1.3, with forward secrecy, and whose certificates count.
 *
 * Forward secrecy in 1.2 means that the recorded traffic of a key server stays closed to whoever gets its TLS key later.
 *
 * @module
 */
import { constants, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { ListenError, wordsOf } from './error.ts'

/** What the server shows and whom it trusts. PEM throughout. */
export interface Credentials {
  readonly key: string
  /** The server's certificate, then its issuers up to below the root. */
  readonly certificate: string
  /** Authorities that may certify clients. */
  readonly clientCa: readonly string[]
}

/** How long a client may resume a session. Its certificate is judged again each time. */
const sessionSeconds = 3600

/** Forward secrecy and authenticated encryption only. The first three are TLS 1.3's. */
const ciphers = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'DHE-RSA-AES256-GCM-SHA384',
  'DHE-RSA-CHACHA20-POLY1305',
  'DHE-RSA-AES128-GCM-SHA256',
].join(':')

/** @throws ListenError `credentials` */
export function secureContext({ key, certificate, clientCa }: Credentials): SecureContextOptions {
  const context: SecureContextOptions = {
    key,
    cert: certificate,
    // Never absent: node:tls would then trust every public authority.
    ca: [...clientCa],
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers,
    honorCipherOrder: true,
    dhparam: 'auto',
    sessionIdContext: 'kmipd',
    sessionTimeout: sessionSeconds,
    // A client must not become another one in mid-connection.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  }
  try {
    createSecureContext(context)
    // node:tls passes over what it cannot read.
    for (const authority of clientCa) new X509Certificate(authority)
    return context
  } catch (error) {
    throw new ListenError('credentials', `the server's key and certificates cannot be used: ${wordsOf(error)}`, error)
  }
}
