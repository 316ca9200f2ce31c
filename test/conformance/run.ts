/**
 * Plays a test case against a server, and tells the first step whose reply is not the one that is printed.
 *
 * @module
 */
import { decode, encode, type Item, tagCamelCase } from '../../protocol/index.ts'
import { compare, type Difference } from './compare.ts'
import { isPlaceholder, itemOf, offsetFromNow, textOf } from './values.ts'
import { type Variation, variations } from './variations.ts'
import type { Element, Step } from './vector.ts'

/** How far the server's clock may be from ours, and how long a test case may take. */
const toleranceSeconds = 60

/** What went wrong, and at which step, counted from 0; undefined if nothing did. */
export interface Failure {
  readonly step: number
  readonly differences: readonly Difference[]
}

/** @param corrections what is wrong in the test case itself, step by step */
export async function play(
  steps: readonly Step[],
  exchange: (request: Uint8Array) => Promise<Uint8Array>,
  corrections: (step: number) => readonly Variation[],
): Promise<Failure | undefined> {
  const now = Math.floor(Date.now() / 1000)
  const sent = new Set<string>()
  let placeholders: ReadonlyMap<string, string> = new Map()
  for (const [step, { request, response }] of steps.entries()) {
    for (const text of textsIn(request)) sent.add(text.toLowerCase())
    const reply = decode(await exchange(encode(itemOf(request, { now, placeholders }))))
    const outcome = compare(response, reply, placeholders, {
      now,
      toleranceSeconds,
      variations: [...variations, ...corrections(step)],
      wasSent: text => sent.has(text.toLowerCase()),
    })
    if (outcome.differences.length > 0) return { step, differences: outcome.differences }
    placeholders = new Map([...outcome.placeholders, ...produced(reply, steps)])
  }
  return undefined
}

const textsIn = (element: Element): string[] => [element.text, ...element.members.flatMap(textsIn)]

/**
 * A few test cases print a literal where a later request uses a placeholder that no reply prints: what `$KEY_MATERIAL`
 * stands for is then the last Key Material that a reply held.
 */
function produced(reply: Item, steps: readonly Step[]): [string, string][] {
  const printed = new Set(steps.flatMap(({ response }) => textsIn(response)))
  const wanted = new Set(steps.flatMap(({ request }) => textsIn(request)).filter(isPlaceholder))
  return [...wanted].flatMap((placeholder): [string, string][] => {
    if (printed.has(placeholder) || offsetFromNow(placeholder) !== undefined) return []
    const words = placeholder.replace(/^\$|_\d+$/g, '').replaceAll('_', '')
    const item = itemsIn(reply).find(each => tagCamelCase(each.tag).toUpperCase() === words)
    return item === undefined || item.type === 'Structure' ? [] : [[placeholder, textOf(item)]]
  })
}

const itemsIn = (item: Item): Item[] => (item.type === 'Structure' ? [item, ...item.value.flatMap(itemsIn)] : [item])

/** The failure in words, a line a difference. */
export const inWords = (file: string, { step, differences }: Failure): string =>
  differences
    .map(({ path, expected, found }) => `${file}, step ${step}, ${path}\n  expected ${expected}\n  found    ${found}`)
    .join('\n')
