/**
 * Types of events.
 *
 * @see https://developers.notion.com/reference/webhooks-events-delivery
 */
import type { JsonObject } from '../model.ts'

/** All types to which a subscription can be made. */
export const webhookEventTypes = [
  'page.created',
  'page.deleted',
  'page.undeleted',
  'page.moved',
  'page.locked',
  'page.unlocked',
  'page.properties_updated',
  'page.content_updated',
  'page.transcription_block.transcript_deleted',
  'database.created',
  'database.deleted',
  'database.undeleted',
  'database.moved',
  'database.content_updated',
  'database.schema_updated',
  'data_source.created',
  'data_source.deleted',
  'data_source.undeleted',
  'data_source.moved',
  'data_source.content_updated',
  'data_source.schema_updated',
  'comment.created',
  'comment.updated',
  'comment.deleted',
  'view.created',
  'view.updated',
  'view.deleted',
  'file_upload.created',
  'file_upload.completed',
  'file_upload.expired',
  'file_upload.upload_failed',
] as const

export type WebhookEventType = (typeof webhookEventTypes)[number]

/** Types that are sent at once. Events of other types are gathered first. */
export const immediateTypes: ReadonlySet<WebhookEventType> = new Set([
  'page.locked',
  'page.unlocked',
  'comment.created',
  'comment.updated',
  'comment.deleted',
])

/** What an event is about. */
export interface Entity {
  readonly type: 'page' | 'database' | 'data_source' | 'comment' | 'view' | 'file_upload'
  readonly id: string
}

/** The list of what changed in `data`, by the name of its field. Entries are unique by their key. */
export interface Changes {
  readonly field: 'updated_blocks' | 'updated_properties' | 'updated_fields'
  readonly entries: ReadonlyMap<string, JsonObject | string>
}

/** An event before it is gathered with others and addressed to subscriptions. */
export interface DraftEvent {
  readonly type: WebhookEventType
  readonly entity: Entity
  readonly workspaceId: string
  /** Ids of persons and bots. */
  readonly authors: ReadonlySet<string>
  /** Time of the latest change in milliseconds since the epoch. */
  readonly time: number
  /** Decides who may see the event: content that must be visible, or the bot that owns an upload. */
  readonly visibility: { readonly content: string } | { readonly bot: string }
  /** Absent for events without `data`. */
  readonly data?: JsonObject
  readonly changes?: Changes
}

/** Returns whether an API version has a type. Views and data sources do not exist in 2022-06-28. */
export function existsIn(version: string, type: WebhookEventType): boolean {
  if (version === '2022-06-28') return !type.startsWith('data_source.') && !type.startsWith('view.')
  return type !== 'database.content_updated' && type !== 'database.schema_updated'
}
