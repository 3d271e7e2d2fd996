import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { createPage, type Json, type Place, type Program, text } from './program.ts'
import { cookbook, pythonSdk } from './repositories.ts'
import { run } from './run.ts'

/** Calls every tool of Notion's own MCP server once. */
const mcpServer: Program = {
  name: '@notionhq/notion-mcp-server',
  packages: ['@notionhq/notion-mcp-server@2.5.2'],
  async work(place) {
    const headers = { Authorization: `Bearer ${place.token}`, 'Notion-Version': '2025-09-03' }
    const client = new Client({ name: 'valetkey-outside', version: '1.0.0' })
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [join(place.folder, 'node_modules/@notionhq/notion-mcp-server/bin/cli.mjs')],
        // Without a version among the headers, its tool for new comments sends none, which Notion refuses.
        env: { ...place.env, BASE_URL: place.sandbox.url, OPENAPI_MCP_HEADERS: JSON.stringify(headers) },
      }),
    )
    try {
      return await callAll(client)
    } finally {
      await client.close()
    }
  },
}

async function callAll(client: Client): Promise<string> {
  const { tools } = await client.listTools()
  const left = new Set(tools.map(({ name }) => name))
  const use = async (operation: string, input: Json = {}): Promise<Json> => {
    const name =
      [...left].find((one) => one.endsWith(operation)) ?? tools.find((one) => one.name.endsWith(operation))?.name
    if (name === undefined) throw new Error(`there is no tool ${operation}`)
    left.delete(name)
    const { content, isError } = await client.callTool({ name, arguments: input })
    const [first] = content as { text?: string }[]
    const result = JSON.parse(first?.text ?? '{}') as Json
    if (isError === true || result.object === 'error' || result.status === 'error')
      throw new Error(`${operation}: ${first?.text}`)
    return result
  }
  const found = async (operation: string, input: Json = {}) => (await use(operation, input)).results as Json[]

  const [user] = await found('get-users', { page_size: 2 })
  await use('get-user', { user_id: user?.id })
  await use('get-self')
  await use('post-search', { query: 'roadmap', page_size: 3 })
  const page = await use('post-page', {
    parent: { page_id: acme.roadmap },
    properties: { title: { title: text('Outside') } },
  })
  await use('patch-block-children', {
    block_id: page.id,
    children: [{ paragraph: { rich_text: text('one') } }, { bulleted_list_item: { rich_text: text('two') } }],
  })
  const [block] = await found('get-block-children', { block_id: page.id })
  await use('retrieve-a-block', { block_id: block?.id })
  await use('update-a-block', { block_id: block?.id, paragraph: { rich_text: text('uno') } })
  await use('delete-a-block', { block_id: block?.id })
  await use('retrieve-a-page-property', { page_id: page.id, property_id: 'title' })
  await use('retrieve-a-page', { page_id: page.id })
  await use('patch-page', { page_id: page.id, icon: { type: 'emoji', emoji: '🚀' } })
  await use('create-a-comment', { parent: { page_id: page.id }, rich_text: text('hello') })
  await use('retrieve-a-comment', { block_id: page.id })
  await use('retrieve-page-markdown', { page_id: page.id })
  await use('update-page-markdown', {
    page_id: page.id,
    type: 'replace_content',
    replace_content: { new_str: '# New' },
  })
  await use('move-page', { page_id: page.id, parent: { type: 'page_id', page_id: acme.handbook } })
  await use('retrieve-a-database', { database_id: acme.projects })
  await use('retrieve-a-data-source', { data_source_id: acme.projectsSource })
  await use('query-data-source', { data_source_id: acme.projectsSource, page_size: 2 })
  const source = await use('create-a-data-source', {
    parent: { type: 'database_id', database_id: acme.projects },
    title: text('Archive'),
    properties: { Name: { title: {} } },
  })
  await use('update-a-data-source', { data_source_id: source.id, title: text('Old projects') })
  await use('list-data-source-templates', { data_source_id: acme.tasksSource })
  if (left.size > 0) throw new Error(`not called: ${[...left].join(', ')}`)
  return `${tools.length} of ${tools.length} tools`
}

