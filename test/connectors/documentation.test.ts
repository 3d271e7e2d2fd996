import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/adding-a-connector.md'), 'utf8')
const folder = join(import.meta.dirname, 'acme')
const sources = [
  ...readdirSync(folder).map((name) => join(folder, name)),
  join(import.meta.dirname, 'lifecycle.test.ts'),
].map((file) => readFileSync(file, 'utf8'))

/** The line of registration, as the page shows it with the connector of the tests. */
const registration = readFileSync(join(root, 'src/connectors.ts'), 'utf8').replace('[notion]', '[notion, acme]')

it('every snippet of the page about adding a connector is code of the second connector', () => {
  const snippets = [...page.matchAll(/```ts\n([\s\S]*?)\n```/g)].map(([, code = '']) => code)
  expect(snippets.length).toBeGreaterThan(8)
  expect(snippets.filter((code) => ![...sources, registration].some((source) => source.includes(code)))).toEqual([])
})

it('every file that the page names exists', () => {
  const named = [...page.matchAll(/`((?:src|test|docs)\/[\w./-]+)`/g)].map(([, path = '']) => path)
  expect(named.length).toBeGreaterThan(5)
  for (const path of named)
    expect(readdirSync(join(root, path, '..')), path).toContain(path.replace(/\/$/, '').split('/').at(-1))
})
