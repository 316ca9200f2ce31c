/**
 * Why no chain leads from a certificate to an authority that the other end trusts: which link is missing, and whose.
 *
 * OpenSSL decides who is trusted and names the last fault that it met. This climbs the chain again, to say which
 * certificate would be needed, and whether the trust store has one that was taken for it.
 *
 * @module
 */
import { X509Certificate } from 'node:crypto'
import {
  type Certificate,
  CertsError,
  isIssuedBy,
  type KeyIdentifiers,
  keyIdentifiersOf,
  readCertificate,
} from '../../certs/index.ts'
import { dateFault, listed, strengthFaults } from './certificate.ts'
import { type End, type Fault, fault, moment } from './faults.ts'

/** Who trusts whom. */
export interface Truster {
  readonly trusted: readonly Certificate[]
  /** Such as `the client (cacert.pem)` or `this server`. */
  readonly words: string
  /** Where more can be trusted, such as `cacert.pem`. */
  readonly store: string
}

export interface Climb {
  /** From the leaf to the last issuer that was found. */
  readonly path: readonly Certificate[]
  /** What is in the way of trust; nothing, if the path ends at an authority that is trusted. */
  readonly faults: readonly Fault[]
}

/** Longer chains are not climbed. */
const maxLength = 12

/**
 * Climbs from a leaf to an authority that is trusted.
 *
 * @param sent what the end sent beside the leaf, in any order
 * @param now milliseconds since 1970
 */
export function climb(
  leaf: Certificate,
  sent: readonly Certificate[],
  truster: Truster,
  whose: End,
  now: number,
): Climb {
  const path = [leaf]
  const ladder: Ladder = { path, sent, truster, whose }
  for (let current = leaf; path.length < maxLength;) {
    const isTrusted = isIn(truster.trusted, current)
    if (isSelfSigned(current)) {
      const end = isTrusted ? [] : [strangerAt(current, ladder)]
      return { path, faults: [...end, ...linkFaults(ladder, now, isTrusted)] }
    }
    const issuer = [...truster.trusted, ...sent].find(each => !isIn(path, each) && isIssuedBy(current, each))
    if (issuer === undefined)
      return { path, faults: [missing(current, isTrusted, ladder), ...linkFaults(ladder, now, false)] }
    path.push(issuer)
    current = issuer
  }
  return { path, faults: [fault('unverified', whose, { words: 'its chain is too long', store: truster.store })] }
}

interface Ladder {
  readonly path: readonly Certificate[]
  readonly sent: readonly Certificate[]
  readonly truster: Truster
  readonly whose: End
}

const isIn = (certificates: readonly Certificate[], { fingerprint }: Certificate): boolean =>
  certificates.some(each => each.fingerprint === fingerprint)

export const isSelfSigned = (certificate: Certificate): boolean =>
  certificate.subject.text === certificate.issuer.text && isSignedBy(certificate, certificate)

function isSignedBy(child: Certificate, parent: Certificate): boolean {
  try {
    return new X509Certificate(child.der).verify(new X509Certificate(parent.der).publicKey)
  } catch {
    return false
  }
}

/** The path ends at somebody who vouches for himself alone. */
function strangerAt(root: Certificate, { path, truster, whose }: Ladder): Fault {
  const { words, store } = truster
  const { subject, fingerprint } = root
  const near = truster.trusted.find(each => each.subject.text === subject.text)
  if (near !== undefined && path.length > 1)
    return fault('otherKey', whose, {
      issuer: subject.text,
      wanted: `SHA-256 ${fingerprint}`,
      found: near.fingerprint,
      truster: words,
      store,
    })
  return path.length === 1
    ? fault('selfSigned', whose, { subject: subject.text, fingerprint, truster: words, store })
    : fault('untrustedRoot', whose, {
        subject: subject.text,
        fingerprint,
        truster: words,
        trusted: namesOf(truster.trusted),
        store,
      })
}

/** The path ends at somebody whose issuer is nowhere. */
function missing(last: Certificate, isTrusted: boolean, { path, sent, truster, whose }: Ladder): Fault {
  const { words, store } = truster
  const issuer = last.issuer.text
  const below = last.subject.text
  const { authority, authorityIssuer: above } = identifiersOf(last)
  const identifier = authority === undefined ? '' : ` (key identifier ${authority})`
  const namesakes = (list: readonly Certificate[]): Certificate[] =>
    list.filter(({ subject }) => subject.text === issuer)

  if (isTrusted && path.length > 1)
    return fault('missingRoot', whose, { below, issuer, identifier, truster: words, store })
  if (isTrusted) return fault('ownCertificate', whose, { issuer, identifier, truster: words, store })
  const all = namesakes([...truster.trusted, ...sent])
  if (all.some(each => isSignedBy(last, each) && !each.isAuthority))
    return fault('notAnAuthority', whose, { below, issuer })
  const [near] = namesakes(truster.trusted)
  if (near !== undefined)
    return fault('otherKey', whose, {
      issuer,
      wanted: authority === undefined ? 'the one that signed it' : `key identifier ${authority}`,
      found: `${near.fingerprint}${keyWords(near)}`,
      truster: words,
      store,
    })
  // Some authorities tell in what they sign who certified them. RFC 5280 §4.2.1.1
  if (above !== undefined && above !== issuer)
    return fault('missingIntermediate', whose, { below, issuer, identifier, above, truster: words })
  return fault('missingIssuer', whose, {
    below,
    issuer,
    identifier,
    truster: words,
    trusted: namesOf(truster.trusted),
    store,
  })
}

