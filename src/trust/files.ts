/**
 * The files under `[[tls.trust]]`: authorities and their revocation lists.
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
  isListIssuedBy,
  readCertificates,
  readRevocationList,
  type RevocationList,
} from '../../certs/index.ts'
import type { Config } from '../config.ts'
import { inFile } from '../data-folder.ts'
import type { Trust } from '../trust.ts'

type Source = Config['tls']['trust'][number]

export interface ReadTrusts {
  readonly trust: readonly Trust[]
  /** What could not be read, and what was done instead. */
  readonly complaints: readonly string[]
}

/** Remembers the lists that could be read. */
export type TrustReader = (config: Pick<Config, 'data' | 'tls'>) => Promise<ReadTrusts>

export function trustReader(): TrustReader {
  /** By path. */
  const lastGood = new Map<string, readonly RevocationList[]>()

  async function readOne(data: string, { ca, group, crl, expiredCrl }: Source): Promise<ReadTrusts> {
    const file = resolve(data, ca)
    const content = await readFile(file)
    const authorities = inFile(file, () => readCertificates(content))
    const trusting = (rest: Partial<Trust>): Trust[] =>
      authorities.map(authority => ({ authority, group, expiredCrl, ...rest }))
    if (crl === undefined) return { trust: trusting({}), complaints: [] }
    const path = resolve(data, crl)
    try {
      const list = await readLists(path, authorities)
      lastGood.set(path, list)
      return { trust: trusting({ list }), complaints: [] }
    } catch (error) {
      const fault = wordsOf(path, error)
      const list = lastGood.get(path)
      return list === undefined
        ? { trust: trusting({ fault }), complaints: [`${fault}; nobody of ${ca} is admitted until it can be read`] }
        : { trust: trusting({ list }), complaints: [`${fault}; the list that was read before goes on to count`] }
    }
  }

  return async ({ data, tls }) => {
    const all = await Promise.all(tls.trust.map(source => readOne(data, source)))
    return { trust: all.flatMap(({ trust }) => trust), complaints: all.flatMap(({ complaints }) => complaints) }
  }
}

/** All paths that are read. */
export const trustPaths = ({ data, tls }: Pick<Config, 'data' | 'tls'>): string[] =>
  tls.trust.flatMap(({ ca, crl }) => [ca, ...(crl === undefined ? [] : [crl])]).map(path => resolve(data, path))

/** Lists of authorities below those that are trusted cannot be verified before one of their clients connects. */
async function readLists(path: string, authorities: readonly Certificate[]): Promise<readonly RevocationList[]> {
  const lists = split(await readFile(path)).map(each => readRevocationList(each))
  for (const list of lists) {
    const named = authorities.filter(({ subject }) => subject.text === list.issuer.text)
    if (named.length > 0 && !named.some(authority => isListIssuedBy(list, authority)))
      throw new CertsError('badSignature', `the list of ${list.issuer.text} was not signed by that authority`)
  }
  return lists
}

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
