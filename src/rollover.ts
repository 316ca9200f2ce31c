/**
 * How one authority follows another: the new one signs, the old one stays trusted until it is retired.
 *
 * The server's certificate is of the new one at once. A cross certificate, the new root as the old authority certifies it,
 * goes with it, so that clients which trust either of the two verify the server all the time.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import {
  type Authority,
  type AuthorityFiles,
  type Certificate,
  CertsError,
  exportPrivateKey,
  generateKeyPair,
  isIssuedBy,
  openAuthority,
  subordinateProfile,
} from '../certs/index.ts'
import { type Authorities, isSelfSigned, openAuthorities, openPublishing } from './authorities.ts'
import type { Config } from './config.ts'
import {
  adopted,
  type AuthorityKeyType,
  authorityKeyTypes,
  type AuthoritySource,
  type DataFolder,
  newRoot,
  readWhole,
} from './data-folder.ts'
import { changeFiles, type FileChange } from './folder-changes.ts'
import type { Issued } from './issued.ts'
import { filesOf, isOurs, makeServerCredentials, namesOf, presentCredentials } from './server-certificate.ts'

/** A rollover or a retirement that cannot be, with what to do about it. */
export class RolloverError extends Error {
  override readonly name = 'RolloverError'
}

/** What is needed of what is open. */
export interface Chancery {
  readonly folder: DataFolder
  readonly config: Pick<Config, 'https' | 'tls'>
  readonly issued: Issued
}

/** Below a root under which another authority signs: the next root, and that one's. */
export const rootAndIssuing = 2

/** Makes an authority that signs under the root that signed until now; for a folder that has not served yet. */
export async function descend(
  { folder, config, issued }: Chancery,
  keyType: AuthorityKeyType | undefined,
  now: Date,
): Promise<void> {
  await changeFiles(folder, async () => {
    const { signing: root } = await openAuthorities(folder, config.https.address)
    const files = await issuingUnder(root, keyType, issued, now)
    const rootKey = { path: folder.rootKey, content: await readWhole(folder.caKey) }
    return { files: [rootKey, ...authorityFiles(folder, files)], result: undefined }
  })
}

export interface RolloverOptions {
  /** Of the new authority. Default that of the present one. */
  readonly keyType?: AuthorityKeyType | undefined
  /** The new authority, if there is one already. Default: one is made. */
  readonly source?: AuthoritySource | undefined
  /** Whether a new root is made, too, where an authority under a root signs. Default false. */
  readonly isRoot?: boolean | undefined
  /** PEM of the root's key, if that is kept elsewhere. */
  readonly rootKey?: string | undefined
  /** Whether to do without the cross certificate. Default false. */
  readonly isWithoutCross?: boolean | undefined
}

/**
 * Makes a new authority, which signs from now on, and a server certificate of it.
 *
 * @throws RolloverError if the last rollover has not been ended, or a key that is needed is not here; CertsError
 */
export function rollOver(chancery: Chancery, options: RolloverOptions, now: Date): Promise<Authorities> {
  const { folder, config, issued } = chancery
  return changeFiles(folder, async () => {
    const old = await openAuthorities(folder, config.https.address)
    if (old.previous !== undefined)
      throw new RolloverError(
        `the authority ${old.previous.certificate.subject.text} is still trusted from the last rollover; retire it first: kmipd ca retire`,
      )
    const { files, root, rootKey } = await successor(old, options, chancery, now)
    const signing = openPublishing(files, config.https.address)
    refuseNamesake(signing.certificate, old.signing.certificate)
    await refuseRetired(signing.certificate, issued)
    const cross = options.isWithoutCross ? undefined : await crossOf(old, signing, options, issued, now)
    const next: Authorities = { signing, previous: old.signing, root, cross }
    const previous = [
      { path: folder.previousCertificate, content: old.signing.chain.join(''), mode: 0o644 },
      { path: folder.previousKey, content: await readWhole(folder.caKey) },
      { path: folder.crossCertificate, content: cross?.pem, mode: 0o644 },
    ]
    const above = rootKey === undefined ? [] : [{ path: folder.rootKey, content: rootKey }]
    const server = await serverFiles(chancery, next, now)
    return { files: [...previous, ...above, ...authorityFiles(folder, files), ...server], result: next }
  })
}

const authorityFiles = (folder: DataFolder, { certificate, key }: AuthorityFiles): FileChange[] => [
  { path: folder.caKey, content: key },
  { path: folder.caCertificate, content: certificate, mode: 0o644 },
]

interface Successor {
  readonly files: AuthorityFiles
  /** The root above it, if its key is here. */
  readonly root?: Authority | undefined
  /** That key, if it is new here. */
  readonly rootKey?: string | undefined
}

