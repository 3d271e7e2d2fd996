import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

/**
 * The columns of every table, as the migrations make them. A test compares this file with the migrated database.
 * Rows are used only inside the stores, which return types of their own.
 */

type Timestamp = ColumnType<Date, Date | string, Date | string>
type NullableTimestamp = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>
type GeneratedTimestamp = ColumnType<Date, Date | string | undefined, Date | string>

/** JSON with a default. Readers parse it; it is written as a string. */
type GeneratedJson = ColumnType<unknown, string | undefined, string>

// These unions repeat those of accounts/, which may import from here and not the other way round. The compiler compares
// them where rows are converted.

type AccountStatus = 'PENDING' | 'PENDING_CONFIRMATION' | 'ACTIVE' | 'EXPIRED' | 'REVOKED' | 'DISCONNECTED'

type StatusReason =
  | 'CREATED'
  | 'AUTHORIZATION_DENIED'
  | 'AUTHORIZATION_FAILED'
  | 'AUTHORIZATION_ABANDONED'
  | 'OAUTH_APP_REJECTED'
  | 'AWAITING_CONFIRMATION'
  | 'CONFIRMATION_REFUSED'
  | 'CONFIRMATION_EXPIRED'
  | 'USER_CHANGED'
  | 'AUTHORIZED'
  | 'IMPORTED'
  | 'REVOKED_AT_PROVIDER'
  | 'RENEWAL_INTERRUPTED'
  | 'NOT_RENEWABLE'
  | 'CREDENTIALS_REFUSED'
  | 'OAUTH_APP_CHANGED'
  | 'DISCONNECTED_BY_APPLICATION'

export interface EnvironmentsTable {
  id: Generated<string>
  name: string
  created_at: GeneratedTimestamp
}

export interface EnvironmentPoliciesTable {
  environment_id: string
  /** JSON; `environments/tool-policy.ts` reads it. */
  policy: string
  binding: string | null
}

export interface ApiKeysTable {
  id: Generated<string>
  environment_id: string
  name: string
  prefix: string
  secret_hmac: string
  /** May hold scopes of a newer release. */
  scopes: string[]
  /** What the key is narrowed to; `environments/narrowing.ts` reads it. */
  narrowing: ColumnType<unknown, string | null | undefined, string | null>
  bootstrap: Generated<boolean>
  created_at: GeneratedTimestamp
  last_used_at: NullableTimestamp
  expires_at: NullableTimestamp
  revoked_at: NullableTimestamp
  binding: string | null
}

export interface UserSessionsTable {
  id: string
  environment_id: string
  api_key_id: string
  identifier: string
  created_at: GeneratedTimestamp
  expires_at: Timestamp
  revoked_at: NullableTimestamp
}

export interface VaultKeysTable {
  kid: string
  header: string
  state: 'primary' | 'decrypt_only' | 'retired'
  kek_id: string
  wrapped_key: string | null
  created_at: GeneratedTimestamp
  promoted_at: NullableTimestamp
  retired_at: NullableTimestamp
}

export interface VaultCanariesTable {
  kek_id: string
  sealed: string
  created_at: GeneratedTimestamp
}

export interface ServerSecretsTable {
  purpose: string
  sealed: string
  created_at: GeneratedTimestamp
}

export interface OAuthAppsTable {
  id: Generated<string>
  environment_id: string
  connection_name: string
  connector: string
  client_id: string
  client_secret: string
  capabilities: string[]
  scopes: Generated<string[]>
  return_urls: string[]
  confirmation_url: string | null
  sandbox: boolean
  raw_requests: Generated<boolean>
  content_search: Generated<boolean>
  display_name: string | null
  logo_url: string | null
  accent_color: string | null
  callback_name: string | null
  /** As {@link EnvironmentPoliciesTable.policy}; null: no restrictions. */
  tool_policy: string | null
  version: Generated<number>
  refresh_paused_until: NullableTimestamp
  rejected_at: NullableTimestamp
  rejected_code: string | null
  token_lifetime_seconds: number | null
  binding: string | null
  created_at: GeneratedTimestamp
  updated_at: GeneratedTimestamp
}

