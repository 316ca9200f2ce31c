/**
 * What bundles are made of: the files that most clients take, and words that several of them need.
 *
 * @module
 */
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { type Certificate, exportKeyStore, type KeyType, readCertificate } from '../../certs/index.ts'
import type { Passphrase } from './passphrase.ts'

/** A client and its certificate. */
export interface Certified {
  /** What the client is called here. */
  readonly name: string
  readonly certificate: Certificate
  /** PEM: the issuer first, the root last. */
  readonly chain: readonly string[]
}

/** A client whose key was made here. */
export interface Keyed extends Certified {
  /** PEM, PKCS#8, not encrypted. */
  readonly key: string
  /** Of key stores. */
  readonly passphrase: Passphrase
}

/** Where the client finds what. */
interface Place {
  /** How the client reaches the server. */
  readonly server: ServerAddress
  /** Absolute path of the folder that the files go to. */
  readonly folder: string
}

/** What a bundle for a client that made its own key is made from. */
export interface Signed extends Certified, Place {}

/** What a bundle with a key is made from. */
export interface Issued extends Keyed, Place {}

export interface ServerAddress {
  readonly host: string
  readonly port: number
  /** SHA-256 of the server's certificate, lower-case hexadecimal, if it has one yet. */
  readonly fingerprint?: string | undefined
}

export type Role =
  | 'cert'
  | 'key'
  | 'ca'
  | 'keyStore'
  | 'trustStore'
  | 'passphrase'
  | 'settings'
  | 'createKeyProvider'
  | 'createKeyServer'
  | 'readme'

export interface BundleFile {
  readonly role: Role
  /** Without a folder. */
  readonly name: string
  readonly content: string | Uint8Array
  /** Whether it is for its owner's eyes alone. */
  readonly isSecret?: boolean
  /** One line. */
  readonly words: string
}

/** How a client's files are made, and what is done with them. */
export interface Recipe<Contents> {
  readonly files: (contents: Contents) => readonly BundleFile[] | Promise<readonly BundleFile[]>
  /** Text with the commands to paste. */
  readonly steps: (contents: Contents) => string
}

/** A client that is known, and what it takes: by issuing it a key, or by signing its request, or both. */
export interface Bundle {
  readonly words: string
  /** The type of key that is issued unless another is asked for. Default P-256. */
  readonly keyType?: KeyType
  readonly issue?: Recipe<Issued>
  readonly sign?: Recipe<Signed>
}

export const certificateFile = ({ certificate }: Certified, name = 'cert.pem'): BundleFile => ({
  role: 'cert',
  name,
  content: certificate.pem,
  words: "the client's certificate, PEM",
})

export const keyFile = ({ key }: Keyed, name = 'key.pem'): BundleFile => ({
  role: 'key',
  name,
  content: key,
  isSecret: true,
  words: 'its private key, PEM (PKCS#8), not encrypted: keep it secret',
})

/** For clients that take a file of authorities: all from the issuer up to the root. */
export const authoritiesFile = ({ chain }: Certified, name = 'ca.pem'): BundleFile => ({
  role: 'ca',
  name,
  content: chain.join(''),
  words: 'the authority that the server is known by, PEM',
})

/** For clients that take roots alone; the server sends what is between. */
export const rootFile = (contents: Certified): BundleFile => ({
  role: 'ca',
  name: 'ca.pem',
  content: rootOf(contents),
  words: 'the root authority that the server is known by, PEM',
})

export const rootOf = ({ chain, certificate }: Certified): string => chain.at(-1) ?? certificate.pem

/** What to add where the authority above the last one is not known here. */
export function aboveRoot(contents: Certified): string {
  const { subject, issuer } = readCertificate(rootOf(contents))
  return subject.text === issuer.text
    ? ''
    : `\nca.pem is no root: ${issuer.text} is above it. Put that one's certificate in its place if the client wants a root.\n`
}

/** Certificate, key and authorities: what every client that is built on OpenSSL takes. */
export const pemFiles = (contents: Keyed): BundleFile[] => [
  certificateFile(contents),
  keyFile(contents),
  authoritiesFile(contents),
]

/** PKCS#12, and the file with its passphrase unless whoever gave it has it. */
export const keyStoreFiles = async (contents: Keyed, name: string): Promise<BundleFile[]> => [
  {
    role: 'keyStore',
    name,
    content: await exportKeyStore({ ...contents, passphrase: contents.passphrase.text }),
    isSecret: true,
    words: 'key, certificate and authorities, PKCS#12',
  },
  ...passphraseFile(contents),
]

const passphraseFile = ({ passphrase: { text, isGenerated } }: Keyed): BundleFile[] =>
  isGenerated
    ? [
        {
          role: 'passphrase',
          name: 'passphrase.txt',
          content: `${text}\n`,
          isSecret: true,
          words: 'the passphrase of the PKCS#12 files: keep it secret',
        },
      ]
    : []

export const hostAndPort = ({ host, port }: ServerAddress): string => `${isIPv6(host) ? `[${host}]` : host}:${port}`

export const pathIn = ({ folder }: Place, name: string): string => join(folder, name)

/** A word for a POSIX shell. */
export const shellWord = (text: string): string =>
  /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** How to see that certificate, key and server fit, before the client is touched. */
export const trial = (contents: Issued, names = { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' }): string => {
  const [ca, cert, key] = [names.ca, names.cert, names.key].map(name => shellWord(pathIn(contents, name)))
  return `Try the files first:

  kmipd kmip query --server ${shellWord(hostAndPort(contents.server))} --ca ${ca} --cert ${cert} --key ${key}
`
}
