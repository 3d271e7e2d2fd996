import { OAuthFailure } from '../../accounts/provider.ts'
import { toUuid } from '../ids.ts'
import { objectsAt } from '../json.ts'
import { titleKey } from '../names.ts'
import { titleOf } from '../titles.ts'

type Body = Readonly<Record<string, unknown>>

/** The kinds of object whose ids a user may paste, the likeliest first. A page is a block too, so blocks come last. */
const collections = ['pages', 'databases', 'data_sources', 'blocks'] as const

const concurrency = 3

/**
 * Returns those of the given ids under which Notion returns an object. Notion answers 404 alike for what is missing, not
 * shared or of another kind, so every kind is tried. A string that is not a UUID is never sent and never visible.
 *
 * @param get requests `GET /v1/<path>`; throws an {@link OAuthFailure}
 */
export async function visibleAmong(
  resourceIds: readonly string[],
  get: (path: string) => Promise<Body>,
): Promise<ReadonlySet<string>> {
  const visible = new Set<string>()
  const waiting = [...resourceIds]
  const work = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const uuid = toUuid(id)
      if (uuid !== null && (await isVisible(uuid, get))) visible.add(id)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return visible
}

async function isVisible(id: string, get: (path: string) => Promise<Body>): Promise<boolean> {
  for (const collection of collections) {
    try {
      await get(`${collection}/${id}`)
      return true
    } catch (error) {
      if (!(error instanceof OAuthFailure && isNoSuchObject(error))) throw error
    }
  }
  return false
}

/** Notion answers a wrong kind with 404 or, for a database requested as a page, with 400 `validation_error`. */
function isNoSuchObject(failure: OAuthFailure): boolean {
  return failure.code === 'object_not_found' || failure.code === 'validation_error'
}

/**
 * Returns those of the given names under which a search finds something. An application names a page as its user knows
 * it, so a title that contains the name or is contained in it counts. Where a search has more results than are read, the
 * name counts as found.
 *
 * @param search requests `POST /v1/search`; throws an {@link OAuthFailure}
 * @see https://developers.notion.com/reference/post-search
 */
export async function visibleTitlesAmong(
  names: readonly string[],
  search: (body: Body) => Promise<Body>,
): Promise<ReadonlySet<string>> {
  const found = await Promise.all(
    names.map(async (name) => {
      const answer = await search({ query: name, page_size: 20 })
      return answer.has_more === true || objectsAt(answer, 'results').some((result) => resembles(titleOf(result), name))
    }),
  )
  return new Set(names.filter((_name, at) => found[at]))
}

function resembles(title: string, name: string): boolean {
  const [a, b] = [titleKey(title), titleKey(name)]
  return a !== '' && (a.includes(b) || b.includes(a))
}
