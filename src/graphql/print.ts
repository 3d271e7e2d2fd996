import { readFile, writeFile } from 'node:fs/promises'
import { lexicographicSortSchema, printSchema } from 'graphql'
import { connectors } from '../connectors.ts'
import { fetchFromProvider } from '../provider-http.ts'
import { createToolCatalogue } from '../tools/catalogue.ts'
import { buildSchema } from './schema.ts'

/** Writes schema.graphql. With --check, compares it with the code and fails if they differ. */
const file = new URL('../../schema.graphql', import.meta.url)
const catalogue = createToolCatalogue(
  connectors.flatMap((each) => each.createTools({ fetch: fetchFromProvider, now: Date.now })),
)
const printed = `${printSchema(lexicographicSortSchema(buildSchema(connectors, catalogue)))}\n`

if (process.argv.includes('--check')) {
  const written = await readFile(file, 'utf8').catch(() => '')
  if (written !== printed) {
    process.stderr.write('schema.graphql differs from the code. Update it with: npm run schema\n')
    process.exitCode = 1
  }
} else {
  await writeFile(file, printed)
}
