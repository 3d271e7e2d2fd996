/** Links to pages in the Notion app. The sandbox does not serve them, but clients parse ids from them. */
import type { Id } from '../model.ts'

/** Returns an id as 32 hex digits, the format in links. */
export function undashed(id: Id): string {
  return id.replaceAll('-', '')
}

/** Returns the link to a page or database: `https://app.notion.com/p/<Title>-<id>`. */
export function pageUrl(id: Id, title: string): string {
  const words = title.match(/[\p{L}\p{N}]+/gu) ?? []
  // Notion shortens long titles. A URL has at most 2000 characters.
  const slug = words.join('-').slice(0, 80)
  return `https://app.notion.com/p/${slug === '' ? '' : `${encodeURIComponent(slug)}-`}${undashed(id)}`
}
