import * as z from 'zod'
import { type JsonObject, toObject } from '../json.ts'
import { blocksMarkdown, compactBlock, notionBlock, toBlock } from './blocks.ts'
import {
  compactComment,
  compactDatabase,
  compactFileUpload,
  compactFullDataSource,
  compactFullPage,
  compactPage,
  compactUser,
} from './compact.ts'
import {
  compactBlockSchema,
  compactCommentSchema,
  compactDatabaseSchema,
  compactDataSourceSchema,
  compactFileUploadSchema,
  compactPageSchema,
  compactUserSchema,
  markedSchema,
} from './compact-schema.ts'
import { compactList, listBody, listFields, markdownList, objectBody, results, toListFields } from './lists.ts'
import {
  commentsMarkdown,
  databaseMarkdown,
  dataSourceMarkdown,
  fileUploadsTable,
  pageMarkdown,
  rowsTable,
  usersTable,
} from './markdown.ts'
import { markedData, markedText } from './marking.ts'
import {
  notionComment,
  notionDatabase,
  notionDataSource,
  notionFileUpload,
  notionPage,
  toComment,
  toDatabase,
  toDataSource,
  toFileUpload,
  toPage,
} from './objects.ts'
import { notionUser, toUser } from './user.ts'

type Compact = Parameters<typeof markedData>[0]

/** The schema of the body and the text formats of a result that is one object. */
const one = (
  object: string,
  schema: z.ZodType,
  compact: (object: JsonObject) => Compact,
  markdown: (object: JsonObject) => string,
) => ({
  output: objectBody(object),
  compact: markedSchema(schema),
  toCompact: (body: unknown) => markedData(compact(toObject(body))),
  toMarkdown: (body: unknown) => markedText(markdown(toObject(body))),
})

/** The schema of the body and the text formats of a result that is a list. */
const many = (
  schema: z.ZodType,
  compact: (object: JsonObject) => Compact,
  markdown: (objects: readonly JsonObject[]) => string,
) => ({
  output: listBody,
  compact: markedSchema(z.array(schema)),
  toCompact: (body: unknown) => compactList(body, compact),
  toMarkdown: (body: unknown) => markdownList(body, markdown(results(body))),
})

// Without a body there is nothing to show, rather than an empty entry.
const alone = (markdown: (objects: readonly JsonObject[]) => string) => (object: JsonObject) =>
  markdown(Object.keys(object).length > 0 ? [object] : [])

export const pageOutput = {
  ...one('page', compactPageSchema, compactFullPage, pageMarkdown),
  result: z.object({ page: notionPage.describe('The page.') }),
  toResult: (body: unknown) => ({ page: toPage(toObject(body)) }),
}

export const rowsOutput = {
  ...many(compactPageSchema, (row) => compactPage(row), rowsTable),
  result: z.object({ rows: z.array(notionPage).describe('The rows.'), ...listFields }),
  toResult: (body: unknown) => ({ rows: results(body).map(toPage), ...toListFields(body) }),
}

export const databaseOutput = {
  ...one('database', compactDatabaseSchema, compactDatabase, databaseMarkdown),
  result: z.object({ database: notionDatabase.describe('The database.') }),
  toResult: (body: unknown) => ({ database: toDatabase(toObject(body)) }),
}

export const dataSourceOutput = {
  ...one('data_source', compactDataSourceSchema, compactFullDataSource, dataSourceMarkdown),
  result: z.object({ dataSource: notionDataSource.describe('The data source.') }),
  toResult: (body: unknown) => ({ dataSource: toDataSource(toObject(body), null) }),
}

export const blockOutput = {
  ...one('block', compactBlockSchema, compactBlock, alone(blocksMarkdown)),
  result: z.object({ block: notionBlock.describe('The block.') }),
  toResult: (body: unknown) => ({ block: toBlock(toObject(body)) }),
}

export const blocksOutput = {
  ...many(compactBlockSchema, compactBlock, blocksMarkdown),
  result: z.object({ blocks: z.array(notionBlock).describe('The blocks, in their order.'), ...listFields }),
  toResult: (body: unknown) => ({ blocks: results(body).map(toBlock), ...toListFields(body) }),
}

export const commentOutput = {
  ...one('comment', compactCommentSchema, compactComment, alone(commentsMarkdown)),
  result: z.object({ comment: notionComment.describe('The comment.') }),
  toResult: (body: unknown) => ({ comment: toComment(toObject(body)) }),
}

export const commentsOutput = {
  ...many(compactCommentSchema, compactComment, commentsMarkdown),
  result: z.object({ comments: z.array(notionComment).describe('The comments, oldest first.'), ...listFields }),
  toResult: (body: unknown) => ({ comments: results(body).map(toComment), ...toListFields(body) }),
}

export const userOutput = {
  ...one('user', compactUserSchema, compactUser, alone(usersTable)),
  result: z.object({ user: notionUser.describe('The user.') }),
  toResult: (body: unknown) => ({ user: toUser(toObject(body)) }),
}

export const usersOutput = {
  ...many(compactUserSchema, compactUser, usersTable),
  result: z.object({ users: z.array(notionUser).describe('The users.'), ...listFields }),
  toResult: (body: unknown) => ({ users: results(body).map(toUser), ...toListFields(body) }),
}

export const fileUploadOutput = {
  ...one('file_upload', compactFileUploadSchema, compactFileUpload, alone(fileUploadsTable)),
  result: z.object({ fileUpload: notionFileUpload.describe('The upload.') }),
  toResult: (body: unknown) => ({ fileUpload: toFileUpload(toObject(body)) }),
}

export const fileUploadsOutput = {
  ...many(compactFileUploadSchema, compactFileUpload, fileUploadsTable),
  result: z.object({ fileUploads: z.array(notionFileUpload).describe('The uploads.'), ...listFields }),
  toResult: (body: unknown) => ({ fileUploads: results(body).map(toFileUpload), ...toListFields(body) }),
}
