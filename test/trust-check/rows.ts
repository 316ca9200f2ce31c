/**
 * A handshake with a server that is not as it should be, and what has to be said of it.
 *
 * @module
 */
import { expect } from 'vitest'
import { createAuthority } from '../../certs/index.ts'
import { checkTrust, type StepName, type TrustCheckOptions, type TrustReport } from '../../src/trust-check.ts'
import { client, file, type Pair, root, server } from './certificates.ts'
import { opensslServer } from './servers.ts'

export const ca = root('Root')
export const stranger = root('Stranger')
export const good = server(ca)
export const alice = client(ca)

export type Options = Omit<TrustCheckOptions, 'host' | 'port'> & { readonly host?: string }

export const check = (port: number, options: Options = {}): Promise<TrustReport> =>
  checkTrust({ host: 'localhost', port, ca: ca.cert, timeoutMs: 30_000, ...options })

export interface Row {
  readonly what: string
  readonly at: () => Promise<number>
  readonly options?: () => Options | Promise<Options>
  readonly step: StepName
  readonly code: string | RegExp
  readonly side: 'client' | 'server' | 'network'
  /** In the reason and the hint. */
  readonly words: readonly (string | RegExp)[]
}

export const onServer =
  (pair: Pair, ...option: string[]) =>
  () =>
    opensslServer(pair, ...option)

/** That the handshake stops where the row says, for that reason, and that nothing is tried after that. */
export async function expectFault({ at, options, step, code, side, words }: Row): Promise<void> {
  const { stopped, steps } = await check(await at(), await options?.())
  expect(stopped).toMatchObject({
    step,
    fault: { code: typeof code === 'string' ? code : (expect.stringMatching(code) as string), side },
  })
  const { reason = '', hint = '' } = stopped?.fault ?? {}
  for (const word of words) expect(`${reason}; ${hint}`).toMatch(word)
  expect(`${reason}${hint}`).not.toMatch(/undefined|\{\w+\}/)
  const place = steps.findIndex(({ name }) => name === step)
  expect(steps[place]?.outcome).toBe('failed')
  const later = steps.slice(place + 1).filter(({ name }) => name !== 'trust')
  expect(later.map(({ outcome }) => outcome)).toEqual(later.map(() => 'notReached'))
}

/** It began long ago, so that it can have issued what has expired. */
export async function oldRoot(commonName: string): Promise<Pair> {
  const made = await createAuthority({ subject: { commonName }, now: new Date(Date.now() - 86_400_000_000) })
  return { cert: file(made.certificate), key: file(made.key, 'key') }
}
