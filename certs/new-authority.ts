/**
 * Making an authority: a root, or one that issues under a root.
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { Authority, Plan } from './authority.ts'
import { certifyBody, encodeBody, extensionsFor } from './body.ts'
import { decode } from './der.ts'
import type { Subject } from './distinguished-name.ts'
import { encodeName, readName } from './distinguished-name.ts'
import { CertsError } from './errors.ts'
import type { KeyPair } from './key.ts'
import { checkKey, exportPrivateKey, generateKeyPair, keyIdentifier } from './key.ts'
import { authorityUsage, checkedDays, subordinateProfile } from './profile.ts'
import { signer } from './signature.ts'
import { serialFrom, validityFrom } from './validity.ts'

/** An authority's certificate, followed by its issuers' if it is not a root, and its key: PEM; the key is PKCS#8 and not encrypted. */
export interface AuthorityFiles {
  readonly certificate: string
  readonly key: string
}

/** What `createAuthority` takes. */
export interface CreateAuthorityOptions {
  /** Default `CN=kmipd root`, or `CN=kmipd issuing` below another. Best unlike that of any other authority. */
  readonly subject?: Subject
  /** Default P-256. */
  readonly keyType?: 'P-256' | 'P-384' | 'RSA-3072'
  /** Default 3650, or 1825 below another, with which it ends at the latest. */
  readonly days?: number
  /** How many authorities may follow below. Default 1, or 0 below another. */
  readonly pathLength?: number
  /** The authority that signs it. Default itself: a root. */
  readonly issuer?: Authority
  /** Called before the issuer signs, for whoever keeps a register of what it signed; when it fails, nothing is signed. */
  readonly record?: (plan: Plan) => Promise<void>
  readonly now: Date
}

/**
 * A new authority with a new key. Throws `CertsError` `badSubject` or `badLifetime`, and, below another, what its `plan`
 * throws.
 */
export async function createAuthority(options: CreateAuthorityOptions): Promise<AuthorityFiles> {
  const { keyType = 'P-256', issuer } = options
  const subject = options.subject ?? { commonName: issuer ? 'kmipd issuing' : 'kmipd root' }
  if (!readName(decode(encodeName(subject)), 'the subject').attribute.length) {
    throw new CertsError('badSubject', "the authority's subject is empty; give it a common name")
  }
  checkedDays(options.days ?? 1)
  const keyPair = await generateKeyPair(keyType)
  const certificate = await (issuer ? issuing(subject, keyPair, issuer, options) : root(subject, keyPair, options))
  return { certificate, key: exportPrivateKey(keyPair.privateKey) }
}

async function root(subject: Subject, keyPair: KeyPair, options: CreateAuthorityOptions): Promise<string> {
  const { days = 3650, pathLength = 1, now } = options
  const publicKey = checkKey(keyPair.publicKey)
  const signing = signer(publicKey, keyPair.privateKey)
  const name = encodeName(subject)
  const body = encodeBody(
    {
      serial: serialFrom(randomBytes),
      issuer: name,
      ...validityFrom(now, days),
      subject: name,
      publicKey: publicKey.der,
      extensions: extensionsFor({ usage: authorityUsage, pathLength, name: [] }, publicKey, {
        issuer: keyIdentifier(publicKey.der),
      }),
    },
    signing.algorithm,
  )
  return (await certifyBody(signing, body)).pem
}

async function issuing(
  subject: Subject,
  { publicKey }: KeyPair,
  issuer: Authority,
  { days, pathLength, record, now }: CreateAuthorityOptions,
): Promise<string> {
  const profile = subordinateProfile({
    subject,
    ...(days !== undefined && { days }),
    ...(pathLength !== undefined && { pathLength }),
  })
  const plan = issuer.plan(publicKey, profile, now)
  await record?.(plan)
  return [(await issuer.sign(plan)).pem, ...issuer.chain].join('')
}
