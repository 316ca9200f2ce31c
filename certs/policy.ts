/**
 * Which requests are acceptable to an administrator, beyond what every request must be.
 * @module
 */
import { attributeWord } from './distinguished-name.ts'
import { CertsError } from './errors.ts'
import type { KeyType } from './key.ts'
import type { Request } from './request.ts'

/** What is absent is not restricted. */
export interface RequestPolicy {
  /** Types and sizes of key, each as it stands: `RSA-3072` does not stand for longer ones. */
  readonly keyTypes?: readonly AcceptedKey[] | undefined
  /** Fields that the subject must have, and not empty: short names such as `OU`, long ones, or object identifiers. */
  readonly requiredSubject?: readonly string[] | undefined
  readonly forbiddenSubject?: readonly string[] | undefined
}

/** Every type of key that a request may have, within the sizes that are accepted at all. */
export type AcceptedKey = KeyType | 'P-521'

/** A request, or a plan: what would be signed. */
type Asked = Pick<Request, 'subject' | 'publicKey'>

/**
 * Lets an acceptable request pass. Throws `CertsError` `policy`, which names everything that was found and what was
 * wanted; also when the policy itself names a field that does not exist.
 */
export function checkRequest(request: Asked, policy: RequestPolicy): void {
  const found = new Set(request.subject.attribute.filter(({ value }) => value.trim()).map(({ type }) => type))
  const required = (policy.requiredSubject ?? []).map(fieldOf)
  const forbidden = (policy.forbiddenSubject ?? []).map(fieldOf)
  const present = request.subject.attribute.map(({ type }) => type)
  const fault = [
    ...keyFault(request, policy.keyTypes),
    ...required.filter(type => !found.has(type)).map(type => `its subject has no ${type}, which is required`),
    ...forbidden.filter(type => present.includes(type)).map(type => `its subject has ${type}, which is forbidden`),
  ]
  if (!fault.length) return
  const whose = request.subject.text ? `of "${request.subject.text}"` : 'without a subject'
  throw new CertsError('policy', `the request ${whose} is not what the policy allows: ${fault.join('; ')}`)
}

function keyFault({ publicKey }: Asked, keyTypes: readonly AcceptedKey[] | undefined): string[] {
  // Descriptions are 'RSA 2048', 'EC P-256', 'Ed25519'.
  const name = publicKey.description.replace('EC ', '').replace(' ', '-')
  if (!keyTypes || keyTypes.some(each => each === name)) return []
  return [`its key is ${name}; wanted ${keyTypes.join(' or ')}`]
}

function fieldOf(word: string): string {
  const type = attributeWord(word)
  if (type !== undefined) return type
  throw new CertsError(
    'policy',
    `the policy names ${JSON.stringify(word)}, which is no field of a subject; write CN, O, OU`,
  )
}
