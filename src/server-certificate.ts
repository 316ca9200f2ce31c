/**
 * The server's own certificate: which one it shows, and when it gets a new one.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import {
  type Certificate,
  CertsError,
  exportPrivateKey,
  generateKeyPair,
  isIssuedBy,
  type KeyType,
  matchesKey,
  readCertificate,
  readPrivateKey,
  serverProfile,
} from '../certs/index.ts'
import { type Authorities, publishing, shownChain } from './authorities.ts'
import { type DataFolder, DataFolderError, inFile, readWhole } from './data-folder.ts'
import { changeFiles, type FileChange } from './folder-changes.ts'
import type { Issued } from './issued.ts'

/** What the server shows: PEM, the leaf first, and its key. */
export interface ServerCredentials {
  readonly certificate: string
  readonly key: string
  readonly leaf: Certificate
}

export interface ServerWishes {
  /** Names and addresses that it must have, beside those that it has. */
  readonly hosts: readonly string[]
  readonly keyType: KeyType
  /** Whether to make a new one, however good the present one is. Default false. */
  readonly isRenewal?: boolean | undefined
}

/** Renewed when it has fewer days left. */
export const renewalDays = 30
const dayMs = 86_400_000

/** Whose certificates they are, and where they are kept. */
interface Chancery {
  readonly folder: DataFolder
  readonly authorities: Authorities
  readonly issued: Issued
}

/**
 * The server's certificate: the one that is there if it names every host and lasts, else a new one for a new key. One
 * that another authority signed is the administrator's own and is used as it is.
 *
 * @throws DataFolderError if the certificate is the administrator's own and its key is another one's, or it was to be renewed
 */
export async function serverCredentials(
  chancery: Chancery,
  wishes: ServerWishes,
  now: Date,
): Promise<ServerCredentials> {
  if (wishes.isRenewal !== true) {
    const present = await presentCredentials(chancery.folder)
    if (present !== undefined && (await judge(present, chancery, wishes, now)) === 'good') return present
  }
  return changeFiles(chancery.folder, () => renewed(chancery, wishes, now))
}

interface Decision {
  readonly files: readonly FileChange[]
  readonly result: ServerCredentials
}

async function renewed(chancery: Chancery, wishes: ServerWishes, now: Date): Promise<Decision> {
  const { folder, authorities } = chancery
  const present = await presentCredentials(folder)
  const verdict = present && (await judge(present, chancery, wishes, now))
  if (present === undefined || verdict === 'outworn' || (wishes.isRenewal && verdict !== 'foreign')) {
    const names = namesWanted(present, wishes)
    try {
      const result = await makeServerCredentials(authorities, chancery.issued, names, wishes.keyType, now)
      return { files: filesOf(folder, result), result }
    } catch (error) {
      // An authority that has ended signs nothing more; what it signed before may still do for those who pass over dates.
      const isOver = error instanceof CertsError && (error.code === 'expired' || error.code === 'notYetValid')
      if (!isOver || wishes.isRenewal || present === undefined || !matchesKey(present.leaf, present.key)) throw error
      return { files: [], result: present }
    }
  }
  if (wishes.isRenewal)
    throw new DataFolderError(
      `${folder.serverCertificate} was signed by ${present.leaf.issuer.text}, which is no authority of kmipd; put a new one in its place, with its key in ${folder.serverKey}: a running server takes it up`,
    )
  if (verdict === 'good' || verdict === 'foreign') return { files: [], result: present }
  const result = withChain(present, authorities)
  return { files: filesOf(folder, result), result }
}

/**
 * `foreign`: the administrator's own. `outworn`: a new one is to be made, as for a pair of which somebody changed one half.
 * `misled`: the certificate is good, and what is shown after it is not what leads to the roots now.
 */
type Verdict = 'good' | 'foreign' | 'outworn' | 'misled'

