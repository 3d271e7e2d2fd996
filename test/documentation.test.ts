import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { buildSchema, parse, validate } from 'graphql'
import { expect, it } from 'vitest'
import { requestErrors } from '../src/reference/errors.ts'

const root = resolve(import.meta.dirname, '..')
const read = (file: string) => readFileSync(resolve(root, file), 'utf8')
const pages = [
  ...readdirSync(root, { encoding: 'utf8' }),
  ...readdirSync(resolve(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
  ...readdirSync(resolve(root, '.github'), { recursive: true, encoding: 'utf8' }).map((name) => `.github/${name}`),
].filter((name) => name.endsWith('.md'))

const withoutCode = (text: string) => text.replace(/^ *```[\s\S]*?^ *```/gm, '')

const anchors = new Map<string, ReadonlySet<string>>()

/** The anchors of a page's headings, as GitHub derives them. */
function anchorsOf(file: string): ReadonlySet<string> {
  const known = anchors.get(file)
  if (known) return known
  const headings = withoutCode(read(file)).matchAll(/^#{1,6} +(.*)$/gm)
  const found = new Set(
    [...headings].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(/\s/g, '-'),
    ),
  )
  anchors.set(file, found)
  return found
}

it.each(pages)('links in %s lead to files and headings that exist', (page) => {
  const links = [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
  const broken = links
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page : resolve(root, dirname(page), path)
      if (!existsSync(resolve(root, file))) return true
      return anchor !== undefined && !anchorsOf(file).has(anchor)
    })
  expect(broken).toEqual([])
})

it.each(pages)('paths of the source that %s names exist', (page) => {
  const named = withoutCode(read(page)).matchAll(/`((?:src|test|migrations|docs|\.ci|\.github)\/[\w./-]*)`/g)
  const missing = [...named].map(([, path = '']) => path).filter((path) => !existsSync(resolve(root, path)))
  expect(missing).toEqual([])
})

it.each(pages)('npm scripts that %s names exist', (page) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const named = read(page).matchAll(/npm run ([\w:-]+)/g)
  expect([...named].map(([, name = '']) => name).filter((name) => !(name in scripts))).toEqual([])
})

it.each(pages.filter((page) => read(page).includes('```graphql')))('GraphQL operations in %s are valid', (page) => {
  const schema = buildSchema(read('schema.graphql'))
  const operations = [...read(page).matchAll(/^ *```graphql\n([\s\S]*?)```/gm)].map(([, text = '']) => text)
  expect(operations.length).toBeGreaterThan(0)
  for (const operation of operations) expect(validate(schema, parse(operation)), operation).toEqual([])
})

it('the README starts with two commands', () => {
  for (const command of ['`npm ci && npm start`', '`npm ci && npm test`']) expect(read('README.md')).toContain(command)
})

it('the errors of requests in docs/reference/errors.md are those of the code', () => {
  const sources = ['src/http', 'src/graphql', 'src/mcp'].flatMap((folder) =>
    readdirSync(resolve(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  )
  const codes = [...sources, 'src/unexpected-error.ts']
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [...read(name).matchAll(/\bcode: '([A-Z_]+)'/g)].map(([, code = '']) => code))
  // GraphQL's own.
  const own = ['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED']
  expect(Object.keys(requestErrors).sort()).toEqual([...new Set([...codes, ...own])].sort())
})
