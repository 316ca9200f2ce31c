/**
 * Messages that are changed on the way: item by item, or byte by byte.
 *
 * @module
 */
import { type Item, tagNumber } from '../../src/index.ts'

/** The message with each item changed, the innermost first. */
export function rewrite(item: Item, change: (item: Item) => Item | readonly Item[]): Item {
  const inner =
    item.type === 'Structure' ? { ...item, value: item.value.flatMap(member => rewrite(member, change)) } : item
  return change(inner) as Item
}

type TagName = Parameters<typeof tagNumber>[0]

/** The message with one kind of item replaced by others. */
export const replaced = (message: Item, name: TagName, by: (item: Item) => readonly Item[]): Item =>
  rewrite(message, item => (item.tag === tagNumber(name) ? by(item) : item))

export const integer = (name: TagName, value: number): Item => ({ tag: tagNumber(name), type: 'Integer', value })
export const enumeration = (name: TagName, value: number): Item => ({
  tag: tagNumber(name),
  type: 'Enumeration',
  value,
})
/** The bytes, with those at a place found in them replaced. */
export function patched(bytes: Uint8Array, find: string, by: string): Uint8Array {
  const hex = Buffer.from(bytes).toString('hex')
  if (!hex.includes(find)) throw new Error(`${find} is not in ${hex}`)
  return Buffer.from(hex.replace(find, by), 'hex')
}

export const nested = (depth: number): Uint8Array => {
  const bytes = Buffer.alloc(depth * 8)
  for (let level = 0; level < depth; level++) {
    bytes.writeUInt32BE(level === 0 ? 0x42007801 : 0x42007701, level * 8)
    bytes.writeUInt32BE((depth - level - 1) * 8, level * 8 + 4)
  }
  return bytes
}
