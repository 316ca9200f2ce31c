/**
 * What goes wrong between a client and a server, in plain words: the one table. The log of the server, `kmipd trust check`
 * and every command that connects to something take their words from here, so that both ends say the same.
 *
 * `{…}` is filled in; `{whose}` is the end whose certificate it is. Where both ends can have the fault, each has a hint.
 *
 * @module
 */

/** Whose certificate it is, or who is at fault: of the two ends, or what is between them. */
export type End = 'client' | 'server'
export type Side = End | 'network'

/** A fault that was found, and what to do about it. */
export interface Fault {
  readonly code: FaultCode
  /** Who has to do it. */
  readonly side: Side
  readonly reason: string
  readonly hint: string
}

/** Why a client is not admitted, and what to do about it: a fault, or at least its words. */
export interface Refusal {
  readonly code?: FaultCode
  readonly reason: string
  readonly hint: string
}

interface Row {
  /** `owner`: the end whose certificate it is; `truster`: the other one. */
  readonly side: Side | 'owner' | 'truster'
  readonly reason: string
  readonly hint: string | Readonly<Record<End, string>>
}

const newClientCertificate = 'give the client a new certificate; kmipd client sign makes one from a request'
const newServerCertificate =
  'give the server a new certificate; kmipd renews its own, or at once: kmipd server-certificate renew'
const signHere = 'have the request of the client signed here (kmipd client sign)'
const clocks = 'compare the clocks of client and server'

