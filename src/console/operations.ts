/* Made from operations.graphql and the schema by npm run schema. */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** Calls that need the approval of a person. */
export type ApprovalRule =
  /** Calls of tools that can replace or remove existing content. */
  | 'DESTRUCTIVE'
  /** Calls of all tools that write. */
  | 'WRITES';

/** Call to approve. */
export type ApproveToolExecutionInput = {
  /** ID of a ToolApproval. */
  readonly approvalId: string | number;
};

/** Restricts a list of administrative acts. An act must match every given field. */
export type AuditEventFilter = {
  /** Actions to include. At most 100 items. */
  readonly action?: ReadonlyArray<string> | null | undefined;
  /** Who acted, as in AuditEvent.actor. 1 to 200 characters. */
  readonly actor?: string | null | undefined;
  /** Acts at this time or later. An act is listed when its transaction commits, which can be after later acts: to read what is new, start five minutes before the newest act that you have, and ignore the IDs that you know. */
  readonly since?: string | null | undefined;
  /** ID of the target. 1 to 200 characters. */
  readonly target?: string | null | undefined;
  /** Acts before this time. */
  readonly until?: string | null | undefined;
};

/** Account to authorize, and where the user continues afterwards. */
export type AuthorizeInput = {
  /** Whether another provider user, or another workspace, may replace the current one of the account. Otherwise: ProviderUserChangedError. A user session may set it only where the operator permits that. */
  readonly allowUserChange?: boolean;
  /** Connection name of the OAuth app. 1 to 63 letters, digits, "-" or "_", the first a letter or digit. */
  readonly connectionName?: string;
  /** Pages and databases that the agent needs. Shown to the user before the provider's page picker, and checked after it. At most 20 items. */
  readonly expectedResources?: ReadonlyArray<ExpectedResourceInput> | null | undefined;
  /** Your own ID of the user. Any string. 1 to 512 characters. */
  readonly identifier: string;
  /** Where the browser goes at the end, with ?status=…&state=… (and error=… on failure). Must start with a registered prefix of the OAuth app. Default: a page of this server. */
  readonly returnUrl?: string | null | undefined;
  /** Returned to your application unchanged. At most 2000 characters. */
  readonly state?: string | null | undefined;
};

/** Permission that can be enabled for an OAuth app in the provider's settings. */
export type Capability =
  /** Write, change and delete comments. Off at Notion unless switched on. */
  | 'INSERT_COMMENTS'
  /** Create pages, databases and data sources; append blocks. */
  | 'INSERT_CONTENT'
  /** Read comments. Off at Notion unless switched on. */
  | 'READ_COMMENTS'
  /** Read pages, blocks, databases and data sources; query and search. */
  | 'READ_CONTENT'
  /** List the members of the workspace, without email addresses. */
  | 'READ_USERS'
  /** Read the email addresses of the members as well. */
  | 'READ_USER_EMAILS'
  /** Change, move, trash and restore existing content. */
  | 'UPDATE_CONTENT';

/** Selects the accounts that match all fields that are set. */
export type ConnectedAccountFilter = {
  /** Connection name of the OAuth app. 1 to 63 letters, digits, "-" or "_", the first a letter or digit. */
  readonly connectionName?: string | null | undefined;
  /** Your own ID of the user: their accounts under all connections. 1 to 512 characters. */
  readonly identifier?: string | null | undefined;
  /** Start of the identifier. 1 to 512 characters. */
  readonly identifierPrefix?: string | null | undefined;
  /** What the metadata contains: every key with an equal value. An object contains other members as well, a list other items. A JSON object of at most 8192 bytes, 100 keys and 4 levels; keys have 1 to 100 characters. */
  readonly metadata?: Record<string, unknown> | null | undefined;
  /** Start of the email address of the user at the provider, in upper or lower case. 1 to 320 characters. */
  readonly ownerEmail?: string | null | undefined;
  /** Accepted statuses. */
  readonly status?: ReadonlyArray<ConnectedAccountStatus> | null | undefined;
  /** ID of the workspace at the provider. 1 to 200 characters. */
  readonly workspaceId?: string | null | undefined;
  /** Start of the name of the workspace, in upper or lower case. 1 to 200 characters. */
  readonly workspaceName?: string | null | undefined;
};

/** State of a connected account. */
export type ConnectedAccountStatus =
  /** Authorized and usable. */
  | 'ACTIVE'
  /** Disconnected by your application. */
  | 'DISCONNECTED'
  /** Credentials stopped working. The provider did not report a revocation. */
  | 'EXPIRED'
  /** Waiting for the user to authorize. */
  | 'PENDING'
  /** Consented to at the provider. Waiting for your application to call confirmAuthorization. */
  | 'PENDING_CONFIRMATION'
  /** Access revoked at the provider by the user or an admin. */
  | 'REVOKED';

/** State of the index of the content that an account can read. */
export type ContentIndexStatus =
  /** Reading the content for the first time. Searches read pages themselves until it is done. */
  | 'BUILDING'
  /** As READY, without the pages that were edited the longest ago: the index is as large as it may be. */
  | 'LIMITED'
  /** Complete as of the last pass, and updated from then on. */
  | 'READY';

/** Properties of the new API key. */
export type CreateApiKeyInput = {
  /** Connection names that the key may use. 1 to 100 items. */
  readonly connectionNames?: ReadonlyArray<string> | null | undefined;
  /** Whether tools that can replace or remove existing content are refused. */
  readonly denyDestructive?: boolean | null | undefined;
  /** Time from which the key is refused. Must be in the future. Default: it does not expire. */
  readonly expiresAt?: string | null | undefined;
  /** The key may also act for identifiers that start with one of these. 1 to 100 items. */
  readonly identifierPrefixes?: ReadonlyArray<string> | null | undefined;
  /** Identifiers that the key may act for. 1 to 1000 items. */
  readonly identifiers?: ReadonlyArray<string> | null | undefined;
  /** Name shown in lists. 1 to 100 characters, no control characters. */
  readonly name: string;
  /** Addresses and networks (such as 10.0.0.0/8) that the key must be used from. Not for its user sessions. 1 to 100 items. */
  readonly networks?: ReadonlyArray<string> | null | undefined;
  /** Whether only tools that read may be called. */
  readonly readOnly?: boolean | null | undefined;
  /** Calls that need the approval of a person. */
  readonly requireApprovalFor?: ApprovalRule | null | undefined;
  /** Tools whose calls need the approval of a person as well. 1 to 200 items. */
  readonly requireApprovalToolNames?: ReadonlyArray<string> | null | undefined;
  /** Scopes of the key. At least one. */
  readonly scopes: ReadonlyArray<Scope>;
  /** Tools that may be called. 1 to 200 items. */
  readonly toolNames?: ReadonlyArray<string> | null | undefined;
};

/** Properties of the new webhook endpoint. */
export type CreateWebhookEndpointInput = {
  /**
   * Types of events to send:
   * - `connected_account.status_changed`: The status of an account, or its reason, changed. Also sent for a new account.
   * - `connected_account.needs_reauthorization`: An account became EXPIRED or REVOKED. It works again after the user authorizes again.
   * - `connected_account.deleted`: An account was deleted.
   * - `tool_execution.outcome_unknown`: A tool call ended without proof of whether it has written. It is not repeated automatically.
   * - `tool_execution.approval_required`: A tool call waits for the approval of a person.
   * - `oauth_app.misconfigured`: The provider rejected the client ID, client secret or redirect URI of an OAuth app.
   * - Those of Connector.eventTypes, such as `notion.page.created`: what changed at the provider.
   *
   *  At least one. Default: all types except those of Connector.eventTypes, also those that later releases add.
   */
  readonly events?: ReadonlyArray<string> | null | undefined;
  /** Where to send events. Must have a public address, unless the server allows its network. Https, at most 2048 characters, no user name, password or fragment. */
  readonly url: string;
};