export interface GrantsTable {
  id: Generated<string>
  environment_id: string
  oauth_app_id: string
  provider_user_id: string
  workspace_id: string
  workspace_name: string | null
  workspace_icon_url: string | null
  owner_name: string | null
  owner_email: string | null
  bot_id: string | null
  status: 'pending' | 'active' | 'ended'
  version: Generated<number>
  access_token: string | null
  refresh_token: string | null
  issued_at: GeneratedTimestamp
  expires_at: NullableTimestamp
  last_verified_at: NullableTimestamp
  capabilities: string[]
  denied_capabilities: Generated<string[]>
  requested_scopes: Generated<string[]>
  scopes: Generated<string[]>
  lease_owner: string | null
  lease_until: NullableTimestamp
  fence: Generated<number>
  phase: Generated<'idle' | 'sending'>
  was_sending: Generated<boolean>
  fail_count: Generated<number>
  refusals: Generated<number>
  refused_since: NullableTimestamp
  next_refresh_at: NullableTimestamp
  next_verify_at: NullableTimestamp
  created_at: GeneratedTimestamp
  ended_at: NullableTimestamp
  binding: string | null
  consent_account_id: string | null
}

export interface ConnectedAccountsTable {
  id: Generated<string>
  environment_id: string
  oauth_app_id: string
  identifier: string
  status: Generated<AccountStatus>
  status_reason: Generated<StatusReason>
  grant_id: string | null
  missing_resources: GeneratedJson
  metadata: GeneratedJson
  created_at: GeneratedTimestamp
  authorized_at: NullableTimestamp
  last_used_at: NullableTimestamp
  binding: string | null
}

export interface StatusTransitionsTable {
  id: Generated<string>
  sequence: GeneratedAlways<number>
  environment_id: string
  account_id: string
  from_status: AccountStatus | null
  to_status: AccountStatus
  reason: StatusReason
  at: GeneratedTimestamp
  /** As {@link AuditEventsTable.actor}. Null: by a release that did not record it. */
  actor: string | null
}

/** Accounts that may have left calls, idempotency keys and transitions, which refer to them without a foreign key. */
/** Grants that an account no longer refers to, once for each time. */
export interface ReleasedGrantsTable {
  environment_id: string
  number: GeneratedAlways<string>
  grant_id: string
}

export interface DeletedAccountsTable {
  environment_id: string
  id: string
  deleted_at: GeneratedTimestamp
}

export interface AuthorizationFlowsTable {
  id: Generated<string>
  environment_id: string
  oauth_app_id: string
  account_id: string
  link_hash: string
  state_hash: string | null
  browser_hash: string | null
  confirmation_hash: string | null
  code_verifier: string | null
  /** `awaiting_confirmation`, with `pending_tokens`, is written by nodes of release 0.1 only. */
  stage: 'created' | 'opened' | 'exchanging' | 'consented' | 'awaiting_confirmation' | 'lapsed'
  return_url: string | null
  application_state: string | null
  expected_resources: GeneratedJson
  missing_resources: GeneratedJson
  allow_user_change: Generated<boolean>
  pending_tokens: string | null
  grant_id: string | null
  binding: string | null
  created_at: GeneratedTimestamp
  expires_at: Timestamp
}

export interface RevocationOutboxTable {
  id: Generated<string>
  environment_id: string
  oauth_app_id: string
  workspace_id: string
  provider_user_id: string
  sealed_token: string
  attempts: Generated<number>
  next_attempt_at: GeneratedTimestamp
  give_up_at: Timestamp
  created_at: GeneratedTimestamp
}

export interface ToolExecutionsTable {
  id: Generated<string>
  sequence: GeneratedAlways<number>
  environment_id: string
  /** Null: written by a node of release 0.1. */
  oauth_app_id: string | null
  account_id: string
  tool_name: string
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'OUTCOME_UNKNOWN'
  error_type: string | null
  writes: boolean
  input_hash: string
  provider_request_ids: Generated<string[]>
  started_at: GeneratedTimestamp
  deadline_at: Timestamp
  finished_at: NullableTimestamp
  node_id: number | null
}

