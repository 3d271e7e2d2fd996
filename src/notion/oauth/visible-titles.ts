import { isObject, type JsonObject, objectsAt, textAt } from '../json.ts'

/** Sends one search (https://developers.notion.com/reference/post-search); fails with an `OAuthFailure`. */
export type Search = (body: Readonly<Record<string, unknown>>) => Promise<Readonly<Record<string, unknown>>>

/**
 * Of the given names those under which something can be found. Names are what an application calls a page or database in
 * front of people, so that a title which contains the name, or the other way round, is one of them; where more was found
 * than is looked at, the name counts as found, as nothing says otherwise.
 */
export async function visibleTitlesAmong(names: readonly string[], search: Search): Promise<ReadonlySet<string>> {
  const found = await Promise.all(
    names.map(async (name) => {
      const answer = await search({ query: name, page_size: 20 })
      return answer.has_more === true || objectsAt(answer, 'results').some((result) => resembles(titleOf(result), name))
    }),
  )
  return new Set(names.filter((_name, at) => found[at]))
}

function resembles(title: string, name: string): boolean {
  const [a, b] = [title.trim().toLowerCase(), name.trim().toLowerCase()]
  return a !== '' && (a.includes(b) || b.includes(a))
}

/** Databases and data sources have their title at the top, pages in the one property of type title. */
function titleOf(object: JsonObject): string {
  const direct = objectsAt(object, 'title')
  const properties = isObject(object.properties) ? Object.values(object.properties) : []
  const property = properties.filter(isObject).find((value) => value.type === 'title')
  const pieces = direct.length > 0 || property === undefined ? direct : objectsAt(property, 'title')
  return pieces.map((piece) => textAt(piece, 'plain_text') ?? '').join('')
}