/** Downloads a page with children as Docusaurus pages. */
const docuNotion: Program = {
  name: 'docu-notion',
  // Its loader of configurations takes the newest TypeScript, which has another API.
  packages: ['@sillsdev/docu-notion@0.16.2', 'typescript@5.9.3'],
  async work(place) {
    const root = await createPage(place, acme.product, 'Docs')
    const outline = await createPage(place, String(root.id), 'Outline')
    const child = async (title: string) =>
      createPage(place, String(outline.id), title, [
        { heading_1: { rich_text: text('A heading') } },
        { paragraph: { rich_text: [{ text: { content: 'bold' }, annotations: { bold: true } }] } },
        { bulleted_list_item: { rich_text: text('item'), children: [{ paragraph: { rich_text: text('within') } }] } },
        { code: { rich_text: text('let a = 1'), language: 'javascript' } },
        { callout: { rich_text: text('note'), icon: { emoji: '💡' } } },
        { to_do: { rich_text: text('task'), checked: true } },
        { divider: {} },
      ])
    await child('First')
    await child('Second')
    const output = join(place.folder, 'docs')
    await run(
      process.execPath,
      [
        join(place.folder, 'node_modules/@sillsdev/docu-notion/dist/index.js'),
        ...['-n', place.token, '-r', String(root.id).replaceAll('-', ''), '-m', output, '-t', '*'],
        ...['--css-output-directory', join(place.folder, 'css'), '-l', 'verbose'],
      ],
      { cwd: place.folder, env: place.env },
    )
    const files = (await readdir(output, { recursive: true })).filter((name) => name.endsWith('.md'))
    const pages = await Promise.all(files.map((name) => readFile(join(output, name), 'utf8')))
    if (pages.length !== 2 || !pages.every((page) => page.includes('**bold**') && page.includes('let a = 1')))
      throw new Error(`converted ${files.join(', ')}: ${pages.join('\n')}`)
    return `${files.length} of 2 pages converted`
  },
}

const script = async (place: Place, source: string) => {
  const file = join(place.folder, 'program.mjs')
  await writeFile(file, source)
  return run(process.execPath, [file], { cwd: place.folder, env: { ...place.env, NOTION_TOKEN: place.token } })
}

/** Converts a page to Markdown. */
const notionToMarkdown: Program = {
  name: 'notion-to-md',
  packages: ['notion-to-md@3.1.9', '@notionhq/client@2.3.0'],
  async work(place) {
    const page = await createPage(place, acme.product, 'To Markdown', [
      { heading_2: { rich_text: text('Heading') } },
      { toggle: { rich_text: text('toggle'), children: [{ paragraph: { rich_text: text('inside') } }] } },
      { numbered_list_item: { rich_text: text('first') } },
      { quote: { rich_text: text('quote') } },
      { table: { table_width: 2, children: [{ table_row: { cells: [text('a'), text('b')] } }] } },
      { equation: { expression: 'x^2' } },
    ])
    const markdown = await script(
      place,
      `import { Client } from '@notionhq/client'
      import { NotionToMarkdown } from 'notion-to-md'
      const converter = new NotionToMarkdown({ notionClient: new Client({ auth: process.env.NOTION_TOKEN }) })
      console.log(converter.toMarkdownString(await converter.pageToMarkdown('${String(page.id)}')).parent)`,
    )
    const parts = ['## Heading', 'inside', '1. first', '> quote', '| a', 'x^2']
    const missing = parts.filter((part) => !markdown.includes(part))
    if (missing.length > 0) throw new Error(`${missing.join(', ')} not in ${markdown}`)
    return `${parts.length} of ${parts.length} kinds of blocks`
  },
}

/** Converts Markdown to blocks and writes them, in the previous version of the API. */
const martian: Program = {
  name: 'martian',
  packages: ['@tryfabric/martian@1.2.4', '@notionhq/client@5.26.0'],
  async work(place) {
    const count = await script(
      place,
      `import { Client } from '@notionhq/client'
      import martian from '@tryfabric/martian'
      const notion = new Client({ auth: process.env.NOTION_TOKEN, notionVersion: '2025-09-03' })
      const markdown = '# Title\\n\\ntext with **bold**, _italic_, [a link](https://a.example/) and \`code\`\\n\\n- one\\n  - two\\n\\n1. first\\n\\n- [x] done\\n\\n> quote\\n\\n\`\`\`js\\nlet a = 1\\n\`\`\`\\n\\n| a | b |\\n| - | - |\\n| 1 | 2 |\\n\\n---\\n\\n![picture](https://a.example/a.png)'
      const children = martian.markdownToBlocks(markdown)
      const page = await notion.pages.create({ parent: { page_id: '${acme.product}' }, properties: { title: { title: [{ text: { content: 'Martian' } }] } }, children })
      const { results } = await notion.blocks.children.list({ block_id: page.id })
      if (results.length !== children.length) throw new Error(results.length + ' of ' + children.length)
      console.log(results.length)`,
    )
    return `${count.trim()} blocks written`
  },
}

export const programs: readonly Program[] = [mcpServer, docuNotion, notionToMarkdown, martian, cookbook, pythonSdk]
