import { z } from 'zod'
import { isObject } from '../json.ts'
import { compactUser } from './compact.ts'
import { objectBody } from './lists.ts'
import { usersTable } from './markdown.ts'
import { markedData, markedText } from './marking.ts'
import { notionUser, toUser } from './user.ts'

/** The forms of a result that is one user. */
export const userOutput = {
  output: objectBody('user'),
  result: z.object({ user: notionUser.describe('The user.') }),
  toResult: (body: unknown) => ({ user: toUser(isObject(body) ? body : {}) }),
  toCompact: (body: unknown) => markedData(compactUser(isObject(body) ? body : {})),
  toMarkdown: (body: unknown) => markedText(usersTable(isObject(body) ? [body] : [])),
}
