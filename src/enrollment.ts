/**
 * How a client gets its certificate: plan, enter in the register, sign, enter what was signed. No certificate exists that
 * the register does not know.
 *
 * @module
 */
import { KeyObject } from 'node:crypto'
import {
  type Authority,
  type Certificate,
  checkRequest,
  clientProfile,
  exportPrivateKey,
  generateKeyPair,
  isIssuedBy,
  type KeyType,
  type Plan,
  readCertificate,
  readRequest,
} from '../certs/index.ts'
import type { RecordChange } from '../store/index.ts'
import { type Claims, type ClientEntry, type Clients, entryOf, isClaimed, isKeyLost } from './clients.ts'
import { daysUnder, type Policy } from './policy.ts'

/**
 * `invalid`: a name or number that is none. `taken`: what was asked for is somebody else's, or is in another state.
 * `forbidden`: the caller may not. `notFound`: there is no such thing. `full`: too much waits already.
 */
export type EnrollmentErrorCode = 'invalid' | 'taken' | 'forbidden' | 'notFound' | 'full'

/** Why nobody is enrolled; safe to tell whoever asked. */
export class EnrollmentError extends Error {
  override readonly name = 'EnrollmentError'
  readonly code: EnrollmentErrorCode

  constructor(code: EnrollmentErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

export interface ClientRequest {
  readonly name: string
  /** Whose objects the client shares. Default: the group it already has, else its own name. */
  readonly group?: string | undefined
  /** Default 730. */
  readonly days?: number | undefined
  /** Whether it may call the HTTPS API as an administrator. Default false. */
  readonly administrator?: boolean | undefined
}

export interface Enrolled {
  readonly entry: ClientEntry
  readonly certificate: Certificate
  /** What the client installs as the authority: PEM, leaf issuer first. */
  readonly chain: readonly string[]
  /** Whose objects a new client shares from now on. */
  readonly joined?: Claims | undefined
}

/** Who issues to whom, under which rules. What a server and a shell have opened is one. */
export interface Office {
  readonly authority: Authority
  readonly clients: Clients
  readonly policy: Policy
}

const namePattern = /^[\p{L}\p{N}][\p{L}\p{N}._:+ -]{0,127}$/u

export function checkName(words: string, name: string): void {
  if (!namePattern.test(name))
    throw new EnrollmentError(
      'invalid',
      `the ${words} ${JSON.stringify(name)} is none: letters, digits, blank and ._:+- are, up to 128 of them, the first a letter or digit`,
    )
}

/** The group that a client of this name is in, or shall be. @throws EnrollmentError */
export const groupOf = async (clients: Clients, asked: ClientRequest): Promise<string> =>
  (await placeOf(clients, asked)).group

interface Place {
  readonly group: string
  readonly joined?: Claims
}

async function placeOf(clients: Clients, { name, group }: ClientRequest): Promise<Place> {
  checkName('client name', name)
  if (group !== undefined) checkName('group', group)
  const known = (await clients.find(name)).filter(entry => entry.name === name && entry.fingerprint !== '').at(-1)
  if (known !== undefined) {
    if (group !== undefined && known.group !== group)
      throw new EnrollmentError(
        'taken',
        `the client ${name} is in the group ${known.group}; give it another name, or leave --group ${group} out`,
      )
    return { group: known.group }
  }
  const chosen = group ?? name
  const claims = await clients.claims(chosen, name)
  if (!isClaimed(claims)) return { group: chosen }
  // What a group holds must not be got at by accident of naming.
  if (group === undefined)
    throw new EnrollmentError(
      'taken',
      `there is a group ${chosen} ${claimWords(claims)}; say --group ${chosen} to join it, or choose another name`,
    )
  return { group: chosen, joined: claims }
}

/** What makes a group somebody's. */
function claimWords({ clients, authorities }: Claims): string {
  if (clients.length > 0) return 'of other clients'
  return authorities.length > 0 ? 'of the clients of another authority' : 'that has objects'
}

/** @throws EnrollmentError if a certificate of this key was revoked since somebody else may have the key */
export async function refuseLostKey(clients: Clients, keyFingerprint: string): Promise<void> {
  const lost = (await clients.ofSameKeys([{ keyFingerprint }])).find(isKeyLost)
  if (lost !== undefined) throw lostKey(lost)
}

export const lostKey = ({ name, serialNumber, revoked }: ClientEntry): EnrollmentError =>
  new EnrollmentError(
    'taken',
    `the key is compromised: its certificate ${serialNumber} of ${name} was revoked for that (${revoked?.reason ?? ''}); make a new key, and a request for it`,
  )

/**
 * Signs a cluster's certificate request.
 *
 * @param request PEM, DER or base64
 * @throws CertsError for a request that is refused, EnrollmentError for a name or group that is
 */
export async function signClient(
  request: string | Uint8Array,
  asked: ClientRequest,
  office: Office,
  now: Date,
): Promise<Enrolled> {
  return enroll(readRequest(request), asked, office, now)
}

/** Makes a key pair for a client that cannot, and its certificate. */
export async function issueClient(
  asked: ClientRequest,
  keyType: KeyType,
  office: Office,
  now: Date,
): Promise<Enrolled & { readonly key: string }> {
  const { publicKey, privateKey } = await generateKeyPair(keyType)
  return { ...(await enroll(publicKey, asked, office, now)), key: exportPrivateKey(privateKey) }
}

/**
 * What would be signed; nothing is.
 *
 * @throws CertsError, `policy` among others, for what is never signed
 */
export function planFor(
  subject: Parameters<Authority['plan']>[0],
  { name, days }: Pick<ClientRequest, 'name' | 'days'>,
  { authority, policy }: Omit<Office, 'clients'>,
  now: Date,
): Plan {
  const plan = authority.plan(subject, clientProfile({ commonName: name, days: daysUnder(policy, days) }), now)
  // The subject of a client that makes no request is its name alone, which whoever asks has chosen.
  checkRequest(plan, subject instanceof KeyObject ? { keyTypes: policy.keyTypes } : policy)
  return plan
}

/** What else is recorded of a certificate, in one commit with its entry in the register. */
export interface Recording {
  /** Before it is signed. */
  readonly planned?: (entry: ClientEntry) => readonly RecordChange[]
  /** Before anybody gets it. */
  readonly signed?: (entry: ClientEntry, certificate: Certificate) => Promise<readonly RecordChange[]>
}

/**
 * Plans, enters, signs, enters what was signed.
 *
 * @param subject an accepted request, or a public key that the caller vouches for
 * @throws CertsError, EnrollmentError; StoreError `conflict` if what is recorded beside it has changed
 */
export async function enroll(
  subject: Parameters<Authority['plan']>[0],
  asked: ClientRequest,
  office: Office,
  now: Date,
  { planned: besidePlan, signed: besideSigned }: Recording = {},
): Promise<Enrolled> {
  const { authority, clients } = office
  const { group, joined } = await placeOf(clients, asked)
  const { name, administrator = false } = asked
  const plan = planFor(subject, asked, office, now)
  const { fingerprint: keyFingerprint } = plan.publicKey
  await refuseLostKey(clients, keyFingerprint)
  const planned: ClientEntry = {
    name,
    group,
    serialNumber: plan.serialNumber,
    fingerprint: '',
    subject: plan.subject.text,
    issuer: plan.issuer.text,
    publicKey: plan.publicKey.description,
    keyFingerprint,
    notBefore: plan.notBefore.getTime(),
    notAfter: plan.notAfter.getTime(),
    issued: now.getTime(),
    ...(administrator ? { administrator } : {}),
  }
  await clients.plan(planned, besidePlan?.(planned))
  // Whoever reports the key meanwhile either is heard here, or finds the plan and revokes it.
  await refuseLostKey(clients, keyFingerprint)
  const certificate = await authority.sign(plan)
  const entry = { ...planned, fingerprint: certificate.fingerprint }
  await clients.complete(entry, await besideSigned?.(entry, certificate))
  return { entry, certificate, chain: authority.chain, joined }
}

/**
 * Enters a certificate that another authority signed, or its owner did. One that is entered under this name already stays
 * as it is.
 *
 * @throws EnrollmentError if it is our own authority's, or that of any authority, or has expired, or is entered as another
 *   client's or as revoked
 */
export async function trustClient(
  pem: string | Uint8Array,
  asked: ClientRequest,
  { authority, clients }: Office,
  now: Date,
): Promise<ClientEntry> {
  const certificate = readCertificate(pem)
  const { fingerprint, subject } = certificate
  const words = `the certificate ${subject.text} (SHA-256 ${fingerprint.slice(0, 16)}…)`
  if (isIssuedBy(certificate, authority.certificate))
    throw new EnrollmentError(
      'taken',
      `${words} is of our own authority, whose entry in the register decides; sign the client's request: kmipd client sign`,
    )
  const known = await clients.entered(certificate)
  if (known === undefined) {
    refuseUnfit(certificate, words, now)
    await refuseLostKey(clients, certificate.publicKey.fingerprint)
    const entry = entryOf(certificate, asked.name, await groupOf(clients, asked), now.getTime())
    await clients.enter(entry)
    return entry
  }
  const { name, group, revoked } = known
  if (revoked !== undefined)
    throw new EnrollmentError(
      'taken',
      `${words} was revoked on ${new Date(revoked.date).toISOString().slice(0, 10)} (${revoked.reason}) and stays so; have the client get a new one`,
    )
  if (name !== asked.name || group !== (asked.group ?? group))
    throw new EnrollmentError(
      'taken',
      `${words} is entered already, as ${name} in the group ${group}; have the client get another for another name or group`,
    )
  return known
}

/** A certificate that would admit nobody, or that somebody took for all that it has signed. */
function refuseUnfit(certificate: Certificate, words: string, now: Date): void {
  const { notAfter, isAuthority, keyUsage, subject, issuer } = certificate
  if (now > notAfter)
    throw new EnrollmentError(
      'invalid',
      `${words} expired on ${notAfter.toISOString().slice(0, 10)}; have the client get a new one`,
    )
  // Tools that make a self-signed certificate in passing say CA:TRUE and nothing of its usage.
  const isPassing = keyUsage === undefined && subject.text === issuer.text
  if (isAuthority && !isPassing)
    throw new EnrollmentError(
      'invalid',
      `${words} is that of an authority: it would admit whoever has the authority's own key, and none of its clients; give the certificate of the client, or trust the authority ([[tls.trust]] in kmipd.toml)`,
    )
}
