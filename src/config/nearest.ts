/**
 * What somebody may have meant who misspelt a name.
 *
 * @module
 */

/** The candidate that the fewest letters tell from the word; the empty string if there is none. */
export function nearest(word: string, candidates: readonly string[]): string {
  const ranked = candidates
    .map(candidate => ({
      candidate,
      distance: Math.min(distance(word, candidate), distance(word, lastPart(candidate))),
    }))
    .sort((one, other) => one.distance - other.distance)
  return ranked[0]?.candidate ?? ''
}

const lastPart = (path: string): string => path.slice(path.lastIndexOf('.') + 1)

/** Letters to insert, leave out or change. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [index, letter] of [...one.toLowerCase()].entries()) {
    const next = [index + 1]
    for (const [column, wanted] of [...other.toLowerCase()].entries())
      next.push(
        Math.min((row[column] ?? 0) + (letter === wanted ? 0 : 1), (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1),
      )
    row = next
  }
  return row.at(-1) ?? 0
}
