import type { JsonObject, WebhookSubscription } from '../model.ts'
import { timestamp } from '../render/frame.ts'
import type { SandboxState } from '../state.ts'
import { accessibleBy } from './audience.ts'
import { parentOf } from './containers.ts'
import { type DraftEvent, existsIn, type WebhookEventType } from './event-types.ts'

/** An event for one subscription. `attempt_number` is added when it is sent. */
export interface WebhookEvent {
  readonly id: string
  readonly type: WebhookEventType
  readonly before: JsonObject
  readonly after: JsonObject
}

/** Returns an event in the terms of 2022-06-28, where content and schema belong to the database. */
function beforeDataSources(state: SandboxState, draft: DraftEvent): DraftEvent {
  const parent = draft.data?.parent as JsonObject | undefined
  const { data_source_id: _, ...database } = parent ?? {}
  const inOldParent = { ...draft, ...(draft.data && { data: { ...draft.data, ...(parent && { parent: database }) } }) }
  const type = { 'data_source.content_updated': 'content_updated', 'data_source.schema_updated': 'schema_updated' }[
    draft.type as string
  ]
  const found = type === undefined ? undefined : state.store.databases.get(String(database.id))
  if (found === undefined) return inOldParent
  return {
    ...inOldParent,
    type: `database.${type}` as WebhookEventType,
    entity: { type: 'database', id: found.id },
    data: { ...draft.data, parent: parentOf(state.store, found) },
  }
}

/**
 * Returns the event that a subscription receives. Returns undefined when its events or its API version do not include
 * the type, or when no grant of its client sees the entity.
 */
export function eventFor(
  state: SandboxState,
  subscription: WebhookSubscription,
  source: DraftEvent,
): WebhookEvent | undefined {
  const { apiVersion, clientId } = subscription
  const draft = apiVersion === '2022-06-28' ? beforeDataSources(state, source) : source
  if (!existsIn(apiVersion, draft.type) || !subscription.events.includes(draft.type)) return undefined
  const accessible = accessibleBy(state, clientId, draft)
  if (accessible.length === 0) return undefined
  const { users, workspaces } = state.store
  const { changes, data } = draft
  const id = state.newId()
  return {
    id,
    type: draft.type,
    before: {
      id,
      timestamp: timestamp(draft.time),
      workspace_id: draft.workspaceId,
      workspace_name: workspaces.get(draft.workspaceId)?.name ?? '',
      subscription_id: subscription.id,
      integration_id: clientId,
      type: draft.type,
      authors: [...draft.authors].map((author) => ({ id: author, type: users.get(author)?.type ?? 'bot' })),
      accessible_by: accessible,
    },
    after: {
      api_version: apiVersion,
      entity: { id: draft.entity.id, type: draft.entity.type },
      ...(data && { data: { ...data, ...(changes && { [changes.field]: [...changes.entries.values()] }) } }),
    },
  }
}

/** Returns the JSON of an attempt, counted from 1. */
export const bodyOf = ({ before, after }: WebhookEvent, attempt: number) =>
  JSON.stringify({ ...before, attempt_number: attempt, ...after })
