/**
 * The authorities of a data folder, at one time: the one that signs, and those that are trusted beside it.
 *
 * A rollover makes a new one, which signs from then on. The one before is trusted until it is retired, and certifies the
 * root of the new one: whoever trusts only the old one verifies the server through that cross certificate, whoever trusts
 * only the new one does not need it. There is one rollover at a time; the next waits until the last has been ended by
 * retiring the old authority, so that every chain is as short as that.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import {
  type Authority,
  type AuthorityFiles,
  type Certificate,
  openAuthority,
  type Publication,
  readCertificate,
} from '../certs/index.ts'
import { type DataFolder, inFile, inFiles, readWhole } from './data-folder.ts'
import { completeChanges, isChanging } from './folder-changes.ts'

export interface Authorities {
  /** Signs. Its chain ends with the root, if that is known. */
  readonly signing: Authority
  /** Signed until the last rollover; trusted until it is retired. */
  readonly previous?: Authority | undefined
  /** The root above `signing`, if that is not the root itself and the key of the root is here. */
  readonly root?: Authority | undefined
  /** The root of `signing`, as `previous` certifies it. */
  readonly cross?: Certificate | undefined
}

/** Short enough for a file name and an address; of the authority's key. */
export const authorityId = ({ publicKey }: Pick<Certificate, 'publicKey'>): string => publicKey.fingerprint.slice(0, 16)

/**
 * Opens the authorities of a folder, after what an earlier process left half changed has been ended.
 *
 * @param address where HTTPS is reached from outside; what they sign says so. Absent: it says nothing
 * @throws DataFolderError, CertsError
 */
export async function openAuthorities(folder: DataFolder, address?: string): Promise<Authorities> {
  for (let tries = 1; ; tries++) {
    await completeChanges(folder)
    try {
      const authorities = await readAuthorities(folder, address)
      if (!isChanging(folder)) return authorities
    } catch (error) {
      // Files that somebody changes at this moment need not fit together.
      if (!isChanging(folder) || tries > mostTries) throw error
    }
  }
}

const mostTries = 10

async function readAuthorities(folder: DataFolder, address: string | undefined): Promise<Authorities> {
  const { caCertificate, caKey, rootKey, previousCertificate, previousKey, crossCertificate } = folder
  const open = async (certificateFile: string, certificate: string, keyFile: string): Promise<Authority> => {
    const key = await readWhole(keyFile)
    return inFiles(certificateFile, keyFile, () => openPublishing({ certificate, key }, address))
  }
  const signing = await open(caCertificate, await readWhole(caCertificate), caKey)
  const [root = ''] = signing.chain.slice(-1)
  const cross = existsSync(crossCertificate) ? await readWhole(crossCertificate) : undefined
  return {
    signing,
    ...(existsSync(rootKey) && signing.chain.length > 1 ? { root: await open(caCertificate, root, rootKey) } : {}),
    ...(existsSync(previousCertificate)
      ? { previous: await open(previousCertificate, await readWhole(previousCertificate), previousKey) }
      : {}),
    ...(cross === undefined ? {} : { cross: inFile(crossCertificate, () => readCertificate(cross)) }),
  }
}

/** An authority, saying in what it signs where it publishes. */
export const openPublishing = ({ certificate, key }: AuthorityFiles, address: string | undefined): Authority =>
  openAuthority({ certificate, key, publication: own => publicationOf(own, address) })

/** Where an authority publishes. The routes of HTTPS answer there. */
function publicationOf(certificate: Certificate, address: string | undefined): Publication {
  if (address === undefined) return {}
  const base = address.replace(/\/+$/, '')
  const id = authorityId(certificate)
  return {
    authority: `${base}/v1/ca/${id}`,
    statusResponder: `${base}/v1/ocsp/${id}`,
    revocationList: `${base}/v1/crl/${id}`,
    deltaRevocationList: `${base}/v1/crl/${id}/delta`,
  }
}

/** Those of ours that sign, or have signed, and publish revocation lists. */
export const publishing = ({ signing, previous, root }: Authorities): Authority[] =>
  [signing, previous, root].filter(each => each !== undefined)

/** Whose client certificates count: PEM, each once. */
export const trustedChain = (authorities: Authorities): string[] => [
  ...new Set(trustedCertificates(authorities).map(({ pem }) => pem)),
]

const trustedCertificates = ({ signing, previous }: Authorities): Certificate[] => [
  ...signing.certificates,
  ...(previous?.certificates ?? []),
]

/** Names of those of ours whose client certificates are good, and of those above them. */
export const issuersIn = (authorities: Authorities): ReadonlySet<string> =>
  new Set(trustedCertificates(authorities).map(({ subject }) => subject.text))

/** What a server shows after its own certificate: what leads to a root, new or old. A root itself is what clients have. */
export const shownChain = ({ signing, cross }: Authorities): string[] => [
  ...signing.certificates.filter(each => !isSelfSigned(each)).map(({ pem }) => pem),
  ...(cross === undefined ? [] : [cross.pem]),
]

export const isSelfSigned = ({ subject, issuer }: Certificate): boolean => subject.text === issuer.text
