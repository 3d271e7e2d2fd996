import { z } from 'zod'
import { isObject } from '../json.ts'
import { compactDatabase, compactDataSource } from './compact.ts'
import { objectBody } from './lists.ts'
import { databaseMarkdown, dataSourceMarkdown } from './markdown.ts'
import { markedData, markedText } from './marking.ts'
import { notionDatabase, notionDataSource, toDatabase, toDataSource } from './objects.ts'

/** The forms of a result that is one database. */
export const databaseOutput = {
  output: objectBody('database'),
  result: z.object({ database: notionDatabase.describe('The database.') }),
  toResult: (body: unknown) => ({ database: toDatabase(isObject(body) ? body : {}) }),
  toCompact: (body: unknown) => markedData(compactDatabase(isObject(body) ? body : {})),
  toMarkdown: (body: unknown) => markedText(databaseMarkdown(isObject(body) ? body : {})),
}

/** The forms of a result that is one data source. */
export const dataSourceOutput = {
  output: objectBody('data_source'),
  result: z.object({ dataSource: notionDataSource.describe('The data source.') }),
  toResult: (body: unknown) => ({ dataSource: toDataSource(isObject(body) ? body : {}, null) }),
  toCompact: (body: unknown) => markedData(compactDataSource(isObject(body) ? body : {})),
  toMarkdown: (body: unknown) => markedText(dataSourceMarkdown(isObject(body) ? body : {})),
}