export interface IdempotencyKeysTable {
  environment_id: string
  account_id: string
  key: string
  input_hash: string
  execution_id: string
  state: 'running' | 'done' | 'outcome_unknown'
  sealed_result: string | null
  owner: string | null
  erased: Generated<boolean>
  created_at: GeneratedTimestamp
  expires_at: Timestamp
}

export interface RateBudgetsTable {
  grant_id: string
  environment_id: string
  slots: Generated<number[]>
  counts: Generated<number[]>
  learned_limit: number | null
  learned_until: NullableTimestamp
  paused_until: NullableTimestamp
  called_at: NullableTimestamp
}

export interface ToolApprovalsTable {
  id: string
  environment_id: string
  account_id: string
  requester_key_id: string
  owner: string
  tool_name: string
  idempotency_key: string | null
  input_hash: string
  /** Null once decided. */
  sealed_call: string | null
  state: Generated<'pending' | 'approved' | 'rejected'>
  execution_id: string | null
  /** As {@link AuditEventsTable.actor}. */
  decided_by: string | null
  rejection_reason: string | null
  created_at: GeneratedTimestamp
  expires_at: Timestamp
  decided_at: NullableTimestamp
  collected_at: NullableTimestamp
  purge_at: Timestamp
}

/** Rows are only added. Triggers set `id` and `at`. */
export interface AuditEventsTable {
  id: GeneratedAlways<string>
  at: GeneratedAlways<Date>
  /** The nil UUID: an act on the server itself. */
  environment_id: Generated<string>
  actor: string
  source_address: string | null
  action: string
  target: string | null
  before: ColumnType<unknown, string | null, never>
  after: ColumnType<unknown, string | null, never>
  request_id: string | null
}

export interface WebhookEndpointsTable {
  id: string
  environment_id: string
  url: string
  /** Null: all types. */
  events: string[] | null
  secret: string
  version: Generated<number>
  /** Sealed for `version - 1`. */
  previous_secret: string | null
  previous_secret_expires_at: NullableTimestamp
  disabled_at: NullableTimestamp
  disabled_reason: string | null
  paused_until: NullableTimestamp
  created_at: GeneratedTimestamp
}

/** The triggers of the migrations insert its rows. */
export interface WebhookDeliveriesTable {
  id: Generated<string>
  sequence: GeneratedAlways<number>
  environment_id: string
  endpoint_id: string
  event_id: string
  event_type: string
  subject: string
  facts: GeneratedJson
  occurred_at: Timestamp
  status: Generated<'PENDING' | 'DELIVERED' | 'FAILED'>
  attempts: Generated<number>
  lease: string | null
  next_attempt_at: GeneratedTimestamp
  give_up_at: GeneratedTimestamp
  last_attempt_at: NullableTimestamp
  last_status_code: number | null
  last_error: string | null
  finished_at: NullableTimestamp
}

/** The tokens with which the webhooks of providers are signed. */
export interface ProviderWebhookTokensTable {
  id: string
  environment_id: string
  oauth_app_id: string
  state: Generated<'pending' | 'active'>
  sealed_token: string
  /** Null while pending. */
  integration_id: string | null
  received_at: GeneratedTimestamp
  /** When an operator read it first. */
  shown_at: NullableTimestamp
  activated_at: NullableTimestamp
}

/** The inbox of events of providers. */
export interface ProviderEventsTable {
  id: string
  sequence: GeneratedAlways<number>
  environment_id: string
  oauth_app_id: string
  /** The grant that a poll found it with; null for an event of a webhook. */
  grant_id: string | null
  event_id: string
  event_type: string
  occurred_at: Timestamp
  /** Null once processed. */
  sealed_payload: string | null
  state: Generated<'PENDING' | 'POLLED' | 'ROUTED' | 'UNMATCHED' | 'FAILED'>
  /** Null until it was routed; that of a poll has them from the start. */
  facts: ColumnType<unknown, string | undefined, string | null>
  account_ids: Generated<string[]>
  attempts: Generated<number>
  next_attempt_at: GeneratedTimestamp
  received_at: GeneratedTimestamp
  finished_at: NullableTimestamp
}

