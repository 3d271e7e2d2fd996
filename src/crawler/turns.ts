/**
 * Shares the time of a slice between reported changes and the pass over all pages. Changes come first, and have a head start;
 * where there are always more of them, both get the same time, so that a pass comes to its end.
 */
export interface Turns {
  /** Whether changes may be read now. */
  areForChanges(): boolean
  /** Does work for a change, or for the pass, and counts its time. */
  take<Result>(part: 'changes' | 'pass', work: () => Promise<Result>): Promise<Result>
  /** No pass waits: changes may use the time as if they had used none. */
  restart(): void
}

/** Starts with no time used. */
export function createTurns(headStartMs: number): Turns {
  const usedMs = { changes: 0, pass: 0 }
  return {
    areForChanges: () => usedMs.changes <= usedMs.pass + headStartMs,
    async take(part, work) {
      const startedAt = performance.now()
      try {
        return await work()
      } finally {
        usedMs[part] += performance.now() - startedAt
      }
    },
    restart() {
      usedMs.changes = 0
    },
  }
}