async function judge(
  present: ServerCredentials,
  { folder, authorities, issued }: Chancery,
  wishes: ServerWishes,
  now: Date,
): Promise<Verdict> {
  const { leaf, key } = present
  const { signing } = authorities
  const isOfSigning = isIssuedBy(leaf, signing.certificate)
  if (!isOfSigning && !(await isOurs(leaf, authorities, issued))) {
    if (matchesKey(leaf, key)) return 'foreign'
    throw new DataFolderError(
      `${folder.serverKey} is not the key of ${folder.serverCertificate}; put the right one there, or remove both to have new ones made`,
    )
  }
  const lasts = leaf.notAfter.getTime() - now.getTime() > renewalDays * dayMs
  const isLongest = signing.certificates.some(({ notAfter }) => notAfter <= leaf.notAfter)
  const isGood =
    isOfSigning &&
    (lasts || isLongest) &&
    namesWanted(present, wishes).length === namesOf(leaf).length &&
    leaf.publicKey.description === describe(wishes.keyType) &&
    matchesKey(leaf, key)
  if (!isGood) return 'outworn'
  return withChain(present, authorities).certificate === present.certificate ? 'good' : 'misled'
}

/** Whether an authority of ours has signed it, even one that was retired. */
export async function isOurs(leaf: Certificate, authorities: Authorities, issued: Issued): Promise<boolean> {
  if (publishing(authorities).some(({ certificate }) => isIssuedBy(leaf, certificate))) return true
  const entry = await issued.numbered({ issuer: leaf.issuer.text, serialNumber: leaf.serialNumber })
  return entry?.fingerprint === leaf.fingerprint
}

const namesWanted = (present: ServerCredentials | undefined, { hosts }: ServerWishes): string[] => [
  ...new Set([...(present === undefined ? [] : namesOf(present.leaf)), ...hosts.map(canonical)]),
]

/** The server's certificate as the folder has it; undefined if it has none. @throws CertsError, DataFolderError */
export async function presentCredentials(folder: DataFolder): Promise<ServerCredentials | undefined> {
  if (!existsSync(folder.serverCertificate) || !existsSync(folder.serverKey)) return undefined
  const certificate = await readWhole(folder.serverCertificate)
  const key = await readWhole(folder.serverKey)
  const leaf = inFile(folder.serverCertificate, () => readCertificate(certificate))
  inFile(folder.serverKey, () => readPrivateKey(key))
  return { certificate, key, leaf }
}

/** As certificates spell it: an IPv6 address in its short form, a name in lower case. RFC 5952 */
const canonical = (host: string): string =>
  isIPv6(host) ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host.toLowerCase()

const describe = (keyType: KeyType): string =>
  keyType.replace(/^P-/, 'EC P-').replace('-', keyType.startsWith('RSA') ? ' ' : '-')

/** A new key and its certificate, entered before it is signed; no file is written. */
export async function makeServerCredentials(
  authorities: Authorities,
  issued: Issued,
  hosts: readonly string[],
  keyType: KeyType,
  now: Date,
): Promise<ServerCredentials> {
  const { signing } = authorities
  const { publicKey, privateKey } = await generateKeyPair(keyType)
  const plan = signing.plan(publicKey, serverProfile({ names: [...hosts] }), now)
  const leaf = await issued.sign(signing, plan, 'server', now)
  return withChain({ certificate: leaf.pem, key: exportPrivateKey(privateKey), leaf }, authorities)
}

/** The same certificate, followed by what leads from it to the roots. */
export const withChain = (credentials: ServerCredentials, authorities: Authorities): ServerCredentials => ({
  ...credentials,
  certificate: [credentials.leaf.pem, ...shownChain(authorities)].join(''),
})

export const filesOf = (folder: DataFolder, { key, certificate }: ServerCredentials): FileChange[] => [
  { path: folder.serverKey, content: key },
  { path: folder.serverCertificate, content: certificate, mode: 0o644 },
]

export const namesOf = ({ subjectAlternativeName }: Certificate): string[] =>
  subjectAlternativeName.filter(({ type }) => type === 'dNSName' || type === 'iPAddress').map(({ value }) => value)

/** By which this machine calls itself, whatever others call it. */
export const loopback: readonly string[] = ['localhost', '127.0.0.1', '::1']

/** The names and addresses by which clients may call this machine, unless told otherwise. */
export function defaultHosts(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap(list =>
    (list ?? []).filter(({ internal, address }) => !internal && !isLinkLocal(address)).map(({ address }) => address),
  )
  return [...new Set([hostname(), ...addresses])]
}

const isLinkLocal = (address: string): boolean => /^fe80:/i.test(address)
