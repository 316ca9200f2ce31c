/**
 * TLS alerts (RFC 8446 §6, RFC 5246 §7.2): what one end complains of to the other before it hangs up.
 *
 * The number is what counts: OpenSSL's names for the same alert differ between its versions.
 *
 * @module
 */
import { type End, type Fault, fault, other } from './faults.ts'

/** What is to be done at the end that got the alert, by the end that sent it. */
const hints = {
  trust: {
    client: 'install the certificate of the server authority (ca.pem) in the client, and check its clock',
    server: 'have the client certificate signed by an authority that the server trusts: kmipd client sign, on a kmipd',
  },
  certificate: {
    client: 'install the certificate of the server authority (ca.pem) in the client, and check its clock',
    server: 'look at the dates and usages of the client certificate; the log of the server may tell more',
  },
  wanted: {
    client: 'see the log of the client',
    server: 'give a client certificate with --cert and --key; kmipd client sign makes one from a request',
  },
  version: {
    client: 'enable TLS 1.2 or 1.3 in the client',
    server: 'enable TLS 1.2 or 1.3 on the server',
  },
  cipher: {
    client: 'see the log of the client',
    server: 'enable suites with ECDHE and AES-GCM on the server; they must fit the type of its key',
  },
  name: {
    client: 'see the log of the client',
    server: 'check the name of the server; --server-name gives another one',
  },
  log: {
    client: 'see the log of the client',
    server: 'see the log of the server',
  },
} satisfies Readonly<Record<string, Readonly<Record<End, string>>>>

interface Alert {
  readonly name: string
  /** After `the client` or `the server`; `{certificate}` is the certificate of the other end. */
  readonly words: string
  readonly hint: keyof typeof hints
}

const row = (name: string, words: string, hint: keyof typeof hints): Alert => ({ name, words, hint })

/** By number. */
const alerts: Readonly<Record<number, Alert>> = {
  0: row('close_notify', 'ended the connection', 'log'),
  10: row('unexpected_message', 'finds the handshake out of order', 'log'),
  20: row('bad_record_mac', 'finds a record damaged', 'log'),
  21: row('decryption_failed', 'finds a record damaged', 'log'),
  22: row('record_overflow', 'finds a record too long', 'log'),
  40: row('handshake_failure', 'gave up the handshake', 'log'),
  41: row('no_certificate', 'has no certificate', 'log'),
  42: row('bad_certificate', 'does not accept the {certificate}', 'certificate'),
  43: row('unsupported_certificate', 'does not accept the type or the usage of the {certificate}', 'certificate'),
  44: row('certificate_revoked', 'finds the {certificate} revoked', 'certificate'),
  45: row('certificate_expired', 'finds the {certificate} expired', 'certificate'),
  46: row('certificate_unknown', 'does not accept the {certificate}', 'certificate'),
  47: row('illegal_parameter', 'finds a field of the handshake wrong', 'log'),
  48: row('unknown_ca', 'does not trust the authority of the {certificate}', 'trust'),
  49: row('access_denied', 'knows the {certificate} and does not admit it', 'certificate'),
  50: row('decode_error', 'cannot read a message of the handshake', 'log'),
  51: row('decrypt_error', 'finds a signature of the handshake wrong', 'certificate'),
  70: row('protocol_version', 'wants another version of TLS', 'version'),
  71: row('insufficient_security', 'wants stronger ciphers', 'cipher'),
  80: row('internal_error', 'has an internal error', 'log'),
  86: row('inappropriate_fallback', 'speaks a newer version of TLS', 'version'),
  90: row('user_canceled', 'broke off the handshake', 'log'),
  100: row('no_renegotiation', 'does not renegotiate', 'log'),
  109: row('missing_extension', 'misses an extension', 'log'),
  110: row('unsupported_extension', 'does not know an extension', 'log'),
  112: row('unrecognized_name', 'does not know the name that was asked for', 'name'),
  113: row('bad_certificate_status_response', 'finds the status of the {certificate} wrong', 'certificate'),
  115: row('unknown_psk_identity', 'does not know the pre-shared key', 'log'),
  116: row('certificate_required', 'wants a certificate', 'wanted'),
  120: row('no_application_protocol', 'speaks none of the protocols that were offered', 'log'),
}

const numbers: ReadonlyMap<string, number> = new Map(
  Object.entries(alerts).map(([number, { name }]) => [name.toUpperCase(), Number(number)]),
)

/** The alert that the other end sent, if an error of node:tls tells of one. */
export function alertOf({ code = '', message }: NodeJS.ErrnoException): number | undefined {
  const number = /SSL alert number (\d+)/.exec(message)?.[1]
  if (number !== undefined) return Number(number)
  const name = /^ERR_SSL_(?:SSLV3|TLSV1|TLSV13|SSL\/TLS)_ALERT_(.+)$/.exec(code)?.[1]
  return name === undefined ? undefined : numbers.get(name)
}

/** `unknown_ca`; of one that is not known, its number. */
export const alertName = (number: number): string => alerts[number]?.name ?? `alert ${number}`

/** An alert in words, as the end sees it that got it. */
export function alerted(number: number, sender: End): Fault {
  const { name, words, hint } = alerts[number] ?? row(alertName(number), 'gave up the handshake', 'log')
  const said = words.replace('{certificate}', `${other[sender]} certificate`)
  const found = fault('alert', sender, {
    words: `the ${sender} ${said} (TLS alert ${name})`,
    hint: hints[hint][sender],
  })
  return { ...found, side: forClient.includes(hint) ? 'client' : sender }
}

/** What is done in the client, whichever end complains. */
const forClient: readonly (keyof typeof hints)[] = ['trust', 'certificate', 'wanted', 'name']

/** Alerts that are about the certificate of the other end. */
export const isAboutCertificate = (number: number): boolean =>
  [41, 42, 43, 44, 45, 46, 48, 49, 51, 113, 116].includes(number)
