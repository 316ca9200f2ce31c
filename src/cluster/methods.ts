/**
 * All methods of the API, by name without regard to case.
 *
 * @module
 */
import { method, type Method } from './method.ts'
import { encryptionMethods } from './methods/encryption.ts'
import { informationMethods } from './methods/information.ts'
import { providerMethods } from './methods/providers.ts'
import { serverMethods } from './methods/servers.ts'
import { simulatorMethods } from './methods/simulator.ts'
import { trustMethods } from './methods/trust.ts'

/** The version of Element that is played. */
export const currentVersion = '12.3'

/** Endpoints that are answered; the methods are the same at all of them. */
export const supportedVersions: readonly string[] = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map(major => major.toFixed(1)),
  ...[5.1, 7.1, 7.2, 7.3, 7.4, 9.6, 10.4, 11.1, 11.3, 11.5, 11.7, 11.8, 12.2, 12.3].map(String),
].sort((one, other) => Number(one) - Number(other))

const all: readonly Method[] = [
  ...trustMethods,
  ...serverMethods,
  ...providerMethods,
  ...encryptionMethods,
  ...informationMethods,
  ...simulatorMethods,
  method('GetAPI', {}, () => ({ [currentVersion]: methodNames, currentVersion, supportedVersions })),
]

export const methodNames: readonly string[] = all.map(({ name }) => name).sort()

const byName: ReadonlyMap<string, Method> = new Map(all.map(each => [each.name.toLowerCase(), each]))

export const methodCalled = (name: string): Method | undefined => byName.get(name.toLowerCase())
