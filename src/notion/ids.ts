import { isUuid } from '../uuid.ts'
import { textAt } from './json.ts'
import { dictionary } from './names.ts'

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
  | 'view'
  | 'custom_emoji'

const plain = /^(?:[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/i
// 32 digits without a break, or all four hyphens: a title that ends in digits must not complete a damaged id.
const atEnd = /(?:^|[^0-9a-f])([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i
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

/** The kinds of object that an id with a word before it (`page 1234…`, as compact results name parents) may be passed as. */
const named = dictionary<readonly IdKind[]>({
  page: ['page', 'block'],
  database: ['database', 'data_source', 'block'],
  data_source: ['database', 'data_source'],
  block: ['block'],
  user: ['user'],
})

/**
 * Returns the UUID of an id or of a link pasted from a browser, or null.
 *
 * In a link to notion.so, notion.com, app.notion.com or a notion.site the last part of the path names the object. With
 * `?v=` (a view) that is a database. `?p=` is the page opened over it, `#…` a block, `?d=` a discussion. Where one of
 * these is not a whole id, or is there twice, the link is damaged and null: without it, the link would mean the outer
 * object. Links to other hosts are refused. `user://…` (in Notion's Markdown) and `page …` (in compact results) are ids
 * of objects of that kind.
 */
export function notionId(text: string, kind: IdKind): string | null {
  const trimmed = text.trim()
  const direct = toUuid(trimmed)
  if (direct !== null) return direct
  if (trimmed.length > 2000) return null
  const [, word = '', id = ''] = /^([a-z_]+)(?: |:\/\/)([0-9a-f-]{32,36})$/.exec(trimmed) ?? []
  if (id !== '') return named[word]?.includes(kind) ? toUuid(id) : null
  const address = /^https?:\/\//i.test(trimmed)
    ? trimmed
    : /^(?:[\w-]+\.)*notion\.(?:so|com|site)\//i.test(trimmed)
      ? `https://${trimmed}`
      : null
  if (address === null || !URL.canParse(address)) return null
  const url = new URL(address)
  if (!hosts.test(url.hostname)) return null
  const [page, discussion, view] = ['p', 'd', 'v'].map((key) => onlyId(url.searchParams.getAll(key)))
  const block = onlyId(url.hash === '' ? [] : [url.hash.slice(1)])
  if (page === null || discussion === null || view === null || block === null) return null
  const path = idAtEnd(url.pathname)
  switch (kind) {
    case 'discussion':
      return discussion ?? path
    case 'block':
      return block ?? page ?? path
    case 'page':
      return page ?? path
    case 'view':
      return view ?? null
    default:
      return path
  }
}

/** Returns the id in a part of a link; undefined where the part is missing, null where it is damaged. */
function onlyId(values: readonly string[]): string | null | undefined {
  const [value, second] = values
  return value === undefined ? undefined : second === undefined ? toUuid(value) : null
}

function idAtEnd(pathname: string): string | null {
  const segments = pathname.split('/').filter((segment) => segment !== '')
  const last = segments.at(-1)
  const found = last === undefined ? undefined : atEnd.exec(last)?.[1]
  return found === undefined ? null : toUuid(found)
}