const table = {
  // The way there.
  noSuchHost: {
    side: 'network',
    reason: 'there is no host {host}',
    hint: 'check the name, and which name server this machine asks; an address does without',
  },
  noNameServer: {
    side: 'network',
    reason: 'no name server answers for {host}',
    hint: 'check the name, and which name server this machine asks; an address does without',
  },
  refused: {
    side: 'server',
    reason: '{host} port {port} refuses the connection: nobody listens there',
    hint: 'is the server running, and are host and port right? 5696 is the port of KMIP',
  },
  unreachable: {
    side: 'network',
    reason: 'there is no way to {host} port {port} ({code})',
    hint: 'check address, route and firewall',
  },
  noAnswer: {
    side: 'network',
    reason: '{host} port {port} does not answer within {seconds} s',
    hint: 'check address, route and firewall: something drops the packets',
  },

  // Is it TLS?
  silent: {
    side: 'server',
    reason: 'the server takes the connection and says nothing for {seconds} s to the beginning of a TLS handshake',
    hint: 'check the port: it may not be for TLS, or the server hangs, or a firewall lets only the connection through',
  },
  closedAtOnce: {
    side: 'server',
    reason: 'the server ends the connection at the beginning of the TLS handshake, without a word',
    hint: 'check the port, and whether a firewall or a full server refuses this machine; the log of the server may tell',
  },
  plainHttp: {
    side: 'server',
    reason: 'the server answers with plain HTTP, not TLS',
    hint: 'this is not the TLS port; KMIP is on 5696, HTTPS often on 443',
  },
  notTls: {
    side: 'server',
    reason: 'the server does not answer with TLS but with {bytes}',
    hint: 'this is not the TLS port; KMIP is on 5696, HTTPS often on 443',
  },
  noVersion: {
    side: 'server',
    reason: 'the server speaks no version of TLS that is safe: {spoken}',
    hint: 'enable TLS 1.2 or 1.3 on the server',
  },
  noCipher: {
    side: 'server',
    reason: 'no cipher suite in common: the server {found}',
    hint: 'enable suites with ECDHE and AES-GCM on the server; they must fit the type of its key',
  },
  oldVersion: {
    side: 'server',
    reason: 'the server still speaks {versions}, which are broken',
    hint: 'disable them on the server, unless some client needs them',
  },
  oldSuite: {
    side: 'server',
    reason: 'the server chooses {suite}, which lacks forward secrecy or authenticated encryption',
    hint: 'enable suites with ECDHE and AES-GCM on the server; they must fit the type of its key',
  },
  unknownName: {
    side: 'client',
    reason: 'the server serves nobody under the name {name}',
    hint: 'check the name; --server-name gives another one',
  },
  handshakeFailed: {
    side: 'server',
    reason: 'the handshake failed: {words}',
    hint: 'see the log of the server',
  },

  // A certificate by itself.
  unreadable: {
    side: 'owner',
    reason: 'the {whose} certificate cannot be read: {words}',
    hint: { client: newClientCertificate, server: newServerCertificate },
  },
  expired: {
    side: 'owner',
    reason: 'the {whose} certificate expired on {notAfter}; it is {now} here',
    hint: { client: newClientCertificate, server: newServerCertificate },
  },
  notYetValid: {
    side: 'owner',
    reason: 'the {whose} certificate is not valid before {notBefore}; it is {now} here',
    hint: clocks,
  },
  wrongName: {
    side: 'server',
    reason: 'the server certificate is not for {name}; it names {names}',
    hint: 'use a name that it has, or add this one: kmipd server-certificate renew --host NAME',
  },
  noNames: {
    side: 'server',
    reason: 'the server certificate has no subject alternative name, and the common name {commonName} does not count',
    hint: 'give the server a certificate with a subject alternative name for {name}',
  },
  notForIt: {
    side: 'owner',
    reason: 'the {whose} certificate is not for {whose}s: its extended key usage lacks {purpose}, it has {found}',
    hint: {
      client: 'give the client a certificate with clientAuth, or set tls.clientUsage to "lenient"',
      server: 'give the server a certificate with serverAuth',
    },
  },
  notForSigning: {
    side: 'owner',
    reason:
      'the {whose} certificate may not be used for a handshake: its key usage lacks digitalSignature, it has {found}',
    hint: {
      client: 'give the client a certificate with digitalSignature',
      server: 'give the server a certificate with digitalSignature',
    },
  },
  weakKey: {
    side: 'owner',
    reason: 'the key of "{subject}" is too weak: {key}',
    hint: { client: newClientCertificate, server: 'give it a key of RSA 2048, EC P-256 or more' },
  },
  weakSignature: {
    side: 'owner',
    reason: 'the certificate of "{subject}" is signed with {signature}, which is broken',
    hint: 'have it signed anew, with SHA-256 or more',
  },
  revoked: {
    side: 'owner',
    reason: 'the {whose} certificate was revoked',
    hint: { client: newClientCertificate, server: newServerCertificate },
  },

  // Who vouches for it.
  selfSigned: {
    side: 'truster',
    reason:
      'the {whose} certificate is self-signed, by "{subject}" (SHA-256 {fingerprint}), and {truster} does not trust it',
    hint: {
      client: `${signHere}, or admit this very certificate (kmipd client trust)`,
      server: 'compare the fingerprint with that on the server; if it is the same, add its certificate to {store}',
    },
  },
  untrustedRoot: {
    side: 'truster',
    reason:
      'the issuer of the {whose} certificate is not trusted: its chain ends at "{subject}" (SHA-256 {fingerprint}), and {truster} trusts {trusted}',
    hint: {
      client: `${signHere}, or trust that authority ([[tls.trust]] in kmipd.toml)`,
      server: 'if that is the right server, add the certificate of that authority to {store}',
    },
  },
  otherKey: {
    side: 'truster',
    reason:
      'the {whose} certificate was signed by "{issuer}", and {truster} trusts an authority of the same name with another key: wanted {wanted}, found SHA-256 {found}',
    hint: {
      client: `the authority was made anew; ${signHere}, or trust its present certificate`,
      server: 'the authority was made anew; replace the certificate in {store} by its present one (of kmipd: ca.pem)',
    },
  },
  missingIntermediate: {
    side: 'owner',
    reason:
      'an intermediate certificate is missing: "{below}" was issued by "{issuer}"{identifier}, itself issued by "{above}"; the {whose} does not send it and {truster} does not have it',
    hint: {
      client: 'install the certificate of "{issuer}" in the client, after its own in the same file',
      server: 'put the certificate of "{issuer}" into the file of the server certificate, after it',
    },
  },
  missingIssuer: {
    side: 'truster',
    reason:
      'the issuer of the {whose} certificate is not trusted, or the {whose} does not send its intermediate certificates: "{below}" was issued by "{issuer}"{identifier}, which is not sent; {truster} trusts {trusted}',
    hint: {
      client: `if "{issuer}" is an intermediate authority, install its certificate in the client, after its own; else ${signHere}, or trust that authority ([[tls.trust]] in kmipd.toml)`,
      server:
        'if "{issuer}" is a root (as that of kmipd is, in ca.pem), add its certificate to {store}; if it is an intermediate authority, the server must send its certificate after its own',
    },
  },
  ownCertificate: {
    side: 'truster',
    reason: '{truster} has the {whose} certificate itself, and not that of its issuer "{issuer}"{identifier}',
    hint: {
      client: 'trust the certificate of the authority ([[tls.trust]] in kmipd.toml)',
      server: 'put the certificate of the authority into {store} (of kmipd: ca.pem, not server.pem)',
    },
  },
  missingRoot: {
    side: 'truster',
    reason: '{truster} trusts the intermediate authority "{below}" and not its issuer "{issuer}"{identifier}',
    hint: {
      client: 'add the certificate of "{issuer}" to the file under [[tls.trust]]',
      server: 'add the certificate of "{issuer}" to {store}',
    },
  },
  notAnAuthority: {
    side: 'owner',
    reason: '"{below}" was signed by "{issuer}", whose certificate is not that of an authority',
    hint: 'have it signed by an authority: a certificate with CA:TRUE, and keyCertSign if it has a key usage',
  },
  issuerExpired: {
    side: 'owner',
    reason: 'an issuer of the {whose} certificate has expired: "{subject}" on {notAfter}; it is {now} here',
    hint: 'renew the certificate of that authority, at both ends',
  },
  issuerNotYetValid: {
    side: 'owner',
    reason: 'an issuer of the {whose} certificate is not valid yet: "{subject}" before {notBefore}; it is {now} here',
    hint: clocks,
  },
  tooDeep: {
    side: 'owner',
    reason: 'the authority "{subject}" allows {allowed} authorities below it, and the chain has {found}',
    hint: 'have the {whose} certificate signed by an authority that may',
  },
  unverified: {
    side: 'owner',
    reason: 'the {whose} certificate cannot be verified: {words}',
    hint: { client: signHere, server: 'verify it with: openssl verify -CAfile {store}' },
  },

  // What the client shows.
  noCertificate: {
    side: 'client',
    reason: 'the client showed no certificate',
    hint: 'install a client certificate and its key in the client; kmipd client sign makes one from a request',
  },
  unknownClient: {
    side: 'client',
    reason: 'the certificate {subject} (SHA-256 {fingerprint}) is not in the client register',
    hint: 'have its request signed here (kmipd client sign), or register the certificate (kmipd client trust)',
  },
  revokedClient: {
    side: 'client',
    reason: 'the certificate of {name} was revoked on {date} ({why})',
    hint: 'sign a new request of this client: kmipd client sign',
  },
  expiredClient: {
    side: 'client',
    reason: 'the certificate of {name} expired on {date}',
    hint: 'sign a new request of this client: kmipd client sign',
  },
  earlyClient: { side: 'client', reason: 'the certificate of {name} is valid from {date}', hint: clocks },
  retiredIssuer: {
    side: 'client',
    reason: 'the certificate of {name} is of {issuer}, which is no authority of this server any more',
    hint: 'have a request of the client signed here (kmipd client sign)',
  },
  unlikeBefore: {
    side: 'client',
    reason: 'the client has another name or group since the register or the settings were changed',
    hint: 'have it connect again',
  },
  newHandshake: {
    side: 'client',
    reason: 'the client resumes a session of the certificate {subject}, and who vouched for that is no longer known',
    hint: 'have it connect again: it is asked for its certificates anew',
  },
  namelessClient: {
    side: 'client',
    reason: 'the certificate {subject} lacks what names clients here: policy.clientName is "{clientName}"',
    hint: 'give the client a certificate that has it, or register this one (kmipd client trust)',
  },
  revokedElsewhere: {
    side: 'client',
    reason: '{issuer} has revoked the certificate {subject} on {date} ({why})',
    hint: 'have the client get a new certificate from its authority',
  },
  staleRevocations: {
    side: 'server',
    reason: 'the revocation list of {issuer} is out of date since {date}',
    hint: 'put its newest list in place of it, or set expiredCrl to "serve" under [[tls.trust]]',
  },
  missingRevocations: {
    side: 'server',
    reason: 'there is no revocation list of {issuer}, and expiredCrl is "refuse"',
    hint: 'add its list to the file that crl names, or set expiredCrl to "serve" under [[tls.trust]]',
  },
  unverifiedRevocations: {
    side: 'server',
    reason: 'the revocation list that bears the name of {issuer} was not signed by it',
    hint: 'put its newest list in place of it',
  },
  unknownRevocations: {
    side: 'server',
    reason: 'nobody is admitted for whom {issuer} vouches: {words}',
    hint: 'mend that file; it is read again as soon as it changes',
  },
  certificateWanted: {
    side: 'client',
    reason: 'the server wants a client certificate, and none was given{authorities}',
    hint: 'give one with --cert and --key; kmipd client sign makes one from a request',
  },
  notAccepted: {
    side: 'client',
    reason: 'the server asks for client certificates of {authorities}; this one is of "{issuer}"',
    hint: 'have it signed by one of these, or have the server trust its issuer',
  },
  closedAfterwards: {
    side: 'client',
    reason: 'the server ends the connection after the handshake, without a word',
    hint: 'it may not admit this client certificate: its log tells why, and kmipd client list whether it is revoked',
  },

  closedWithout: {
    side: 'client',
    reason: 'the server ends the connection after the handshake, without a word, and no client certificate was given',
    hint: 'it may want one: give it with --cert and --key',
  },

  // The files of this machine.
  fileUnreadable: {
    side: 'client',
    reason: '{path} cannot be read ({code})',
    hint: 'check the path, and who may read it',
  },
  wrongFile: { side: 'client', reason: '{path}: {words}', hint: 'give the file that holds {wanted}' },
  authorityFile: {
    side: 'client',
    reason: '{path} begins with the certificate of an authority, "{subject}", not with that of a client',
    hint: 'give the certificate that was signed for the client, and its key; those of its issuers may follow it',
  },
  keyLocked: {
    side: 'client',
    reason: '{path}: {words}',
    hint: 'give the passphrase in the environment variable {variable}',
  },
  keyMismatch: {
    side: 'client',
    reason: '{key} is not the private key of the certificate in {cert}: they are of different requests',
    hint: 'find the key that was made with the request of this certificate, or make a new request',
  },
  wrongOrder: {
    side: 'client',
    reason:
      '{cert} begins with the certificate of "{subject}", and {key} is the private key of another one in that file',
    hint: 'put the certificate of the client first, and those of its issuers after it',
  },
  noAuthority: {
    side: 'client',
    reason: '{path} holds no certificate of an authority; it holds "{subject}"',
    hint: 'give the certificate of the authority that signed the server certificate (of kmipd: ca.pem)',
  },

  // What flows.
  nothingFlows: {
    side: 'server',
    reason: 'the connection broke when data was sent: {words}',
    hint: 'see the log of the server, and look for a firewall that cuts connections',
  },
  notKmip: {
    side: 'server',
    reason: 'TLS holds, and the server {answers} a KMIP request',
    hint: 'if this shall be a KMIP server, check whether KMIP is served on this port',
  },
  kmipRefused: {
    side: 'server',
    reason: 'the server speaks KMIP and refuses to discover versions: {words}',
    hint: 'its log may tell why, and whether it knows this client',
  },
  clocksApart: {
    side: 'network',
    reason: 'the clocks are {minutes} minutes apart: it is {there} there, {here} here',
    hint: 'set both by NTP: certificates are valid from one moment to another',
  },

  // What a server finds.
  plainHttpHere: {
    side: 'client',
    reason: 'HTTP on the KMIP port',
    hint: 'KMIP clients connect to this port with TLS; a browser or a probe cannot',
  },
  proxyHere: {
    side: 'client',
    reason: 'a request to an HTTP proxy on the KMIP port',
    hint: 'connect to this port without a proxy',
  },
  notTlsHere: { side: 'client', reason: 'the bytes are not TLS', hint: 'enable TLS in the client' },
  oldClient: {
    side: 'client',
    reason: 'the client speaks no TLS 1.2 or 1.3',
    hint: 'enable TLS 1.2 in the client',
  },
  noCipherHere: {
    side: 'client',
    reason: 'no cipher in common: only suites with forward secrecy and authenticated encryption are spoken',
    hint: 'enable ECDHE suites with AES-GCM in the client; its suites must also fit the type of the server key',
  },
  noSignatureHere: {
    side: 'client',
    reason: 'no signature algorithm in common: the client accepts none that the server key makes',
    hint: 'update the client, or make an RSA server certificate: set tls.serverKey',
  },
  noGroupHere: {
    side: 'client',
    reason: 'no group for the key exchange in common',
    hint: 'enable X25519 or P-256 in the client',
  },
  outOfOrder: { side: 'client', reason: 'the handshake was out of order', hint: 'update the client' },
  tooSlow: {
    side: 'network',
    reason: 'the handshake took too long',
    hint: 'look for a network that drops packets, or raise limits.handshakeMs',
  },
  brokenOff: {
    side: 'client',
    reason: 'the client broke off the handshake',
    hint: 'see the log of the client; install the certificate of the server authority (ca.pem) in the client, and check its clock',
  },
  clientFailed: {
    side: 'client',
    reason: 'the handshake failed ({words})',
    hint: 'see the log of the client',
  },

  // What one end says of the other: an alert.
  alert: { side: 'network', reason: '{words}', hint: '{hint}' },
} as const satisfies Readonly<Record<string, Row>>

