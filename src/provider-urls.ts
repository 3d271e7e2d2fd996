import type { AccountsContext } from './accounts/context.ts'
import type { Addresses } from './addresses.ts'
import type { Config } from './config.ts'
import { type Connector, requireConnector } from './tools/connector.ts'

/** Returns the base of a provider's API for an OAuth app: its own or a configured one, or that of its sandbox on `server`. */
export function providerUrl(
  { apiUrls }: Pick<Config, 'apiUrls'>,
  connectors: readonly Connector[],
  app: Parameters<AccountsContext['providerApiUrl']>[0],
  server: () => string,
): string {
  const { slug, sandbox, apiUrl } = requireConnector(connectors, app.connector)
  return app.sandbox && sandbox ? `${server()}${sandbox.basePath}` : (apiUrls[slug] ?? apiUrl)
}

/** Returns the bases of the providers' URLs for a server with sandboxes. */
export const createProviderUrls = (
  config: Pick<Config, 'apiUrls'>,
  connectors: readonly Connector[],
  addresses: Addresses,
): Pick<AccountsContext, 'providerApiUrl' | 'providerConsentUrl'> => ({
  providerApiUrl: (app) => providerUrl(config, connectors, app, () => addresses.sandboxUrl()),
  providerConsentUrl: (app) => providerUrl(config, connectors, app, () => addresses.publicUrl()),
})

/** Whether OAuth apps are registered with the sandbox of their connector, if it has one. */
export const newAppsAreSandboxed = ({ environment, sandbox }: Pick<Config, 'environment' | 'sandbox'>): boolean =>
  environment !== 'production' && sandbox
