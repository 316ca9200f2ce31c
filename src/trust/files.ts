/**
 * The files under `[[tls.trust]]`: authorities and their revocation lists.
 *
 * Of a file of authorities, the first is trusted. The others must be those above it: whoever trusts one department of a
 * company does not trust all of it.
 *
 * An authority that cannot be read is an error, as any setting that is wrong. A revocation list is fetched by a script at
 * night, and a download that went wrong must neither keep the server from starting nor let those in who were shut out: the
 * list that was read before goes on to count, and if there is none, nobody of that authority is admitted.
 *
 * @module
 */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  type Certificate,
  CertsError,
  isIssuedBy,
  isListIssuedBy,
  readCertificates,
  readRevocationList,
  type RevocationList,
  withDelta,
} from '../../certs/index.ts'
import type { Config } from '../config.ts'
import { inFile } from '../data-folder.ts'
import type { Trust } from '../trust.ts'
import { isNamedBy } from './lists.ts'

type Source = Config['tls']['trust'][number]

export interface ReadTrusts {
  readonly trust: readonly Trust[]
  /** What could not be read, and what was done instead. */
  readonly complaints: readonly string[]
}

/** Remembers the lists that could be read. */
export type TrustReader = (config: Pick<Config, 'data' | 'tls'>) => Promise<ReadTrusts>

export function trustReader(): TrustReader {
  /** By path and the authority's key. */
  const lastGood = new Map<string, readonly RevocationList[]>()

  async function readOne(data: string, { ca, group, crl, expiredCrl }: Source): Promise<[Trust, string?]> {
    const file = resolve(data, ca)
    const content = await readFile(file)
    const trust: Trust = { ...inFile(file, () => readAuthorities(content)), group, expiredCrl }
    if (crl === undefined) return [trust]
    const path = resolve(data, crl)
    const key = `${trust.authority.publicKey.fingerprint} ${path}`
    const before = lastGood.get(key)
    try {
      const list = await readLists(path, trust.authority)
      if (before !== undefined) refuseOlder(list, before)
      lastGood.set(key, list)
      return [{ ...trust, list }]
    } catch (error) {
      const fault = wordsOf(path, error)
      return before === undefined
        ? [{ ...trust, fault }, `${fault}; nobody of ${ca} is admitted until it can be read`]
        : [{ ...trust, list: before }, `${fault}; the list that was read before goes on to count`]
    }
  }

  return async ({ data, tls }) => {
    const all = await Promise.all(tls.trust.map(source => readOne(data, source)))
    return { trust: all.map(([trust]) => trust), complaints: all.flatMap(([, complaint = []]) => complaint) }
  }
}

/** All paths that are read. */
export const trustPaths = ({ data, tls }: Pick<Config, 'data' | 'tls'>): string[] =>
  tls.trust.flatMap(({ ca, crl }) => [ca, ...(crl === undefined ? [] : [crl])]).map(path => resolve(data, path))

/** The one that is trusted, and those above it. */
function readAuthorities(content: Buffer): Pick<Trust, 'authority' | 'above'> {
  const all = readCertificates(content)
  const [authority, ...above] = all
  if (authority === undefined) throw new CertsError('notACertificate', 'there is no certificate in it')
  for (const [index, issuer] of above.entries()) {
    const below = all[index] ?? authority
    if (!isIssuedBy(below, issuer))
      throw new CertsError(
        'brokenChain',
        `"${issuer.subject.text}" follows "${below.subject.text}", which it did not sign; the first certificate is that of the authority that is trusted, and only those above it may follow: give each authority a file and a [[tls.trust]] of its own`,
      )
  }
  return { authority, above }
}

/** Lists of authorities below the one that is trusted cannot be verified before one of their clients connects. */
async function readLists(path: string, authority: Certificate): Promise<readonly RevocationList[]> {
  const lists = split(await readFile(path)).map(each => readRevocationList(each))
  const { text } = authority.subject
  const isFull = ({ base }: RevocationList): boolean => base === undefined
  for (const list of lists)
    if (isNamedBy(list, authority) && !isListIssuedBy(list, authority))
      throw new CertsError('badSignature', `the list of ${text} was not signed by that authority`)
  if (!lists.some(list => isFull(list) && isListIssuedBy(list, authority)))
    throw lists.some(list => isFull(list) && list.issuer.text === text)
      ? new CertsError('badSignature', `the list of ${text} was not signed by that authority`)
      : new CertsError('badList', `there is no full list of ${text} in it; put its newest there`)
  for (const delta of lists) if (!isFull(delta)) withDelta(fullFor(delta, lists.filter(isFull)), delta)
  return lists
}

/** What a delta tells the changes of. */
function fullFor(delta: RevocationList, fulls: readonly RevocationList[]): RevocationList {
  const full = fulls.find(each => sourceOf(each) === sourceOf(delta))
  if (full === undefined)
    throw new CertsError(
      'badList',
      `there is a delta of ${delta.issuer.text} and not the list that it belongs to; put its full list there`,
    )
  return full
}

const sourceOf = ({ issuer, signer = '' }: RevocationList): string => `${issuer.text} ${signer}`

/** Whoever puts yesterday's file in place of today's has revocations forgotten. */
function refuseOlder(lists: readonly RevocationList[], before: readonly RevocationList[]): void {
  const sameAs = (source: RevocationList) => (each: RevocationList) => sourceOf(each) === sourceOf(source)
  for (const last of before) {
    const text = last.issuer.text
    const now = lists.filter(sameAs(last))
    if (now.length === 0)
      throw new CertsError('badList', `the list of ${text}, which was there before, is missing${remedy}`)
    if (now.every(each => isOlder(each, last)))
      throw new CertsError(
        'badList',
        `the list of ${text} is ${wordsFor(now)}, older than the last: ${wordsFor([last])}${remedy}`,
      )
  }
}

const remedy = '; if that is meant, restart the server'

const isOlder = (list: RevocationList, last: RevocationList): boolean =>
  list.thisUpdate < last.thisUpdate || (last.number !== undefined && (list.number ?? last.number) < last.number)

const wordsFor = (lists: readonly RevocationList[]): string =>
  lists.map(({ number = 'none', thisUpdate }) => `number ${number} of ${thisUpdate.toISOString()}`).join(' and ')

const begin = '-----BEGIN X509 CRL-----'

/** A file of several lists in PEM, or one in whatever form. */
function split(content: Buffer): (string | Uint8Array)[] {
  const text = content.toString('latin1')
  return text.includes(begin)
    ? text
        .split(begin)
        .slice(1)
        .map(rest => begin + rest)
    : [content]
}

function wordsOf(path: string, error: unknown): string {
  if (error instanceof CertsError) return `${path}: ${error.message}`
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) throw error
  return `${path} cannot be read (${code})`
}