/** Account to delete. */
export type DeleteConnectedAccountInput = {
  /** Connection name of the OAuth app. 1 to 63 letters, digits, "-" or "_", the first a letter or digit. */
  readonly connectionName?: string;
  /** Your own ID of the user. Any string. 1 to 512 characters. */
  readonly identifier: string;
};

/** Webhook endpoint to delete. */
export type DeleteWebhookEndpointInput = {
  /** ID of a WebhookEndpoint. */
  readonly id: string | number;
};

/** Account to disconnect. */
export type DisconnectConnectedAccountInput = {
  /** Connection name of the OAuth app. 1 to 63 letters, digits, "-" or "_", the first a letter or digit. */
  readonly connectionName?: string;
  /** Your own ID of the user. Any string. 1 to 512 characters. */
  readonly identifier: string;
};

/** Page or database that the agent needs. */
export type ExpectedResourceInput = {
  /** Title of the page or database, as the user knows it. 1 to 200 characters. */
  readonly name: string;
  /** Why the agent needs it. Shown to the user. At most 500 characters. */
  readonly reason?: string | null | undefined;
  /** ID at the provider, if known. Used after the consent to check whether the resource was shared; without it the title is used. 1 to 100 characters. */
  readonly resourceId?: string | null | undefined;
};

/** API key to narrow, and what it may still be used for. */
export type NarrowApiKeyInput = {
  /** Connection names that the key may use. 1 to 100 items. */
  readonly connectionNames?: ReadonlyArray<string> | null | undefined;
  /** Whether tools that can replace or remove existing content are refused. */
  readonly denyDestructive?: boolean | null | undefined;
  /** ID of an ApiKey. */
  readonly id: string | number;
  /** The key may also act for identifiers that start with one of these. 1 to 100 items. */
  readonly identifierPrefixes?: ReadonlyArray<string> | null | undefined;
  /** Identifiers that the key may act for. 1 to 1000 items. */
  readonly identifiers?: ReadonlyArray<string> | null | undefined;
  /** Addresses and networks (such as 10.0.0.0/8) that the key must be used from. Not for its user sessions. 1 to 100 items. */
  readonly networks?: ReadonlyArray<string> | null | undefined;
  /** Whether only tools that read may be called. */
  readonly readOnly?: boolean | null | undefined;
  /** Calls that need the approval of a person. */
  readonly requireApprovalFor?: ApprovalRule | null | undefined;
  /** Tools whose calls need the approval of a person as well. 1 to 200 items. */
  readonly requireApprovalToolNames?: ReadonlyArray<string> | null | undefined;
  /** Tools that may be called. 1 to 200 items. */
  readonly toolNames?: ReadonlyArray<string> | null | undefined;
};

/** State of the provider's webhooks for an OAuth app. */
export type OAuthAppWebhookState =
  /** Receiving events. Another token is not accepted. */
  | 'ACTIVE'
  /** Waiting for the provider's token, and for the first event that is signed with it. */
  | 'WAITING';

/** Account to check. */
export type RefreshConnectedAccountInput = {
  /** Connection name of the OAuth app. 1 to 63 letters, digits, "-" or "_", the first a letter or digit. */
  readonly connectionName?: string;
  /** Your own ID of the user. Any string. 1 to 512 characters. */
  readonly identifier: string;
};

/** The OAuth app, as in the provider's settings. */
export type RegisterOAuthAppInput = {
  /** Color of the links on the pages. Null removes it. Default: unchanged. A color such as #14532d. */
  readonly accentColor?: string | null | undefined;
  /** Capabilities that are enabled in the provider's settings. Those of other connectors are ignored. */
  readonly capabilities?: ReadonlyArray<Capability>;
  /** Client ID at the provider. 1 to 500 printable ASCII characters, no blanks and no colon. */
  readonly clientId: string;
  /** Client secret. Encrypted in the vault and never returned. At most 500 printable ASCII characters, no blanks. */
  readonly clientSecret: string;
  /** Where the user's browser goes after the consent, with ?flow_id=…&state=…, for your application to confirm which user it is. Without it accounts become ACTIVE without confirmation, which is only safe if one person uses the application. Https (http on localhost), at most 2048 characters, no fragment. */
  readonly confirmationUrl?: string | null | undefined;
  /** Name by which other operations refer to the OAuth app. 1 to 63 letters, digits, "-" or "_", the first a letter or digit. */
  readonly connectionName?: string;
  /** Slug of an installed connector. */
  readonly connector?: string;
  /** Whether the content of what users share is stored as an encrypted index, which searches then use. The connect page informs users. False deletes the indexes. */
  readonly contentSearch?: boolean;
  /** Name of your application, shown to users on the pages. Null removes it. Default: unchanged. 1 to 80 characters, no control characters. */
  readonly displayName?: string | null | undefined;
  /** Logo of your application, shown to users on the pages and loaded by their browsers, without a referrer. Null removes it. Default: unchanged. Https (http on localhost), at most 2048 characters, no user name or password. */
  readonly logoUrl?: string | null | undefined;
  /** Whether agents may read from the API of the provider by path, with notion_api_request, within what the user shared. */
  readonly rawRequests?: boolean;
  /** Origins or URL prefixes that `returnUrl` of authorize may start with. At most 50 absolute https URLs (http on localhost) without query and fragment, each up to 2048 characters. */
  readonly returnUrls?: ReadonlyArray<string>;
  /** OAuth scopes to request. Default: those that the connector's tools need. At most 100 items. */
  readonly scopes?: ReadonlyArray<string> | null | undefined;
  /** Whether to ask the provider first if it accepts the client ID and secret. If not, nothing is registered. */
  readonly verifyCredentials?: boolean;
};

/** Call to reject. */
export type RejectToolExecutionInput = {
  /** ID of a ToolApproval. */
  readonly approvalId: string | number;
  /** Reason, which the caller of the tool gets. At most 500 characters. */
  readonly reason?: string | null | undefined;
};

/** Which deliveries to send again. */
export type ReplayWebhookDeliveriesInput = {
  /** ID of a WebhookEndpoint. */
  readonly endpointId: string | number;
  /** Earliest time of the event. Default: all stored deliveries. */
  readonly since?: string | null | undefined;
  /** State of the deliveries. */
  readonly status?: ReplayableWebhookDeliveryStatus;
};

/** Delivery to send again. */
export type ReplayWebhookDeliveryInput = {
  /** ID of a WebhookDelivery. */
  readonly id: string | number;
};

/** State of webhook deliveries that can be replayed together. */
export type ReplayableWebhookDeliveryStatus =
  /** Accepted by the receiver with a status of 2xx. */
  | 'DELIVERED'
  /** Given up: not accepted within 3 days, or the endpoint is disabled. Can be replayed. */
  | 'FAILED';

/** Whose webhooks to reset. */
export type ResetOAuthAppWebhookInput = {
  /** Connection name of the OAuth app. 1 to 63 letters, digits, "-" or "_", the first a letter or digit. */
  readonly connectionName?: string;
};

/** API key to revoke. */
export type RevokeApiKeyInput = {
  /** ID of an ApiKey. */
  readonly id: string | number;
};

