import type { Started } from './app.ts'
import type { Config } from './config.ts'

/** What a person sees in the terminal once the server listens: where it is, the key (once) and the next command. */
export function welcome(config: Config, started: Started): string {
  const { publicUrl, generatedApiKey } = started
  const key = generatedApiKey?.reveal()
  const lines = [
    '',
    `Valetkey listens at ${publicUrl}`,
    `  GraphQL   ${publicUrl}/graphql${config.environment === 'production' ? '' : ' (GraphiQL in a browser)'}`,
    `  Database  ${started.database === 'embedded' ? `embedded, in ${config.dataDirectory}; not safe against power loss: use DATABASE_URL in production` : 'the Postgres server at DATABASE_URL'}`,
    `  Notion    ${config.sandbox ? `the sandbox at ${publicUrl}/sandbox` : (config.apiUrls['notion'] ?? 'https://api.notion.com')}`,
  ]
  for (const warning of started.warnings) lines.push('', `Warning: ${warning}`)
  if (key !== undefined) {
    lines.push('', `API key of the environment "default" (ADMIN), shown this once:`, '', `  ${key}`)
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
      'and open the link in a browser, or run: npm run demo',
    )
  }
  return `${lines.join('\n')}\n\n`
}
