/**
 * The candidates that somebody may have meant by `wanted`, nearest first: by edits (Damerau-Levenshtein, a swap of
 * neighbours is one edit) without regard to case and separators. Candidates that share less than half are left out.
 */
export function nearestNames(wanted: string, candidates: readonly string[], most = 3): readonly string[] {
  const target = fold(wanted)
  return candidates
    .map((name) => {
      const folded = fold(name)
      const contained = target.length > 2 && (folded.includes(target) || target.includes(folded))
      const edits = editDistance(target, folded) / Math.max(target.length, folded.length, 1)
      return { name, far: contained ? Math.min(0.25, edits) : edits }
    })
    .filter(({ far }) => far <= 0.5)
    .sort((a, b) => a.far - b.far || a.name.localeCompare(b.name, 'en'))
    .slice(0, most)
    .map(({ name }) => name)
}

/** Long texts are compared by their beginning: the work grows with the product of the lengths. */
const longestCompared = 100

const fold = (name: string) =>
  name
    .slice(0, longestCompared)
    .toLowerCase()
    .replace(/[\s_.-]+/g, '')

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