/** Webhook endpoint, and how long its old secret remains valid. */
export type RotateWebhookSecretInput = {
  /** ID of a WebhookEndpoint. */
  readonly id: string | number;
  /** Seconds for which requests are also signed with the old secret; 0 if it leaked. 0 to 604800. */
  readonly overlapSeconds?: number;
};

/** Permission of a credential. */
export type Scope =
  /** Create connected accounts, and links to authorize them. Included in ACCOUNTS_WRITE. */
  | 'ACCOUNTS_AUTHORIZE'
  /** Confirm which user authorized an account. Included in ACCOUNTS_WRITE. */
  | 'ACCOUNTS_CONFIRM'
  /** Read connected accounts, their transitions and tool executions. */
  | 'ACCOUNTS_READ'
  /** Create, authorize, confirm, refresh, disconnect and delete connected accounts. */
  | 'ACCOUNTS_WRITE'
  /** Everything in the environment, including OAuth apps and API keys. */
  | 'ADMIN'
  /** Approve and reject tool calls that need the approval of a person. A key without ADMIN cannot approve its own calls. */
  | 'TOOLS_APPROVE'
  /** Call tools that only read. */
  | 'TOOLS_READ'
  /** Call tools that write. */
  | 'TOOLS_WRITE'
  /** Create and revoke user sessions for users' browsers. */
  | 'USER_SESSIONS_CREATE';

/** Reason for the status of an account. */
export type StatusReason =
  /** Link opened, but no one returned from the provider in time. No tokens were stored. */
  | 'AUTHORIZATION_ABANDONED'
  /** Consent denied by the user at the provider. */
  | 'AUTHORIZATION_DENIED'
  /** Authorization failed at the provider or during the code exchange. No tokens were stored. */
  | 'AUTHORIZATION_FAILED'
  /** User consented and the authorization was confirmed. */
  | 'AUTHORIZED'
  /** User consented. confirmAuthorization has not been called yet. */
  | 'AWAITING_CONFIRMATION'
  /** confirmAuthorization was not called in time. The tokens were discarded. */
  | 'CONFIRMATION_EXPIRED'
  /** confirmAuthorization was called with another identifier. The tokens were discarded. */
  | 'CONFIRMATION_REFUSED'
  /** Account created. No authorization has finished yet. */
  | 'CREATED'
  /** Credentials refused by the provider repeatedly, without an error code for the reason. */
  | 'CREDENTIALS_REFUSED'
  /** disconnectConnectedAccount was called. */
  | 'DISCONNECTED_BY_APPLICATION'
  /** Existing tokens imported and accepted by the provider. */
  | 'IMPORTED'
  /** Access token refused by the provider, and there is no refresh token. */
  | 'NOT_RENEWABLE'
  /** OAuth app registered with another client id. The credentials of the previous client cannot be used with it. */
  | 'OAUTH_APP_CHANGED'
  /** OAuth app rejected by the provider: its client ID, client secret or redirect URI is wrong. No tokens were stored. */
  | 'OAUTH_APP_REJECTED'
  /** Token refresh interrupted before its result was stored, and the previous credentials no longer work. */
  | 'RENEWAL_INTERRUPTED'
  /** Access reported as revoked by the provider. */
  | 'REVOKED_AT_PROVIDER'
  /** Consent given by another user of the provider than the one of the account. The tokens were discarded. */
  | 'USER_CHANGED';

/** Restricts a list of tool calls. A call must match every given field. */
export type ToolExecutionFilter = {
  /** Connection name of the OAuth app. 1 to 63 letters, digits, "-" or "_", the first a letter or digit. */
  readonly connectionName?: string | null | undefined;
  /** Name of the error type, as in `ToolExecution.errorType`. 1 to 128 characters. */
  readonly errorType?: string | null | undefined;
  /** Your own ID of the user. 1 to 512 characters. */
  readonly identifier?: string | null | undefined;
  /** States to include. */
  readonly status?: ReadonlyArray<ToolExecutionStatus> | null | undefined;
  /** Name of the tool. At most 128 characters. */
  readonly toolName?: string | null | undefined;
};

/** State of a tool call. */
export type ToolExecutionStatus =
  /** Failed; nothing was written. */
  | 'FAILED'
  /** May have written, wholly or in part. Never repeated automatically. */
  | 'OUTCOME_UNKNOWN'
  /** A write that has started and not ended. */
  | 'RUNNING'
  /** Completed. */
  | 'SUCCEEDED';

/** Account to change, and what it changes to. */
export type UpdateConnectedAccountInput = {
  /** Connection name of the OAuth app. 1 to 63 letters, digits, "-" or "_", the first a letter or digit. */
  readonly connectionName?: string;
  /** Your own ID of the user. Any string. 1 to 512 characters. */
  readonly identifier: string;
  /** New metadata, as a whole: keys that it does not have are removed. Search for accounts by it with `connectedAccounts(filter: { metadata: … })`. A JSON object of at most 8192 bytes, 100 keys and 4 levels; keys have 1 to 100 characters. */
  readonly metadata: Record<string, unknown>;
};

/** Webhook endpoint and what to change. */
export type UpdateWebhookEndpointInput = {
  /** Whether to send events. What waits for delivery to a disabled endpoint becomes FAILED. */
  readonly enabled?: boolean | null | undefined;
  /** Types of events to send; null for all types except those of Connector.eventTypes. At least one. */
  readonly events?: ReadonlyArray<string> | null | undefined;
  /** ID of a WebhookEndpoint. */
  readonly id: string | number;
  /** Where to send events. Https, at most 2048 characters, no user name, password or fragment. */
  readonly url?: string | null | undefined;
};

/** Which OAuth app to verify. */
export type VerifyOAuthAppInput = {
  /** Connection name of the OAuth app. 1 to 63 letters, digits, "-" or "_", the first a letter or digit. */
  readonly connectionName?: string;
};

/** State of a webhook delivery. */
export type WebhookDeliveryStatus =
  /** Accepted by the receiver with a status of 2xx. */
  | 'DELIVERED'
  /** Given up: not accepted within 3 days, or the endpoint is disabled. Can be replayed. */
  | 'FAILED'
  /** Waiting for its first or next attempt, or for earlier deliveries about the same account. */
  | 'PENDING';

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { readonly viewer: { readonly identifier: string | null, readonly scopes: ReadonlyArray<Scope>, readonly environment: { readonly name: string } } };

type Refusal_AccountNotActiveError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_AccountNotFoundError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_AmbiguousDataSourceError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_ApiKeyNotFoundError_Fragment = { readonly message: string };

type Refusal_ApprovalNotFoundError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_ApprovalRequiredError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_ApproverMismatchError_Fragment = { readonly message: string };

type Refusal_AuthorizationFlowNotFoundError_Fragment = { readonly message: string };

type Refusal_IdempotencyConflictError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_IdentifierMismatchError_Fragment = { readonly message: string };

type Refusal_InvalidInputError_Fragment = { readonly message: string, readonly issues: ReadonlyArray<{ readonly path: string, readonly message: string }> };

type Refusal_InvalidToolInputError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_MissingCapabilityError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_MissingScopeError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_OAuthAppNotFoundError_Fragment = { readonly message: string };

type Refusal_OAuthAppRejectedError_Fragment = { readonly message: string };

type Refusal_OutcomeUnknownError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_ProviderError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_ProviderUnavailableError_Fragment = { readonly message: string };

type Refusal_ProviderUserChangedError_Fragment = { readonly message: string };

type Refusal_RateLimitedError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_ResourceNotFoundError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_ResourceNotSharedError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_ResourceUnavailableError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_ReturnUrlNotAllowedError_Fragment = { readonly message: string };

