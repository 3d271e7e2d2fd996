import type DataLoader from 'dataloader'
import type { AccountsContext } from '../accounts/context.ts'
import type { TransitionLoader } from '../accounts/status-transitions.ts'
import type { IndexLoader } from '../content-index/index-status.ts'
import type { LaggingReads } from '../db/replica.ts'
import type { EnvironmentsContext } from '../environments/context.ts'
import type { Viewer } from '../environments/viewer.ts'
import type { Approvers } from '../tools/approvers.ts'
import type { Connector } from '../tools/connector.ts'
import type { ToolEngine } from '../tools/engine.ts'
import type { Secret } from '../vault/secret.ts'
import type { WebhooksContext } from '../webhooks/context.ts'
import type { ApprovalWatch } from './approval-watch.ts'
import type { EventWatch } from './event-watch.ts'
import type { AccountWatch } from './watch.ts'

/** The context of every resolver. One per request; that of a subscription exists as long as its stream. */
export interface GraphQLContext {
  /** The caller. Null without a credential; a request with an invalid one is refused earlier. */
  readonly viewer: Viewer | null
  readonly environments: EnvironmentsContext
  readonly accounts: AccountsContext
  /** For lists over all users of an environment. What belongs to one user is read from `accounts.db` and current. */
  readonly lists: LaggingReads
  readonly tools: ToolEngine
  readonly watch: AccountWatch
  readonly approvalWatch: ApprovalWatch
  readonly eventWatch: EventWatch
  readonly approvers: Approvers
  /** The loaders of this operation, by the functions that they call; see `loaders.ts`. */
  readonly loaders: Map<unknown, DataLoader<string, unknown>>
  readonly transitions: TransitionLoader
  readonly indexes: IndexLoader
  /** Encrypts the cursors of lists: the server secret `list-cursors`. */
  readonly cursorKey: Secret
  readonly webhooks: WebhooksContext
  /** The installed connectors. */
  readonly connectors: readonly Connector[]
  /** Whether OAuth apps that are registered now talk to the sandbox. */
  readonly newAppsAreSandboxed: boolean
  /** Whether user sessions may pass `allowUserChange`. */
  readonly sessionsMayChangeUser: boolean
  /** Counts an authorization that a session of this user begins. Returns how long to wait in milliseconds; null: not at all. */
  readonly takeAuthorization: (user: string) => number | null
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal
}
