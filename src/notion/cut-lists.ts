import { isUuid } from '../uuid.ts'
import { isObject, type JsonObject, textAt, toObject } from './json.ts'

/**
 * A position within one of Notion's lists, whose own cursors only separate whole lists. It identifies the list (by the
 * cursor and the page size it was requested with) and the last entry that was returned.
 */
export interface CutCursor {
  /** Notion's cursor of the list; null for the first list. */
  readonly start: string | null
  /** The `page_size` that the list was requested with; null for the default. */
  readonly size: number | null
  /** The number of entries that were returned before. */
  readonly returned: number
  /** The id of the last of them; null where ids do not identify entries. */
  readonly lastId: string | null
}

type Paged = { readonly start_cursor?: string | undefined; readonly page_size?: number | undefined }

const form = /^cut\.(\d{1,4})\.(\d{1,3})\.([0-9a-f-]{36}|)\.([\w-]*)$/

/** Returns the position that a cursor of {@link firstEntries} encodes; null for any other string. */
export function readCutCursor(cursor: string | undefined): CutCursor | null {
  const [, returned, size, lastId = '', start = ''] = form.exec(cursor ?? '') ?? []
  if (returned === undefined || Number(size) > 100 || (lastId !== '' && !isUuid(lastId))) return null
  return {
    returned: Number(returned),
    size: Number(size) || null,
    lastId: lastId || null,
    start: start || null,
  }
}

/** Returns the body with the first `length` entries of the list at a key, and a cursor for the rest. */
export function firstEntries(body: unknown, key: string, length: number, input: Paged): JsonObject {
  const before = readCutCursor(input.start_cursor)
  const shown = entriesAt(body, key).slice(0, length)
  const id = textAt(shown.at(-1), 'id')
  const place = {
    returned: (before?.returned ?? 0) + length,
    size: before === null ? (input.page_size ?? 0) : (before.size ?? 0),
    // Property items have the id of the property, not a UUID, and all entries of a list share it.
    lastId: id !== null && isUuid(id) ? id : '',
    start: before === null ? (input.start_cursor ?? '') : (before.start ?? ''),
  }
  return {
    ...toObject(body),
    [key]: shown,
    next_cursor: `cut.${place.returned}.${place.size}.${place.lastId}.${place.start}`,
    has_more: true,
  }
}

/**
 * Returns the body of a list that was requested again without the entries that were returned before: up to the last of
 * them or, where that entry is gone, as many as there were. `page_size` of the input limits the rest.
 */
export function entriesAfter(body: JsonObject, key: string, cursor: CutCursor, input: Paged): JsonObject {
  const entries = entriesAt(body, key)
  const last = cursor.lastId === null ? -1 : entries.findIndex((entry) => textAt(entry, 'id') === cursor.lastId)
  const skipped = last === -1 ? Math.min(cursor.returned, entries.length) : last + 1
  const rest = entries.slice(skipped)
  const remaining = { ...body, [key]: rest }
  const { page_size: max } = input
  if (max === undefined || rest.length <= max) return remaining
  // Counted in the list as it is now: entries may have been added or removed.
  const now = `cut.${skipped}.${cursor.size ?? 0}.${cursor.lastId ?? ''}.${cursor.start ?? ''}`
  return firstEntries(remaining, key, max, { start_cursor: now })
}

/** Returns the entries of the list at a key of a body. */
export const entriesAt = (body: unknown, key: string): readonly unknown[] => {
  const found = isObject(body) ? body[key] : undefined
  return Array.isArray(found) ? found : []
}