type Refusal_ToolNotAllowedError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_UnknownToolError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_UserSessionNotFoundError_Fragment = { readonly message: string };

type Refusal_WebhookDeliveryNotFoundError_Fragment = { readonly message: string };

type Refusal_WebhookEndpointNotFoundError_Fragment = { readonly message: string };

type Refusal_WrongConnectionError_Fragment = { readonly hint: string, readonly message: string };

type Refusal_WrongResourceTypeError_Fragment = { readonly hint: string, readonly message: string };

export type RefusalFragment =
  | Refusal_AccountNotActiveError_Fragment
  | Refusal_AccountNotFoundError_Fragment
  | Refusal_AmbiguousDataSourceError_Fragment
  | Refusal_ApiKeyNotFoundError_Fragment
  | Refusal_ApprovalNotFoundError_Fragment
  | Refusal_ApprovalRequiredError_Fragment
  | Refusal_ApproverMismatchError_Fragment
  | Refusal_AuthorizationFlowNotFoundError_Fragment
  | Refusal_IdempotencyConflictError_Fragment
  | Refusal_IdentifierMismatchError_Fragment
  | Refusal_InvalidInputError_Fragment
  | Refusal_InvalidToolInputError_Fragment
  | Refusal_MissingCapabilityError_Fragment
  | Refusal_MissingScopeError_Fragment
  | Refusal_OAuthAppNotFoundError_Fragment
  | Refusal_OAuthAppRejectedError_Fragment
  | Refusal_OutcomeUnknownError_Fragment
  | Refusal_ProviderError_Fragment
  | Refusal_ProviderUnavailableError_Fragment
  | Refusal_ProviderUserChangedError_Fragment
  | Refusal_RateLimitedError_Fragment
  | Refusal_ResourceNotFoundError_Fragment
  | Refusal_ResourceNotSharedError_Fragment
  | Refusal_ResourceUnavailableError_Fragment
  | Refusal_ReturnUrlNotAllowedError_Fragment
  | Refusal_ToolNotAllowedError_Fragment
  | Refusal_UnknownToolError_Fragment
  | Refusal_UserSessionNotFoundError_Fragment
  | Refusal_WebhookDeliveryNotFoundError_Fragment
  | Refusal_WebhookEndpointNotFoundError_Fragment
  | Refusal_WrongConnectionError_Fragment
  | Refusal_WrongResourceTypeError_Fragment
;

export type AccountRowFragment = { readonly id: string, readonly connectionName: string, readonly identifier: string, readonly status: ConnectedAccountStatus, readonly statusReason: StatusReason, readonly needsReauthorization: boolean, readonly nextAction: string | null, readonly createdAt: string, readonly lastUsedAt: string | null, readonly owner: { readonly email: string | null, readonly name: string | null } | null, readonly workspace: { readonly id: string, readonly name: string | null } | null };

export type AccountsQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
  filter?: ConnectedAccountFilter | null | undefined;
}>;


export type AccountsQuery = { readonly connectedAccounts: { readonly nodes: ReadonlyArray<{ readonly id: string, readonly connectionName: string, readonly identifier: string, readonly status: ConnectedAccountStatus, readonly statusReason: StatusReason, readonly needsReauthorization: boolean, readonly nextAction: string | null, readonly createdAt: string, readonly lastUsedAt: string | null, readonly owner: { readonly email: string | null, readonly name: string | null } | null, readonly workspace: { readonly id: string, readonly name: string | null } | null }>, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null } } };

export type AccountChangesSubscriptionVariables = Exact<{
  filter?: ConnectedAccountFilter | null | undefined;
}>;


export type AccountChangesSubscription = { readonly connectedAccountStatusChanges: { readonly connectedAccount: { readonly id: string, readonly connectionName: string, readonly identifier: string, readonly status: ConnectedAccountStatus, readonly statusReason: StatusReason, readonly needsReauthorization: boolean, readonly nextAction: string | null, readonly createdAt: string, readonly lastUsedAt: string | null, readonly owner: { readonly email: string | null, readonly name: string | null } | null, readonly workspace: { readonly id: string, readonly name: string | null } | null } } };

export type AccountFragment = { readonly metadata: Record<string, unknown>, readonly authorizedAt: string | null, readonly lastVerifiedAt: string | null, readonly tokenExpiresAt: string | null, readonly id: string, readonly connectionName: string, readonly identifier: string, readonly status: ConnectedAccountStatus, readonly statusReason: StatusReason, readonly needsReauthorization: boolean, readonly nextAction: string | null, readonly createdAt: string, readonly lastUsedAt: string | null, readonly owner: { readonly email: string | null, readonly name: string | null, readonly providerUserId: string } | null, readonly workspace: { readonly id: string, readonly name: string | null } | null };

export type IndexedAccountFragment = { readonly metadata: Record<string, unknown>, readonly authorizedAt: string | null, readonly lastVerifiedAt: string | null, readonly tokenExpiresAt: string | null, readonly id: string, readonly connectionName: string, readonly identifier: string, readonly status: ConnectedAccountStatus, readonly statusReason: StatusReason, readonly needsReauthorization: boolean, readonly nextAction: string | null, readonly createdAt: string, readonly lastUsedAt: string | null, readonly contentIndex: { readonly status: ContentIndexStatus, readonly pages: number, readonly indexedPages: number, readonly lastCompletedAt: string | null } | null, readonly owner: { readonly email: string | null, readonly name: string | null, readonly providerUserId: string } | null, readonly workspace: { readonly id: string, readonly name: string | null } | null };

export type WatchAccountSubscriptionVariables = Exact<{
  connectionName: string;
  identifier: string;
}>;


export type WatchAccountSubscription = { readonly connectedAccountStatus: { readonly metadata: Record<string, unknown>, readonly authorizedAt: string | null, readonly lastVerifiedAt: string | null, readonly tokenExpiresAt: string | null, readonly id: string, readonly connectionName: string, readonly identifier: string, readonly status: ConnectedAccountStatus, readonly statusReason: StatusReason, readonly needsReauthorization: boolean, readonly nextAction: string | null, readonly createdAt: string, readonly lastUsedAt: string | null, readonly contentIndex: { readonly status: ContentIndexStatus, readonly pages: number, readonly indexedPages: number, readonly lastCompletedAt: string | null } | null, readonly owner: { readonly email: string | null, readonly name: string | null, readonly providerUserId: string } | null, readonly workspace: { readonly id: string, readonly name: string | null } | null } };

export type AccountQueryVariables = Exact<{
  connectionName: string;
  identifier: string;
}>;


export type AccountQuery = { readonly connectedAccount: { readonly metadata: Record<string, unknown>, readonly authorizedAt: string | null, readonly lastVerifiedAt: string | null, readonly tokenExpiresAt: string | null, readonly id: string, readonly connectionName: string, readonly identifier: string, readonly status: ConnectedAccountStatus, readonly statusReason: StatusReason, readonly needsReauthorization: boolean, readonly nextAction: string | null, readonly createdAt: string, readonly lastUsedAt: string | null, readonly tools: ReadonlyArray<{ readonly available: boolean, readonly unavailableReason: string | null, readonly tool: { readonly name: string, readonly title: string } }>, readonly contentIndex: { readonly status: ContentIndexStatus, readonly pages: number, readonly indexedPages: number, readonly lastCompletedAt: string | null } | null, readonly owner: { readonly email: string | null, readonly name: string | null, readonly providerUserId: string } | null, readonly workspace: { readonly id: string, readonly name: string | null } | null } | null };

