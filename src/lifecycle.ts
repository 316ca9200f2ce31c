/**
 * States and dates. KMIP 2.1 §4.57 and the sections of the dates.
 *
 * A date that is reached changes the state by itself: the state is worked out when an object is read, so no clock runs
 * in the background and nothing is missed while the server is down.
 *
 * @module
 */
import type { Attributes, NameOf, enumerations, StandardName } from '../protocol/index.ts'
import { Failure } from './failure.ts'

export type State = NameOf<typeof enumerations.State>

/** What may happen to an object. */
export type LifecycleEvent = 'activate' | 'deactivate' | 'compromise' | 'destroy'

/** KMIP 2.1 §4.57, figure 1. What is not here is not permitted. */
const transitions: Record<State, Partial<Record<LifecycleEvent, State>>> = {
  PreActive: { activate: 'Active', compromise: 'Compromised', destroy: 'Destroyed' },
  Active: { deactivate: 'Deactivated', compromise: 'Compromised' },
  Deactivated: { compromise: 'Compromised', destroy: 'Destroyed' },
  Compromised: { compromise: 'Compromised', destroy: 'DestroyedCompromised' },
  Destroyed: { compromise: 'DestroyedCompromised' },
  DestroyedCompromised: {},
}

const words: Record<LifecycleEvent, string> = {
  activate: 'activated',
  deactivate: 'deactivated',
  compromise: 'revoked as compromised',
  destroy: 'destroyed',
}

const isDestroyed = (state: State): boolean => state === 'Destroyed' || state === 'DestroyedCompromised'

/** The attributes' state; a Template has none. */
export const stateOf = (attributes: Attributes): State | undefined => attributes.state as State | undefined

/**
 * The state after the event.
 *
 * @throws Failure WrongKeyLifecycleState, or ObjectDestroyed, if the state does not permit it
 */
export function nextState(attributes: Attributes, event: LifecycleEvent): State | undefined {
  const state = stateOf(attributes)
  if (state === undefined) return undefined
  const next = transitions[state][event]
  if (next !== undefined) return next
  if (isDestroyed(state) && event === 'destroy') throw new Failure('ObjectDestroyed', 'the object is already destroyed')
  throw new Failure('WrongKeyLifecycleState', `an object in state ${state} cannot be ${words[event]}`)
}

const reached = (date: number | undefined, now: number): boolean => date !== undefined && date <= now

/** The attributes as they are now: a date that was reached has had its effect. */
export function asOf<A extends Attributes>(attributes: A, now: number): A {
  let state = stateOf(attributes)
  if (state === 'PreActive' && reached(attributes.activationDate, now)) state = 'Active'
  if (state === 'Active' && reached(attributes.deactivationDate, now)) state = 'Deactivated'
  return state === attributes.state ? attributes : { ...attributes, state }
}

/** Whether a date still to come will change the state. */
export function isPending(attributes: Attributes): boolean {
  const state = stateOf(attributes)
  return (
    (state === 'PreActive' && attributes.activationDate !== undefined) ||
    ((state === 'PreActive' || state === 'Active') && attributes.deactivationDate !== undefined)
  )
}

/** While which states a client may set a date, and whether only until it is reached. KMIP 2.1 §4.1, §4.18, §4.40, §4.41 */
const dateRules: Partial<Record<StandardName, { readonly states: readonly State[]; readonly untilReached?: true }>> = {
  activationDate: { states: ['PreActive'] },
  deactivationDate: { states: ['PreActive', 'Active'] },
  processStartDate: { states: ['PreActive', 'Active'], untilReached: true },
  protectStopDate: { states: ['PreActive', 'Active'], untilReached: true },
}

/** @throws Failure WrongKeyLifecycleState if the date may not be set any more */
export function checkDateChange(attributes: Attributes, name: string, now: number): void {
  const rule = dateRules[name as StandardName]
  const state = stateOf(attributes)
  if (rule === undefined || state === undefined) return
  if (!rule.states.includes(state))
    throw new Failure('WrongKeyLifecycleState', `the date cannot be changed in state ${state}`)
  if (rule.untilReached === true && reached(attributes[name as 'processStartDate'], now))
    throw new Failure('WrongKeyLifecycleState', 'the date cannot be changed once it is reached')
}

/** @throws Failure InvalidAttributeValue if the dates are not in their order. KMIP 2.1 §4.40, §4.41 */
export function checkDateOrder({
  activationDate,
  processStartDate,
  protectStopDate,
  deactivationDate,
}: Attributes): void {
  const order: readonly (readonly [string, number | undefined])[] = [
    ['Activation Date', activationDate],
    ['Process Start Date', processStartDate],
    ['Protect Stop Date', protectStopDate],
    ['Deactivation Date', deactivationDate],
  ]
  const set = order.flatMap(([name, date]) => (date === undefined ? [] : [[name, date] as const]))
  for (const [index, [name, date]] of set.entries()) {
    const previous = set[index - 1]
    // Process Start may follow Protect Stop: a key may process what it no longer protects.
    if (previous === undefined || (previous[0] === 'Process Start Date' && name === 'Protect Stop Date')) continue
    if (previous[1] > date) throw new Failure('InvalidAttributeValue', `the ${name} is before the ${previous[0]}`)
  }
}
