import type { AccountsContext } from '../accounts/context.ts'
import type { EnvironmentsContext } from '../environments/context.ts'
import type { Viewer } from '../environments/viewer.ts'
import type { Connector } from '../tools/connector.ts'
import type { ToolEngine } from '../tools/engine.ts'
import type { Loaders } from './loaders.ts'
import type { AccountWatch } from './watch.ts'

/** What every resolver gets. One per request; a subscription's lives as long as its stream. */
export interface GraphQLContext {
  /** Who is calling; null without a credential. A wrong credential never gets this far. */
  readonly viewer: Viewer | null
  readonly environments: EnvironmentsContext
  readonly accounts: AccountsContext
  readonly tools: ToolEngine
  readonly loaders: Loaders
  readonly watch: AccountWatch
  /** The installed connectors. */
  readonly connectors: readonly Connector[]
  /** Whether OAuth apps that are registered now talk to the sandbox. */
  readonly newAppsAreSandboxed: boolean
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal
}
