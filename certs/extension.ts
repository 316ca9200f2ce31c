/**
 * Extensions of certificates and revocation lists (RFC 5280 §4.2, §5.2, §5.3): the few that this library writes and
 * reads, others passed over.
 * @module
 */
import type { Node } from './der.ts'
import {
  bitString,
  boolean,
  children,
  context,
  decode,
  encode,
  expect,
  integer,
  malformed,
  objectIdentifier,
  octetString,
  readObjectIdentifier,
  readSmallInteger,
  sequence,
  tags,
} from './der.ts'

const oids = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  cRLNumber: '2.5.29.20',
  reasonCode: '2.5.29.21',
  deltaCRLIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  nameConstraints: '2.5.29.30',
  cRLDistributionPoints: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  freshestCRL: '2.5.29.46',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  /** Of a question and its answer (RFC 9654 §2.1). */
  nonce: '1.3.6.1.5.5.7.48.1.2',
} as const

export type ExtensionName = keyof typeof oids

/** The bits of keyUsage, in order (RFC 5280 §4.2.1.3). */
const usages = [
  'digitalSignature',
  'contentCommitment',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const

/** What a key may be used for. */
export type KeyUsage = (typeof usages)[number]

const purposes = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  OCSPSigning: '1.3.6.1.5.5.7.3.9',
  anyExtendedKeyUsage: '2.5.29.37.0',
} as const

/** What a certificate is meant for, by its name in RFC 5280 §4.2.1.12. */
export type KeyPurpose = keyof typeof purposes

/** The values of extensions by object identifier. */
export type Extensions = ReadonlyMap<string, Node>

/** Encodes one extension. `critical` is left out when false, its default. */
export const extension = (name: ExtensionName, value: Uint8Array, critical = false): Uint8Array =>
  sequence(objectIdentifier(oids[name]), ...(critical ? [boolean(true)] : []), octetString(value))

/** @param pathLength how many authorities may follow below; absent for a leaf */
export const basicConstraints = (authority: boolean, pathLength?: number): Uint8Array =>
  extension(
    'basicConstraints',
    sequence(...(authority ? [boolean(true)] : []), ...(pathLength === undefined ? [] : [integer(pathLength)])),
    true,
  )

/** Critical, as RFC 5280 §4.2.1.3 advises. DER drops the zero bits at the end. */
export function keyUsage(wanted: readonly KeyUsage[]): Uint8Array {
  const last = Math.max(...wanted.map(usage => usages.indexOf(usage)))
  const octets = new Uint8Array(Math.floor(last / 8) + 1)
  for (const usage of wanted) {
    const bit = usages.indexOf(usage)
    octets.set([(octets[bit >> 3] ?? 0) | (0x80 >> (bit & 7))], bit >> 3)
  }
  return extension('keyUsage', bitString(octets, 7 - (last & 7)), true)
}

export const extendedKeyUsage = (wanted: readonly KeyPurpose[]): Uint8Array =>
  extension('extKeyUsage', sequence(...wanted.map(purpose => objectIdentifier(purposes[purpose]))))

export const subjectKeyIdentifier = (identifier: Uint8Array): Uint8Array =>
  extension('subjectKeyIdentifier', octetString(identifier))

export const authorityKeyIdentifier = (identifier: Uint8Array): Uint8Array =>
  extension('authorityKeyIdentifier', sequence(encode(context(0, false), identifier)))

/** Reads Extensions; each may stand once (RFC 5280 §4.2). */
export function readExtensions(node: Node | undefined): Extensions {
  const found = new Map<string, Node>()
  for (const each of node ? children(node, tags.sequence, 'the extensions') : []) {
    const [type, ...rest] = children(each, tags.sequence, 'an extension')
    const oid = readObjectIdentifier(type, 'an extension')
    if (found.has(oid)) throw malformed(`the extension ${oid} stands twice`)
    found.set(oid, expect(rest.at(-1), tags.octetString, `the extension ${oid}`))
  }
  return found
}

/** The object identifiers of those that must not be passed over, but for the ones named. */
export const criticalBeside = (node: Node | undefined, known: readonly ExtensionName[]): string[] =>
  (node?.child ?? [])
    .filter(({ child: [, critical] }) => critical?.tag === tags.boolean && critical.content[0] !== 0)
    .map(({ child: [type] }) => readObjectIdentifier(type, 'an extension'))
    .filter(oid => !known.some(name => oids[name] === oid))

/** What of a certificate `verifyChain` heeds, or does not need to. */
const heeded = ['basicConstraints', 'keyUsage', 'extKeyUsage', 'subjectAltName', 'subjectKeyIdentifier'] as const

export const isConstraining = (extensions: Node | undefined): boolean =>
  readExtensions(extensions).has(oids.nameConstraints) || criticalBeside(extensions, heeded).length > 0

/** The decoded value of an extension, if it is there. */
export function valueOf(extensions: Extensions, name: ExtensionName): Node | undefined {
  const octets = extensions.get(oids[name])
  return octets && decode(octets.content)
}

/** Whether this is an authority, and how many may follow below it. */
export function readBasicConstraints(extensions: Extensions): { isAuthority: boolean; pathLength?: number } {
  const node = valueOf(extensions, 'basicConstraints')
  const fields = node ? children(node, tags.sequence, 'basicConstraints') : []
  const isAuthority = fields[0]?.tag === tags.boolean && fields[0].content[0] !== 0
  const length = fields.find(({ tag }) => tag === tags.integer)
  return { isAuthority, ...(length && { pathLength: readSmallInteger(length, 'pathLenConstraint') }) }
}

/** Absent when the certificate does not restrict its key. */
export function readKeyUsage(extensions: Extensions): KeyUsage[] | undefined {
  const node = valueOf(extensions, 'keyUsage')
  if (!node) return undefined
  const octets = expect(node, tags.bitString, 'keyUsage').content.subarray(1)
  return usages.filter((_, bit) => ((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0)
}

/** Absent when the certificate serves any purpose. Unknown purposes are given by object identifier. */
export function readExtendedKeyUsage(extensions: Extensions): string[] | undefined {
  const node = valueOf(extensions, 'extKeyUsage')
  return (
    node &&
    children(node, tags.sequence, 'extKeyUsage').map(purpose => {
      const oid = readObjectIdentifier(purpose, 'extKeyUsage')
      return Object.entries(purposes).find(([, value]) => value === oid)?.[0] ?? oid
    })
  )
}

/** Of the key that signed; undefined where it is told by name alone, or not at all. */
export const readAuthorityKeyIdentifier = (extensions: Extensions): Uint8Array | undefined =>
  valueOf(extensions, 'authorityKeyIdentifier')?.child.find(({ tag }) => tag === context(0, false))?.content

export function readSubjectKeyIdentifier(extensions: Extensions): Uint8Array | undefined {
  const node = valueOf(extensions, 'subjectKeyIdentifier')
  return node && expect(node, tags.octetString, 'subjectKeyIdentifier').content
}
