/** Longer names are compared by their first characters: the work grows with the product of the lengths. */
const maxCompared = 100

/** Candidates further away than this share of their length are not suggested. */
const maxDistance = 0.5

/**
 * Returns the candidates that resemble `name`, nearest first and at most `max`: by edit distance (a swap of neighbours
 * is one edit), without regard to case, spaces, `_`, `.` and `-`.
 *
 * @see https://en.wikipedia.org/wiki/Damerau%E2%80%93Levenshtein_distance (optimal string alignment)
 */
export function nearest(name: string, candidates: readonly string[], max = 3): readonly string[] {
  const wanted = fold(name)
  return candidates
    .map((candidate) => ({ candidate, distance: distanceOf(wanted, fold(candidate)) }))
    .filter(({ distance }) => distance <= maxDistance)
    .sort((a, b) => a.distance - b.distance || a.candidate.localeCompare(b.candidate, 'en'))
    .slice(0, max)
    .map(({ candidate }) => candidate)
}

/** Returns ` Did you mean "Status"?` for the nearest candidate, or an empty string when none resembles the name. */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const [found] = nearest(name, candidates, 1)
  return found === undefined ? '' : ` Did you mean "${found}"?`
}

const fold = (name: string) =>
  name
    .slice(0, maxCompared)
    .toLowerCase()
    .replace(/[\s_.-]+/g, '')

/** 0 for equal names, 1 for names without anything in common. */
function distanceOf(wanted: string, candidate: string): number {
  const edits = editDistance(wanted, candidate) / Math.max(wanted.length, candidate.length, 1)
  const contained = wanted.length > 2 && (candidate.includes(wanted) || wanted.includes(candidate))
  return contained ? Math.min(0.25, edits) : edits
}

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let edits = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, (beforeLast[j - 2] ?? 0) + 1)
      }
      row.push(edits)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}
