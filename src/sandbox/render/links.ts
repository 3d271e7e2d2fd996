/** Addresses of pages in the Notion app. They lead nowhere here; clients take them apart for ids. */
import type { Id } from '../model.ts'

/** An id as it stands in links: 32 hexadecimal digits. */
export function undashed(id: Id): string {
  return id.replaceAll('-', '')
}

/** The link of a page or database: `https://app.notion.com/p/<Title>-<id>`. */
export function pageUrl(id: Id, title: string): string {
  const words = title.match(/[\p{L}\p{N}]+/gu) ?? []
  // Notion cuts long titles; without a cut a link could outgrow the 2000 characters of a URL.
  const slug = words.join('-').slice(0, 80)
  return `https://app.notion.com/p/${slug === '' ? '' : `${encodeURIComponent(slug)}-`}${undashed(id)}`
}
