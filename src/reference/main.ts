import { readFile, writeFile } from 'node:fs/promises'
import { lexicographicSortSchema } from 'graphql'
import { connectors } from '../connectors.ts'
import { printSorted } from '../graphql/printed-schema.ts'
import { buildSchema } from '../graphql/schema.ts'
import { fetchFromProvider } from '../provider-http.ts'
import { createToolCatalogue } from '../tools/catalogue.ts'
import { withVariables } from './configuration.ts'
import { consoleOperations } from './console-operations.ts'
import { errorsPage } from './errors.ts'
import { operationsPage, typesPage } from './graphql.ts'
import { printInputTypes } from './input-types.ts'
import { llmsText } from './llms.ts'
import { makeToolExamples, toolExamplesModule } from './tool-examples.ts'
import { toolsPage } from './tools.ts'

/*
 * Writes from the code: schema.graphql, the inputs of tools for the client, the operations of the console, the examples of
 * tools, and the reference in docs/. With --check,
 * compares them with the code and fails if they differ.
 */
const root = new URL('../../', import.meta.url)
const read = (name: string) => readFile(new URL(name, root), 'utf8')
const catalogue = createToolCatalogue(
  connectors.flatMap((each) => each.createTools({ fetch: fetchFromProvider, now: () => 0 })),
)
const { tools } = catalogue
// Arguments and types in the same order at every run.
const schema = lexicographicSortSchema(buildSchema(connectors, catalogue))

const pages: Record<string, string> = {
  'schema.graphql': printSorted(schema),
  'src/client/tool-inputs.ts': printInputTypes(tools),
  'src/console/operations.ts': await consoleOperations(schema, await read('src/console/operations.graphql')),
  'docs/configuration.md': withVariables(await read('docs/configuration.md'), connectors),
  'docs/llms.txt': llmsText(await read('README.md')),
  'docs/reference/operations.md': operationsPage(schema),
  'docs/reference/types.md': typesPage(schema),
  'docs/reference/errors.md': errorsPage(schema, tools),
}
for (const connector of connectors) {
  const { slug, name } = connector
  const examples = await makeToolExamples(connector)
  const own = tools.filter((tool) => tool.connector === slug)
  pages[`src/${slug}/tool-examples.ts`] = toolExamplesModule(examples)
  pages[`docs/reference/${slug}-tools.md`] = toolsPage(name, own, examples)
}

for (const [name, text] of Object.entries(pages)) {
  if (!process.argv.includes('--check')) await writeFile(new URL(name, root), text)
  else if ((await read(name).catch(() => '')) !== text) {
    process.stderr.write(`${name} differs from the code. Update it with: npm run schema\n`)
    process.exitCode = 1
  }
}
