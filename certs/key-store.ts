/**
 * PKCS#12 files (RFC 7292) for clients that keep their keys in one: a key with its certificates, or certificates to trust.
 *
 * Written the way that current software reads and old ciphers do not weaken: AES-256-CBC under PBES2 with
 * PBKDF2-HMAC-SHA-256, integrity by HMAC-SHA-256. OpenSSL 1.1 and Java 8u301 and all later ones read that. Nothing is read
 * here. Whoever can guess the passphrase has the key, however many iterations there are: let a generator choose it.
 * @module
 */
import { createCipheriv, createHmac, pbkdf2, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { Certificate } from './certificate.ts'
import { checkLinks, matchesKey, readCertificate, readCertificates } from './certificate.ts'
import { context, encode, integer, objectIdentifier, octetString, sequence, set, tags } from './der.ts'
import { CertsError } from './errors.ts'
import { readPrivateKey } from './key.ts'

const oids = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  keyBag: '1.2.840.113549.1.12.10.1.2',
  certificateBag: '1.2.840.113549.1.12.10.1.3',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  friendlyName: '1.2.840.113549.1.9.20',
  localKeyId: '1.2.840.113549.1.9.21',
  /** Java's own: without it, a certificate that stands alone is passed over. */
  trustedKeyUsage: '2.16.840.1.113894.746875.1.1',
  anyExtendedKeyUsage: '2.5.29.37.0',
  pbes2: '1.2.840.113549.1.5.13',
  pbkdf2: '1.2.840.113549.1.5.12',
  hmacWithSha256: '1.2.840.113549.2.9',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
  sha256: '2.16.840.1.101.3.4.2.1',
} as const

/** As many as Java itself uses. */
const iterations = 10_000

/** Java's keytool takes none that is shorter. */
const minPassphrase = 6

/** What `exportKeyStore` takes. */
export interface KeyStoreOptions {
  readonly certificate: Certificate
  /** PEM, not encrypted: RSA, EC or Ed25519. */
  readonly key: string
  /** The issuers of the certificate in order, PEM each, as an authority's `chain`. */
  readonly chain: readonly string[]
  /** At least 6 characters of printable ASCII. */
  readonly passphrase: string
  /** What the entry is called, such as the client's name; Java calls it the alias. */
  readonly name: string
}

/** What `exportTrustStore` takes. */
export interface TrustStoreOptions {
  /** Whom to trust, PEM each. At least one. */
  readonly certificates: readonly string[]
  /** At least 6 characters of printable ASCII. */
  readonly passphrase: string
}

/**
 * A key, its certificate and the chain, encrypted. Throws `CertsError` `badPassphrase`, `badName`, `keyMismatch`,
 * `brokenChain`, `notAKey`, `notACertificate`.
 */
export async function exportKeyStore(options: KeyStoreOptions): Promise<Uint8Array> {
  const { certificate, key, chain, passphrase, name } = options
  checkPassphrase(passphrase)
  if (!/^\P{Cc}{1,128}$/u.test(name)) {
    throw new CertsError(
      'badName',
      'the name of the key is empty, too long or not plain text; wanted 1 to 128 characters',
    )
  }
  if (!matchesKey(certificate, key)) {
    throw new CertsError('keyMismatch', `the key does not belong to the certificate of "${certificate.subject.text}"`)
  }
  const issuers = chain.map(readCertificate)
  checkLinks([certificate, ...issuers], true)
  const own = [
    attribute(oids.friendlyName, bmpString(name)),
    attribute(oids.localKeyId, octetString(identify(certificate))),
  ]
  const certificates = [certificateBag(certificate, own), ...issuers.map(issuer => certificateBag(issuer, []))]
  const keyBag = bag(oids.keyBag, await encryptKey(readPrivateKey(key), passphrase), own)
  return store([await encrypted(sequence(...certificates), passphrase), data(sequence(keyBag))], passphrase)
}

/**
 * Certificates to trust, as Java's keytool would write them, encrypted. A certificate that is given twice stands once.
 * Throws `CertsError` `badPassphrase`, `notACertificate`, `malformed`.
 */
export async function exportTrustStore({ certificates, passphrase }: TrustStoreOptions): Promise<Uint8Array> {
  checkPassphrase(passphrase)
  const all = new Map(certificates.flatMap(readCertificates).map(each => [each.fingerprint, each]))
  if (!all.size) throw new CertsError('notACertificate', 'found no certificate to trust; give at least one')
  const bags = Array.from(all.values(), each =>
    certificateBag(each, [
      attribute(oids.friendlyName, bmpString(aliasOf(each))),
      attribute(oids.trustedKeyUsage, objectIdentifier(oids.anyExtendedKeyUsage)),
    ]),
  )
  return store([await encrypted(sequence(...bags), passphrase)], passphrase)
}

