/**
 * The server's certificate: what it says, and who vouches for it.
 *
 * @module
 */
import { CertsError, readCertificate } from '../../certs/index.ts'
import { alerted, alertOf } from '../diagnosis/alerts.ts'
import { dateFault, listed, nameFault, strengthFaults, usageFaults } from '../diagnosis/certificate.ts'
import { climb, readable, verdictFault } from '../diagnosis/chain.ts'
import { type Fault, fault } from '../diagnosis/faults.ts'
import { type Handshake, shakeHands } from './dial.ts'
import { bad, type Finding, good, type Stage, targetOf, type Visit } from './visit.ts'

/** Seen without a client certificate: whoever is there is not known yet. */
export const certificateStage: Stage = {
  name: 'certificate',
  isBypassable: true,
  async examine(visit) {
    const handshake = await shakeHands(targetOf(visit), pemsOf(visit), undefined)
    handshake.socket.destroy()
    const { state, verdict } = handshake
    const [first, ...rest] = state.chain
    if (first === undefined) return bad('none seen', handshakeFault(handshake, visit))
    visit.verdict = verdict
    try {
      const leaf = readCertificate(first)
      visit.chain = [leaf, ...readable(rest)].map(certificate => ({ certificate, source: 'server' }))
      return judgeLeaf(visit)
    } catch (error) {
      if (error instanceof CertsError) return bad('seen', fault('unreadable', 'server', { words: error.message }))
      throw error
    }
  },
}

export const pemsOf = ({ truster }: Visit): string[] => (truster?.trusted ?? []).map(({ pem }) => pem)

function judgeLeaf(visit: Visit): Finding {
  const [leaf] = visit.chain.map(({ certificate }) => certificate)
  if (leaf === undefined) return good('none')
  const { subject, subjectAlternativeName, notAfter, publicKey, signatureAlgorithm } = leaf
  const dates = dateFault(leaf, 'server', visit.now())
  const name = nameFault(leaf, visit.name)
  const faults = [
    ...(dates === undefined ? [] : [dates]),
    ...(name === undefined ? [] : [name]),
    ...usageFaults(leaf, 'server'),
    ...strengthFaults(leaf, 'server'),
  ]
  visit.leafFaults = faults
  const names = listed(
    subjectAlternativeName.map(({ value }) => value),
    4,
  )
  const found = `"${subject.text}" for ${names}; until ${notAfter.toISOString().slice(0, 10)}; ${publicKey.description}, ${signatureAlgorithm}`
  return bad(found, ...faults)
}

/** Why a handshake did not come as far as a certificate. */
export function handshakeFault({ state }: Handshake, { timeoutMs }: Visit): Fault {
  const { error, isClosed } = state
  if (error === undefined)
    return isClosed ? fault('closedAtOnce', 'server', {}) : fault('silent', 'server', { seconds: timeoutMs / 1000 })
  const alert = alertOf(error)
  if (alert !== undefined) return alerted(alert, 'server')
  return fault('handshakeFailed', 'server', { words: error.code ?? error.message })
}

export const trustStage: Stage = {
  name: 'trust',
  isBypassable: true,
  isCompanion: true,
  async examine(visit) {
    const { truster, verdict, leafFaults = [], now } = visit
    const [leaf, ...sent] = visit.chain.map(({ certificate }) => certificate)
    if (leaf === undefined || truster === undefined) return good('nothing to trust')
    const { path, faults } = climb(leaf, sent, truster, 'server', now())
    const isSent = new Set([leaf, ...sent].map(({ fingerprint }) => fingerprint))
    const found = path.filter(({ fingerprint }) => !isSent.has(fingerprint))
    visit.chain = [...visit.chain, ...found.map(certificate => ({ certificate, source: 'trustStore' as const }))]
    const root = path.at(-1)?.subject.text ?? ''
    if (faults.length > 0) return bad('not trusted', ...faults)
    if (verdict !== undefined && !leafFaults.some(({ code }) => explains[verdict]?.includes(code)))
      return bad('not trusted', verdictFault(verdict, 'server', truster.store))
    return good(`leads to "${root}" in ${truster.store}`)
  },
}

/** Verdicts of OpenSSL on a whole chain that are about the leaf alone, if that is at fault. */
const explains: Readonly<Record<string, readonly Fault['code'][]>> = {
  CERT_HAS_EXPIRED: ['expired'],
  CERT_NOT_YET_VALID: ['notYetValid'],
  INVALID_PURPOSE: ['notForIt', 'notForSigning'],
}
