/**
 * Profiles: what a certificate is for decides its lifetime, usages and names, never the request.
 *
 * A client leaf takes its subject from the request, because key managers read the user's name from it and the
 * operator sees it before signing. It does not take the alternative names: a request that asks for a server's host name
 * must not get a certificate that bears it. Names for a client come from the operator, through the profile.
 * @module
 */
import type { AlternativeName } from './alternative-name.ts'
import { alternativeNames } from './alternative-name.ts'
import type { Subject } from './distinguished-name.ts'
import { CertsError } from './errors.ts'
import type { KeyPurpose, KeyUsage } from './extension.ts'

/** What kind of certificate an authority is to issue. Made by the functions below, which check it. */
export interface Profile {
  readonly kind: 'server' | 'client' | 'subordinate'
  /** Lifetime in days from signing. The certificate ends with its authority at the latest. */
  readonly days: number
  /** The subject; for a client, what stands in when the request's is empty. */
  readonly subject: Subject
  /** Whether the request's own subject, unless empty, is copied as it is encoded. */
  readonly copiesSubject: boolean
  readonly name: readonly AlternativeName[]
  /** Absent for a subordinate authority. */
  readonly purpose?: KeyPurpose
  /** Beside these, RSA leaves get keyEncipherment. */
  readonly usage: readonly KeyUsage[]
  /** Of a subordinate authority: how many may follow below it. */
  readonly pathLength?: number
}

/** The most days that a profile or an authority may last: a hundred years. */
export const maxDays = 36_525

/** What `serverProfile` takes. */
export interface ServerOptions {
  /** Host names and IPv4 or IPv6 addresses, each as clients type it. At least one. */
  readonly names: readonly string[]
  /** Default the first name that fits. */
  readonly commonName?: string
  /** Default 825, the most that some TLS clients accept. */
  readonly days?: number
}

/** A TLS server. Throws `CertsError` `badName` or `badLifetime`. */
export function serverProfile({ names, commonName, days = 825 }: ServerOptions): Profile {
  const name = alternativeNames(names)
  if (!name.length) throw new CertsError('badName', 'a server certificate needs a host name or an address; give one')
  const shown = commonName ?? name.find(({ value }) => value.length <= 64)?.value
  return {
    kind: 'server',
    days: checkedDays(days),
    subject: shown === undefined ? {} : { commonName: shown },
    copiesSubject: false,
    name,
    purpose: 'serverAuth',
    usage: ['digitalSignature'],
  }
}

/** What `clientProfile` takes. */
export interface ClientOptions {
  /** Stands in for an empty subject. */
  readonly commonName?: string
  /** Names that the operator vouches for. Default none. */
  readonly names?: readonly string[]
  /** Default 730. Storage clusters raise a fault 30 days before the end. */
  readonly days?: number
}

/** A KMIP client. Throws `CertsError` `badName` or `badLifetime`. */
export const clientProfile = ({ commonName, names = [], days = 730 }: ClientOptions = {}): Profile => ({
  kind: 'client',
  days: checkedDays(days),
  subject: commonName === undefined ? {} : { commonName },
  copiesSubject: true,
  name: alternativeNames(names),
  purpose: 'clientAuth',
  usage: ['digitalSignature'],
})

/** RFC 5280 §4.2.1.3: to sign certificates, lists, and answers on the status of a certificate. */
export const authorityUsage: readonly KeyUsage[] = ['digitalSignature', 'keyCertSign', 'cRLSign']

/** What `subordinateProfile` takes. */
export interface SubordinateOptions {
  readonly subject: Subject
  /** Default 1825. */
  readonly days?: number
  /** How many authorities may follow below this one. Default 0. */
  readonly pathLength?: number
}

/** An authority under another one. Throws `CertsError` `badLifetime`. */
export const subordinateProfile = ({ subject, days = 1825, pathLength = 0 }: SubordinateOptions): Profile => ({
  kind: 'subordinate',
  days: checkedDays(days),
  subject,
  copiesSubject: false,
  name: [],
  usage: authorityUsage,
  pathLength,
})

export function checkedDays(days: number): number {
  if (Number.isInteger(days) && days >= 1 && days <= maxDays) return days
  throw new CertsError(
    'badLifetime',
    `a lifetime of ${days} days was given; wanted a whole number from 1 to ${maxDays}`,
  )
}
