import type { Changes, DraftEvent, WebhookEventType } from './event-types.ts'
import { immediateTypes } from './event-types.ts'

/** Maximum number of events that are gathered at the same time. Further ones are dropped. */
const maxGathered = 10_000

/** Number of changes with which an event is sent before its window ends. */
const maxEntries = 1000

/** Gathers events of the same type about the same entity for a short time. */
export interface Gathering {
  add(draft: DraftEvent): void
  /** Ends all windows now. */
  release(): void
  /** Drops all events. */
  clear(): void
  size(): number
  /** Number of events that were dropped because too many were gathered. */
  dropped(): number
}

/** Types that undo each other: together in one window they make no event. */
const opposites: ReadonlyMap<string, string> = new Map([
  ['deleted', 'undeleted'],
  ['undeleted', 'deleted'],
])

interface Window {
  draft: DraftEvent
  readonly timer: NodeJS.Timeout
}

const actionOf = (entry: unknown) => (entry as { readonly action?: string } | undefined)?.action

/** Merges lists of changes. A column that is created and deleted is in neither, a created and updated one is created. */
function merged(before: Changes | undefined, after: Changes | undefined): Changes | undefined {
  if (before === undefined || after === undefined) return after ?? before
  const entries = new Map(before.entries)
  for (const [key, entry] of after.entries) {
    const wasCreated = actionOf(entries.get(key)) === 'created'
    if (wasCreated && actionOf(entry) === 'deleted') entries.delete(key)
    else if (wasCreated && typeof entry === 'object') entries.set(key, { ...entry, action: 'created' })
    else entries.set(key, entry)
  }
  return { field: after.field, entries }
}

/**
 * Creates a gathering. `send` receives each event when its window of `windowMs()` milliseconds ends, or at once if its
 * type is not gathered. An entity that is created and deleted within the window makes no event.
 */
export function createGathering(options: {
  windowMs(): number
  readonly send: (draft: DraftEvent) => void
}): Gathering {
  const entities = new Map<string, Map<WebhookEventType, Window>>()
  let size = 0
  let dropped = 0

  function remove(entityKey: string, type: WebhookEventType): DraftEvent | undefined {
    const windows = entities.get(entityKey)
    const window = windows?.get(type)
    if (windows === undefined || window === undefined) return undefined
    clearTimeout(window.timer)
    windows.delete(type)
    if (windows.size === 0) entities.delete(entityKey)
    size -= 1
    return window.draft
  }
  function end(entityKey: string, type: WebhookEventType): void {
    const draft = remove(entityKey, type)
    if (draft !== undefined && draft.changes?.entries.size !== 0) options.send(draft)
  }

  /** Returns whether the event only undoes others of the window, which are removed. */
  function cancels(entityKey: string, type: WebhookEventType): boolean {
    const windows = entities.get(entityKey)
    const [kind, verb = ''] = type.split(/\.(?=[a-z_]+$)/)
    if (windows === undefined) return false
    if (verb === 'deleted' && windows.has(`${kind}.created` as WebhookEventType)) {
      for (const other of [...windows.keys()]) remove(entityKey, other)
      return true
    }
    const opposite = opposites.get(verb)
    return opposite !== undefined && remove(entityKey, `${kind}.${opposite}` as WebhookEventType) !== undefined
  }

  function clear(): void {
    for (const windows of entities.values()) for (const { timer } of windows.values()) clearTimeout(timer)
    entities.clear()
    size = 0
  }

  return {
    add(draft) {
      const { type, entity } = draft
      if (immediateTypes.has(type)) return options.send(draft)
      const key = `${entity.type} ${entity.id}`
      if (cancels(key, type)) return
      const window = entities.get(key)?.get(type)
      if (window !== undefined) {
        const { draft: earlier } = window
        const changes = merged(earlier.changes, draft.changes)
        const authors = new Set([...earlier.authors, ...draft.authors])
        window.draft = { ...draft, authors, ...(changes && { changes }) }
        if ((changes?.entries.size ?? 0) >= maxEntries) end(key, type)
        return
      }
      if (size >= maxGathered) {
        dropped += 1
        return
      }
      const timer = setTimeout(() => end(key, type), options.windowMs()).unref()
      const windows = entities.get(key) ?? new Map<WebhookEventType, Window>()
      entities.set(key, windows.set(type, { draft, timer }))
      size += 1
    },
    release() {
      for (const [key, windows] of [...entities]) for (const type of [...windows.keys()]) end(key, type)
    },
    clear() {
      clear()
      dropped = 0
    },
    size: () => size,
    dropped: () => dropped,
  }
}
