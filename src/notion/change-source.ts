import type { EventObject, ProviderEventFacts } from '../provider-events/provider-event.ts'
import type { Fetch } from '../provider-http.ts'
import type { ChangeSource } from '../tools/change-source.ts'
import { refusalError } from './answer.ts'
import { backgroundRead } from './background-read.ts'
import { uuidAt } from './ids.ts'
import { flagAt, type JsonObject, objectAt, objectsAt, textAt } from './json.ts'

/** Notion rounds times down to the minute. Milliseconds. */
const precisionMs = 60_000

/** Objects of the first list, which is all that most polls read, and of those after it. */
const pageSizes = { first: 25, next: 100 } as const

/** A time of Notion, and the last moment that it may mean. */
interface Times {
  readonly at: Date
  readonly until: Date
}

/**
 * Notion's search, whose results have the times of creation and of the last edit. It does not show what was edited, so that
 * an edit of any kind is `content_updated`.
 *
 * @see https://developers.notion.com/reference/post-search
 */
export function createChangeSource(parts: { readonly fetch: Fetch; readonly now: () => number }): ChangeSource {
  const ask = backgroundRead(parts)
  return {
    types: ['page.created', 'page.content_updated', 'data_source.created', 'data_source.content_updated'],
    listDelayMs: 600_000,
    async list(call, cursor) {
      const answer = await ask(call, (notion) =>
        notion.search({
          sort: { timestamp: 'last_edited_time', direction: 'descending' },
          page_size: cursor === null ? pageSizes.first : pageSizes.next,
          ...(cursor !== null && { start_cursor: cursor }),
        }),
      )
      if ('refusal' in answer) throw refusalError(answer.refusal)
      const workspaceId = call.account.grant?.workspaceId ?? ''
      const objects = objectsAt(answer.body, 'results').flatMap((object) => changesOf(object, workspaceId) ?? [])
      return { objects, next: textAt(answer.body, 'next_cursor'), at: answer.at }
    },
  }
}

/** Returns what a result shows; null for what is in the trash, of another kind, or only a part of an object. */
function changesOf(object: JsonObject, workspaceId: string) {
  const kind = textAt(object, 'object')
  const id = uuidAt(object, 'id')
  const edited = timesAt(object, 'last_edited_time')
  if ((kind !== 'page' && kind !== 'data_source') || id === null || edited === null || flagAt(object, 'in_trash'))
    return null
  const created = timesAt(object, 'created_time')
  const facts = factsOf(object, { id, type: kind }, workspaceId)
  const eventOf = (type: string, { at, until }: Times) => ({ type: `${kind}.${type}`, occurredAt: at, until, facts })
  return {
    until: edited.until,
    events: [
      ...(created === null ? [] : [eventOf('created', created)]),
      // Both times are the same until it is edited in another minute.
      ...(created !== null && edited.at <= created.at ? [] : [eventOf('content_updated', edited)]),
    ],
  }
}

/** Reads a time. One without seconds is rounded; Notion would be exact in any other. */
function timesAt(object: JsonObject, key: string): Times | null {
  const at = Date.parse(textAt(object, key) ?? '')
  if (Number.isNaN(at)) return null
  return { at: new Date(at), until: new Date(at % precisionMs === 0 ? at + precisionMs - 1 : at) }
}

/** Who made the change is left out: a result has one editor, and there may have been others. */
function factsOf(object: JsonObject, entity: EventObject, workspaceId: string): ProviderEventFacts {
  const parent = objectAt(object, 'parent')
  return {
    workspaceId,
    entity,
    parent: parentOf(parent, workspaceId),
    dataSourceId: uuidAt(parent, 'data_source_id'),
    pageId: null,
    authors: [],
    updatedBlocks: [],
    updatedProperties: [],
    truncated: false,
  }
}

/** Returns a parent as Notion's webhooks name it. */
function parentOf(parent: JsonObject, workspaceId: string): EventObject | null {
  if (textAt(parent, 'type') === 'workspace') return { id: workspaceId, type: 'space' }
  for (const type of ['database', 'page', 'block', 'agent']) {
    const id = uuidAt(parent, `${type}_id`)
    if (id !== null) return { id, type }
  }
  return null
}
