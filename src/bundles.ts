/**
 * Bundles: for each known client the files that it takes, as it takes them, and what to do with them.
 *
 * Which files, names and formats comes from each client's documentation or source code. A client that is not in the table
 * takes `cert.pem`, `key.pem` and `ca.pem`, most likely.
 *
 * @module
 */
import { synology, truenas, vcenter } from './bundles/appliances.ts'
import { ceph, mongodb, perconaMysql, pgTde } from './bundles/databases.ts'
import { java, libkmip, pykmip } from './bundles/libraries.ts'
import { element, ontap } from './bundles/netapp.ts'
import { type Bundle, type BundleFile, type Keyed, keyStoreFiles, pemFiles, type Recipe } from './bundles/recipe.ts'

export type { Passphrase } from './bundles/passphrase.ts'
export { newPassphrase } from './bundles/passphrase.ts'
export type { Bundle, BundleFile, Issued, Keyed, Recipe, ServerAddress, Signed } from './bundles/recipe.ts'
export { hostAndPort } from './bundles/recipe.ts'

export const bundles = {
  ontap,
  element,
  vcenter,
  synology,
  truenas,
  mongodb,
  'percona-mysql': perconaMysql,
  'pg-tde': pgTde,
  ceph,
  java,
  pykmip,
  libkmip,
} as const satisfies Readonly<Record<string, Bundle>>

export type BundleName = keyof typeof bundles

export const bundleNames = Object.keys(bundles) as BundleName[]

/** For a client that is not known: certificate, key and authorities. */
export const plainFiles = (contents: Keyed): BundleFile[] => pemFiles(contents)

/** The same files with a PKCS#12 key store among them, if there is none. */
export const withKeyStore = async (files: readonly BundleFile[], contents: Keyed): Promise<readonly BundleFile[]> =>
  files.some(({ role }) => role === 'keyStore') ? files : [...files, ...(await keyStoreFiles(contents, 'client.p12'))]

/** The text of README.txt: what the files are, and the steps. */
export function readme<C extends { readonly name: string }>(
  words: string,
  files: readonly BundleFile[],
  { steps }: Recipe<C>,
  contents: C,
): BundleFile {
  const width = Math.max(...files.map(({ name }) => name.length))
  const list = files.map(({ name, words }) => `  ${name.padEnd(width)}  ${words}`).join('\n')
  return {
    role: 'readme',
    name: 'README.txt',
    content: `${contents.name} on ${words}: KMIP client of kmipd\n\n${list}\n\n${steps(contents)}`,
    words: 'this text',
  }
}