export type FaultCode = keyof typeof table

type Placeholder<T extends string> = T extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholder<Rest>
  : never

type Texts<R extends Row> = R['reason'] | (R['hint'] extends string ? R['hint'] : R['hint'][End & keyof R['hint']])

/** What a fault's words have to be filled in with. */
export type Values<C extends FaultCode> = Readonly<
  Record<Exclude<Placeholder<Texts<(typeof table)[C]> & string>, 'whose'>, string | number>
>

/**
 * A fault, in words.
 *
 * @param whose which end's certificate it is about, or which end is meant
 */
export function fault<C extends FaultCode>(code: C, whose: End, values: Values<C>): Fault {
  const { side, reason, hint }: Row = table[code]
  const fill = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (_, name: string) =>
      name === 'whose' ? whose : String((values as Readonly<Record<string, string | number>>)[name]),
    )
  return {
    code,
    side: side === 'owner' ? whose : side === 'truster' ? other[whose] : side,
    reason: fill(reason),
    hint: fill(typeof hint === 'string' ? hint : hint[whose]),
  }
}

export const other: Readonly<Record<End, End>> = { client: 'server', server: 'client' }

/** A moment as all faults show it; certificates may hold none that can be read. */
export function moment(date: string | number | Date): string {
  const ms = typeof date === 'string' ? Date.parse(date) : Number(date)
  return Number.isNaN(ms) ? 'a date that cannot be read' : new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** A fault that ends what was tried. */
export class FaultError extends Error {
  override readonly name = 'FaultError'
  readonly fault: Fault

  /** @param message default: the fault's reason and hint */
  constructor(found: Fault, message = `${found.reason}; ${found.hint}`) {
    super(message)
    this.fault = found
  }
}
