import { ConnectionError, RequestError } from '../../client/errors.ts'
import { Valetkey } from '../../client/valetkey.ts'
import { ConfigError } from '../../config.ts'
import { UsageError } from '../command.ts'
import { reasonOf } from '../doctor/finding.ts'
import { unknownConnection } from '../known-names.ts'
import type { OAuthAppsBackend, ShownWebhook } from './backend.ts'

const webhookDocument = `query Webhook($connectionName: String!) {
  oauthApp(connectionName: $connectionName) {
    url: webhookUrl state: webhookState tokens: webhookTokens { token receivedAt }
  }
}`

/** `tokens` is null for API keys that may not manage OAuth apps. */
interface WebhookResult {
  readonly oauthApp: (Omit<ShownWebhook, 'tokens'> & { readonly tokens: ShownWebhook['tokens'] | null }) | null
}

const resetDocument = `mutation ResetWebhook($connectionName: String!) {
  resetOAuthAppWebhook(input: { connectionName: $connectionName }) { ... on Error { message } }
}`

interface ResetResult {
  readonly resetOAuthAppWebhook: { readonly message?: string }
}

/**
 * Runs `work` with the commands on the server at VALETKEY_URL. Throws a {@link ConfigError} for an invalid URL, and a
 * {@link ConnectionError} that names what to check when Valetkey does not answer there.
 */
export async function withServer<Result>(
  url: string,
  apiKey: string,
  work: (backend: OAuthAppsBackend) => Promise<Result>,
): Promise<Result> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new ConfigError(['VALETKEY_URL must be an http or https URL'])
  try {
    return await work(onServer(url, apiKey))
  } catch (error) {
    const server = `The server at VALETKEY_URL (${new URL(url).origin})`
    if (error instanceof ConnectionError)
      throw new ConnectionError(
        `${server} cannot be reached (${reasonOf(error.cause ?? error)}). Check that it runs, and that VALETKEY_URL is correct.`,
        { cause: error },
      )
    // Valetkey refuses a request with the code of a GraphQL error.
    if (error instanceof RequestError && error.code === null)
      throw new ConnectionError(
        `${server} does not answer as Valetkey (${error.message}). Set VALETKEY_URL to the URL of Valetkey.`,
        { cause: error },
      )
    throw error
  }
}

/** The commands on a running server, with an API key that has the scope ADMIN. The environment is that of the key. */
function onServer(url: string, apiKey: string): OAuthAppsBackend {
  const valetkey = new Valetkey({ url, apiKey })
  const { oauthApps } = valetkey
  const register: OAuthAppsBackend['register'] = async ({ clientId = '', clientSecret = '', ...options }) => {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
    return oauthApps.register({ clientId, clientSecret, ...given })
  }
  const requireConnection = async (connectionName: string) => {
    const names = (await oauthApps.list()).map((app) => app.connectionName)
    if (!names.includes(connectionName)) throw unknownConnection(connectionName, names, 'environment of the API key')
  }
  return {
    place: `the environment of the API key, at ${url}`,
    register,
    update() {
      throw new UsageError(
        'oauth-apps update works on the database only, because the server does not return the client secret. Remove VALETKEY_URL, or register the OAuth app again with: oauth-apps register',
      )
    },
    list: () => oauthApps.list(),
    redirectUri: (connectionName, connector) => oauthApps.redirectUri(connectionName, connector),
    async webhook(connectionName, { reset }) {
      await requireConnection(connectionName)
      if (reset) {
        const { resetOAuthAppWebhook: result } = await valetkey.graphql<ResetResult>(resetDocument, { connectionName })
        if (result.message !== undefined) throw new UsageError(result.message)
      }
      const { oauthApp } = await valetkey.graphql<WebhookResult>(webhookDocument, { connectionName })
      if (!oauthApp) throw new UsageError(`The OAuth app "${connectionName}" was deleted meanwhile`)
      return { ...oauthApp, tokens: oauthApp.tokens ?? [] }
    },
    async verify(connectionName) {
      await requireConnection(connectionName)
      return oauthApps.verify(connectionName)
    },
  }
}