/**
 * Whether the exports here take a passphrase: beyond ASCII, programs differ in how they encode one, and Java takes none.
 * Throws `CertsError` `badPassphrase`.
 */
export function checkPassphrase(passphrase: string): void {
  if (passphrase.length >= minPassphrase && /^[ -~]+$/.test(passphrase)) return
  const found =
    passphrase.length < minPassphrase ? `${passphrase.length} characters` : 'characters outside printable ASCII'
  throw new CertsError('badPassphrase', `the passphrase has ${found}; wanted at least ${minPassphrase}, in ASCII`)
}

/** Unlike any other certificate's: Java keeps one entry of an alias, whatever its case. */
const aliasOf = ({ subject, fingerprint }: Certificate) =>
  `${(subject.commonName ?? subject.text).slice(0, 64)} ${fingerprint.slice(0, 16)}`.trim()

const identify = ({ fingerprint }: Certificate) => Buffer.from(fingerprint, 'hex')

const bmpString = (value: string) => encode(tags.bmpString, Buffer.from(value, 'utf16le').swap16())

const attribute = (type: string, value: Uint8Array) => sequence(objectIdentifier(type), set(value))

/** A SafeBag. DER sorts the values of a set (X.690 §11.6). */
const bag = (type: string, value: Uint8Array, attributes: readonly Uint8Array[]) =>
  sequence(
    objectIdentifier(type),
    encode(context(0), value),
    ...(attributes.length ? [set(...attributes.toSorted((a, b) => Buffer.compare(a, b)))] : []),
  )

const certificateBag = ({ der }: Certificate, attributes: readonly Uint8Array[]) =>
  bag(
    oids.certificateBag,
    sequence(objectIdentifier(oids.x509Certificate), encode(context(0), octetString(der))),
    attributes,
  )

/** ContentInfo of bytes as they are. */
const data = (content: Uint8Array) => sequence(objectIdentifier(oids.data), encode(context(0), octetString(content)))

/** ContentInfo of bytes that are encrypted. */
async function encrypted(content: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const { algorithm, ciphertext } = await encrypt(content, passphrase)
  const info = sequence(objectIdentifier(oids.data), algorithm, encode(context(0, false), ciphertext))
  return sequence(objectIdentifier(oids.encryptedData), encode(context(0), sequence(integer(0), info)))
}

/** EncryptedPrivateKeyInfo (RFC 5958 §3) */
async function encryptKey(key: KeyObject, passphrase: string): Promise<Uint8Array> {
  const plain = key.export({ type: 'pkcs8', format: 'der' })
  try {
    const { algorithm, ciphertext } = await encrypt(plain, passphrase)
    return sequence(algorithm, octetString(ciphertext))
  } finally {
    plain.fill(0)
  }
}

/** PBES2 (RFC 8018 §6.2), each time with a new salt. */
async function encrypt(plain: Uint8Array, passphrase: string) {
  const salt = randomBytes(16)
  const iv = randomBytes(16)
  const key = await promisify(pbkdf2)(passphrase, salt, iterations, 32, 'sha256')
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()])
  key.fill(0)
  const prf = sequence(objectIdentifier(oids.hmacWithSha256), encode(tags.null))
  const derivation = sequence(objectIdentifier(oids.pbkdf2), sequence(octetString(salt), integer(iterations), prf))
  const scheme = sequence(objectIdentifier(oids.aes256Cbc), octetString(iv))
  return { algorithm: sequence(objectIdentifier(oids.pbes2), sequence(derivation, scheme)), ciphertext }
}

/** PFX: the contents, and their integrity under the passphrase (RFC 7292 §4). */
async function store(contents: readonly Uint8Array[], passphrase: string): Promise<Uint8Array> {
  const safe = sequence(...contents)
  const salt = randomBytes(16)
  const key = await integrityKey(passphrase, salt)
  const digest = createHmac('sha256', key).update(safe).digest()
  key.fill(0)
  const digestInfo = sequence(sequence(objectIdentifier(oids.sha256), encode(tags.null)), octetString(digest))
  return sequence(integer(3), data(safe), sequence(digestInfo, octetString(salt), integer(iterations)))
}

/**
 * RFC 7292 appendix B, which node:crypto lacks. node-forge takes long to load, and most processes never come here.
 */
async function integrityKey(passphrase: string, salt: Buffer): Promise<Buffer> {
  const { default: forge } = await import('node-forge')
  const octets = forge.util.createBuffer(salt.toString('latin1'))
  const key = forge.pkcs12.generateKey(passphrase, octets, 3, iterations, 32, forge.md.sha256.create())
  return Buffer.from(key.getBytes(), 'latin1')
}
