import type { Started } from './app.ts'
import type { Config } from './config.ts'

/** Returns what the terminal shows after the start: the URLs, a generated API key and the next command. */
export function welcome(config: Config, started: Started): string {
  const { publicUrl, generatedApiKey } = started
  const key = generatedApiKey?.reveal()
  const lines = [
    '',
    `Valetkey listens at ${publicUrl}`,
    `  Mode      ${config.environment}`,
    `  GraphQL   ${publicUrl}/graphql${config.environment === 'production' ? '' : ' (GraphiQL in a browser)'}`,
    ...(config.console ? [`  Console   ${publicUrl}/console`] : []),
    `  Database  ${started.database === 'embedded' ? `embedded, in ${config.dataDirectory}; not safe against power loss; set DATABASE_URL in production` : 'the Postgres server at DATABASE_URL'}`,
    ...(config.workers > 1 ? [`  Workers   ${config.workers}`] : []),
    `  Notion    ${config.sandbox ? `the sandbox at ${publicUrl}/sandbox` : (config.apiUrls['notion'] ?? 'https://api.notion.com')}`,
  ]
  if (started.metricsUrl !== null) lines.push(`  Metrics   ${started.metricsUrl}`)
  for (const warning of started.warnings) lines.push('', `Warning: ${warning}`)
  if (key !== undefined) {
    lines.push('', 'API key of the environment "default" (ADMIN), shown only once:', '', `  ${key}`)
  }
  lines.push(...nextSteps(config, started))
  return `${lines.join('\n')}\n\n`
}

/** The next command works as it is printed: with the generated key, or with the one in VALETKEY_API_KEY. */
function nextSteps(config: Config, { publicUrl, url, generatedApiKey, unregistered }: Started): readonly string[] {
  const key = generatedApiKey?.reveal()
  if (unregistered !== null) {
    const credential = key === undefined ? '' : ` VALETKEY_API_KEY=${key}`
    return [
      '',
      `Next: create a connection in the provider's settings, with this redirect URI (docs/notion-app.md shows each step):`,
      '',
      `  ${unregistered.redirectUri}`,
      '',
      `Then register it. The command asks for its client ID and client secret${key === undefined ? ', and requires an API key with the scope ADMIN in VALETKEY_API_KEY' : ''}:`,
      '',
      `  VALETKEY_URL=${url}${credential} npm run valetkey -- oauth-apps register ${unregistered.connectionName}`,
    ]
  }
  if (config.environment === 'production') return []
  const header = key === undefined ? `"authorization: Bearer $VALETKEY_API_KEY"` : `'authorization: Bearer ${key}'`
  return [
    '',
    'Next:',
    '',
    `  curl -s ${publicUrl}/graphql -H ${header} \\`,
    `    -H 'content-type: application/json' \\`,
    `    -d '{"query":"mutation { authorize(input: { identifier: \\"user_1\\" }) { ... on AuthorizePayload { link } ... on Error { message } } }"}'`,
    '',
    'Open the returned link in a browser. To see the whole journey, run: npm run demo',
  ]
}
