import {
  ResourceNotFoundError,
  ResourceNotSharedError,
  ResourceUnavailableError,
  WrongResourceTypeError,
} from '../../errors.ts'
import type { Query } from '../../search/query.ts'
import type { NotionCall } from '../call.ts'
import { dataSourcesOf } from '../data-sources.ts'
import { notionId, uuidAt } from '../ids.ts'
import { refuse } from '../input.ts'
import { type JsonObject, objectAt, objectsAt, textAt } from '../json.ts'
import { titleKey } from '../names.ts'
import { titleOf } from '../titles.ts'

/** What the operators of a query mean for objects of Notion. */
export interface Conditions {
  /** The data sources that `in:` names; null without it. */
  readonly sourceIds: readonly string[] | null
  /** Whether an object is one that the operators ask for. */
  accepts(object: JsonObject): boolean
  /** Whether all objects that were edited at this time or before are excluded. */
  excludesOlder(object: JsonObject): boolean
}

/**
 * Reads which database `in:` names, if the query has it. Throws InvalidToolInputError about `query` where no database or
 * several have that title, and for `by:me` where Notion did not report the user of the account.
 */
export async function conditionsOf(call: NotionCall, query: Query): Promise<Conditions> {
  const { edited, byMe } = query
  const sourceIds = query.within === null ? null : await sourcesNamed(call, query.within)
  const me = call.account.grant?.providerUserId ?? null
  if (byMe && me === null) refuse('query', 'must not have by:me: Notion did not report the user of this account')
  const isMine = (object: JsonObject) =>
    textAt(objectAt(object, 'created_by'), 'id') === me || textAt(objectAt(object, 'last_edited_by'), 'id') === me
  return {
    sourceIds,
    accepts(object) {
      if (sourceIds !== null && !sourceIds.includes(uuidAt(objectAt(object, 'parent'), 'data_source_id') ?? '')) {
        return false
      }
      if (byMe && !isMine(object)) return false
      const at = editedAt(object)
      return edited === null || (at !== null && at >= edited.from && at < edited.until)
    },
    excludesOlder(object) {
      const at = editedAt(object)
      return edited !== null && at !== null && at < edited.from
    },
  }
}

/** Returns the time of the last edit in milliseconds since the epoch; null if Notion reports none. */
export function editedAt(object: JsonObject): number | null {
  const at = Date.parse(textAt(object, 'last_edited_time') ?? '')
  return Number.isNaN(at) ? null : at
}

const maxListed = 5

async function sourcesNamed(call: NotionCall, name: string): Promise<readonly string[]> {
  const id = notionId(name, 'database')
  if (id !== null) return (await sourcesWithId(call, id)).map((source) => source.id)
  const body = await call.read((notion) =>
    notion.search({ query: name, filter: { property: 'object', value: 'data_source' }, page_size: 100 }),
  )
  const found = objectsAt(body, 'results').filter((source) => source.in_trash !== true && uuidAt(source, 'id') !== null)
  const wanted = titleKey(name)
  const direct = found.filter((source) => titleKey(titleOf(source)) === wanted)
  const named = direct.length > 0 ? direct : await inDatabasesNamed(call, found, wanted)
  const databases = new Set(named.map(databaseOf))
  if (databases.size > 1) {
    const ids = [...databases].slice(0, maxListed).join(', ')
    refuse('query', `must have the ID of a database after in:, as ${databases.size} are named "${name}": ${ids}`)
  }
  if (named.length === 0) {
    const near = found.slice(0, maxListed).map((source) => `"${titleOf(source)}" (${databaseOf(source)})`)
    const similar = near.length === 0 ? '' : `. Similar titles: ${near.join(', ')}`
    refuse('query', `must have the title or ID of a shared database after in:, not "${name}"${similar}`)
  }
  return named.map((source) => uuidAt(source, 'id') ?? '')
}

const databaseOf = (source: JsonObject) =>
  uuidAt(objectAt(source, 'parent'), 'database_id') ?? uuidAt(source, 'id') ?? ''

/** A search for data sources also finds those whose database has the title. */
async function inDatabasesNamed(
  call: NotionCall,
  sources: readonly JsonObject[],
  wanted: string,
): Promise<readonly JsonObject[]> {
  const ids = [...new Set(sources.map(databaseOf))].slice(0, maxListed)
  const answers = await Promise.all(ids.map((id) => call.lookUp({ kind: 'database', id })))
  const named = new Set(
    ids.filter((_, index) => {
      const answer = answers[index]
      return answer !== undefined && 'body' in answer && titleKey(titleOf(answer.body)) === wanted
    }),
  )
  return sources.filter((source) => named.has(databaseOf(source)))
}

async function sourcesWithId(call: NotionCall, id: string): ReturnType<typeof dataSourcesOf> {
  try {
    return await dataSourcesOf(call, id)
  } catch (error) {
    const isMissing =
      error instanceof ResourceNotFoundError ||
      error instanceof ResourceNotSharedError ||
      error instanceof ResourceUnavailableError ||
      error instanceof WrongResourceTypeError
    if (!isMissing) throw error
    return refuse('query', `must have the title or ID of a shared database after in:. ${error.message}`)
  }
}
