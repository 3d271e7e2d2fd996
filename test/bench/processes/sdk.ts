import { Client } from '@notionhq/client'
import { keepCalling, type Load } from '../calling.ts'
import { accessToken, createdPageId, dataSourceId, lastRowId, newPageProperties, pageId } from '../notion-bodies.ts'
import { serveParent } from './child.ts'

/** One measurement of the SDK. */
export interface SdkQuestion extends Load {
  readonly kind: 'read' | 'write'
}

/** The Notion SDK alone, as a program would use it: this process is both the caller and the client. */
serveParent(async ({ upstream, accounts }: { readonly upstream: string; readonly accounts: number }) => {
  const notion = new Client({ baseUrl: upstream, notionVersion: '2026-03-11', retry: false })
  let turn = 0
  const read = async (auth: string) => {
    const { results } = await notion.dataSources.query({ auth, data_source_id: dataSourceId, page_size: 10 })
    if (results.at(-1)?.id !== lastRowId) throw new Error(`Wrong answer: ${JSON.stringify(results)}`)
  }
  const write = async (auth: string) => {
    const page = await notion.pages.create({
      auth,
      parent: { page_id: pageId },
      properties: newPageProperties as never,
    })
    if (page.id !== createdPageId) throw new Error(`Wrong answer: ${JSON.stringify(page)}`)
  }
  return {
    async answer({ kind, ...load }: SdkQuestion) {
      const call = kind === 'read' ? read : write
      return keepCalling(() => call(accessToken(turn++ % accounts)), load)
    },
  }
})
