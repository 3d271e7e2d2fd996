import type { AnyTool, OutputFormat } from './tool.ts'

/** A list as providers page it (Notion: https://developers.notion.com/reference/intro#pagination). */
interface ListBody {
  readonly results: readonly unknown[]
  readonly next_cursor: string | null
  readonly has_more: boolean
}

/** A result within its cap. `body` holds the rows that `data` holds. */
export interface CappedResult {
  readonly data: unknown
  readonly body: unknown
}

/** Marks the cursors that are ours: what follows is where the provider's page begins and how many rows of it were given. */
const cursorPrefix = 'after:'

/**
 * Shapes a body and keeps the result within `limitBytes` of UTF-8 JSON. A list that is too long is cut behind a whole row
 * and gets a cursor that goes on exactly there; `notice` in the result says so. What is no list and too long comes as
 * the beginning of its text. `skip` rows of the body were given before, by the cursor that the call came with.
 */
export function capResult(
  tool: AnyTool,
  format: OutputFormat,
  body: unknown,
  input: unknown,
  limitBytes: number,
  position: { readonly cursor: string | null; readonly skip: number },
): CappedResult {
  const rest = isList(body) && position.skip > 0 ? { ...body, results: body.results.slice(position.skip) } : body
  const whole = shape(tool, format, rest, input)
  if (fits(whole, limitBytes)) return { data: whole, body: rest }
  if (!isList(rest)) return { data: beginningOf(whole, limitBytes), body: rest }
  const cutAt = (count: number): CappedResult => {
    const cut = {
      ...rest,
      results: rest.results.slice(0, count),
      next_cursor: encodeCursor({ cursor: position.cursor, skip: position.skip + count }),
      has_more: true,
    }
    const notice = `Cut to ${count} of ${rest.results.length} results to stay below ${limitBytes} bytes; next_cursor goes on behind them.`
    return { data: withNotice(shape(tool, format, cut, input), notice), body: cut }
  }
  let most = rest.results.length - 1
  let least = 1
  let best = cutAt(1)
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
  return fits(best.data, limitBytes) ? best : { ...best, data: beginningOf(best.data, limitBytes) }
}

/** Where a call's page begins: the provider's own cursor for the input, and how many of its rows to leave out. */
export function readPosition(input: unknown): {
  readonly input: unknown
  readonly cursor: string | null
  readonly skip: number
} {
  if (typeof input !== 'object' || input === null || !('start_cursor' in input)) return { input, cursor: null, skip: 0 }
  const { start_cursor: given, ...others } = input
  if (typeof given !== 'string') return { input, cursor: null, skip: 0 }
  const position = decodeCursor(given)
  if (position === null) return { input, cursor: given, skip: 0 }
  return {
    input: position.cursor === null ? others : { ...others, start_cursor: position.cursor },
    ...position,
  }
}

function shape(tool: AnyTool, format: OutputFormat, body: unknown, input: unknown): unknown {
  if (format === 'RAW') return body
  return format === 'COMPACT' ? tool.toCompact(body, input) : tool.toMarkdown(body, input)
}

function withNotice(data: unknown, notice: string): unknown {
  if (typeof data === 'string') return `${data}\n\n${notice}`
  return typeof data === 'object' && data !== null && !Array.isArray(data) ? { ...data, notice } : { notice, data }
}

const sizeOf = (value: unknown) => Buffer.byteLength(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))

const fits = (value: unknown, limitBytes: number) => sizeOf(value) <= limitBytes

function beginningOf(value: unknown, limitBytes: number): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const notice = `Cut to its beginning: the result has ${sizeOf(value)} bytes and the limit is ${limitBytes}.`
  // A code unit takes three bytes of UTF-8 at most, and its JSON string up to six.
  const room = Math.max(0, limitBytes - notice.length - 100)
  let end = Math.min(text.length, room)
  while (end > 0 && sizeOf(JSON.stringify(text.slice(0, end))) > room) end = Math.floor(end * 0.8)
  const lastLine = text.lastIndexOf('\n', end)
  // A high surrogate at the end has lost its other half.
  const beginning = text.slice(0, lastLine > end / 2 ? lastLine : end).replace(/[\ud800-\udbff]$/, '')
  return typeof value === 'string' ? `${beginning}\n\n${notice}` : { notice, beginning }
}

function isList(body: unknown): body is ListBody {
  return typeof body === 'object' && body !== null && 'results' in body && Array.isArray(body.results)
}

function encodeCursor(position: { readonly cursor: string | null; readonly skip: number }): string {
  return cursorPrefix + Buffer.from(JSON.stringify([position.cursor, position.skip])).toString('base64url')
}

function decodeCursor(text: string): { readonly cursor: string | null; readonly skip: number } | null {
  if (!text.startsWith(cursorPrefix)) return null
  try {
    const read: unknown = JSON.parse(Buffer.from(text.slice(cursorPrefix.length), 'base64url').toString('utf8'))
    if (!Array.isArray(read) || read.length !== 2) return null
    const [cursor, skip] = read as unknown[]
    const valid =
      (cursor === null || typeof cursor === 'string') && typeof skip === 'number' && skip >= 0 && skip < 1_000
    return valid ? { cursor, skip } : null
  } catch {
    return null
  }
}
