/**
 * Text round DER (RFC 7468), read as leniently as people paste it and written strictly.
 *
 * Byte order marks (UTF-8 and UTF-16), CRLF, text around the blocks, blank or indented lines, a JSON string's `\n`
 * and base64 without any armour are accepted. What a block says it is, or what the bytes look like, is put in words,
 * so that whoever pasted the wrong file is told which file that was.
 * @module
 */
import type { CertsErrorCode } from './errors.ts'
import { CertsError } from './errors.ts'
import type { Node } from './der.ts'
import { context, decode, refuseOversize, skim, tags } from './der.ts'

/** One armoured block. */
export interface Block {
  /** The words after BEGIN, such as `CERTIFICATE`. */
  readonly label: string
  readonly body: string
}

/** What to look for, in the labels of PEM and in words. */
interface Wanted {
  readonly label: RegExp
  readonly noun: string
  readonly kind: Kind
  readonly code: CertsErrorCode
  /** Default 64 KiB. */
  readonly maxBytes?: number
  /** Default `decode`. */
  readonly decode?: (bytes: Uint8Array) => Node
}

type Kind = keyof typeof words

const words = {
  request: 'a certificate request',
  certificate: 'a certificate',
  list: 'a certificate revocation list',
  privateKey: 'a private key',
  publicKey: 'a public key',
  pkcs12: 'a PKCS#12 file',
  pkcs7: 'a PKCS#7 file',
  other: 'something else',
}

export const requestWanted: Wanted = {
  label: /^(NEW )?CERTIFICATE REQUEST$/,
  noun: 'a PKCS#10 certificate request, "-----BEGIN CERTIFICATE REQUEST-----"',
  kind: 'request',
  code: 'notARequest',
}

export const certificateWanted: Wanted = {
  label: /^((X509|TRUSTED) )?CERTIFICATE$/,
  noun: 'an X.509 certificate, "-----BEGIN CERTIFICATE-----"',
  kind: 'certificate',
  code: 'notACertificate',
}

/** Longer than anything else, so that it is read by its own rules. */
export const listWanted: Wanted = {
  label: /^(X509 )?CRL$/,
  noun: 'a certificate revocation list, "-----BEGIN X509 CRL-----"',
  kind: 'list',
  code: 'notAList',
  maxBytes: 16 * 1024 * 1024,
  decode: bytes => skim(bytes, 2),
}

/** What the labels of PEM mean; the first match counts. */
const labels: readonly (readonly [RegExp, Kind])[] = [
  [requestWanted.label, 'request'],
  [certificateWanted.label, 'certificate'],
  [/PRIVATE KEY$/, 'privateKey'],
  [/PUBLIC KEY$/, 'publicKey'],
  [listWanted.label, 'list'],
  [/^(PKCS7|CMS)/, 'pkcs7'],
]

/** Every value of the wanted kind in the input, decoded. Throws the wanted kind's code when there is none. */
export function readArmour(input: string | Uint8Array, wanted: Wanted): Node[] {
  refuseOversize(input.length, wanted.maxBytes)
  const bytes = typeof input === 'string' ? undefined : input
  if (bytes?.[0] === tags.sequence && !looksLikeText(bytes)) return [sorted(bytes, wanted)]
  const text = typeof input === 'string' ? input.replace(/^\ufeff/, '') : textOf(input)
  const all = blocks(text)
  const found = all.filter(block => wanted.label.test(block.label))
  if (found.length) return found.map(({ body }) => sorted(unarmour(body, wanted), wanted))
  const [other] = all
  if (other) throw refusal(wanted, wordsFor(other.label))
  if (!text.trim()) throw refusal(wanted, 'nothing: the input is empty')
  return [sorted(unarmour(text, wanted), wanted)]
}

/** The PEM blocks of a text, in order. A block without its END line is not one. */
export function blocks(text: string): Block[] {
  const found: Block[] = []
  for (const part of text.split('-----BEGIN ').slice(1)) {
    const label = /^([A-Z0-9 ]{1,40})-----/.exec(part)?.[1]
    const end = label === undefined ? -1 : part.indexOf(`-----END ${label}-----`)
    if (label !== undefined && end !== -1) found.push({ label, body: part.slice(label.length + 5, end) })
  }
  return found
}

/** What a PEM label stands for, with its article. */
export const wordsFor = (label: string): string =>
  words[labels.find(([pattern]) => pattern.test(label))?.[1] ?? 'other']

/** Armoured DER: 64 characters a line, ending in a newline (RFC 7468 §2). */
export function toPem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}

/** Text in UTF-8, or in UTF-16 as a Windows shell redirects it. */
export const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString(bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf16le' : 'utf8')
    .replace(/^\ufeff/, '')

/** A base64 text may begin with `0`, the octet that DER begins with. */
const looksLikeText = (bytes: Uint8Array) => bytes.every(octet => octet < 0x7f && (octet >= 0x20 || isBlank(octet)))

const isBlank = (octet: number) => octet === 0x0a || octet === 0x0d || octet === 0x09

function unarmour(body: string, wanted: Wanted): Uint8Array {
  const base64 = body.replace(/\s|\\[nr]/g, '')
  if (!base64 || base64.length % 4 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
    throw refusal(wanted, 'text that is neither PEM nor base64: it may be cut short')
  }
  return Buffer.from(base64, 'base64')
}

/** What the bytes hold, if it looks like what is wanted. */
function sorted(bytes: Uint8Array, wanted: Wanted): Node {
  const node = (wanted.decode ?? decode)(bytes)
  const kind = kindOf(node)
  if (kind !== wanted.kind) throw refusal(wanted, words[kind])
  return node
}

const refusal = (wanted: Wanted, found: string) => new CertsError(wanted.code, `found ${found}; wanted ${wanted.noun}`)

/** Tells the usual files apart by their outermost types. */
function kindOf({ tag, child }: Node): Kind {
  if (tag !== tags.sequence) return 'other'
  const shape = child.map(node => node.tag)
  if (begins(shape, tags.sequence, tags.sequence, tags.bitString)) return signedKind(child[0]?.child ?? [])
  return (shapes.find(([, ...expected]) => begins(shape, ...expected)) ?? (['other'] as const))[0]
}

const shapes: readonly (readonly [Kind, ...number[]])[] = [
  ['privateKey', tags.integer, tags.sequence, tags.octetString],
  ['privateKey', tags.integer, tags.integer, tags.integer],
  ['privateKey', tags.integer, tags.octetString],
  ['privateKey', tags.sequence, tags.octetString],
  ['publicKey', tags.sequence, tags.bitString],
  ['pkcs12', tags.integer, tags.sequence],
  ['pkcs7', tags.objectIdentifier, context(0)],
]

/** A request, a certificate and a revocation list are all signed the same way; what is signed differs. */
function signedKind(body: readonly Node[]): Kind {
  const shape = body.map(node => node.tag)
  const { sequence, integer } = tags
  if (begins(shape, context(0), integer)) return 'certificate'
  if (begins(shape, integer, sequence, sequence, sequence, sequence, sequence)) return 'certificate'
  if (begins(shape, integer, sequence, sequence) && (shape[3] ?? context(0)) === context(0)) return 'request'
  return 'list'
}

const begins = (shape: readonly number[], ...expected: readonly number[]) =>
  expected.every((tag, index) => shape[index] === tag)
