import type { AnyTool, OutputFormat } from './tool.ts'

/** A result within the size limit. `body` holds the same items as `data`. */
export interface CappedResult {
  readonly data: unknown
  readonly body: unknown
}

/**
 * Formats a body and limits the result to `limitBytes` of UTF-8 JSON. A list that is too long is cut after a whole item
 * and gets a cursor for the next one ({@link AnyTool.list}), with a `notice` next to the content. A result that is not a
 * list, or whose first item is too long, is cut to the beginning of its text.
 */
export function capResult(
  tool: AnyTool,
  format: OutputFormat,
  body: unknown,
  input: unknown,
  limitBytes: number,
): CappedResult {
  const whole = formatBody(tool, format, body, input)
  if (fits(whole, limitBytes)) return { data: whole, body }
  const { list } = tool
  const length = list?.length(body) ?? 0
  if (!list || length < 2) return { data: beginningOf(tool, format, whole, limitBytes, null), body }
  const cutAt = (count: number): CappedResult => {
    const cut: unknown = list.take(body, count, input)
    const how =
      cursorOf(cut) === null
        ? `Contains ${count} of ${length} items.`
        : `Contains the first ${count} items; pass next_cursor to get the next ones.`
    // A caller that took the list for all that was written would write the rest again.
    const done = tool.readOnly ? '' : ` All ${length} items were written: do not repeat the call.${restOf(list.rest)}`
    const notice = `Truncated to ${limitBytes} bytes. ${how}${done}`
    return { data: withNotice(formatBody(tool, format, cut, input), notice), body: cut }
  }
  let low = 1
  let high = length - 1
  let best = cutAt(low)
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const tried = cutAt(middle)
    if (fits(tried.data, limitBytes)) {
      best = tried
      low = middle
    } else {
      high = middle - 1
    }
  }
  return fits(best.data, limitBytes)
    ? best
    : { ...best, data: beginningOf(tool, format, best.data, limitBytes, cursorOf(best.body)) }
}

const restOf = (hint: string | undefined) => (hint === undefined ? '' : ` ${hint}`)

function formatBody(tool: AnyTool, format: OutputFormat, body: unknown, input: unknown): unknown {
  if (format === 'RAW') return body
  return format === 'COMPACT' ? tool.toCompact(body, input) : tool.toMarkdown(body, input)
}

function withNotice(data: unknown, notice: string): unknown {
  if (typeof data === 'string') return `${data}\n\n${notice}`
  return typeof data === 'object' && data !== null && !Array.isArray(data) ? { ...data, notice } : { notice, data }
}

const sizeOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value) ?? '')

/** Measuring takes as long as writing the JSON, so that a result that is small in any case is not measured. */
const fits = (value: unknown, limitBytes: number) => roomAfter(value, limitBytes) >= 0 || sizeOf(value) <= limitBytes

/**
 * Returns how many of `room` bytes are left at least after a value as JSON (RFC 8259); negative where that is not known
 * without writing it. A UTF-16 unit takes at most six bytes (`\u0000`), a number 24, and a comma follows.
 */
function roomAfter(value: unknown, room: number): number {
  if (room < 0) return -1
  if (typeof value === 'string') return room - 6 * value.length - 3
  if (typeof value !== 'object' || value === null) return room - 25
  let left = room - 3
  if (Array.isArray(value)) {
    for (const item of value) left = roomAfter(item, left)
    return left
  }
  // Its JSON may be anything.
  if ('toJSON' in value) return -1
  for (const key in value)
    left = roomAfter((value as Readonly<Record<string, unknown>>)[key], left - 6 * key.length - 3)
  return left
}

const cursorOf = (body: unknown) =>
  typeof body === 'object' && body !== null && 'next_cursor' in body && typeof body.next_cursor === 'string'
    ? body.next_cursor
    : null

/** Returns the beginning of a result's text, with the cursor for the item after the one that is too long. */
function beginningOf(
  tool: AnyTool,
  format: OutputFormat,
  value: unknown,
  limitBytes: number,
  cursor: string | null,
): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const notice = `Truncated to its beginning: the result has ${sizeOf(value)} bytes, the limit is ${limitBytes}.`
  const room = Math.max(0, limitBytes - notice.length - (cursor?.length ?? 0) - 120)
  let end = Math.min(text.length, room)
  while (end > 0 && sizeOf(text.slice(0, end)) > room) end = Math.floor(end * 0.8)
  const lastLine = text.lastIndexOf('\n', end)
  // A high surrogate at the end has lost its other half.
  const beginning = text.slice(0, lastLine > end / 2 ? lastLine : end).replace(/[\ud800-\udbff]$/, '')
  const marked = format === 'RAW' ? undefined : tool.markBeginning?.(beginning, format)
  const data = marked ?? (typeof value === 'string' ? beginning : { beginning })
  if (cursor === null) return withNotice(data, notice)
  return typeof data === 'string'
    ? withNotice(`${data}\nThere is more: start_cursor ${cursor}`, notice)
    : withNotice({ ...(data as object), next_cursor: cursor, has_more: true }, notice)
}
