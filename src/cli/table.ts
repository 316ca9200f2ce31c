/**
 * Tables for people. Apart from the screen, since a server starts without any.
 *
 * @module
 */
import Table from 'cli-table3'
import type { Screen } from './screen.ts'

/** Rows under a head, or the words if there are no rows. */
export function table(
  { colours }: Screen,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  none: string,
): string {
  if (rows.length === 0) return none
  const written = new Table({
    head: head.map(colours.bold),
    chars: bare,
    style: { 'padding-left': 0, 'padding-right': 2, head: [], border: [], compact: true },
  })
  written.push(...rows.map(row => [...row]))
  return written
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
    .join('\n')
}

/** Columns with two blanks between, and no lines. */
const bare = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
}
