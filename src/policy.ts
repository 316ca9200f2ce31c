/**
 * What the administrator allows our authority to sign, whoever asks: the settings under `[policy]`.
 *
 * @module
 */
import { CertsError } from '../certs/index.ts'
import type { Config } from './config.ts'

export type Policy = Config['policy']

/** How long a client's certificate is valid unless somebody says so. Storage clusters raise a fault 30 days before the end. */
const usualDays = 730

/**
 * @param days as asked for
 * @throws CertsError `badLifetime` if that is more than is allowed
 */
export function daysUnder({ maximumDays = Infinity }: Policy, days?: number): number {
  if (days !== undefined && days > maximumDays)
    throw new CertsError(
      'badLifetime',
      `a lifetime of ${days} days was asked for; policy.maximumDays allows ${maximumDays}: ask for no more`,
    )
  return days ?? Math.min(usualDays, maximumDays)
}