/** The open streams of nodes that listen to events of a provider. */
export interface EventListenersTable {
  environment_id: string
  node_id: number
  connector: string
  /** Empty: any. */
  connection_name: string
  identifiers: 'any' | 'one' | 'prefix'
  identifier: string
}

/** Grants that are polled for events. Triggers of the migrations delete rows. */
export interface EventPollsTable {
  environment_id: string
  grant_id: string
  oauth_app_id: string
  edited_through: NullableTimestamp
  cursor: string | null
  lists: Generated<number>
  pass_at: NullableTimestamp
  passed_at: NullableTimestamp
  next_at: GeneratedTimestamp
  failures: Generated<number>
  lease_owner: string | null
  lease_until: NullableTimestamp
  fence: Generated<number>
}

/** Indexes of the content that grants can read. Triggers of the migrations insert and delete the rows. */
export interface ContentIndexesTable {
  id: Generated<string>
  environment_id: string
  grant_id: string
  /** Null until the first node works on it. */
  sealed_key: string | null
  pass: 'full' | 'recent' | null
  pass_cursor: string | null
  pass_started_at: NullableTimestamp
  listed: Generated<number>
  pages: Generated<number>
  documents: Generated<number>
  bytes: Generated<number>
  floor_edited_at: NullableTimestamp
  listed_through: NullableTimestamp
  last_completed_at: NullableTimestamp
  next_full_at: GeneratedTimestamp
  next_at: GeneratedTimestamp
  paused_until: NullableTimestamp
  failures: Generated<number>
  lease_owner: string | null
  lease_until: NullableTimestamp
  fence: Generated<number>
  created_at: GeneratedTimestamp
  /** The number that was given to a document last. */
  last_number: Generated<number>
  /** To the hour. */
  last_searched_at: NullableTimestamp
}

export interface ContentDocumentsTable {
  index_id: string
  object_id: string
  environment_id: string
  /** Another one each time that a document is stored, by which segments refer to it. */
  number: number
  edited_at: Timestamp
  sealed: Uint8Array
  bytes: number
  read_at: Timestamp
  proven_at: Timestamp
}

/** A part of a segment: its list of documents, whose bucket is -1, or a bucket of its words. */
export interface ContentSegmentsTable {
  index_id: string
  bucket: number
  segment: number
  environment_id: string
  buckets: number
  documents: number
  sealed: Uint8Array
}

/** Indexes that were deleted, whose documents and segments may be left. */
export interface ErasedContentIndexesTable {
  environment_id: string
  id: string
}

export interface ContentChangesTable {
  index_id: string
  /** Empty: all objects are to be listed again. */
  object_id: string
  environment_id: string
  revision: Generated<number>
  noted_at: GeneratedTimestamp
}

/** All tables by name: what {@link Db} is typed with. */
export interface Tables {
  environments: EnvironmentsTable
  environment_policies: EnvironmentPoliciesTable
  api_keys: ApiKeysTable
  user_sessions: UserSessionsTable
  vault_keys: VaultKeysTable
  vault_canaries: VaultCanariesTable
  server_secrets: ServerSecretsTable
  oauth_apps: OAuthAppsTable
  grants: GrantsTable
  connected_accounts: ConnectedAccountsTable
  status_transitions: StatusTransitionsTable
  deleted_accounts: DeletedAccountsTable
  released_grants: ReleasedGrantsTable
  authorization_flows: AuthorizationFlowsTable
  revocation_outbox: RevocationOutboxTable
  tool_executions: ToolExecutionsTable
  idempotency_keys: IdempotencyKeysTable
  rate_budgets: RateBudgetsTable
  tool_approvals: ToolApprovalsTable
  audit_events: AuditEventsTable
  webhook_endpoints: WebhookEndpointsTable
  webhook_deliveries: WebhookDeliveriesTable
  provider_webhook_tokens: ProviderWebhookTokensTable
  provider_events: ProviderEventsTable
  event_listeners: EventListenersTable
  event_polls: EventPollsTable
  content_indexes: ContentIndexesTable
  content_documents: ContentDocumentsTable
  content_segments: ContentSegmentsTable
  content_changes: ContentChangesTable
  erased_content_indexes: ErasedContentIndexesTable
}