export type TransitionsQueryVariables = Exact<{
  connectionName: string;
  identifier: string;
  first: number;
  after?: string | null | undefined;
}>;


export type TransitionsQuery = { readonly connectedAccount: { readonly transitions: { readonly nodes: ReadonlyArray<{ readonly at: string, readonly from: ConnectedAccountStatus | null, readonly to: ConnectedAccountStatus, readonly reason: StatusReason, readonly actor: string | null }>, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null } } } | null };

export type RefreshAccountMutationVariables = Exact<{
  input: RefreshConnectedAccountInput;
}>;


export type RefreshAccountMutation = { readonly refreshConnectedAccount:
    | { readonly __typename: 'AccountNotActiveError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'AccountNotFoundError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'OAuthAppRejectedError', readonly message: string }
    | { readonly __typename: 'ProviderUnavailableError', readonly message: string }
    | { readonly __typename: 'RefreshConnectedAccountPayload', readonly connectedAccount: { readonly status: ConnectedAccountStatus } }
   };

export type DisconnectAccountMutationVariables = Exact<{
  input: DisconnectConnectedAccountInput;
}>;


export type DisconnectAccountMutation = { readonly disconnectConnectedAccount:
    | { readonly __typename: 'AccountNotFoundError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'DisconnectConnectedAccountPayload' }
   };

export type DeleteAccountMutationVariables = Exact<{
  input: DeleteConnectedAccountInput;
}>;


export type DeleteAccountMutation = { readonly deleteConnectedAccount:
    | { readonly __typename: 'AccountNotFoundError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'DeleteConnectedAccountPayload' }
   };

export type UpdateAccountMutationVariables = Exact<{
  input: UpdateConnectedAccountInput;
}>;


export type UpdateAccountMutation = { readonly updateConnectedAccount:
    | { readonly __typename: 'AccountNotFoundError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'InvalidInputError', readonly message: string, readonly issues: ReadonlyArray<{ readonly path: string, readonly message: string }> }
    | { readonly __typename: 'UpdateConnectedAccountPayload' }
   };

export type AuthorizeMutationVariables = Exact<{
  input: AuthorizeInput;
}>;


export type AuthorizeMutation = { readonly authorize:
    | { readonly __typename: 'AuthorizePayload', readonly link: string, readonly expiresAt: string }
    | { readonly __typename: 'InvalidInputError', readonly message: string, readonly issues: ReadonlyArray<{ readonly path: string, readonly message: string }> }
    | { readonly __typename: 'OAuthAppNotFoundError', readonly message: string }
    | { readonly __typename: 'ReturnUrlNotAllowedError', readonly message: string }
   };

export type ToolCallsQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
  filter?: ToolExecutionFilter | null | undefined;
}>;


export type ToolCallsQuery = { readonly toolExecutions: { readonly nodes: ReadonlyArray<{ readonly id: string, readonly status: ToolExecutionStatus, readonly errorType: string | null, readonly startedAt: string, readonly durationMs: number | null, readonly providerRequestIds: ReadonlyArray<string>, readonly tool: { readonly name: string }, readonly connectedAccount: { readonly connectionName: string, readonly identifier: string } }>, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null } } };

export type ToolStatisticsQueryVariables = Exact<{
  hours: number;
  intervals: number;
  filter?: ToolExecutionFilter | null | undefined;
}>;


export type ToolStatisticsQuery = { readonly toolExecutionStatistics: { readonly since: string, readonly until: string, readonly complete: boolean, readonly counts: ReadonlyArray<{ readonly toolName: string, readonly status: ToolExecutionStatus, readonly errorType: string | null, readonly count: number }>, readonly intervals: ReadonlyArray<{ readonly startsAt: string, readonly running: number, readonly succeeded: number, readonly failed: number, readonly outcomeUnknown: number }> } };

export type AppFragment = { readonly id: string, readonly connectionName: string, readonly clientId: string, readonly redirectUri: string, readonly webhookUrl: string | null, readonly webhookState: OAuthAppWebhookState, readonly confirmationUrl: string | null, readonly returnUrls: ReadonlyArray<string>, readonly capabilities: ReadonlyArray<Capability>, readonly displayName: string | null, readonly sandbox: boolean, readonly rawRequests: boolean, readonly contentSearch: boolean, readonly rejectedAt: string | null, readonly rejectedCode: string | null, readonly connector: { readonly slug: string, readonly name: string } };

export type OAuthAppsQueryVariables = Exact<{ [key: string]: never; }>;


export type OAuthAppsQuery = { readonly oauthApps: ReadonlyArray<{ readonly id: string, readonly connectionName: string, readonly clientId: string, readonly redirectUri: string, readonly webhookUrl: string | null, readonly webhookState: OAuthAppWebhookState, readonly confirmationUrl: string | null, readonly returnUrls: ReadonlyArray<string>, readonly capabilities: ReadonlyArray<Capability>, readonly displayName: string | null, readonly sandbox: boolean, readonly rawRequests: boolean, readonly contentSearch: boolean, readonly rejectedAt: string | null, readonly rejectedCode: string | null, readonly connector: { readonly slug: string, readonly name: string } }> };

export type RedirectUrisQueryVariables = Exact<{
  connectionName: string;
}>;


export type RedirectUrisQuery = { readonly connectors: ReadonlyArray<{ readonly slug: string, readonly name: string, readonly redirectUri: string }> };

export type RegisterAppMutationVariables = Exact<{
  input: RegisterOAuthAppInput;
}>;


export type RegisterAppMutation = { readonly registerOAuthApp:
    | { readonly __typename: 'InvalidInputError', readonly message: string, readonly issues: ReadonlyArray<{ readonly path: string, readonly message: string }> }
    | { readonly __typename: 'OAuthAppRejectedError', readonly message: string }
    | { readonly __typename: 'ProviderUnavailableError', readonly message: string }
    | { readonly __typename: 'RegisterOAuthAppPayload', readonly oauthApp: { readonly id: string, readonly connectionName: string, readonly clientId: string, readonly redirectUri: string, readonly webhookUrl: string | null, readonly webhookState: OAuthAppWebhookState, readonly confirmationUrl: string | null, readonly returnUrls: ReadonlyArray<string>, readonly capabilities: ReadonlyArray<Capability>, readonly displayName: string | null, readonly sandbox: boolean, readonly rawRequests: boolean, readonly contentSearch: boolean, readonly rejectedAt: string | null, readonly rejectedCode: string | null, readonly connector: { readonly slug: string, readonly name: string } } }
   };

export type AppWebhookQueryVariables = Exact<{
  connectionName: string;
}>;


export type AppWebhookQuery = { readonly oauthApp: { readonly webhookUrl: string | null, readonly webhookState: OAuthAppWebhookState, readonly webhookTokens: ReadonlyArray<{ readonly token: string, readonly receivedAt: string }> | null } | null };

export type ResetWebhookMutationVariables = Exact<{
  input: ResetOAuthAppWebhookInput;
}>;


export type ResetWebhookMutation = { readonly resetOAuthAppWebhook:
    | { readonly __typename: 'OAuthAppNotFoundError', readonly message: string }
    | { readonly __typename: 'ResetOAuthAppWebhookPayload' }
   };

export type VerifyAppMutationVariables = Exact<{
  input: VerifyOAuthAppInput;
}>;


export type VerifyAppMutation = { readonly verifyOAuthApp:
    | { readonly __typename: 'OAuthAppNotFoundError', readonly message: string }
    | { readonly __typename: 'OAuthAppRejectedError', readonly message: string }
    | { readonly __typename: 'ProviderUnavailableError', readonly message: string }
    | { readonly __typename: 'VerifyOAuthAppPayload' }
   };

export type KeyFragment = { readonly id: string, readonly name: string, readonly prefix: string, readonly scopes: ReadonlyArray<Scope>, readonly createdAt: string, readonly expiresAt: string | null, readonly revokedAt: string | null, readonly lastUsedAt: string | null, readonly connectionNames: ReadonlyArray<string> | null, readonly identifiers: ReadonlyArray<string> | null, readonly identifierPrefixes: ReadonlyArray<string> | null, readonly networks: ReadonlyArray<string> | null, readonly toolNames: ReadonlyArray<string> | null, readonly toolPolicy: { readonly readOnly: boolean, readonly denyDestructive: boolean, readonly requireApprovalFor: ApprovalRule | null, readonly requireApprovalToolNames: ReadonlyArray<string> | null } };

export type ApiKeysQueryVariables = Exact<{ [key: string]: never; }>;


export type ApiKeysQuery = { readonly apiKeys: ReadonlyArray<{ readonly id: string, readonly name: string, readonly prefix: string, readonly scopes: ReadonlyArray<Scope>, readonly createdAt: string, readonly expiresAt: string | null, readonly revokedAt: string | null, readonly lastUsedAt: string | null, readonly connectionNames: ReadonlyArray<string> | null, readonly identifiers: ReadonlyArray<string> | null, readonly identifierPrefixes: ReadonlyArray<string> | null, readonly networks: ReadonlyArray<string> | null, readonly toolNames: ReadonlyArray<string> | null, readonly toolPolicy: { readonly readOnly: boolean, readonly denyDestructive: boolean, readonly requireApprovalFor: ApprovalRule | null, readonly requireApprovalToolNames: ReadonlyArray<string> | null } }> };

export type CreateKeyMutationVariables = Exact<{
  input: CreateApiKeyInput;
}>;


export type CreateKeyMutation = { readonly createApiKey:
    | { readonly __typename: 'CreateApiKeyPayload', readonly secret: string, readonly apiKey: { readonly id: string, readonly name: string, readonly prefix: string, readonly scopes: ReadonlyArray<Scope>, readonly createdAt: string, readonly expiresAt: string | null, readonly revokedAt: string | null, readonly lastUsedAt: string | null, readonly connectionNames: ReadonlyArray<string> | null, readonly identifiers: ReadonlyArray<string> | null, readonly identifierPrefixes: ReadonlyArray<string> | null, readonly networks: ReadonlyArray<string> | null, readonly toolNames: ReadonlyArray<string> | null, readonly toolPolicy: { readonly readOnly: boolean, readonly denyDestructive: boolean, readonly requireApprovalFor: ApprovalRule | null, readonly requireApprovalToolNames: ReadonlyArray<string> | null } } }
    | { readonly __typename: 'InvalidInputError', readonly message: string, readonly issues: ReadonlyArray<{ readonly path: string, readonly message: string }> }
   };

export type NarrowKeyMutationVariables = Exact<{
  input: NarrowApiKeyInput;
}>;


export type NarrowKeyMutation = { readonly narrowApiKey:
    | { readonly __typename: 'ApiKeyNotFoundError', readonly message: string }
    | { readonly __typename: 'InvalidInputError', readonly message: string, readonly issues: ReadonlyArray<{ readonly path: string, readonly message: string }> }
    | { readonly __typename: 'NarrowApiKeyPayload' }
   };

export type RevokeKeyMutationVariables = Exact<{
  input: RevokeApiKeyInput;
}>;


export type RevokeKeyMutation = { readonly revokeApiKey:
    | { readonly __typename: 'ApiKeyNotFoundError', readonly message: string }
    | { readonly __typename: 'RevokeApiKeyPayload' }
   };

export type ApprovalFragment = { readonly id: string, readonly summary: string, readonly input: Record<string, unknown> | null, readonly createdAt: string, readonly expiresAt: string, readonly requestedBy: string, readonly tool: { readonly name: string, readonly title: string, readonly destructive: boolean }, readonly connectedAccount: { readonly connectionName: string, readonly identifier: string, readonly workspace: { readonly name: string | null } | null } };

export type PendingApprovalsSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type PendingApprovalsSubscription = { readonly pendingApprovals: ReadonlyArray<{ readonly id: string, readonly summary: string, readonly input: Record<string, unknown> | null, readonly createdAt: string, readonly expiresAt: string, readonly requestedBy: string, readonly tool: { readonly name: string, readonly title: string, readonly destructive: boolean }, readonly connectedAccount: { readonly connectionName: string, readonly identifier: string, readonly workspace: { readonly name: string | null } | null } }> };

export type ApproveMutationVariables = Exact<{
  input: ApproveToolExecutionInput;
}>;


export type ApproveMutation = { readonly approveToolExecution:
    | { readonly __typename: 'AccountNotActiveError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'AccountNotFoundError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'AmbiguousDataSourceError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'ApprovalNotFoundError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'ApprovalRequiredError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'ExecuteToolPayload' }
    | { readonly __typename: 'IdempotencyConflictError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'InvalidToolInputError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'MissingCapabilityError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'MissingScopeError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'OutcomeUnknownError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'ProviderError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'RateLimitedError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'ResourceNotFoundError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'ResourceNotSharedError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'ResourceUnavailableError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'ToolNotAllowedError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'UnknownToolError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'WrongConnectionError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'WrongResourceTypeError', readonly hint: string, readonly message: string }
   };

export type RejectMutationVariables = Exact<{
  input: RejectToolExecutionInput;
}>;


export type RejectMutation = { readonly rejectToolExecution:
    | { readonly __typename: 'ApprovalNotFoundError', readonly hint: string, readonly message: string }
    | { readonly __typename: 'InvalidInputError', readonly message: string, readonly issues: ReadonlyArray<{ readonly path: string, readonly message: string }> }
    | { readonly __typename: 'RejectToolExecutionPayload' }
   };

export type AuditEventsQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
  filter?: AuditEventFilter | null | undefined;
}>;


export type AuditEventsQuery = { readonly auditEvents: { readonly nodes: ReadonlyArray<{ readonly id: string, readonly action: string, readonly actor: string, readonly at: string, readonly before: Record<string, unknown> | null, readonly after: Record<string, unknown> | null, readonly requestId: string | null, readonly sourceAddress: string | null, readonly target: string | null }>, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null } } };

export type EndpointFragment = { readonly id: string, readonly url: string, readonly enabled: boolean, readonly events: ReadonlyArray<string>, readonly disabledAt: string | null, readonly disabledReason: string | null, readonly previousSecretExpiresAt: string | null };

export type WebhookEndpointsQueryVariables = Exact<{ [key: string]: never; }>;


export type WebhookEndpointsQuery = { readonly webhookEndpoints: ReadonlyArray<{ readonly id: string, readonly url: string, readonly enabled: boolean, readonly events: ReadonlyArray<string>, readonly disabledAt: string | null, readonly disabledReason: string | null, readonly previousSecretExpiresAt: string | null }>, readonly webhookEventTypes: ReadonlyArray<{ readonly name: string, readonly description: string, readonly connector: { readonly name: string } | null }> };

export type DeliveriesQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
  endpointId?: string | number | null | undefined;
  status?: WebhookDeliveryStatus | null | undefined;
}>;


