import * as z from 'zod'

/** Every type of event, with what it reports. Endpoints subscribe to these names. */
export const webhookEventTypes = {
  'connected_account.status_changed': 'The status of an account, or its reason, changed. Also sent for a new account.',
  'connected_account.needs_reauthorization':
    'An account became EXPIRED or REVOKED. It works again after the user authorizes again.',
  'connected_account.deleted': 'An account was deleted.',
  'tool_execution.outcome_unknown':
    'A tool call ended without proof of whether it has written. It is not repeated automatically.',
  'tool_execution.approval_required': 'A tool call waits for the approval of a person.',
  'oauth_app.misconfigured': 'The provider rejected the client ID, client secret or redirect URI of an OAuth app.',
} as const

export type WebhookEventType = keyof typeof webhookEventTypes

/** All names of {@link webhookEventTypes}. */
export const webhookEventNames = Object.keys(webhookEventTypes) as readonly WebhookEventType[]

/** IDs in payloads are those of the GraphQL API, so that they can be passed to `node`. */
const globalId = (type: string) => z.uuid().transform((id) => Buffer.from(`${type}:${id}`).toString('base64'))
const time = z.string().transform((value) => new Date(value).toISOString())

const account = { connectedAccountId: globalId('ConnectedAccount'), connectionName: z.string(), identifier: z.string() }
const status = { status: z.string(), reason: z.string() }

/** The member `data` of each type's payload. It has identifiers, statuses and times: no tokens and no content. */
const payloadData = {
  'connected_account.status_changed': z.object({ ...account, ...status, previousStatus: z.string().nullable() }),
  'connected_account.needs_reauthorization': z.object({ ...account, ...status }),
  'connected_account.deleted': z.object(account),
  'tool_execution.outcome_unknown': z.object({
    toolExecutionId: globalId('ToolExecution'),
    toolName: z.string(),
    startedAt: time,
    ...account,
  }),
  'tool_execution.approval_required': z.object({
    approvalId: globalId('ToolApproval'),
    toolName: z.string(),
    expiresAt: time,
    ...account,
  }),
  'oauth_app.misconfigured': z.object({
    oauthAppId: globalId('OAuthApp'),
    connectionName: z.string(),
    code: z.string().nullable(),
  }),
} as const satisfies Record<WebhookEventType, z.ZodType>

const object = z.object({ id: z.string(), type: z.string() })

/** The member `data` of an event of a provider, of any type. It has identifiers and types: no names and no content. */
const providerData = z.object({
  ...account,
  eventId: z.string(),
  eventType: z.string(),
  // Events that were queued by earlier releases have none.
  source: z.enum(['WEBHOOK', 'POLL']).default('WEBHOOK'),
  workspaceId: z.string(),
  entity: object.nullable(),
  parent: object.nullable(),
  dataSourceId: z.string().nullable(),
  pageId: z.string().nullable(),
  authors: z.array(object),
  updatedBlocks: z.array(object),
  updatedProperties: z.array(z.string()),
  truncated: z.boolean(),
})

/** An event as the database queued it. */
export interface WebhookEvent {
  readonly eventType: string
  readonly occurredAt: Date
  /** What the database recorded of the change. */
  readonly facts: unknown
}

/** The JSON of an event, as endpoints receive it. */
export interface WebhookPayload {
  readonly type: string
  /** When the event occurred, in ISO 8601. */
  readonly timestamp: string
  readonly data: Readonly<Record<string, unknown>>
}

/** Makes the payload of an event. Throws for a type that this release does not know, unless its facts are of a provider's event. */
export function payloadOf({ eventType, occurredAt, facts }: WebhookEvent): WebhookPayload {
  const known = Object.hasOwn(payloadData, eventType) ? payloadData[eventType as WebhookEventType] : providerData
  const data = known.parse(facts)
  return { type: eventType, timestamp: occurredAt.toISOString(), data }
}
