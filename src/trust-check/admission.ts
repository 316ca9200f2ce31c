/**
 * Keys are agreed on, the client shows its certificate, and data flows; or not.
 *
 * @module
 */
import { alerted, alertOf, isAboutCertificate } from '../diagnosis/alerts.ts'
import { listed } from '../diagnosis/certificate.ts'
import { type Fault, fault, moment } from '../diagnosis/faults.ts'
import { handshakeFault, pemsOf } from './certificate.ts'
import { type Handshake, shakeHands } from './dial.ts'
import { suiteName } from './suites.ts'
import { ask, type Reply } from './traffic.ts'
import { bad, type Finding, good, type Stage, targetOf, type Visit } from './visit.ts'

export const keyExchangeStage: Stage = {
  name: 'keyExchange',
  async examine(visit) {
    const handshake = await shakeHands(targetOf(visit), pemsOf(visit), visit.identity)
    visit.handshake = handshake
    const { session } = handshake
    if (session !== undefined) {
      const { version, cipher, group } = session
      return good([version.replace('TLSv', 'TLS '), cipher, group].filter(Boolean).join(', '))
    }
    // Up to TLS 1.2 a server refuses the client before it has finished.
    if (refusalOf(handshake, visit) !== undefined) return good(visit.flight ? suiteName(visit.flight.suite) : 'begun')
    return bad('failed', handshakeFault(handshake, visit))
  },
}

/** Why the server does not go on with this client, if it does not. */
function refusalOf({ state }: Handshake, { identity, isWanted, authorities, reply }: Visit): Fault | undefined {
  const alert = state.error && alertOf(state.error)
  const wanted = (): Fault =>
    fault('certificateWanted', 'client', {
      authorities: authorities.length === 0 ? '' : `; it accepts those of ${quoted(authorities)}`,
    })
  if (alert !== undefined) {
    const isAboutNone = alert === certificateRequired || (alert === handshakeFailure && isWanted !== false)
    if (identity === undefined && isAboutNone) return wanted()
    return isAboutCertificate(alert) || (state.isDone && alert !== closeNotify) ? alerted(alert, 'server') : undefined
  }
  const isEnded = (state.isClosed || state.error !== undefined) && (reply === undefined || isWordless(reply))
  if (!isEnded || isWanted === false) return undefined
  if (identity !== undefined) return fault('closedAfterwards', 'client', {})
  return isWanted === true ? wanted() : fault('closedWithout', 'client', {})
}

const closeNotify = 0
const handshakeFailure = 40
const certificateRequired = 116

const isWordless = ({ kind }: Reply): boolean => kind === 'closed' || kind === 'failed'

const quoted = (names: readonly string[]): string =>
  listed(
    names.map(name => `"${name}"`),
    4,
  )

export const clientStage: Stage = {
  name: 'clientCertificate',
  async examine(visit) {
    const { handshake, identity, isWanted, authorities, timeoutMs } = visit
    if (handshake === undefined) return good('none')
    if (handshake.state.isDone) visit.reply = await ask(handshake, timeoutMs)
    const refusal = refusalOf(handshake, visit)
    const subject = identity && `"${identity.certificate.subject.text}"`
    if (refusal === undefined) return good(acceptance(subject, isWanted), identity?.faults)
    const issuer = identity?.certificate.issuer.text
    const isStranger = issuer !== undefined && authorities.length > 0 && !authorities.includes(issuer)
    return bad(
      subject === undefined ? 'none given' : `${subject} is refused`,
      // What is plainly wrong with it explains more than that it is refused.
      ...(identity?.faults ?? []),
      ...(isStranger ? [fault('notAccepted', 'client', { authorities: quoted(authorities), issuer })] : []),
      refusal,
    )
  },
}

function acceptance(subject: string | undefined, isWanted: boolean | undefined): string {
  if (subject === undefined)
    return isWanted === true ? 'none given; the server asks for one and goes on without' : 'none given, none wanted'
  return isWanted === false ? `${subject} is not asked for` : `${subject} is accepted`
}

export const trafficStage: Stage = {
  name: 'traffic',
  examine: async visit =>
    visit.reply === undefined ? good('none') : judge[visit.reply.kind](visit, visit.reply as never),
}

type Judgement<K extends Reply['kind']> = (visit: Visit, reply: Extract<Reply, { kind: K }>) => Finding

const notKmip = (answers: string): Finding => good('TLS holds', [fault('notKmip', 'server', { answers })])

const judge: { readonly [K in Reply['kind']]: Judgement<K> } = {
  kmip(visit, { versions, refusal, clock }) {
    visit.kmip = { versions, clock: new Date(clock) }
    if (refusal !== undefined) return refusedKmip(refusal)
    const now = visit.now()
    const apart = Math.abs(now - clock)
    const warning = { minutes: Math.round(apart / 60_000), there: moment(clock), here: moment(now) }
    return good(`KMIP ${listed(versions)}`, apart > tolerableMs ? [fault('clocksApart', 'server', warning)] : [])
  },
  // Whatever it speaks, it spoke it through TLS.
  other: (_, { line }) => good(`the server answers ${JSON.stringify(line)}`),
  silent: () => notKmip('says nothing to'),
  closed: () => notKmip('ends the connection at'),
  failed: (_, { error }) => bad('broken', fault('nothingFlows', 'server', { words: error.code ?? error.message })),
}

/** Clocks further apart than this are nobody's habit. */
const tolerableMs = 300_000

function refusedKmip(words: string): Finding {
  const refusal = fault('kmipRefused', 'server', { words })
  return /^(AuthenticationNotSuccessful|PermissionDenied)/.test(words)
    ? bad('refused', refusal)
    : good('KMIP', [refusal])
}
