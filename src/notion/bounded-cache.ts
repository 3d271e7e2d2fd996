/** A map that holds a bounded number of entries, the least recently used leaving first, each for a bounded time. */
export interface BoundedCache<Value> {
  get(key: string): Value | undefined
  set(key: string, value: Value): void
  delete(key: string): void
}

/**
 * @param limits `entries` at most this many; `ttlMs` how long an entry is good for, without it until it is pushed out.
 * @param now milliseconds of any clock that does not go backwards
 */
export function boundedCache<Value>(
  limits: { readonly entries: number; readonly ttlMs?: number },
  now: () => number,
): BoundedCache<Value> {
  const held = new Map<string, { readonly value: Value; readonly until: number }>()
  const lifetime = limits.ttlMs ?? Number.POSITIVE_INFINITY
  return {
    get(key) {
      const entry = held.get(key)
      if (entry === undefined) return undefined
      held.delete(key)
      if (entry.until <= now()) return undefined
      held.set(key, entry)
      return entry.value
    },
    set(key, value) {
      held.delete(key)
      held.set(key, { value, until: now() + lifetime })
      if (held.size > limits.entries) {
        for (const oldest of held.keys()) {
          held.delete(oldest)
          break
        }
      }
    },
    delete(key) {
      held.delete(key)
    },
  }
}
