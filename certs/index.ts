/**
 * The one door of the certificate library: bytes and PEM in, bytes and PEM out. It touches no files and no network, and
 * knows nothing of KMIP.
 *
 * ```ts
 * const authority = openAuthority(await createAuthority({ now }))
 * const plan = authority.plan(readRequest(csr), clientProfile(), now)
 * const { pem } = await authority.sign(plan)
 * ```
 * @module
 */
export { openAuthority } from './authority.ts'
export type { Authority, OpenAuthorityOptions, Plan } from './authority.ts'
export { createAuthority } from './new-authority.ts'
export type { AuthorityFiles, CreateAuthorityOptions } from './new-authority.ts'
export type { AlternativeName } from './alternative-name.ts'
export { isIssuedBy, matchesKey, readCertificate, readCertificates, verifyChain } from './certificate.ts'
export type { Certificate } from './certificate.ts'
export type { DistinguishedName, NameAttribute, Subject } from './distinguished-name.ts'
export { CertsError } from './errors.ts'
export type { CertsErrorCode } from './errors.ts'
export type { KeyPurpose, KeyUsage } from './extension.ts'
export { keyIdentifiersOf, readDistinguishedName } from './identifiers.ts'
export type { KeyIdentifiers } from './identifiers.ts'
export { exportPrivateKey, generateKeyPair, readPrivateKey } from './key.ts'
export type { KeyPair, KeyType, PublicKey } from './key.ts'
export { checkRequest } from './policy.ts'
export type { AcceptedKey, RequestPolicy } from './policy.ts'
export { clientProfile, serverProfile, subordinateProfile } from './profile.ts'
export type { ClientOptions, Profile, ServerOptions, SubordinateOptions } from './profile.ts'
export { readPublication } from './publication.ts'
export type { Publication } from './publication.ts'
export { createRequest, readRequest } from './request.ts'
export type { Request, RequestOptions } from './request.ts'
export { isListIssuedBy, readRevocationList, revocationReasons, withDelta } from './revocation-list.ts'
export type { RevocationList, RevocationListOptions, RevocationReason, RevokedCertificate } from './revocation-list.ts'
export type { CertificateStatus, StatusLookup } from './status.ts'
export { peerCertificateIn } from './tls-session.ts'
export { checkPassphrase, exportKeyStore, exportTrustStore } from './key-store.ts'
export type { KeyStoreOptions, TrustStoreOptions } from './key-store.ts'
