import { printSchema, lexicographicSortSchema } from 'graphql'
import './src/graphql/errors.ts'
import './src/graphql/viewer.ts'
import './src/graphql/oauth-apps.ts'
import './src/graphql/connected-account.ts'
import { builder } from './src/graphql/builder.ts'
import { notionTools } from './src/notion/tools.ts'
import { createToolCatalogue } from './src/tools/catalogue.ts'
import { addToolFields } from './src/graphql/tools/tool-fields.ts'
addToolFields(createToolCatalogue(notionTools({fetch, now: Date.now})))
console.log(printSchema(lexicographicSortSchema(builder.toSchema())))
