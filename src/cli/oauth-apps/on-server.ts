import { Valetkey } from '../../client/valetkey.ts'
import { UsageError } from '../command.ts'
import type { OAuthAppsBackend } from './backend.ts'

/** The commands on a running server, with an API key that has the scope ADMIN. The environment is that of the key. */
export function onServer(url: string, apiKey: string): OAuthAppsBackend {
  const { oauthApps } = new Valetkey({ url, apiKey })
  const register: OAuthAppsBackend['register'] = async ({ clientId = '', clientSecret = '', ...options }) => {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
    return oauthApps.register({ clientId, clientSecret, ...given })
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
    verify: (connectionName) => oauthApps.verify(connectionName),
  }
}
