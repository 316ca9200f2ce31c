/**
 * What tags are called: every other spelling is computed from the specification's words.
 *
 * @module
 */
import { tags } from './tables/tags.ts'

/** The name of a tagged field in memory: the specification's words in camelCase. */
export type TagName = keyof typeof tags

const byNumber = new Map<number, TagName>()
for (const name of Object.keys(tags) as TagName[]) byNumber.set(tags[name][0], name)

export const isTagName = (name: string): name is TagName => Object.hasOwn(tags, name)

export const tagNumber = (name: TagName): number => tags[name][0]

/** The property name of a tag, or undefined for an extension. */
export const tagName = (tag: number): TagName | undefined => byNumber.get(tag)

/** As the specification writes it, `Cryptographic Usage Mask`; an unknown tag as `0x540001`. */
export const tagWords = (tag: number): string => {
  const name = byNumber.get(tag)
  return name === undefined ? `0x${tag.toString(16).padStart(6, '0')}` : tags[name][1]
}

/** As XML and JSON write it: `CryptographicUsageMask`, `X_509CertificateIssuer`. KMIP Profiles 2.1 §5.4.1. */
export const tagCamelCase = (tag: number): string =>
  tagWords(tag)
    .replace(/[.#](?=\d)/g, '_')
    .replace(/[^A-Za-z0-9_]/g, '')
