import { z } from 'zod'
import { isObject } from '../json.ts'
import { compactFullPage } from './compact.ts'
import { objectBody } from './lists.ts'
import { pageMarkdown } from './markdown.ts'
import { markedData, markedText } from './marking.ts'
import { notionPage, toPage } from './objects.ts'

/** The forms of a result that is one page. */
export const pageOutput = {
  output: objectBody('page'),
  result: z.object({ page: notionPage.describe('The page.') }),
  toResult: (body: unknown) => ({ page: toPage(isObject(body) ? body : {}) }),
  toCompact: (body: unknown) => markedData(compactFullPage(isObject(body) ? body : {})),
  toMarkdown: (body: unknown) => markedText(pageMarkdown(isObject(body) ? body : {})),
}