export type DeliveriesQuery = { readonly webhookDeliveries: { readonly nodes: ReadonlyArray<{ readonly id: string, readonly eventId: string, readonly eventType: string, readonly occurredAt: string, readonly status: WebhookDeliveryStatus, readonly attempts: number, readonly lastAttemptAt: string | null, readonly nextAttemptAt: string | null, readonly deliveredAt: string | null, readonly lastStatusCode: number | null, readonly lastError: string | null, readonly payload: Record<string, unknown>, readonly endpoint: { readonly id: string, readonly url: string } }>, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null } } };

export type CreateEndpointMutationVariables = Exact<{
  input: CreateWebhookEndpointInput;
}>;


export type CreateEndpointMutation = { readonly createWebhookEndpoint:
    | { readonly __typename: 'CreateWebhookEndpointPayload', readonly secret: string, readonly webhookEndpoint: { readonly id: string, readonly url: string, readonly enabled: boolean, readonly events: ReadonlyArray<string>, readonly disabledAt: string | null, readonly disabledReason: string | null, readonly previousSecretExpiresAt: string | null } }
    | { readonly __typename: 'InvalidInputError', readonly message: string, readonly issues: ReadonlyArray<{ readonly path: string, readonly message: string }> }
   };

export type UpdateEndpointMutationVariables = Exact<{
  input: UpdateWebhookEndpointInput;
}>;


