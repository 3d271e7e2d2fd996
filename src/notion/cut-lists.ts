import { isUuid } from '../uuid.ts'
import { isObject, type JsonObject, textAt } from './json.ts'

/**
 * A place within a list that Notion gave: Notion's own cursors stand only between the lists of two answers. It names the
 * list (the cursor that it was asked for with, and how long it was to be) and the entry behind which it goes on.
 */
export interface CutCursor {
  /** Notion's cursor of the list, null for the first. */
  readonly start: string | null
  /** The `page_size` of the list, null where none was given. */
  readonly size: number | null
  /** How many entries were given before. */
  readonly given: number
  /** The id of the last of them, null where its id says nothing. */
  readonly lastId: string | null
}

type Paged = { readonly start_cursor?: string | undefined; readonly page_size?: number | undefined }

const form = /^cut\.(\d{1,4})\.(\d{1,3})\.([0-9a-f-]{36}|)\.([\w-]*)$/

/** Reads a cursor of {@link firstEntries}; null for any other text. */
export function readCutCursor(cursor: string | undefined): CutCursor | null {
  const [, given, size, lastId = '', start = ''] = form.exec(cursor ?? '') ?? []
  if (given === undefined || Number(size) > 100 || (lastId !== '' && !isUuid(lastId))) return null
  return {
    given: Number(given),
    size: Number(size) || null,
    lastId: lastId || null,
    start: start || null,
  }
}

/** The first entries of a list that a body holds under a key, with a cursor that goes on behind them. */
export function firstEntries(body: unknown, key: string, length: number, input: Paged): JsonObject {
  const before = readCutCursor(input.start_cursor)
  const shown = entriesAt(body, key).slice(0, length)
  const id = textAt(shown.at(-1), 'id')
  const place = {
    given: (before?.given ?? 0) + length,
    size: before === null ? (input.page_size ?? 0) : (before.size ?? 0),
    // What is no UUID names a property, which all entries have in common.
    lastId: id !== null && isUuid(id) ? id : '',
    start: before === null ? (input.start_cursor ?? '') : (before.start ?? ''),
  }
  return {
    ...(isObject(body) ? body : {}),
    [key]: shown,
    next_cursor: `cut.${place.given}.${place.size}.${place.lastId}.${place.start}`,
    has_more: true,
  }
}

/**
 * The list of a {@link CutCursor}, as Notion gives it again, without what was given before: behind the last entry, or
 * where that is gone, behind as many as it was. `page_size` of the input holds here too.
 */
export function entriesBehind(body: JsonObject, key: string, cursor: CutCursor, input: Paged): JsonObject {
  const entries = entriesAt(body, key)
  const last = cursor.lastId === null ? -1 : entries.findIndex((entry) => textAt(entry, 'id') === cursor.lastId)
  const skipped = last === -1 ? Math.min(cursor.given, entries.length) : last + 1
  const rest = entries.slice(skipped)
  const behind = { ...body, [key]: rest }
  const { page_size: most } = input
  if (most === undefined || rest.length <= most) return behind
  // The count is of the list as it is now, should entries have come or gone since.
  const now = `cut.${skipped}.${cursor.size ?? 0}.${cursor.lastId ?? ''}.${cursor.start ?? ''}`
  return firstEntries(behind, key, most, { start_cursor: now })
}

/** How many entries a body holds under a key. */
export const entriesAt = (body: unknown, key: string): readonly unknown[] => {
  const found = isObject(body) ? body[key] : undefined
  return Array.isArray(found) ? found : []
}
