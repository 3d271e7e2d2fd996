import type { NotionCall } from './call.ts'
import { uuidAt } from './ids.ts'
import { refuse } from './input.ts'
import { type JsonObject, objectAt, objectsAt, textAt } from './json.ts'
import { titleKey } from './names.ts'
import { titleOf } from './titles.ts'

/** Search results that are read. Notion puts the best matches first. */
const maxResults = 100
const maxListed = 5

/**
 * Returns the id of the only shared page or row with a title. Throws InvalidToolInputError about `title` when none or
 * several have it, with the ids of those that come near.
 *
 * @see https://developers.notion.com/reference/post-search
 */
export async function pageByTitle(call: NotionCall, title: string): Promise<string> {
  const body = await call.read((notion) =>
    notion.search({ query: title, filter: { property: 'object', value: 'page' }, page_size: maxResults }),
  )
  const pages = objectsAt(body, 'results').filter((page) => page.in_trash !== true && uuidAt(page, 'id') !== null)
  const wanted = titleKey(title)
  const same = pages.filter((page) => titleKey(titleOf(page)) === wanted)
  const exact = same.filter((page) => titleOf(page) === title)
  const [first, second] = exact.length === 1 ? exact : same
  const id = uuidAt(first, 'id')
  if (id !== null && second === undefined) return id
  const several = `${same.length} pages have this title. Pass page_id with one of: ${listed(same)}`
  if (id !== null) return refuse('title', several)
  const near = pages.length === 0 ? '' : `. Similar titles: ${listed(pages)}`
  return refuse('title', `is not the title of a page that is shared${near}. Call notion_data_fetch to search`)
}

function listed(pages: readonly JsonObject[]): string {
  const shown = pages.slice(0, maxListed).map((page) => {
    const parent = objectAt(page, 'parent')
    const type = textAt(parent, 'type') ?? ''
    const place = uuidAt(parent, type) === null ? '' : ` in ${type.replace(/_id$/, '')} ${uuidAt(parent, type)}`
    return `"${titleOf(page)}" (${uuidAt(page, 'id') ?? ''}${place})`
  })
  return `${shown.join(', ')}${pages.length > maxListed ? ` and ${pages.length - maxListed} more` : ''}`
}
