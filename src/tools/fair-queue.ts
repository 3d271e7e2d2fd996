/** Items that wait in order, grouped by account. Accounts take turns, so that a busy one does not hold up the others. */
export interface FairQueue<T> {
  readonly size: number
  add(accountId: string, item: T): void
  /** Removes the first item of the account whose turn it is. */
  next(): T | undefined
  /** Removes one item. Returns false when it is not in the queue. */
  remove(accountId: string, item: T): boolean
  /** Removes and returns all items for which `test` holds. */
  removeWhere(test: (item: T) => boolean): readonly T[]
  /**
   * Removes and returns the last item of the account with the most items, to make room for one of `accountId`.
   * Undefined when that account would then have as many items as the busiest.
   */
  makeRoomFor(accountId: string): T | undefined
}

/** Creates an empty queue. */
export function createFairQueue<T>(): FairQueue<T> {
  // In the order of turns.
  const queues = new Map<string, T[]>()
  let size = 0

  const remove = (accountId: string, item: T): boolean => {
    const queue = queues.get(accountId)
    const at = queue?.indexOf(item) ?? -1
    if (!queue || at < 0) return false
    queue.splice(at, 1)
    size -= 1
    if (queue.length === 0) queues.delete(accountId)
    return true
  }

  return {
    get size() {
      return size
    },
    add(accountId, item) {
      const queue = queues.get(accountId)
      if (queue) queue.push(item)
      else queues.set(accountId, [item])
      size += 1
    },
    next() {
      const [turn] = queues
      if (!turn) return undefined
      const [accountId, queue] = turn
      const item = queue.shift()
      size -= 1
      queues.delete(accountId)
      if (queue.length > 0) queues.set(accountId, queue)
      return item
    },
    remove,
    removeWhere(test) {
      const removed: T[] = []
      for (const [accountId, queue] of [...queues]) {
        for (const item of [...queue]) if (test(item) && remove(accountId, item)) removed.push(item)
      }
      return removed
    },
    makeRoomFor(accountId) {
      const own = queues.get(accountId)?.length ?? 0
      const [busiest] = [...queues].sort(([, a], [, b]) => b.length - a.length)
      const last = busiest?.[1].at(-1)
      if (!busiest || last === undefined || busiest[1].length <= own + 1) return undefined
      remove(busiest[0], last)
      return last
    },
  }
}