export type UpdateEndpointMutation = { readonly updateWebhookEndpoint:
    | { readonly __typename: 'InvalidInputError', readonly message: string, readonly issues: ReadonlyArray<{ readonly path: string, readonly message: string }> }
    | { readonly __typename: 'UpdateWebhookEndpointPayload' }
    | { readonly __typename: 'WebhookEndpointNotFoundError', readonly message: string }
   };

export type DeleteEndpointMutationVariables = Exact<{
  input: DeleteWebhookEndpointInput;
}>;


export type DeleteEndpointMutation = { readonly deleteWebhookEndpoint:
    | { readonly __typename: 'DeleteWebhookEndpointPayload' }
    | { readonly __typename: 'WebhookEndpointNotFoundError', readonly message: string }
   };

export type RotateSecretMutationVariables = Exact<{
  input: RotateWebhookSecretInput;
}>;


export type RotateSecretMutation = { readonly rotateWebhookSecret:
    | { readonly __typename: 'InvalidInputError', readonly message: string, readonly issues: ReadonlyArray<{ readonly path: string, readonly message: string }> }
    | { readonly __typename: 'RotateWebhookSecretPayload', readonly secret: string }
    | { readonly __typename: 'WebhookEndpointNotFoundError', readonly message: string }
   };

export type ReplayMutationVariables = Exact<{
  input: ReplayWebhookDeliveryInput;
}>;


export type ReplayMutation = { readonly replayWebhookDelivery:
    | { readonly __typename: 'InvalidInputError', readonly message: string, readonly issues: ReadonlyArray<{ readonly path: string, readonly message: string }> }
    | { readonly __typename: 'ReplayWebhookDeliveryPayload' }
    | { readonly __typename: 'WebhookDeliveryNotFoundError', readonly message: string }
   };

export type ReplayAllMutationVariables = Exact<{
  input: ReplayWebhookDeliveriesInput;
}>;


export type ReplayAllMutation = { readonly replayWebhookDeliveries:
    | { readonly __typename: 'InvalidInputError', readonly message: string, readonly issues: ReadonlyArray<{ readonly path: string, readonly message: string }> }
    | { readonly __typename: 'ReplayWebhookDeliveriesPayload', readonly replayed: number }
    | { readonly __typename: 'WebhookEndpointNotFoundError', readonly message: string }
   };

/** A document with the types of its result and variables. */

export type Operation<Result, Variables> = string & { readonly types?: (variables: Variables) => Result }

export const Viewer = "query Viewer{viewer{environment{name}identifier scopes}}" as Operation<ViewerQuery, ViewerQueryVariables>

export const Accounts = "query Accounts($first:Int!$after:String$filter:ConnectedAccountFilter){connectedAccounts(first:$first after:$after filter:$filter){nodes{...AccountRow}pageInfo{hasNextPage endCursor}}}fragment AccountRow on ConnectedAccount{id connectionName identifier status statusReason needsReauthorization nextAction owner{email name}workspace{id name}createdAt lastUsedAt}" as Operation<AccountsQuery, AccountsQueryVariables>

export const AccountChanges = "subscription AccountChanges($filter:ConnectedAccountFilter){connectedAccountStatusChanges(filter:$filter){connectedAccount{...AccountRow}}}fragment AccountRow on ConnectedAccount{id connectionName identifier status statusReason needsReauthorization nextAction owner{email name}workspace{id name}createdAt lastUsedAt}" as Operation<AccountChangesSubscription, AccountChangesSubscriptionVariables>

export const WatchAccount = "subscription WatchAccount($connectionName:String!$identifier:String!){connectedAccountStatus(connectionName:$connectionName identifier:$identifier){...IndexedAccount}}fragment IndexedAccount on ConnectedAccount{...Account contentIndex{status pages indexedPages lastCompletedAt}}fragment Account on ConnectedAccount{...AccountRow metadata authorizedAt lastVerifiedAt tokenExpiresAt owner{email name providerUserId}}fragment AccountRow on ConnectedAccount{id connectionName identifier status statusReason needsReauthorization nextAction owner{email name}workspace{id name}createdAt lastUsedAt}" as Operation<WatchAccountSubscription, WatchAccountSubscriptionVariables>

export const Account = "query Account($connectionName:String!$identifier:String!){connectedAccount(connectionName:$connectionName identifier:$identifier){...IndexedAccount tools{available unavailableReason tool{name title}}}}fragment IndexedAccount on ConnectedAccount{...Account contentIndex{status pages indexedPages lastCompletedAt}}fragment Account on ConnectedAccount{...AccountRow metadata authorizedAt lastVerifiedAt tokenExpiresAt owner{email name providerUserId}}fragment AccountRow on ConnectedAccount{id connectionName identifier status statusReason needsReauthorization nextAction owner{email name}workspace{id name}createdAt lastUsedAt}" as Operation<AccountQuery, AccountQueryVariables>

export const Transitions = "query Transitions($connectionName:String!$identifier:String!$first:Int!$after:String){connectedAccount(connectionName:$connectionName identifier:$identifier){transitions(first:$first after:$after){nodes{at from to reason actor}pageInfo{hasNextPage endCursor}}}}" as Operation<TransitionsQuery, TransitionsQueryVariables>

export const RefreshAccount = "mutation RefreshAccount($input:RefreshConnectedAccountInput!){refreshConnectedAccount(input:$input){__typename ...on RefreshConnectedAccountPayload{connectedAccount{status}}...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<RefreshAccountMutation, RefreshAccountMutationVariables>

export const DisconnectAccount = "mutation DisconnectAccount($input:DisconnectConnectedAccountInput!){disconnectConnectedAccount(input:$input){__typename ...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<DisconnectAccountMutation, DisconnectAccountMutationVariables>

export const DeleteAccount = "mutation DeleteAccount($input:DeleteConnectedAccountInput!){deleteConnectedAccount(input:$input){__typename ...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<DeleteAccountMutation, DeleteAccountMutationVariables>

export const UpdateAccount = "mutation UpdateAccount($input:UpdateConnectedAccountInput!){updateConnectedAccount(input:$input){__typename ...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<UpdateAccountMutation, UpdateAccountMutationVariables>

export const Authorize = "mutation Authorize($input:AuthorizeInput!){authorize(input:$input){__typename ...on AuthorizePayload{link expiresAt}...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<AuthorizeMutation, AuthorizeMutationVariables>

