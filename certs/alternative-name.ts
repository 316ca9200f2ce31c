/**
 * Subject alternative names (RFC 5280 §4.2.1.6): host names and addresses, as clients type them.
 *
 * What may be written: DNS names of letters, digits, hyphens and underscores (which storage networks do use), with one
 * leading `*` label allowed; internationalized names in their ASCII form; IPv4 and IPv6 addresses. What is read may
 * be anything.
 * @module
 */
import { isIP, isIPv4 } from 'node:net'
import { domainToASCII } from 'node:url'
import { CertsError } from './errors.ts'
import type { Node } from './der.ts'
import { children, context, encode, malformed, sequence, tags } from './der.ts'

/** One alternative name; `type` is the specification's word for it. */
export interface AlternativeName {
  readonly type: 'dNSName' | 'iPAddress' | 'rfc822Name' | 'uniformResourceIdentifier' | 'other'
  /** Text; an address in its usual form; hexadecimal DER for `other`. */
  readonly value: string
}

/** More names than one server has. */
const maxNames = 256

const types: Readonly<Record<number, AlternativeName['type']>> = {
  [context(1, false)]: 'rfc822Name',
  [context(2, false)]: 'dNSName',
  [context(6, false)]: 'uniformResourceIdentifier',
  [context(7, false)]: 'iPAddress',
}

/**
 * Sorts host names and addresses into alternative names: lower case, ASCII, without a final dot, brackets or
 * duplicates. Throws `CertsError` `badName`.
 */
export function alternativeNames(names: readonly string[]): AlternativeName[] {
  if (names.length > maxNames) throw badName(`${names.length} names were given; at most ${maxNames} fit a certificate`)
  const all = names.map(alternativeName)
  return all.filter((a, index) => all.findIndex(b => a.type === b.type && a.value === b.value) === index)
}

function alternativeName(given: string): AlternativeName {
  const name = given.trim().replace(/^\[(.*)\]$/, '$1')
  if (isIP(name) && !name.includes('%')) return { type: 'iPAddress', value: formatAddress(addressBytes(name)) }
  const plain = name.replace(/\.$/, '')
  const value = asciiOf(plain).toLowerCase()
  const labels = value.replace(/^\*\./, '').split('.')
  const valid = value.length <= 253 && labels.every(label => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))
  // A name whose last label is a number is a mistyped address: browsers and resolvers take it for one.
  if (!valid || /^\d+$/.test(labels.at(-1) ?? '') || (value.startsWith('*.') && labels.length < 2)) {
    const shown = JSON.stringify(given.slice(0, 64))
    throw badName(`${shown} is neither a host name nor an IP address; give it without scheme, port or zone`)
  }
  return { type: 'dNSName', value }
}

/** `domainToASCII` reads a URL's host: it would cut a name at a slash and decode a percent sign. Neither may come here. */
function asciiOf(name: string): string {
  if (/^[ -~]*$/.test(name)) return name
  return /[^\w.*\u0080-\uffff-]/.test(name) ? '' : domainToASCII(name)
}

const badName = (message: string) => new CertsError('badName', message)

/** Encodes GeneralNames that `alternativeNames` made. */
export const encodeAlternativeNames = (names: readonly AlternativeName[]): Uint8Array =>
  sequence(
    ...names.map(({ type, value }) =>
      type === 'iPAddress'
        ? encode(context(7, false), addressBytes(value))
        : encode(context(2, false), Buffer.from(value, 'latin1')),
    ),
  )

/** Reads GeneralNames. Throws `CertsError` `malformed`. */
export const readAlternativeNames = (node: Node): AlternativeName[] =>
  children(node, tags.sequence, 'subjectAltName').map(({ tag, der, content }) => {
    const type = types[tag]
    if (!type) return { type: 'other', value: Buffer.from(der).toString('hex') }
    if (type === 'iPAddress') return { type, value: formatAddress(content) }
    if (content.some(octet => octet < 0x20 || octet > 0x7e)) throw malformed('a subjectAltName is not plain ASCII')
    return { type, value: Buffer.from(content).toString('latin1') }
  })

function addressBytes(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number)
  // An IPv4 tail, as in ::ffff:192.0.2.1, is two groups of 16 bits.
  const tail = /[^:]*\.[^:]*$/.exec(address)?.[0]
  const groups = tail
    ? address.replace(tail, Buffer.from(addressBytes(tail)).toString('hex').replace(/.{4}/, '$&:'))
    : address
  const [left = [], right] = groups.split('::').map(side => side.split(':').filter(group => group !== ''))
  const missing = 8 - left.length - (right?.length ?? 0)
  const all = [...left, ...Array<string>(missing).fill('0'), ...(right ?? [])]
  return Uint8Array.from(all.flatMap(group => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]))
}

/** Dotted IPv4, or IPv6 as RFC 5952 §4 writes it. */
function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) throw malformed(`an address of ${bytes.length} bytes is neither IPv4 nor IPv6`)
  const view = Buffer.from(bytes)
  const groups = Array.from({ length: 8 }, (_, index) => view.readUInt16BE(index * 2).toString(16)).join(':')
  const zeros = [...groups.matchAll(/(?<![^:])0(:0)+(?![^:])/g)].map(([run]) => run)
  const longest = zeros.reduce((best, run) => (run.length > best.length ? run : best), '')
  if (!longest) return groups
  const at = groups.search(new RegExp(`(?<![^:])${longest}(?![^:])`))
  return `${groups.slice(0, at).replace(/:$/, '')}::${groups.slice(at + longest.length).replace(/^:/, '')}`
}
