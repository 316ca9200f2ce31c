/**
 * Where an authority publishes: its certificate, its revocation lists, its answers on the status of a certificate. The
 * addresses go into what it signs (RFC 5280 §4.2.1.13, §4.2.1.15, §4.2.2.1), so that a verifier finds them by itself.
 * @module
 */
import type { Certificate } from './certificate.ts'
import type { Node } from './der.ts'
import { context, encode, objectIdentifier, readObjectIdentifier, sequence } from './der.ts'
import { CertsError } from './errors.ts'
import { extension, readExtensions, valueOf } from './extension.ts'
import { certificateExtensions } from './certificate.ts'

/** Addresses, `http:` or `https:` each; what is absent is not mentioned in certificates. */
export interface Publication {
  /** The authority's own certificate, in DER (media type `application/pkix-cert`). */
  readonly authority?: string
  /** The OCSP responder. */
  readonly statusResponder?: string
  /** The full revocation list, in DER (`application/pkix-crl`). */
  readonly revocationList?: string
  /** The revocation list of what changed since the full one, in DER. */
  readonly deltaRevocationList?: string
}

const accessMethods = {
  statusResponder: '1.3.6.1.5.5.7.48.1',
  authority: '1.3.6.1.5.5.7.48.2',
} as const

const uri = context(6, false)

/** The addresses in the form that is written. Throws `CertsError` `badName`. */
export function checkPublication(publication: Publication): Publication {
  for (const [name, address] of Object.entries(publication) as [keyof Publication, string][]) {
    const url = URL.canParse(address) ? new URL(address) : undefined
    if (!url || !/^https?:$/.test(url.protocol) || /[^!-~]/.test(address)) {
      const found = `the address of publication, ${name}, is ${JSON.stringify(address.slice(0, 64))}`
      throw new CertsError('badName', `${found}; wanted a URL in ASCII that begins with http:// or https://`)
    }
  }
  return publication
}

/** The extensions of a certificate whose issuer publishes there. */
export const publicationExtensions = (publication: Publication): Uint8Array[] => [
  ...(publication.statusResponder || publication.authority ? [authorityInfoAccess(publication)] : []),
  ...(publication.revocationList
    ? [extension('cRLDistributionPoints', distributionPoints(publication.revocationList))]
    : []),
  ...freshestList(publication),
]

/** Where the delta to a full list is; goes into certificates and full lists (RFC 5280 §5.2.6). */
export const freshestList = ({ deltaRevocationList }: Publication): Uint8Array[] =>
  deltaRevocationList ? [extension('freshestCRL', distributionPoints(deltaRevocationList))] : []

/**
 * What a certificate says of where its issuer publishes: of several addresses of a kind, the first `http:` or `https:` one.
 * Throws `CertsError` `malformed`.
 */
export function readPublication(certificate: Certificate): Publication {
  const extensions = readExtensions(certificateExtensions(certificate))
  const access = valueOf(extensions, 'authorityInfoAccess')?.child ?? []
  const accessTo = (method: string) =>
    access
      .filter(({ child: [type] }) => readObjectIdentifier(type, 'an access method') === method)
      .flatMap(({ child: [, location] }) => addressIn(location))[0]
  const list = (name: 'cRLDistributionPoints' | 'freshestCRL') =>
    (valueOf(extensions, name)?.child ?? [])
      .flatMap(point => point.child.filter(({ tag }) => tag === context(0)))
      .flatMap(name => name.child.filter(({ tag }) => tag === context(0)))
      .flatMap(fullName => fullName.child.flatMap(addressIn))[0]
  const found = {
    authority: accessTo(accessMethods.authority),
    statusResponder: accessTo(accessMethods.statusResponder),
    revocationList: list('cRLDistributionPoints'),
    deltaRevocationList: list('freshestCRL'),
  }
  return Object.fromEntries(Object.entries(found).filter(([, address]) => address !== undefined))
}

function addressIn(name: Node | undefined): string[] {
  const address = name?.tag === uri ? Buffer.from(name.content).toString('latin1') : ''
  return /^https?:\/\/[!-~]+$/i.test(address) ? [address] : []
}

const location = (address: string) => encode(uri, Buffer.from(address, 'latin1'))

function authorityInfoAccess(publication: Publication): Uint8Array {
  const methods = Object.entries(accessMethods) as [keyof typeof accessMethods, string][]
  const descriptions = methods.flatMap(([name, method]) => {
    const address = publication[name]
    return address ? [sequence(objectIdentifier(method), location(address))] : []
  })
  return extension('authorityInfoAccess', sequence(...descriptions))
}

/** One point whose full name is that address. */
const distributionPoints = (address: string) =>
  sequence(sequence(encode(context(0), encode(context(0), location(address)))))
