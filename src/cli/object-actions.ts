/**
 * What is done to objects: the same words, questions and answers in this process and over KMIP.
 *
 * @module
 */
import type { Command } from 'commander'
import { Activate, Create, Destroy, enumerations, Get, Register, Revoke } from '../../protocol/index.ts'
import type { Administrator } from '../house.ts'
import { plainObject } from './describe.ts'
import { bytesOf, fileFormats, objectFrom, readInput, type RegisterOptions } from './object-file.ts'
import { addObjectOptions, nameIn, newAttributes, type ObjectOptions } from './object-options.ts'
import type { Screen } from './screen.ts'

/** Whoever performs operations: this process, or a server. */
export type Performer = Administrator

export interface Confirmation {
  readonly yes?: boolean
}

export interface RevokeOptions extends Confirmation {
  readonly reason: string
  readonly message?: string
}

export type RegisterFileOptions = ObjectOptions & RegisterOptions & { readonly type: string }

export const addRegisterOptions = (command: Command): Command =>
  addObjectOptions(
    command
      .requiredOption('--type <type>', 'SymmetricKey, SecretData, OpaqueObject, Certificate, PublicKey or PrivateKey')
      .option('--format <format>', `how the file holds it: ${fileFormats.join(', ')}; default pem if it is, else raw`)
      .option('--secret-type <type>', 'of SecretData: Password or Seed', 'Password'),
  )

export const addRevokeOptions = (command: Command): Command =>
  addConfirmation(
    command
      .option('--reason <code>', `one of ${enumerations.RevocationReasonCode.names.join(', ')}`, 'Unspecified')
      .option('--message <text>', 'Revocation Message'),
  )

export const addConfirmation = (command: Command): Command => command.option('--yes', 'confirm without being asked')

const defaultAlgorithm = 'AES'
const defaultLength = 256
const defaultUsage = 'Encrypt,Decrypt'

export const createHelp = `Defaults: --algorithm ${defaultAlgorithm}, --length ${defaultLength} for it, --usage ${defaultUsage}.`

/** Prints the identifier alone, for scripts. */
export async function create(performer: Performer, screen: Screen, options: ObjectOptions): Promise<void> {
  const { algorithm = defaultAlgorithm, usage = defaultUsage } = options
  const length = options.length ?? (algorithm.toUpperCase() === defaultAlgorithm ? defaultLength : undefined)
  const attributes = newAttributes({ ...options, algorithm, usage, ...(length === undefined ? {} : { length }) })
  const { uniqueIdentifier } = await performer.call(Create, { objectType: 'SymmetricKey', attributes })
  screen.show({ uniqueIdentifier, objectType: 'SymmetricKey' }, () => uniqueIdentifier)
}

export async function register(
  performer: Performer,
  screen: Screen,
  path: string,
  { type, ...options }: RegisterFileOptions,
): Promise<void> {
  const given = newAttributes(options)
  const content = await readInput(path)
  try {
    const object = objectFrom(content, type, given, options)
    const { objectType } = object
    const needsUsage = 'keyBlock' in object && objectType !== 'SecretData' && options.usage === undefined
    const attributes = needsUsage ? [...given, ...newAttributes({ usage: usages[objectType] ?? defaultUsage })] : given
    const { uniqueIdentifier } = await performer.call(Register, { objectType, attributes, object })
    screen.show({ uniqueIdentifier, objectType }, () => uniqueIdentifier)
  } finally {
    content.fill(0)
  }
}

/** What keys that are brought without a Cryptographic Usage Mask are for. */
const usages: Readonly<Record<string, string>> = { PublicKey: 'Verify', PrivateKey: 'Sign' }

export const activate = (performer: Performer, screen: Screen, identifiers: readonly string[]): Promise<void> =>
  each(screen, identifiers, 'activated', uniqueIdentifier => performer.call(Activate, { uniqueIdentifier }))

export async function revoke(
  performer: Performer,
  screen: Screen,
  identifiers: readonly string[],
  { reason, message: revocationMessage, yes = false }: RevokeOptions,
): Promise<void> {
  const revocationReasonCode = nameIn(enumerations.RevocationReasonCode, reason)
  await screen.confirm(`Revoke ${counted(identifiers)} (${revocationReasonCode})? It cannot be undone.`, yes)
  const revocationReason = { revocationReasonCode, revocationMessage }
  await each(screen, identifiers, 'revoked', uniqueIdentifier =>
    performer.call(Revoke, { uniqueIdentifier, revocationReason }),
  )
}

export async function destroy(
  performer: Performer,
  screen: Screen,
  identifiers: readonly string[],
  { yes = false }: Confirmation,
): Promise<void> {
  const question = `Destroy ${counted(identifiers)}? The key material is gone for good, and what it locks stays locked.`
  await screen.confirm(question, yes)
  await each(screen, identifiers, 'destroyed', uniqueIdentifier => performer.call(Destroy, { uniqueIdentifier }))
}

const counted = (identifiers: readonly string[]): string =>
  identifiers.length === 1 ? `the object ${identifiers[0] ?? ''}` : `${identifiers.length} objects`

/** One after the other; what was done is told also if a later one fails. */
async function each(
  screen: Screen,
  identifiers: readonly string[],
  result: string,
  perform: (uniqueIdentifier: string) => Promise<unknown>,
): Promise<void> {
  const done: string[] = []
  try {
    for (const uniqueIdentifier of new Set(identifiers)) {
      await perform(uniqueIdentifier)
      done.push(uniqueIdentifier)
    }
  } finally {
    if (done.length > 0)
      screen.show({ [result]: done }, () => done.map(uniqueIdentifier => `${uniqueIdentifier} ${result}`).join('\n'))
  }
}

/** An object's contents: how they are kept, and the bytes for whoever confirmed that he wants them. */
export async function contents(
  performer: Performer,
  uniqueIdentifier: string,
): Promise<{ readonly kept: Record<string, unknown>; readonly bytes: () => Uint8Array }> {
  const { object } = await performer.call(Get, { uniqueIdentifier })
  return { kept: plainObject(object), bytes: () => bytesOf(object) }
}

export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
