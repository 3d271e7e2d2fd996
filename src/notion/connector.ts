import type { Connector } from '../tools/connector.ts'
import { createChangeSource } from './change-source.ts'
import { createNotionOAuth } from './oauth/notion-oauth.ts'
import { createContentSource } from './search/content-source.ts'
import { notionTools } from './tools.ts'
import { notionEvents } from './webhooks.ts'

/** Notion (https://developers.notion.com). */
export const notion: Connector = {
  slug: 'notion',
  name: 'Notion',
  apiUrl: 'https://api.notion.com',
  oauth: createNotionOAuth(),
  // 3 requests per second on average (https://developers.notion.com/reference/request-limits).
  rate: { requests: 180, perMs: 60_000 },
  connectPage: {
    consentStep:
      'Notion asks you which pages to share. Select the pages listed above. Everything inside a page is shared with it. You can change your choice later in the settings of Notion.',
  },
  sandbox: {
    basePath: '/sandbox',
    // Loaded only where it is used.
    create: async (options) =>
      (await import('../sandbox/sandbox.ts')).createSandbox({ ...options, basePath: '/sandbox' }),
  },
  createTools: notionTools,
  createContentSource,
  createChangeSource,
  events: notionEvents,
  toolExamples: async () => (await import('./tool-examples.ts')).toolExamples,
}
