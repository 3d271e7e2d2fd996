import { isUuid } from '../uuid.ts'
import { textAt } from './json.ts'

/** The kind of object that an id or a link is passed for. A link can contain the ids of several objects. */
export type IdKind =
  | 'page'
  | 'database'
  | 'data_source'
  | 'block'
  | 'comment'
  | 'discussion'
  | 'user'
  | 'file_upload'
  | 'template'

const plain = /^(?:[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/i
const atEnd = /(?:^|[^0-9a-f])([0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12})$/i
const hosts = /(?:^|\.)notion\.(?:so|com|site)$/

/** Returns the id at a key of an answer if it is a UUID, since ids become parts of addresses; null otherwise. */
export function uuidAt(value: unknown, key: string): string | null {
  const text = textAt(value, key)
  return text !== null && isUuid(text) ? text : null
}

/** Returns 32 hexadecimal digits, with or without hyphens, as a lower-case UUID; null for any other string. */
export function toUuid(text: string): string | null {
  if (!plain.test(text)) return null
  const digits = text.replaceAll('-', '').toLowerCase()
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join(
    '-',
  )
}

/**
 * Returns the UUID of an id or of a link pasted from a browser, or null.
 *
 * In a link to notion.so, notion.com, app.notion.com or a notion.site the last part of the path names the object. With
 * `?v=` (a view) that is a database. `?p=` is the page opened over it, `#…` a block, `?d=` a discussion. Links to other
 * hosts are refused.
 */
export function notionId(text: string, kind: IdKind): string | null {
  const trimmed = text.trim()
  const direct = toUuid(trimmed)
  if (direct !== null) return direct
  if (trimmed.length > 2000) return null
  const address = /^https?:\/\//i.test(trimmed)
    ? trimmed
    : /^(?:[\w-]+\.)*notion\.(?:so|com|site)\//i.test(trimmed)
      ? `https://${trimmed}`
      : null
  if (address === null || !URL.canParse(address)) return null
  const url = new URL(address)
  if (!hosts.test(url.hostname)) return null
  const path = idAtEnd(url.pathname)
  const peeked = toUuid(url.searchParams.get('p') ?? '')
  switch (kind) {
    case 'discussion':
      return toUuid(url.searchParams.get('d') ?? '') ?? path
    case 'block':
      return toUuid(url.hash.slice(1)) ?? peeked ?? path
    case 'page':
      return peeked ?? path
    default:
      return path
  }
}

function idAtEnd(pathname: string): string | null {
  const segments = pathname.split('/').filter((segment) => segment !== '')
  const last = segments.at(-1)
  const found = last === undefined ? undefined : atEnd.exec(last)?.[1]
  return found === undefined ? null : toUuid(found)
}
