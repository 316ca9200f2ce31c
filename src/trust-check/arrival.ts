/**
 * The way to the server: files, name, connection, and whether TLS is spoken there.
 *
 * @module
 */
import { CertsError, readDistinguishedName } from '../../certs/index.ts'
import { alertName } from '../diagnosis/alerts.ts'
import { listed } from '../diagnosis/certificate.ts'
import { connectionFault, isBreak } from '../diagnosis/connection.ts'
import { type Fault, fault, FaultError } from '../diagnosis/faults.ts'
import { addressesOf, greet, type Greeting, reach } from './dial.ts'
import { identityFrom, trusterFrom } from './files.ts'
import { type TlsVersion, tlsVersions, versionOf } from './hello.ts'
import { isModern, suiteName } from './suites.ts'
import { bad, type Finding, good, type Stage, targetOf, type Visit } from './visit.ts'

export const filesStage: Stage = {
  name: 'files',
  async examine(visit) {
    const { ca, cert, key = cert, passphrase, now } = visit
    try {
      visit.truster = await trusterFrom(ca)
      if (cert !== undefined && key !== undefined) visit.identity = await identityFrom(cert, key, passphrase, now())
    } catch (error) {
      if (error instanceof FaultError) return bad('cannot be used', error.fault)
      throw error
    }
    const { trusted } = visit.truster
    const authorities = trusted.length === 1 ? '1 authority' : `${trusted.length} authorities`
    const own = visit.identity === undefined ? 'no client certificate' : `"${visit.identity.certificate.subject.text}"`
    return good(`${ca ?? 'public authorities'}: ${authorities}; ${own}`)
  },
}

export const nameStage: Stage = {
  name: 'name',
  async examine(visit) {
    const { host } = visit
    try {
      const addresses = await addressesOf(host)
      visit.addresses = addresses
      return good(addresses[0] === host ? `${host} is an address` : `${host} is ${listed(addresses)}`)
    } catch (error) {
      return bad('not found', wayFault(error, visit))
    }
  },
}

/** @throws what is no fault of the way to the server */
function wayFault(error: unknown, visit: Visit): Fault {
  const found = connectionFault(error as NodeJS.ErrnoException, visit)
  if (found === undefined) throw error
  return found
}

export const connectionStage: Stage = {
  name: 'connection',
  async examine(visit) {
    const { addresses = [], port, timeoutMs } = visit
    let last: unknown
    for (const address of addresses)
      try {
        const began = performance.now()
        const socket = await reach({ address, port, timeoutMs })
        socket.destroy()
        visit.address = address
        return good(`${address} port ${port}, in ${Math.ceil(performance.now() - began)} ms`)
      } catch (error) {
        last = error
      }
    return bad('none', wayFault(last, visit))
  },
}

export const tlsStage: Stage = {
  name: 'tls',
  async examine(visit) {
    const greetings = new Map<TlsVersion, Greeting>()
    for (const version of tlsVersions) {
      const greeting = await greet(targetOf(visit), version).catch((error: unknown): Greeting => {
        if (isBreak(error as NodeJS.ErrnoException)) return { kind: 'closed' }
        throw error
      })
      const misfit = misfitOf(greeting, visit)
      if (misfit !== undefined) return bad('not spoken', misfit)
      greetings.set(version, greeting)
    }
    noteFlights(visit, greetings)
    return judgeVersions(visit, greetings)
  },
}

/** What is no TLS in any version. */
function misfitOf(greeting: Greeting, { timeoutMs }: Visit): Fault | undefined {
  if (greeting.kind === 'silent') return fault('silent', 'server', { seconds: timeoutMs / 1000 })
  if (greeting.kind !== 'plain') return undefined
  const { bytes } = greeting
  if (bytes.toString('latin1').startsWith('HTTP/')) return fault('plainHttp', 'server', {})
  return fault('notTls', 'server', { bytes: shownBytes(bytes) })
}

/** Text where it is text: the greeting of a mail server, or of SSH. */
function shownBytes(bytes: Buffer): string {
  const text = bytes.toString('latin1').trim().slice(0, 60)
  return /^[ -~]+$/.test(text) ? JSON.stringify(text) : `the bytes ${bytes.subarray(0, 16).toString('hex')}`
}

function noteFlights(visit: Visit, greetings: ReadonlyMap<TlsVersion, Greeting>): void {
  const flights = [...greetings].flatMap(([version, greeting]) =>
    greeting.kind === 'spoken' && versionOf(greeting.flight.version) === version
      ? [{ version, flight: greeting.flight }]
      : [],
  )
  visit.versions = tlsVersions.map(version => {
    const flight = flights.find(each => each.version === version)?.flight
    return { version, suite: flight && suiteName(flight.suite) }
  })
  const inClear = flights.find(({ version }) => version !== 'TLSv1.3')?.flight
  if (flights[0] !== undefined) visit.flight = flights[0].flight
  if (inClear === undefined) return
  visit.isWanted = inClear.request !== undefined
  visit.authorities = (inClear.request?.authorities ?? []).flatMap(nameIn)
}

/** Of a name that is none, nothing. */
function nameIn(der: Uint8Array): string[] {
  try {
    return [readDistinguishedName(der).text]
  } catch (error) {
    if (error instanceof CertsError) return []
    throw error
  }
}

const wordsFor = (version: TlsVersion): string => version.replace('TLSv', 'TLS ').replace(/ 1$/, ' 1.0')

function judgeVersions({ versions, name, flight }: Visit, greetings: ReadonlyMap<TlsVersion, Greeting>): Finding {
  const spoken = versions.filter(({ suite }) => suite !== undefined).map(({ version }) => version)
  const found = listed(spoken.map(wordsFor))
  if (spoken.includes('TLSv1.3') || spoken.includes('TLSv1.2')) {
    const old = spoken.filter(version => version === 'TLSv1.1' || version === 'TLSv1')
    return good(found, [
      ...(old.length === 0 ? [] : [fault('oldVersion', 'server', { versions: listed(old.map(wordsFor)) })]),
      ...(flight === undefined || isModern(flight.suite)
        ? []
        : [fault('oldSuite', 'server', { suite: suiteName(flight.suite) })]),
    ])
  }
  if (spoken.length > 0) return bad(found, fault('noVersion', 'server', { spoken: `only ${found}` }))
  const all = [...greetings.values()]
  if (all.every(({ kind }) => kind === 'closed')) return bad('none', fault('closedAtOnce', 'server', {}))
  const alerts = all.flatMap(greeting => (greeting.kind === 'alert' ? [greeting.alert] : []))
  if (alerts.includes(unrecognizedName)) return bad('none', fault('unknownName', 'server', { name }))
  const said = [...new Set(alerts.map(alertName))].join(', ')
  return alerts.some(alert => cipherAlerts.includes(alert))
    ? bad('none', fault('noCipher', 'server', { found: `refuses all that are in use (TLS alert ${said})` }))
    : bad('none', fault('noVersion', 'server', { spoken: `none of 1.0 to 1.3 (TLS alert ${said})` }))
}

const unrecognizedName = 112
/** handshake_failure, insufficient_security. RFC 8446 §6.2 */
const cipherAlerts: readonly number[] = [40, 71]
