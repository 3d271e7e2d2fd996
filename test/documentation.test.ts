import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { buildSchema, parse, validate } from 'graphql'
import { expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const read = (file: string) => readFileSync(resolve(root, file), 'utf8')
const pages = [
  ...readdirSync(root, { encoding: 'utf8' }),
  ...readdirSync(resolve(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
  ...readdirSync(resolve(root, '.github'), { recursive: true, encoding: 'utf8' }).map((name) => `.github/${name}`),
].filter((name) => name.endsWith('.md'))

const withoutCode = (text: string) => text.replace(/^ *```[\s\S]*?^ *```/gm, '')

/** The anchors of a page's headings, as GitHub derives them. */
function anchorsOf(file: string): string[] {
  const headings = withoutCode(read(file)).matchAll(/^#{1,6} +(.*)$/gm)
  return [...headings].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  )
}

it.each(pages)('links in %s lead to files and headings that exist', (page) => {
  const links = [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
  const broken = links
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page : resolve(root, dirname(page), path)
      if (!existsSync(resolve(root, file))) return true
      return anchor !== undefined && !anchorsOf(file).includes(anchor)
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

it('GraphQL operations in the README are valid', () => {
  const schema = buildSchema(read('schema.graphql'))
  const operations = [...read('README.md').matchAll(/```graphql\n([\s\S]*?)```/g)].map(([, text = '']) => text)
  expect(operations).toHaveLength(6)
  for (const operation of operations) expect(validate(schema, parse(operation)), operation).toEqual([])
})

it('the README starts with two commands', () => {
  for (const command of ['`npm ci && npm start`', '`npm ci && npm test`']) expect(read('README.md')).toContain(command)
})

it('docs/configuration.md names every environment variable', () => {
  const sources = readdirSync(resolve(root, 'src'), { encoding: 'utf8' }).filter((name) => name.includes('config'))
  const variables = sources.flatMap((name) =>
    [...read(`src/${name}`).matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map(([, variable = '']) => variable),
  )
  expect(variables.length).toBeGreaterThan(10)
  const documented = read('docs/configuration.md')
  expect(variables.filter((variable) => !documented.includes(`\`${variable}\``))).toEqual([])
})
