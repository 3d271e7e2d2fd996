import type { AnyTool, OutputFormat } from './tool.ts'

/** A result within its cap. `body` holds the parts that `data` holds. */
export interface CappedResult {
  readonly data: unknown
  readonly body: unknown
}

/**
 * Shapes a body and keeps the result within `limitBytes` of UTF-8 JSON. A result of many parts that is too long is cut
 * behind a whole one and gets a cursor that goes on exactly there ({@link AnyTool.list}); a `notice` beside the content
 * says so. What has no parts, or one that is too long by itself, comes as the beginning of its text.
 */
export function capResult(
  tool: AnyTool,
  format: OutputFormat,
  body: unknown,
  input: unknown,
  limitBytes: number,
): CappedResult {
  const whole = shape(tool, format, body, input)
  if (fits(whole, limitBytes)) return { data: whole, body }
  const { list } = tool
  const length = list?.length(body) ?? 0
  if (!list || length < 2) return { data: beginningOf(tool, format, whole, limitBytes, null), body }
  const cutAt = (count: number): CappedResult => {
    const cut: unknown = list.take(body, count, input)
    const how =
      cursorOf(cut) === null ? `${count} of its ${length} parts are here` : 'next_cursor goes on behind what is here'
    const notice = `Cut to keep the result below ${limitBytes} bytes; ${how}.`
    return { data: withNotice(shape(tool, format, cut, input), notice), body: cut }
  }
  let least = 1
  let most = length - 1
  let best = cutAt(least)
  while (least < most) {
    const middle = Math.ceil((least + most) / 2)
    const tried = cutAt(middle)
    if (fits(tried.data, limitBytes)) {
      best = tried
      least = middle
    } else {
      most = middle - 1
    }
  }
  return fits(best.data, limitBytes)
    ? best
    : { ...best, data: beginningOf(tool, format, best.data, limitBytes, cursorOf(best.body)) }
}

function shape(tool: AnyTool, format: OutputFormat, body: unknown, input: unknown): unknown {
  if (format === 'RAW') return body
  return format === 'COMPACT' ? tool.toCompact(body, input) : tool.toMarkdown(body, input)
}

function withNotice(data: unknown, notice: string): unknown {
  if (typeof data === 'string') return `${data}\n\n${notice}`
  return typeof data === 'object' && data !== null && !Array.isArray(data) ? { ...data, notice } : { notice, data }
}

const sizeOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value) ?? '')

const fits = (value: unknown, limitBytes: number) => sizeOf(value) <= limitBytes

const cursorOf = (body: unknown) =>
  typeof body === 'object' && body !== null && 'next_cursor' in body && typeof body.next_cursor === 'string'
    ? body.next_cursor
    : null

/** The beginning of a result's text, with the cursor that goes on behind the part that is too long. */
function beginningOf(
  tool: AnyTool,
  format: OutputFormat,
  value: unknown,
  limitBytes: number,
  cursor: string | null,
): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const notice = `Cut to its beginning: the result has ${sizeOf(value)} bytes and the limit is ${limitBytes}.`
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
