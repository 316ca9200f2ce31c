/**
 * `/metrics`: the state of the server as Prometheus reads it (text format 0.0.4).
 *
 * @module
 */
import type { Expiry } from '../expiries.ts'

/** How often a KMIP operation ended how. */
export interface Tally {
  count(operation: string, result: string): void
  entries(): Iterable<{ readonly operation: string; readonly result: string; readonly count: number }>
}

export function tally(): Tally {
  const counts = new Map<string, { readonly operation: string; readonly result: string; count: number }>()
  return {
    count(operation, result) {
      const key = `${operation} ${result}`
      const known = counts.get(key)
      if (known !== undefined) known.count++
      // What has no name in the protocol comes from clients, who must not fill the memory.
      else if (counts.size < mostKinds) counts.set(key, { operation, result, count: 1 })
    },
    entries: () => counts.values(),
  }
}

const mostKinds = 1000

export interface Measures {
  readonly version: string
  readonly connections: number
  readonly operations: Iterable<{ readonly operation: string; readonly result: string; readonly count: number }>
  readonly expiries: Iterable<Expiry>
  readonly pendingEnrollments: number
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

export function metricsText(measures: Measures): string {
  const { version, connections, operations, expiries, pendingEnrollments } = measures
  const { rss } = process.memoryUsage()
  return [
    metric('kmipd_info', 'gauge', 'The release that runs.', [[{ version }, 1]]),
    metric('kmipd_connections', 'gauge', 'KMIP clients that are connected.', [[{}, connections]]),
    metric(
      'kmipd_operations_total',
      'counter',
      'KMIP operations since the start, by their result status.',
      [...operations].map(({ operation, result, count }) => [{ operation, result }, count]),
    ),
    metric(
      'kmipd_expiry_timestamp_seconds',
      'gauge',
      'When a certificate or a revocation list ends, in seconds since 1970.',
      [...expiries].map(({ kind, name, notAfter }) => [{ kind, name }, Math.floor(notAfter / 1000)]),
    ),
    metric('kmipd_enrollments_pending', 'gauge', 'Enrollments that wait for an administrator.', [
      [{}, pendingEnrollments],
    ]),
    metric('process_resident_memory_bytes', 'gauge', 'Resident memory.', [[{}, rss]]),
    metric('process_start_time_seconds', 'gauge', 'When the process started, in seconds since 1970.', [
      [{}, Math.floor(Date.now() / 1000 - process.uptime())],
    ]),
  ].join('')
}

function metric(name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => `${name}${labelsOf(labels)} ${value}`)
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.map(line => `${line}\n`).join('')}`
}

function labelsOf(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
