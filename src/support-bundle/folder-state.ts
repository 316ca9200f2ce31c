/**
 * What is in the data folder, and whether its certificates are as they should be.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { lstat, readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { type Certificate, matchesKey, readCertificates } from '../../certs/index.ts'
import type { DataFolder } from '../data-folder.ts'

/** A folder that is somebody's home directory by mistake is not listed whole. */
const mostEntries = 1000
const deepest = 4

export interface FolderEntry {
  readonly name: string
  readonly type: 'file' | 'folder' | 'link' | 'other'
  /** As chmod takes it. */
  readonly mode: string
  readonly owner: string
  readonly bytes: number
  readonly changed: string
}

/** Everything in a folder, by its name from there, the folder itself first; links are not followed. */
export async function listing(root: string): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = []
  async function visit(path: string, depth: number): Promise<void> {
    if (entries.length >= mostEntries) return
    const stats = await lstat(path)
    entries.push({
      name: relative(root, path) || '.',
      type: stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : stats.isSymbolicLink() ? 'link' : 'other',
      mode: (stats.mode & 0o7777).toString(8).padStart(4, '0'),
      owner: `${stats.uid}:${stats.gid}`,
      bytes: stats.size,
      changed: stats.mtime.toISOString(),
    })
    if (!stats.isDirectory() || depth >= deepest) return
    for (const name of (await readdir(path)).sort()) await visit(join(path, name), depth + 1)
  }
  await visit(root, 0)
  return entries
}

/** The certificates in the files of the folder that have some, each as it stands. */
export async function certificateStates(folder: DataFolder, now: Date): Promise<Record<string, unknown>> {
  const { caCertificate, caKey, previousCertificate, previousKey, crossCertificate } = folder
  const files: readonly (readonly [path: string, key?: string])[] = [
    [folder.serverCertificate, folder.serverKey],
    [caCertificate, caKey],
    [previousCertificate, previousKey],
    [crossCertificate],
  ]
  const present = files.filter(([path]) => existsSync(path))
  return Object.fromEntries(
    await Promise.all(present.map(async ([path, key]) => [relative(folder.path, path), await stateOf(path, key, now)])),
  ) as Record<string, unknown>
}

async function stateOf(path: string, keyPath: string | undefined, now: Date): Promise<unknown> {
  try {
    const certificates = readCertificates(await readFile(path))
    const [leaf] = certificates
    const key = keyPath === undefined || !existsSync(keyPath) ? undefined : await readFile(keyPath)
    return {
      ...(key === undefined || leaf === undefined ? {} : { isOfItsKey: matchesKey(leaf, key) }),
      certificates: certificates.map(each => certificateState(each, now)),
    }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

const dayMs = 86_400_000

export const certificateState = (certificate: Certificate, now: Date) => ({
  subject: certificate.subject.text,
  issuer: certificate.issuer.text,
  serialNumber: certificate.serialNumber,
  fingerprint: certificate.fingerprint,
  notBefore: certificate.notBefore.toISOString(),
  notAfter: certificate.notAfter.toISOString(),
  daysLeft: Math.floor((certificate.notAfter.getTime() - now.getTime()) / dayMs),
  names: certificate.subjectAlternativeName.map(({ value }) => value),
  publicKey: certificate.publicKey.description,
  signatureAlgorithm: certificate.signatureAlgorithm,
  isAuthority: certificate.isAuthority,
  keyUsage: certificate.keyUsage,
  extendedKeyUsage: certificate.extendedKeyUsage,
})