/** An extension that cannot be read says nothing. */
function identifiersOf(certificate: Certificate): KeyIdentifiers {
  try {
    return keyIdentifiersOf(certificate)
  } catch (error) {
    if (error instanceof CertsError) return {}
    throw error
  }
}

const keyWords = (certificate: Certificate): string => {
  const { subject } = identifiersOf(certificate)
  return subject === undefined ? '' : `, key identifier ${subject}`
}

/** What speaks against the certificates above the leaf; the leaf is judged by itself. */
function linkFaults({ path, whose }: Ladder, now: number, isTrusted: boolean): Fault[] {
  return path.slice(1).flatMap((each, index) => {
    const isRoot = isTrusted && index === path.length - 2
    const dates = issuerDateFault(each, whose, now)
    const { pathLength, subject } = each
    return [
      ...(dates === undefined ? [] : [dates]),
      ...(pathLength !== undefined && index > pathLength
        ? [fault('tooDeep', whose, { subject: subject.text, allowed: pathLength, found: index })]
        : []),
      ...strengthFaults(each, whose, isRoot),
    ]
  })
}

function issuerDateFault({ der, subject }: Certificate, whose: End, now: number): Fault | undefined {
  const { validFrom, validTo } = new X509Certificate(der)
  const [notBefore, notAfter] = [new Date(validFrom), new Date(validTo)]
  const found = dateFault({ notBefore, notAfter }, whose, now)
  if (found === undefined) return undefined
  return found.code === 'expired'
    ? fault('issuerExpired', whose, { subject: subject.text, notAfter: moment(notAfter), now: moment(now) })
    : fault('issuerNotYetValid', whose, { subject: subject.text, notBefore: moment(notBefore), now: moment(now) })
}

const namesOf = (trusted: readonly Certificate[]): string =>
  trusted.length === 0
    ? 'nobody'
    : listed(
        trusted.map(({ subject }) => `"${subject.text}"`),
        4,
      )

/** OpenSSL's verdicts for which the chain must be in OpenSSL's hands: where climbing it found nothing. */
const verdicts: Readonly<Record<string, string>> = {
  CERT_REVOKED: 'it, or one of its issuers, was revoked',
  CERT_REJECTED: 'an authority rejects it',
  CERT_SIGNATURE_FAILURE: 'it was not signed by its issuer',
  CERT_CHAIN_TOO_LONG: 'its chain is too long',
  CRL_HAS_EXPIRED: 'the revocation list of its issuer has expired',
  CRL_NOT_YET_VALID: 'the revocation list of its issuer is not valid yet',
  CRL_SIGNATURE_FAILURE: 'the revocation list of its issuer is not signed by it',
  UNABLE_TO_GET_CRL: 'there is no revocation list of its issuer',
  INVALID_CA: 'an issuer is not an authority',
  INVALID_PURPOSE: 'its usages, or those of an issuer, do not allow it',
  PATH_LENGTH_EXCEEDED: 'an authority does not allow so many below it',
  UNABLE_TO_GET_ISSUER_CERT: 'an issuer is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'an issuer is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its issuer is not trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'its chain ends at a root that is not trusted',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  CERT_HAS_EXPIRED: 'it, or one of its issuers, has expired',
  CERT_NOT_YET_VALID: 'it, or one of its issuers, is not valid yet',
}

/** @param verdict OpenSSL's, as node:tls names it */
export const verdictFault = (verdict: string, whose: End, store: string): Fault =>
  verdict === 'CERT_REVOKED'
    ? fault('revoked', whose, {})
    : fault('unverified', whose, {
        words: verdicts[verdict] === undefined ? verdict : `${verdicts[verdict]} (${verdict})`,
        store,
      })

/** Those that can be read; a chain may hold what nobody wants. */
export const readable = (ders: readonly Uint8Array[]): Certificate[] =>
  ders.flatMap(der => {
    try {
      return [readCertificate(der)]
    } catch (error) {
      if (error instanceof CertsError) return []
      throw error
    }
  })
