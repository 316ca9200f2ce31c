/**
 * How a rollover ends: the old authority is no longer trusted, and what it signed is revoked.
 *
 * @module
 */
import type { Authority, Certificate } from '../certs/index.ts'
import { openAuthorities } from './authorities.ts'
import type { ClientEntry, Clients } from './clients.ts'
import { changeFiles } from './folder-changes.ts'
import { type Chancery, RolloverError } from './rollover.ts'
import { filesOf, isOurs, presentCredentials, withChain } from './server-certificate.ts'

/** The clients' certificates that an authority of ours signed and that are still good, the soonest to end first. */
export async function dependentsOf({ certificate }: Authority, clients: Clients, now: Date): Promise<ClientEntry[]> {
  const issuer = certificate.subject.text
  const good = (await clients.list()).filter(
    entry => entry.issuer === issuer && entry.revoked === undefined && entry.notAfter > now.getTime(),
  )
  const ours = await Promise.all(
    good.map(async entry => (await clients.numbered(entry))?.fingerprint === entry.fingerprint),
  )
  return good.filter((_, index) => ours[index]).sort((one, other) => one.notAfter - other.notAfter)
}

/** Clients who have a certificate of the old authority, and none of any other. */
export async function stranded(previous: Authority, clients: Clients, now: Date): Promise<string[]> {
  const old = await dependentsOf(previous, clients, now)
  const known = new Set(old.map(({ serialNumber }) => serialNumber))
  const provided = new Set(
    (await clients.list())
      .filter(({ revoked, notAfter }) => revoked === undefined && notAfter > now.getTime())
      .filter(({ serialNumber, fingerprint }) => fingerprint !== '' && !known.has(serialNumber))
      .map(({ name }) => name),
  )
  return [...new Set(old.map(({ name }) => name))].filter(name => !provided.has(name))
}

/**
 * Retires the authority from before the last rollover: revokes its client certificates, which shuts their owners out at
 * once, and has the server forget it. Its key is removed. What was begun and cut short is to be done again.
 *
 * @returns the retired authority's certificate
 * @throws RolloverError if there is none
 */
export async function retire(
  { clients, ...chancery }: Chancery & { readonly clients: Clients },
  now: Date,
): Promise<Certificate> {
  const { folder, config, issued } = chancery
  const { previous } = await openAuthorities(folder, config.https.address)
  if (previous === undefined) throw noPrevious()
  const retired = previous.certificate
  // First: a server that goes on signing with it for a moment leaves nothing behind that would not be revoked.
  await clients.retire(retired.subject.text, now.getTime())
  await clients.revoke(await dependentsOf(previous, clients, now), 'superseded', now.getTime())
  await issued.revoke(retired, 'authority', 'superseded', now)
  return changeFiles(folder, async () => {
    const { previous, cross: _, ...rest } = await openAuthorities(folder, config.https.address)
    // Another process may have retired it, and rolled over again, meanwhile.
    if (previous?.certificate.fingerprint !== retired.fingerprint) return { files: [], result: retired }
    const gone = [folder.previousCertificate, folder.previousKey, folder.crossCertificate].map(path => ({ path }))
    const server = await presentCredentials(folder)
    const isShown = server !== undefined && (await isOurs(server.leaf, rest, issued))
    return { files: [...gone, ...(isShown ? filesOf(folder, withChain(server, rest)) : [])], result: retired }
  })
}

export const noPrevious = (): RolloverError =>
  new RolloverError('there is no authority to retire: only that from before a rollover can be (kmipd ca rollover)')
