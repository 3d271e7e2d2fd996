import { z } from 'zod'
import { compactPage } from './compact.ts'
import { compactList, listBody, listFields, markdownList, results, toListFields } from './lists.ts'
import { rowsTable } from './markdown.ts'
import { notionPage, toPage } from './objects.ts'

/** The forms of a result that is a list of rows. */
export const rowsOutput = {
  output: listBody,
  result: z.object({ rows: z.array(notionPage).describe('The rows.'), ...listFields }),
  toResult: (body: unknown) => ({ rows: results(body).map(toPage), ...toListFields(body) }),
  toCompact: (body: unknown) => compactList(body, (row) => compactPage(row)),
  toMarkdown: (body: unknown) => markdownList(body, rowsTable(results(body))),
}
