import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

/** Mechanisms that every part may use. */
const shared = [
  'application-url.ts',
  'backoff.ts',
  'background.ts',
  'bounded-body.ts',
  'clock.ts',
  'did-you-mean.ts',
  'event-loop.ts',
  'input-rules.ts',
  'networks.ts',
  'package-files.ts',
  'token-bucket.ts',
  'uuid.ts',
]

/**
 * What each place of src/ may import, next to its own files. A place is a folder with the subfolders that have no rule of
 * their own, or a file that has one. Other parts may import all of a folder; inside a part subfolders count separately.
 * Imports run one way: from the process down to the errors.
 */
const allowed: Record<string, readonly string[]> = {
  'bin.ts': ['cli', 'main.ts'],
  'main.ts': ['serve.ts', 'workers'],
  // What applications import: nothing of the server.
  client: [],
  // A client of the public API, like those of applications.
  console: ['client'],
  'serve.ts': ['app.ts', 'config.ts', 'http', 'db', 'vault', 'welcome.ts', 'log.ts'],
  'connectors.ts': ['notion', 'tools'],
  'welcome.ts': ['app.ts', 'config.ts'],
  'app.ts': [
    'addresses.ts',
    'background-work.ts',
    'closers.ts',
    'config.ts',
    'connectors.ts',
    'entrances.ts',
    'foundation.ts',
    'provider-urls.ts',
    'sandboxes.ts',
    'start-warnings.ts',
    'log.ts',
    'provider-http.ts',
    'telemetry',
    'http',
    'graphql',
    'provider-events',
    'content-index',
    'accounts',
    'tools',
    'environments',
    'events',
    'webhooks',
    'vault',
    'audit',
    'db',
    ...shared,
  ],
  'foundation.ts': [
    'closers.ts',
    'config.ts',
    'store.ts',
    'log.ts',
    'package-files.ts',
    'telemetry',
    'http',
    'provider-events',
    'accounts',
    'events',
    'vault',
    'db',
  ],
  'entrances.ts': [
    'config.ts',
    'log.ts',
    'mcp',
    'package-files.ts',
    'telemetry',
    'http',
    'graphql',
    'accounts',
    'tools',
    'environments',
    'db',
  ],
  'background-work.ts': [
    'closers.ts',
    'config.ts',
    'crawler',
    'event-poller',
    'content-index',
    'provider-events',
    'accounts',
    'tools',
    'environments',
    'webhooks',
    'audit',
    'db',
  ],
  'provider-urls.ts': ['accounts', 'addresses.ts', 'config.ts', 'tools'],
  'addresses.ts': ['config.ts'],
  'closers.ts': ['log.ts'],
  'sandboxes.ts': ['addresses.ts', 'closers.ts', 'config.ts', 'http', 'log.ts', 'tools'],
  'start-warnings.ts': ['config.ts', 'production.ts', 'accounts', 'db'],
  'store.ts': ['config.ts', 'development-key.ts', 'log.ts', 'vault', 'db'],
  'config.ts': ['connectors.ts', 'production.ts', 'telemetry', 'variables.ts', 'workers'],
  telemetry: ['clock.ts', 'log.ts', 'provider-http.ts'],
  'variables.ts': ['networks.ts', 'production.ts', 'workers'],
  'production.ts': ['application-url.ts'],
  workers: ['http', 'log.ts', ...shared],
  'development-key.ts': ['vault'],
  'input-rules.ts': ['application-url.ts', 'errors.ts', 'metadata-rule.ts', 'networks.ts'],
  'metadata-rule.ts': [],
  'networks.ts': [],
  'application-url.ts': [],
  'errors.ts': [],
  'unexpected-error.ts': ['errors.ts', 'log.ts'],
  'log.ts': [],
  'backoff.ts': [],
  'bounded-body.ts': [],
  'background.ts': ['log.ts'],
  'clock.ts': [],
  'did-you-mean.ts': [],
  'event-loop.ts': [],
  'package-files.ts': [],
  'token-bucket.ts': [],
  'uuid.ts': [],
  cli: [
    'addresses.ts',
    'client',
    'connectors.ts',
    'mcp',
    'connectors.ts',
    'provider-http.ts',
    'package-files.ts',
    'production.ts',
    'provider-urls.ts',
    'config.ts',
    'start-warnings.ts',
    'store.ts',
    'log.ts',
    'errors.ts',
    'unexpected-error.ts',
    'provider-events',
    'content-index',
    'accounts',
    'tools',
    'environments',
    'events',
    'webhooks',
    'vault',
    'audit',
    'db',
    ...shared,
  ],
  reference: [
    'connectors.ts',
    'graphql/schema.ts',
    'graphql/tools',
    'graphql',
    'accounts',
    'provider-http.ts',
    'sandbox',
    'tools',
    'variables.ts',
    'vault',
  ],
  demo: ['app.ts', 'config.ts', 'log.ts', 'testing'],
  testing: ['app.ts', 'client', 'config.ts', 'log.ts', 'sandbox'],
  mcp: [
    'accounts',
    'audit',
    'bounded-body.ts',
    'environments',
    'tools',
    'errors.ts',
    'input-rules.ts',
    'log.ts',
    'unexpected-error.ts',
  ],
  'http/connect': ['http', 'accounts', 'tools', 'audit', 'errors.ts', 'log.ts', 'unexpected-error.ts', ...shared],
  http: [
    'telemetry',
    'graphql',
    'mcp',
    'provider-events',
    'accounts',
    'tools',
    'environments',
    'vault',
    'errors.ts',
    'log.ts',
    'unexpected-error.ts',
    ...shared,
  ],
  'graphql/schema.ts': ['graphql', 'graphql/tools', 'tools'],
  'graphql/tools': ['graphql', 'accounts', 'tools', 'environments', 'audit', 'db', 'errors.ts', 'log.ts', ...shared],
  graphql: [
    'provider-events',
    'content-index',
    'accounts',
    'tools',
    'environments',
    'webhooks',
    'events',
    'vault',
    'audit',
    'db',
    'errors.ts',
    'log.ts',
    ...shared,
  ],
  'notion/connector.ts': ['notion', 'notion/oauth', 'notion/search', 'notion/tools.ts', 'tools', 'accounts', 'sandbox'],
  'notion/tools.ts': ['notion', 'notion/tools', 'notion/tool-definition.ts', 'tools'],
  'notion/tools': [
    'notion',
    'notion/returned',
    'notion/search',
    'notion/shape',
    'notion/tool-definition.ts',
    'tools',
    'errors.ts',
    ...shared,
  ],
  'notion/search': [
    'notion',
    'notion/shape',
    'content-index',
    'search',
    'tools',
    'errors.ts',
    'provider-http.ts',
    ...shared,
  ],
  // Compares what callers pass with what the formats show.
  'notion/returned': ['notion', 'notion/shape', 'errors.ts'],
  'notion/tool-definition.ts': ['notion', 'notion/shape', 'accounts', 'tools', 'errors.ts'],
  'notion/shape': ['notion', 'tools', ...shared],
  'notion/oauth': ['notion', 'oauth', 'accounts', 'vault', 'errors.ts', 'provider-http.ts', ...shared],
  notion: [
    'content-index',
    'provider-events',
    'accounts',
    'tools',
    'vault',
    'errors.ts',
    'provider-http.ts',
    ...shared,
  ],
  // What words, queries and ranks are, without a provider.
  search: [],
  // Builds the encrypted indexes of content.
  crawler: ['content-index', 'tools', 'accounts', 'vault', 'db', 'errors.ts', 'log.ts', ...shared],
  // Looks for events where a provider sends none.
  'event-poller': ['provider-events', 'tools', 'accounts', 'db', 'errors.ts', 'log.ts', ...shared],
  // What is stored of content, and by which keys.
  'content-index': ['search', 'accounts', 'vault', 'db', 'log.ts', ...shared],
  oauth: ['accounts', 'vault', 'errors.ts', 'provider-http.ts', ...shared],
  'provider-http.ts': shared,
  // Finds the accounts that events of providers are for.
  'provider-events': ['content-index', 'accounts', 'audit', 'vault', 'db', 'errors.ts', 'log.ts', ...shared],
  tools: [
    'telemetry',
    'provider-events',
    'content-index',
    'search',
    'accounts',
    'environments',
    'audit',
    'vault',
    'db',
    'errors.ts',
    'log.ts',
    'provider-http.ts',
    ...shared,
  ],
  'accounts/authorization': [
    'accounts/grants',
    'accounts',
    'environments',
    'events',
    'vault',
    'audit',
    'db',
    'errors.ts',
    'log.ts',
    ...shared,
  ],
  'accounts/grants': ['accounts', 'environments', 'events', 'vault', 'audit', 'db', 'errors.ts', 'log.ts', ...shared],
  accounts: ['telemetry', 'environments', 'events', 'vault', 'audit', 'db', 'errors.ts', 'log.ts', ...shared],
  environments: ['vault', 'audit', 'db', 'errors.ts', 'log.ts', ...shared],
  webhooks: ['audit', 'vault', 'db', 'errors.ts', 'log.ts', 'provider-http.ts', ...shared],
  events: ['db', ...shared],
  vault: ['audit', 'db', ...shared],
  audit: ['db', 'log.ts', ...shared],
  db: ['log.ts', ...shared],
  sandbox: [],
}