export const ToolCalls = "query ToolCalls($first:Int!$after:String$filter:ToolExecutionFilter){toolExecutions(first:$first after:$after filter:$filter){nodes{id tool{name}connectedAccount{connectionName identifier}status errorType startedAt durationMs providerRequestIds}pageInfo{hasNextPage endCursor}}}" as Operation<ToolCallsQuery, ToolCallsQueryVariables>

export const ToolStatistics = "query ToolStatistics($hours:Int!$intervals:Int!$filter:ToolExecutionFilter){toolExecutionStatistics(hours:$hours intervals:$intervals filter:$filter){since until complete counts{toolName status errorType count}intervals{startsAt running succeeded failed outcomeUnknown}}}" as Operation<ToolStatisticsQuery, ToolStatisticsQueryVariables>

export const OAuthApps = "query OAuthApps{oauthApps{...App}}fragment App on OAuthApp{id connectionName connector{slug name}clientId redirectUri webhookUrl webhookState confirmationUrl returnUrls capabilities displayName sandbox rawRequests contentSearch rejectedAt rejectedCode}" as Operation<OAuthAppsQuery, OAuthAppsQueryVariables>

export const RedirectUris = "query RedirectUris($connectionName:String!){connectors{slug name redirectUri(connectionName:$connectionName)}}" as Operation<RedirectUrisQuery, RedirectUrisQueryVariables>

export const RegisterApp = "mutation RegisterApp($input:RegisterOAuthAppInput!){registerOAuthApp(input:$input){__typename ...on RegisterOAuthAppPayload{oauthApp{...App}}...Refusal}}fragment App on OAuthApp{id connectionName connector{slug name}clientId redirectUri webhookUrl webhookState confirmationUrl returnUrls capabilities displayName sandbox rawRequests contentSearch rejectedAt rejectedCode}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<RegisterAppMutation, RegisterAppMutationVariables>

export const AppWebhook = "query AppWebhook($connectionName:String!){oauthApp(connectionName:$connectionName){webhookUrl webhookState webhookTokens{token receivedAt}}}" as Operation<AppWebhookQuery, AppWebhookQueryVariables>

export const ResetWebhook = "mutation ResetWebhook($input:ResetOAuthAppWebhookInput!){resetOAuthAppWebhook(input:$input){__typename ...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<ResetWebhookMutation, ResetWebhookMutationVariables>

export const VerifyApp = "mutation VerifyApp($input:VerifyOAuthAppInput!){verifyOAuthApp(input:$input){__typename ...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<VerifyAppMutation, VerifyAppMutationVariables>

export const ApiKeys = "query ApiKeys{apiKeys{...Key}}fragment Key on ApiKey{id name prefix scopes createdAt expiresAt revokedAt lastUsedAt connectionNames identifiers identifierPrefixes networks toolNames toolPolicy{readOnly denyDestructive requireApprovalFor requireApprovalToolNames}}" as Operation<ApiKeysQuery, ApiKeysQueryVariables>

export const CreateKey = "mutation CreateKey($input:CreateApiKeyInput!){createApiKey(input:$input){__typename ...on CreateApiKeyPayload{secret apiKey{...Key}}...Refusal}}fragment Key on ApiKey{id name prefix scopes createdAt expiresAt revokedAt lastUsedAt connectionNames identifiers identifierPrefixes networks toolNames toolPolicy{readOnly denyDestructive requireApprovalFor requireApprovalToolNames}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<CreateKeyMutation, CreateKeyMutationVariables>

export const NarrowKey = "mutation NarrowKey($input:NarrowApiKeyInput!){narrowApiKey(input:$input){__typename ...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<NarrowKeyMutation, NarrowKeyMutationVariables>

export const RevokeKey = "mutation RevokeKey($input:RevokeApiKeyInput!){revokeApiKey(input:$input){__typename ...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<RevokeKeyMutation, RevokeKeyMutationVariables>

export const PendingApprovals = "subscription PendingApprovals{pendingApprovals{...Approval}}fragment Approval on ToolApproval{id summary input createdAt expiresAt requestedBy tool{name title destructive}connectedAccount{connectionName identifier workspace{name}}}" as Operation<PendingApprovalsSubscription, PendingApprovalsSubscriptionVariables>

export const Approve = "mutation Approve($input:ApproveToolExecutionInput!){approveToolExecution(input:$input){__typename ...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<ApproveMutation, ApproveMutationVariables>

export const Reject = "mutation Reject($input:RejectToolExecutionInput!){rejectToolExecution(input:$input){__typename ...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<RejectMutation, RejectMutationVariables>

export const AuditEvents = "query AuditEvents($first:Int!$after:String$filter:AuditEventFilter){auditEvents(first:$first after:$after filter:$filter){nodes{id action actor at before after requestId sourceAddress target}pageInfo{hasNextPage endCursor}}}" as Operation<AuditEventsQuery, AuditEventsQueryVariables>

export const WebhookEndpoints = "query WebhookEndpoints{webhookEndpoints{...Endpoint}webhookEventTypes{name description connector{name}}}fragment Endpoint on WebhookEndpoint{id url enabled events disabledAt disabledReason previousSecretExpiresAt}" as Operation<WebhookEndpointsQuery, WebhookEndpointsQueryVariables>

export const Deliveries = "query Deliveries($first:Int!$after:String$endpointId:ID$status:WebhookDeliveryStatus){webhookDeliveries(first:$first after:$after endpointId:$endpointId status:$status){nodes{id eventId eventType occurredAt status attempts lastAttemptAt nextAttemptAt deliveredAt lastStatusCode lastError payload endpoint{id url}}pageInfo{hasNextPage endCursor}}}" as Operation<DeliveriesQuery, DeliveriesQueryVariables>

export const CreateEndpoint = "mutation CreateEndpoint($input:CreateWebhookEndpointInput!){createWebhookEndpoint(input:$input){__typename ...on CreateWebhookEndpointPayload{secret webhookEndpoint{...Endpoint}}...Refusal}}fragment Endpoint on WebhookEndpoint{id url enabled events disabledAt disabledReason previousSecretExpiresAt}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<CreateEndpointMutation, CreateEndpointMutationVariables>

export const UpdateEndpoint = "mutation UpdateEndpoint($input:UpdateWebhookEndpointInput!){updateWebhookEndpoint(input:$input){__typename ...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<UpdateEndpointMutation, UpdateEndpointMutationVariables>

export const DeleteEndpoint = "mutation DeleteEndpoint($input:DeleteWebhookEndpointInput!){deleteWebhookEndpoint(input:$input){__typename ...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<DeleteEndpointMutation, DeleteEndpointMutationVariables>

export const RotateSecret = "mutation RotateSecret($input:RotateWebhookSecretInput!){rotateWebhookSecret(input:$input){__typename ...on RotateWebhookSecretPayload{secret}...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<RotateSecretMutation, RotateSecretMutationVariables>

export const Replay = "mutation Replay($input:ReplayWebhookDeliveryInput!){replayWebhookDelivery(input:$input){__typename ...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<ReplayMutation, ReplayMutationVariables>

export const ReplayAll = "mutation ReplayAll($input:ReplayWebhookDeliveriesInput!){replayWebhookDeliveries(input:$input){__typename ...on ReplayWebhookDeliveriesPayload{replayed}...Refusal}}fragment Refusal on Error{message ...on ToolError{hint}...on InvalidInputError{issues{path message}}}" as Operation<ReplayAllMutation, ReplayAllMutationVariables>
