import { createOAuth2Provider } from '../../../src/oauth/oauth2-provider.ts'
import type { Connector } from '../../../src/tools/connector.ts'
import { acmeTools } from './tools.ts'

/** Acme, an issue tracker: PKCE, OAuth scopes, tokens of 60 seconds, no introspection, no workspaces. */
export const acme: Connector = {
  slug: 'acme',
  name: 'Acme',
  apiUrl: 'https://api.acme.example',
  oauth: createOAuth2Provider({
    endpoints: { authorization: '/oauth/authorize', token: '/oauth/token', revocation: '/oauth/revoke' },
    pkce: true,
    clientAuthentication: 'client_secret_post',
    defaultScopes: ['issues:read', 'issues:write'],
    authorizationParameters: { access_type: 'offline' },
    identity: {
      path: '/me',
      read: ({ id, name, email }) =>
        typeof id === 'string'
          ? {
              userId: id,
              name: typeof name === 'string' ? name : null,
              email: typeof email === 'string' ? email : null,
            }
          : null,
    },
  }),
  rate: { requests: 50, perMs: 10_000 },
  connectPage: { consentStep: 'Acme asks you to allow access to your issues. Select “Allow”.' },
  sandbox: null,
  createTools: acmeTools,
}