const source = resolve(import.meta.dirname, '../src')
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name))

/** The source of a file without comments. */
const codeOf = (file: string) => readFileSync(join(source, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')

/** The relative imports in a source: static, for types, for effects, dynamic, `import('…')` in types, and re-exports. */
function specifiersIn(code: string): readonly string[] {
  const imports = code.matchAll(/\bfrom\s*['"`](\.[^'"`]+)['"`]|\bimport\s*\(?\s*['"`](\.[^'"`]+)['"`]/g)
  return [...imports].map((match) => match[1] ?? match[2] ?? '')
}

/** For each file of src/ the files that it imports. */
const imports: ReadonlyMap<string, readonly string[]> = new Map(
  files.map((file) => [
    file,
    specifiersIn(codeOf(file)).map((specifier) => relative(source, resolve(source, dirname(file), specifier))),
  ]),
)

/** The rule that a file falls under: its own, or that of the nearest folder with one. */
function placeOf(file: string): string {
  let place = file
  while (!(place in allowed) && place !== '.') place = dirname(place)
  return place
}

const partOf = (path: string) => path.split('/')[0] ?? ''

function mayImport(from: string, to: string): boolean {
  const targets = [placeOf(to), ...(partOf(from) === partOf(to) ? [] : [partOf(to)])]
  return placeOf(from) === placeOf(to) || targets.some((target) => allowed[placeOf(from)]?.includes(target))
}

/** The groups of files that import each other, directly or through others (Tarjan's strongly connected components). */
function circles(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const found: string[] = []
  const visit = (file: string): number => {
    const index = order.size
    let low = index
    order.set(file, index)
    stack.push(file)
    for (const next of graph.get(file) ?? []) {
      if (!order.has(next)) low = Math.min(low, visit(next))
      else if (stack.includes(next)) low = Math.min(low, lowest.get(next) ?? order.get(next) ?? low)
    }
    lowest.set(file, low)
    if (low === index) {
      const group = stack.splice(stack.indexOf(file))
      if (group.length > 1 || graph.get(file)?.includes(file)) found.push(group.sort().join(' <-> '))
    }
    return low
  }
  for (const file of graph.keys()) if (!order.has(file)) visit(file)
  return found.sort()
}

describe('imports in src/', () => {
  it('are all found, of every kind', () => {
    const code = `
      import a, { b } from './a.ts'
      import type { C } from './b.ts'
      import { type D } from './c.ts'
      import './d.ts'
      export { e } from './e.ts'
      export type * from './f.ts'
      const g = await import('./g.ts')
      type H = import('./h.ts').H
      import {
        i,
      } from "../i.ts"
      import pg from 'pg'
    `
    const names = specifiersIn(code).map((specifier) => specifier.replace(/^.*\/|\.ts$/g, ''))
    expect(names).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'])
  })

  it('lead to files of src/', () => {
    const missing = [...imports].flatMap(([file, targets]) =>
      targets.filter((target) => !imports.has(target)).map((target) => `${file} imports ${target}`),
    )
    expect(missing).toEqual([])
  })

  it('run one way between folders and subfolders', () => {
    const wrong = [...imports].flatMap(([file, targets]) =>
      targets.filter((target) => !mayImport(file, target)).map((target) => `${file} must not import ${target}`),
    )
    expect(wrong).toEqual([])
  })

  it('form no circle between files, also by types, re-exports and dynamic imports', () => {
    expect(circles(imports)).toEqual([])
  })

  it('form a circle where two files import each other through a third', () => {
    const graph = new Map([
      ['a', ['b']],
      ['b', ['c', 'd']],
      ['c', ['a']],
      ['d', []],
    ])
    expect(circles(graph)).toEqual(['a <-> b <-> c'])
  })
})

it('every file of src/ has a rule, and every rule has a file', () => {
  expect(files.filter((file) => placeOf(file) === '.')).toEqual([])
  const used = new Set(files.map(placeOf))
  expect(Object.keys(allowed).filter((place) => !used.has(place))).toEqual([])
})

it('the map in CONTRIBUTING.md names every part of src/, in the order in which imports point down', () => {
  const page = readFileSync(join(source, '../CONTRIBUTING.md'), 'utf8')
  const map = /## Map of the source\n+```\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
  const lineOf = (part: string) =>
    map
      .split('\n')
      .findIndex(
        (line) =>
          line.startsWith(part.endsWith('.ts') ? `src/${part}` : `src/${part}/`) ||
          (part.endsWith('.ts') && line.split(/[\s;,]+/).includes(part)),
      )
  const parts = [...new Set(files.map(partOf))]
  expect(parts.filter((part) => lineOf(part) < 0)).toEqual([])
  const upwards = Object.entries(allowed).flatMap(([from, targets]) =>
    targets.filter((to) => lineOf(partOf(to)) < lineOf(partOf(from))).map((to) => `${from} -> ${to}`),
  )
  expect(upwards).toEqual([])
})

/** The files that may read the time of day of their node, with the reason why nothing that it decides is wrong. */
const timeOfDay: Record<string, string> = {
  'clock.ts': 'defines the clocks',
  'client/transport.ts': 'a Retry-After with a date, which is relative to the time of day',
  'oauth/oauth2-provider.ts': 'a Retry-After with a date, which is relative to the time of day',
  'notion/oauth/notion-oauth.ts': 'a Retry-After with a date, which is relative to the time of day',
  'tools/read-journal.ts': 'the time of a call as long as the database could not be asked for its own',
}

it('no file but a few decides by the time of day of its node, which may be wrong: durations are monotonic, rows are dated by the database', () => {
  const reading = /\bDate\.now\b|\bnew Date\(\)|\bDate\(\)|\btimeOrigin\b|\bclock\.date\b/
  const found = files.filter((file) => !file.startsWith('sandbox/') && reading.test(codeOf(file)))
  expect(found.sort()).toEqual(Object.keys(timeOfDay).sort())
})

it('only the entry points touch the process', () => {
  const entries = ['bin.ts', 'main.ts', 'demo/main.ts', 'sandbox/main.ts', 'reference/main.ts']
  const touching = files.filter(
    (file) => !entries.includes(file) && !file.startsWith('cli/') && /\bprocess\.(?!versions)\w/.test(codeOf(file)),
  )
  expect(touching).toEqual([])
})
