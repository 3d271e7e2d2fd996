import { createHmac, timingSafeEqual } from 'node:crypto'
import * as z from 'zod'
import type { EventObject, ProviderEvent, ProviderEvents } from '../provider-events/provider-event.ts'
import { Secret } from '../vault/secret.ts'
import { toUuid } from './ids.ts'

/** The largest number of entries of a list in the facts of an event. */
const maxEntries = 100

/** IDs as Notion writes them, whatever their hyphens. */
const id = z
  .string()
  .max(100)
  .transform((text) => toUuid(text) ?? text)
  .refine((text) => /^[\x21-\x7e]{1,100}$/.test(text))

const type = z.string().regex(/^[\w.-]{1,100}$/)
const object = z.object({ id, type })

/** Entries of another form than these are ignored: one that is not known must not lose the event. */
const listOf = <Item>(item: z.ZodType<Item>) =>
  z
    .array(z.unknown())
    .catch([])
    .transform((entries) => entries.flatMap((entry) => item.safeParse(entry).data ?? []))

/** Property IDs are strings such as `title` or `%3AUPp`. */
const propertyId = z.string().regex(/^[\x21-\x7e]{1,100}$/)

/** @see https://developers.notion.com/reference/webhooks-events-delivery */
const envelope = z.object({
  id,
  type,
  timestamp: z.iso.datetime({ offset: true }).transform((text) => new Date(text)),
  workspace_id: id,
  integration_id: id,
  entity: object.nullable().catch(null),
  authors: listOf(object),
  accessible_by: listOf(object),
  data: z
    .object({
      parent: object.nullable().catch(null),
      page_id: id.nullable().catch(null),
      updated_blocks: listOf(object),
      // IDs; of schemas, objects with names as well.
      updated_properties: listOf(z.union([propertyId, z.object({ id: propertyId }).transform((one) => one.id)])),
    })
    .catch({ parent: null, page_id: null, updated_blocks: [], updated_properties: [] }),
})

/** The data source of a parent is a field of the parent. */
const parentDataSource = z.object({ data: z.object({ parent: z.object({ data_source_id: id }) }) })

const handshake = z.object({ verification_token: z.string().regex(/^[\x21-\x7e]{8,500}$/) })

const ofType = (entries: readonly EventObject[], wanted: string) =>
  entries.filter((entry) => entry.type === wanted).map((entry) => entry.id)

/** Events after which pages below the object, or rows of it, may be in the trash, or not. */
const changesBelow = /^(?:page|database|data_source)\.(?:deleted|undeleted|moved)$/

/** Returns the page that an event is about, or a comment of it. Views are not a part of the content of a page. */
function changedContent({ type, facts }: Pick<ProviderEvent, 'type' | 'facts'>): readonly string[] {
  const { entity, pageId } = facts
  if (type.startsWith('comment.')) return pageId === null ? [] : [pageId]
  const page = entity?.type === 'page' && type.startsWith('page.') ? [entity.id] : []
  return changesBelow.test(type) ? [...page, ''] : page
}

function readEvent(body: unknown): ProviderEvent | null {
  const { data: event } = envelope.safeParse(body)
  if (!event) return null
  const { parent, page_id: pageId, updated_blocks: blocks, updated_properties: properties } = event.data
  return {
    id: event.id,
    type: event.type,
    occurredAt: event.timestamp,
    integrationId: event.integration_id,
    workspaceId: event.workspace_id,
    visibleTo: {
      installationIds: ofType(event.accessible_by, 'bot'),
      userIds: ofType(event.accessible_by, 'person'),
    },
    facts: {
      workspaceId: event.workspace_id,
      entity: event.entity,
      parent,
      dataSourceId: parentDataSource.safeParse(body).data?.data.parent.data_source_id ?? null,
      pageId,
      authors: event.authors.slice(0, maxEntries),
      updatedBlocks: blocks.slice(0, maxEntries),
      updatedProperties: properties.slice(0, maxEntries),
      truncated: [event.authors, blocks, properties].some(({ length }) => length > maxEntries),
    },
  }
}

/**
 * Notion's webhooks. A signature is `sha256=` and the HMAC-SHA256 of the body in hexadecimal, with the verification token as
 * the key. It covers no time: repetitions are recognized by the event's ID.
 *
 * @see https://developers.notion.com/reference/webhooks
 */
export const notionEvents: ProviderEvents = {
  signatureHeader: 'x-notion-signature',
  verifies(body, signature, token) {
    const [, hex] = /^sha256=([0-9a-f]{64})$/i.exec(signature) ?? []
    if (hex === undefined) return false
    return timingSafeEqual(Buffer.from(hex, 'hex'), createHmac('sha256', token.reveal()).update(body).digest())
  },
  readToken(body) {
    const { data } = handshake.safeParse(body)
    return data ? new Secret(data.verification_token) : null
  },
  readEvent,
  changedContent,
  types: {
    'page.created': 'A page was created.',
    'page.deleted': 'A page was moved to the trash.',
    'page.undeleted': 'A page was restored from the trash.',
    'page.moved': 'A page was moved to another parent.',
    'page.locked': 'A page was locked.',
    'page.unlocked': 'A page was unlocked.',
    'page.content_updated': 'The content of a page changed.',
    'page.properties_updated': 'Properties of a page changed.',
    'page.transcription_block.transcript_deleted': 'The transcript of a meeting note was deleted.',
    'database.created': 'A database was created.',
    'database.deleted': 'A database was moved to the trash.',
    'database.undeleted': 'A database was restored from the trash.',
    'database.moved': 'A database was moved to another parent.',
    'database.content_updated': 'Rows of a database were added or removed (before the API version 2025-09-03).',
    'database.schema_updated': 'Properties of a database changed (before the API version 2025-09-03).',
    'data_source.created': 'A data source was created.',
    'data_source.deleted': 'A data source was moved to the trash.',
    'data_source.undeleted': 'A data source was restored from the trash.',
    'data_source.moved': 'A data source was moved to another database.',
    'data_source.content_updated': 'Rows of a data source were added or removed.',
    'data_source.schema_updated': 'Properties of a data source changed.',
    'comment.created': 'A comment or suggested edit was added.',
    'comment.updated': 'A comment was changed.',
    'comment.deleted': 'A comment was deleted.',
    'view.created': 'A view was created.',
    'view.updated': 'A view was changed.',
    'view.deleted': 'A view was deleted.',
    'file_upload.created': 'A file upload was created.',
    'file_upload.completed': 'A file upload was completed.',
    'file_upload.expired': 'A file upload expired before it was completed.',
    'file_upload.upload_failed': 'A file upload failed.',
  },
}
