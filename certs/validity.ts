/**
 * How long what is signed is valid, and its serial number.
 * @module
 */
import type { Certificate } from './certificate.ts'
import { CertsError } from './errors.ts'

/** Begin this much earlier than now: the clocks of clients are apart. */
const backdateMs = 5 * 60_000
export const dayMs = 86_400_000

/** The last second that a certificate can name (RFC 5280 §4.1.2.5). */
const lastDate = new Date('9999-12-31T23:59:59Z')

/** When a certificate begins and ends. */
export interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

/** From a little before now, to the second, so that a plan says exactly what the certificate will. Throws `CertsError` `badLifetime`. */
export function validityFrom(now: Date, days: number): Validity {
  const second = toSecond(now)
  const notAfter = new Date(second.getTime() + days * dayMs)
  if (!(notAfter <= lastDate)) throw new CertsError('badLifetime', `${days} days from now is past the year 9999`)
  return { notBefore: new Date(second.getTime() - backdateMs), notAfter }
}

/** Within the validity of every certificate above: some verifiers insist, and it is of no use outside. */
export function clipped({ notBefore, notAfter }: Validity, chain: readonly Certificate[]): Validity {
  const [own] = chain
  return {
    notBefore: own && own.notBefore > notBefore ? own.notBefore : notBefore,
    notAfter: chain.reduce((end, above) => (above.notAfter < end ? above.notAfter : end), notAfter),
  }
}

export const toSecond = (date: Date): Date => new Date(Math.floor(date.getTime() / 1000) * 1000)

/** 20 octets, the most that RFC 5280 §4.1.2.2 allows: positive, never shorter, 158 random bits. */
export function serialFrom(random: (size: number) => Uint8Array): Uint8Array {
  const serial = Uint8Array.from(random(20))
  serial.set([((serial[0] ?? 0) & 0x3f) | 0x40])
  return serial
}
