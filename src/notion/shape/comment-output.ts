import { z } from 'zod'
import { isObject } from '../json.ts'
import { compactComment } from './compact.ts'
import { objectBody } from './lists.ts'
import { commentsMarkdown } from './markdown.ts'
import { markedData, markedText } from './marking.ts'
import { notionComment, toComment } from './objects.ts'

/** The forms of a result that is one comment. */
export const commentOutput = {
  output: objectBody('comment'),
  result: z.object({ comment: notionComment.describe('The comment.') }),
  toResult: (body: unknown) => ({ comment: toComment(isObject(body) ? body : {}) }),
  toCompact: (body: unknown) => markedData(compactComment(isObject(body) ? body : {})),
  toMarkdown: (body: unknown) => markedText(commentsMarkdown(isObject(body) ? [body] : [])),
}
