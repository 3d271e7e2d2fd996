import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { notionCapabilities } from '../../src/notion/capabilities.ts'
import { notion } from '../../src/notion/connector.ts'

const page = readFileSync(new URL('../../docs/notion-app.md', import.meta.url), 'utf8')
const tools = notion.createTools({ fetch: () => Promise.reject(new Error('unused')), now: () => 0 })
const toolsWith = (capability: string) =>
  tools.filter((tool) => tool.requiredCapabilities.includes(capability)).map(({ name }) => name)

it.each(Object.keys(notionCapabilities))('docs/notion-app.md lists the tools that need %s', (capability) => {
  const [, listed = ''] = new RegExp(`^\\| \`${capability}\` \\|[^|]*\\|([^|]*)\\|$`, 'm').exec(page) ?? []
  expect([...listed.matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual(toolsWith(capability))
})

it('docs/notion-app.md lists the tools that need no capability', () => {
  const [, listed = ''] = /^Tools that need no capability: (.*)\.$/m.exec(page.replaceAll(/(?<=,)\n/g, ' ')) ?? []
  expect([...listed.matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual(
    tools.filter((tool) => tool.requiredCapabilities.length === 0).map(({ name }) => name),
  )
})
