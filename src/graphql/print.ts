import { readFile, writeFile } from 'node:fs/promises'
import { lexicographicSortSchema, printSchema } from 'graphql'
import { connectors } from '../connectors.ts'
import { createToolCatalogue } from '../tools/catalogue.ts'
import { buildSchema } from './schema.ts'

/** Writes schema.graphql, or with --check compares it with what the code says and fails when they differ. */
const file = new URL('../../schema.graphql', import.meta.url)
const catalogue = createToolCatalogue(connectors.flatMap((each) => each.createTools({ fetch, now: Date.now })))
const printed = `${printSchema(lexicographicSortSchema(buildSchema(connectors, catalogue)))}\n`

if (process.argv.includes('--check')) {
  const written = await readFile(file, 'utf8').catch(() => '')
  if (written !== printed) {
    process.stderr.write('schema.graphql is not what the code says. Print it with: npm run schema\n')
    process.exitCode = 1
  }
} else {
  await writeFile(file, printed)
}
