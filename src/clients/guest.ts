/**
 * Clients that the register does not know: what they are called, and whose objects they see.
 *
 * Names are for people, and two authorities or subjects may bear the same: what tells guests apart is a hash, of the
 * authority's key and of what names its clients, so that a renewed certificate is the same guest. A name of ours holds no
 * `@`, so no such authority can name anybody into a group of ours.
 *
 * @module
 */
import type { Certificate } from '../../certs/index.ts'
import { fault, type Refusal } from '../diagnosis/faults.ts'
import type { Policy } from '../policy.ts'
import type { Voucher } from '../trust.ts'
import { sha256 } from './entry.ts'

export interface Guest {
  readonly client: string
  readonly group: string
}

export type ClientName = Policy['clientName']

/** What of a certificate names its owner; undefined if it has no such thing. */
const naming: Readonly<Record<ClientName, (certificate: Certificate) => readonly (string | Uint8Array)[] | undefined>> =
  {
    // An empty subject names nobody (RFC 5280 §4.1.2.6); then each certificate is a guest of its own.
    dn: ({ subject, fingerprint }) => [subject.der, subject.attribute.length === 0 ? fingerprint : ''],
    commonName: ({ subject }) => labelled('CN', subject.commonName),
    organizationalUnit: ({ subject }) => labelled('OU', subject.organizationalUnit),
    san: ({ subjectAlternativeName: [first] }) => labelled('san', first && `${first.type}:${first.value}`),
    fingerprint: ({ fingerprint }) => labelled('fingerprint', fingerprint),
  }

const labelled = (label: string, value: string | undefined): string[] | undefined =>
  value === undefined || value === '' ? undefined : [label, '\0', value]

/** What people call it. */
const calling: Readonly<Record<ClientName, (certificate: Certificate) => string | undefined>> = {
  dn: ({ subject }) => subject.commonName,
  commonName: ({ subject }) => subject.commonName,
  organizationalUnit: ({ subject }) => subject.organizationalUnit,
  san: ({ subjectAlternativeName: [first] }) => first?.value,
  fingerprint: ({ subject, fingerprint }) => subject.commonName ?? fingerprint.slice(0, 16),
}

/** As whom a client is admitted, unless its certificate lacks what names clients here. */
export function guestOf(certificate: Certificate, { trust }: Voucher, clientName: ClientName): Guest | Refusal {
  const { publicKey, subject } = trust.authority
  const named = naming[clientName](certificate)
  if (named === undefined) return fault('namelessClient', 'client', { subject: certificate.subject.text, clientName })
  const client = nameOf(calling[clientName](certificate), subject.commonName, [publicKey.fingerprint, ...named])
  return { client, group: trust.group ?? client }
}

/** What a certificate is called that nobody we know vouches for: one of its own. */
export function stranger(certificate: Certificate): Guest {
  const { subject, issuer, fingerprint } = certificate
  const client = nameOf(subject.commonName, issuer.commonName, [fingerprint, ...(naming.dn(certificate) ?? [])])
  return { client, group: client }
}

const nameOf = (client = '', authority = '', identity: readonly (string | Uint8Array)[]): string =>
  `${client}@${authority}#${sha256(...identity).slice(0, 32)}`
