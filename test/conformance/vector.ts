/**
 * An OASIS test case as it is written: XML, in which requests and responses alternate. KMIP Profiles 2.1 §5.4.
 *
 * @module
 */
import { SaxesParser } from 'saxes'
import { type ItemType, itemTypes, tagCamelCase, tagName } from '../../protocol/index.ts'

/** An item as the XML writes it: its value is text, and may be a placeholder such as `$UNIQUE_IDENTIFIER_0`. */
export interface Element {
  readonly tag: number
  readonly type: ItemType
  /** Empty for a structure. */
  readonly text: string
  readonly members: readonly Element[]
}

/** One request and the response that the test case prints. */
export interface Step {
  readonly request: Element
  readonly response: Element
}

const tagOf = new Map<string, number>()
for (let tag = 0x420001; tag < 0x420200; tag++) if (tagName(tag) !== undefined) tagOf.set(tagCamelCase(tag), tag)

const isType = (type: string): type is ItemType => itemTypes.some(each => each === type)

interface Open {
  readonly tag: number
  readonly type: ItemType
  readonly text: string
  readonly members: Element[]
}

/**
 * Reads a test case.
 *
 * @throws Error if it is not one: not XML, a document type, an unknown element or type, or not requests and responses in turn.
 */
export function readVector(xml: string): readonly Step[] {
  const messages = readElements(xml)
  const steps: Step[] = []
  for (let at = 0; at < messages.length; at += 2) {
    const [request, response] = messages.slice(at, at + 2)
    if (request === undefined || response === undefined || !isPair(request, response))
      throw new Error(`step ${at / 2} is not a request and its response`)
    steps.push({ request, response })
  }
  return steps
}

const isPair = (request: Element, response: Element): boolean =>
  request.tag === tagOf.get('RequestMessage') && response.tag === tagOf.get('ResponseMessage')

/** The elements inside the root, `KMIP`. */
function readElements(xml: string): readonly Element[] {
  const parser = new SaxesParser()
  const root: Open = { tag: 0, type: 'Structure', text: '', members: [] }
  const open: Open[] = []
  parser.on('error', error => {
    throw error
  })
  parser.on('doctype', () => {
    throw new Error('a document type is refused: it could name files and other servers')
  })
  parser.on('opentag', ({ name, attributes }) => {
    open.push(open.length === 0 ? rootOf(name, root) : elementOf(name, attributes))
  })
  parser.on('closetag', () => {
    const closed = open.pop()
    if (closed !== undefined) open.at(-1)?.members.push(closed)
  })
  parser.write(xml).close()
  return root.members
}

function rootOf(name: string, root: Open): Open {
  if (name !== 'KMIP') throw new Error(`the root is ${name}, not KMIP`)
  return root
}

function elementOf(name: string, attributes: Readonly<Record<string, string>>): Open {
  // An extension has no name of its own: <TTLV tag="0x540001" name="…">.
  const tag = name === 'TTLV' ? Number(attributes['tag']) : tagOf.get(name)
  if (tag === undefined || Number.isNaN(tag)) throw new Error(`unknown element ${name}`)
  const type = attributes['type'] ?? 'Structure'
  if (!isType(type)) throw new Error(`unknown type ${type} of ${name}`)
  return { tag, type, text: attributes['value'] ?? '', members: [] }
}
