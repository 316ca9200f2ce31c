/**
 * What was measured, beside what it should be.
 *
 * @module
 */
import Table from 'cli-table3'
import picocolors from 'picocolors'

/** One measure. Figures are medians over the rounds. */
export interface Row {
  readonly measure: string
  readonly unit: string
  readonly kmipd: number
  /** What it is compared with. */
  readonly other?: number
  /** The target is for the figure itself; the other one only shows how noisy the machine is. */
  readonly isAbsolute?: true
  /** What `kmipd`, or its ratio to `other`, must not exceed; or must reach. Absent: it is for comparison only. */
  readonly target?: { readonly atMost: number } | { readonly atLeast: number }
}

export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((one, other) => one - other)
  const middle = sorted.length >> 1
  const [low = 0, high = 0] = sorted.length % 2 === 0 ? sorted.slice(middle - 1) : [sorted[middle], sorted[middle]]
  return (low + high) / 2
}

const ratioOf = ({ kmipd, other, isAbsolute }: Row): number | undefined =>
  other === undefined || isAbsolute ? undefined : kmipd / other

function isMet(row: Row): boolean | undefined {
  const figure = ratioOf(row) ?? row.kmipd
  if (row.target === undefined) return undefined
  return 'atMost' in row.target ? figure <= row.target.atMost : figure >= row.target.atLeast
}

const verdicts = new Map<boolean | undefined, string>([
  [true, picocolors.green('yes')],
  [false, picocolors.red('no')],
])

const figure = (value: number | undefined): string =>
  value === undefined ? '' : value >= 1000 ? value.toFixed(0) : value >= 100 ? value.toFixed(1) : value.toFixed(2)

export function asTable(rows: readonly Row[]): string {
  const table = new Table({
    head: ['measure', 'unit', 'kmipd', 'other', 'ratio', 'target', 'ok'],
    colAligns: ['left', 'left', 'right', 'right', 'right', 'left', 'left'],
    style: { head: ['bold'], compact: true },
  })
  for (const row of rows) {
    const { measure, unit, kmipd, other, target } = row
    const limit = target === undefined ? '' : 'atMost' in target ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`
    const verdict = verdicts.get(isMet(row)) ?? ''
    table.push([measure, unit, figure(kmipd), figure(other), figure(ratioOf(row)), limit, verdict])
  }
  return table.toString()
}

export const asJson = (rows: readonly Row[]): string =>
  JSON.stringify(
    rows.map(row => ({ ...row, ratio: ratioOf(row), ok: isMet(row) })),
    undefined,
    2,
  )