async function successor(
  old: Authorities,
  { source, isRoot = false, rootKey, keyType = keyTypeOf(old.signing) }: RolloverOptions,
  { config, issued }: Chancery,
  now: Date,
): Promise<Successor> {
  if (source !== undefined) return { files: adopted(source) }
  const { address } = config.https
  const { certificate, chain } = old.signing
  if (chain.length === 1 && isSelfSigned(certificate)) return { files: await newRoot({ keyType }, now) }
  if (isRoot) {
    const above = await newRoot({ keyType, pathLength: rootAndIssuing }, now)
    const root = openPublishing(above, address)
    return { files: await issuingUnder(root, keyType, issued, now), root, rootKey: above.key }
  }
  const root = rootOf(old, rootKey, address)
  return { files: await issuingUnder(root, keyType, issued, now), root: old.root }
}

/** The present root, to sign with. */
function rootOf({ signing, root }: Authorities, key: string | undefined, address: string | undefined): Authority {
  const certificate = signing.chain.at(-1) ?? ''
  if (key !== undefined) return openPublishing({ certificate, key }, address)
  if (root !== undefined) return root
  throw new RolloverError(
    `${signing.certificate.subject.text} was signed by ${signing.certificate.issuer.text}, whose key is not here; give it with --root-key, or a new authority with --ca-cert and --ca-key`,
  )
}

async function issuingUnder(
  root: Authority,
  keyType: AuthorityKeyType | undefined,
  issued: Issued,
  now: Date,
): Promise<AuthorityFiles> {
  const { publicKey, privateKey } = await generateKeyPair(keyType)
  const subject = { commonName: `kmipd issuing CA ${randomBytes(4).toString('hex')}` }
  const certificate = await issued.sign(
    root,
    root.plan(publicKey, subordinateProfile({ subject }), now),
    'authority',
    now,
  )
  return { certificate: [certificate.pem, ...root.chain].join(''), key: exportPrivateKey(privateKey) }
}

const keyTypeOf = ({ certificate }: Authority): AuthorityKeyType | undefined =>
  authorityKeyTypes.find(type => certificate.publicKey.description.endsWith(type.replace('RSA-', 'RSA ')))

/** The register and revocation lists tell authorities apart by name. */
function refuseNamesake({ subject, publicKey }: Certificate, old: Certificate): void {
  if (publicKey.fingerprint === old.publicKey.fingerprint)
    throw new RolloverError(`the new authority has the key of the present one, ${old.subject.text}; give another`)
  if (subject.text === old.subject.text)
    throw new RolloverError(
      `the new authority is called ${subject.text}, as the present one is; give one of another name`,
    )
}

/** Nothing is signed any more in the name of an authority that was retired. */
async function refuseRetired({ subject }: Certificate, issued: Issued): Promise<void> {
  const isRetired = (await issued.list()).some(
    entry => entry.kind === 'authority' && entry.revoked !== undefined && entry.subject === subject.text,
  )
  if (isRetired)
    throw new RolloverError(`an authority ${subject.text} was retired here before; give one of another name`)
}

/** The new root, as the old authority certifies it; undefined if whoever trusts the old one trusts the new one already. */
async function crossOf(
  { signing, root }: Authorities,
  next: Authority,
  { rootKey }: RolloverOptions,
  issued: Issued,
  now: Date,
): Promise<Certificate | undefined> {
  const top = next.certificates.at(-1)
  if (
    top === undefined ||
    signing.certificates.some(each => each.fingerprint === top.fingerprint || isIssuedBy(top, each))
  )
    return undefined
  const certificate = signing.chain.at(-1) ?? ''
  const issuer = root ?? (rootKey === undefined ? signing : openAuthority({ certificate, key: rootKey }))
  try {
    const plan = issuer.crossCertify(top, now)
    const cross = await issued.sign(issuer, plan, 'cross', now)
    if ((cross.pathLength ?? Infinity) >= next.certificates.length - 1) return cross
  } catch (error) {
    if (!(error instanceof CertsError) || error.code !== 'notAnAuthority') throw error
  }
  throw new RolloverError(
    `the authority ${issuer.certificate.subject.text} allows no authority below it that could certify the new one; give the new ca.pem to all clients before, and say --no-cross`,
  )
}

/** The server's certificate anew, unless it is the administrator's own. */
async function serverFiles(
  { folder, config, issued }: Chancery,
  next: Authorities,
  now: Date,
): Promise<readonly FileChange[]> {
  const present = await presentCredentials(folder)
  if (present === undefined || !(await isOurs(present.leaf, next, issued))) return []
  return filesOf(folder, await makeServerCredentials(next, issued, namesOf(present.leaf), config.tls.serverKey, now))
}
