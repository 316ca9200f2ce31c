/**
 * Where a cluster's API is: as options say, else as the folder of a cluster says that runs here.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Api, api, ApiError } from '../cluster/api-client.ts'
import type { ApiPlace } from './cluster-options.ts'
import { CommandError } from './endings.ts'

/** What `serve` leaves in the folder for the other commands. */
export interface PlaceFile {
  readonly url: string
  readonly user: string
  /** Paths. */
  readonly passwordFile: string
  readonly ca: string
}

export const placeFile = (state: string): string => join(state, 'api.json')

/** Without the end of the line. @throws CommandError if there is none: an empty one protects nothing */
export async function readPassword(path: string): Promise<string> {
  const password = (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
  if (password === '') throw new CommandError('usage', `${path} is empty; write a password into it`)
  return password
}

export async function apiAt({ state, url, user, passwordFile, apiCa }: ApiPlace): Promise<Api> {
  const file = placeFile(state)
  if (url === undefined && !existsSync(file))
    throw new CommandError(
      'unavailable',
      `no cluster runs in ${state}; start one (kmipd cluster serve --state ${state}), or say where it is: --state, or --url`,
    )
  const known: Partial<PlaceFile> = existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as PlaceFile) : {}
  const ca = apiCa ?? known.ca ?? join(state, 'ca.pem')
  return told(
    api({
      url: (url ?? known.url ?? '').replace(/\/+$/, ''),
      user: user ?? known.user ?? 'admin',
      password: await readPassword(passwordFile ?? known.passwordFile ?? join(state, 'password')),
      ca: existsSync(ca) ? await readFile(ca, 'utf8') : undefined,
    }),
  )
}

/** Refusals in the words of a command; the cause is the ApiError. */
const told = (asked: Api): Api => ({
  call: (method, params) =>
    asked.call<never>(method, params).catch((error: unknown) => {
      if (error instanceof ApiError)
        throw new CommandError('refused', `${method}: ${error.message} (${error.errorName})`, { cause: error })
      throw error
    }),
})
