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
    `  Database  ${started.database === 'embedded' ? `embedded, in ${config.dataDirectory}; not safe against power loss; set DATABASE_URL in production` : 'the Postgres server at DATABASE_URL'}`,
    ...(config.workers > 1 ? [`  Workers   ${config.workers}`] : []),
    `  Notion    ${config.sandbox ? `the sandbox at ${publicUrl}/sandbox` : (config.apiUrls['notion'] ?? 'https://api.notion.com')}`,
  ]
  if (started.metricsUrl !== null) lines.push(`  Metrics   ${started.metricsUrl}`)
  for (const warning of started.warnings) lines.push('', `Warning: ${warning}`)
  if (key !== undefined) {
    lines.push('', 'API key of the environment "default" (ADMIN), shown only once:', '', `  ${key}`)
  }
  if (config.environment !== 'production') {
    lines.push(
      '',
      'Next:',
      '',
      `  curl -s ${publicUrl}/graphql -H 'authorization: Bearer ${key ?? '<your API key>'}' \\`,
      `    -H 'content-type: application/json' \\`,
      `    -d '{"query":"mutation { authorize(input: { identifier: \\"user_1\\" }) { ... on AuthorizePayload { link } ... on Error { message } } }"}'`,
      '',
      'Open the returned link in a browser. To see the whole journey, run: npm run demo',
    )
  }
  return `${lines.join('\n')}\n\n`
}
