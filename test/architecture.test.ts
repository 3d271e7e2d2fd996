import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, it } from 'vitest'

/**
 * Which folder of src/ may import from which; its own files always. Files that stand in src/ itself count by their names.
 * Imports run one way: from the process down to the errors.
 */
const shared = ['backoff.ts', 'background.ts', 'clock.ts', 'did-you-mean.ts', 'token-bucket.ts', 'uuid.ts']

const allowed: Record<string, readonly string[]> = {
  'main.ts': ['app.ts', 'config.ts', 'http', 'db', 'vault', 'welcome.ts'],
  'connectors.ts': ['notion', 'tools'],
  'welcome.ts': ['app.ts', 'config.ts'],
  'app.ts': [
    'config.ts',
    'connectors.ts',
    'store.ts',
    'log.ts',
    'http',
    'graphql',
    'accounts',
    'tools',
    'environments',
    'events',
    'vault',
    'db',
    ...shared,
  ],
  'store.ts': ['config.ts', 'key-service-config.ts', 'development-key.ts', 'log.ts', 'vault', 'db'],
  'config.ts': ['config-values.ts', 'connectors.ts', 'key-service-config.ts'],
  'key-service-config.ts': ['config-values.ts'],
  'config-values.ts': [],
  'development-key.ts': ['vault'],
  'errors.ts': [],
  'log.ts': [],
  'backoff.ts': [],
  'background.ts': ['log.ts'],
  'clock.ts': [],
  'did-you-mean.ts': [],
  'token-bucket.ts': [],
  'uuid.ts': [],
  cli: ['config.ts', 'store.ts', 'log.ts', 'errors.ts', 'accounts', 'tools', 'environments', 'vault', 'db'],
  http: ['graphql', 'accounts', 'tools', 'environments', 'vault', 'errors.ts', 'log.ts', ...shared],
  graphql: ['accounts', 'tools', 'environments', 'events', 'vault', 'db', 'errors.ts', 'log.ts', ...shared],
  accounts: ['environments', 'events', 'vault', 'db', 'errors.ts', 'log.ts', ...shared],
  tools: ['accounts', 'environments', 'vault', 'db', 'errors.ts', 'log.ts', 'provider-http.ts', ...shared],
  environments: ['vault', 'db', 'errors.ts', 'log.ts', ...shared],
  events: ['db', ...shared],
  vault: ['db', ...shared],
  db: shared,
  demo: ['app.ts', 'config.ts', 'log.ts'],
  notion: ['accounts', 'oauth', 'tools', 'vault', 'errors.ts', 'provider-http.ts', 'sandbox', ...shared],
  oauth: ['accounts', 'vault', 'provider-http.ts'],
  'provider-http.ts': [],
  sandbox: [],
}

/** Printing the schema needs the installed connectors, which app.ts passes in otherwise. */
const exceptions = new Set(['graphql/print.ts -> connectors.ts'])

const source = resolve(import.meta.dirname, '../src')
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))

const partOf = (path: string) => relative(source, path).split('/')[0] ?? ''

function importsOf(file: string): string[] {
  const text = readFileSync(join(source, file), 'utf8')
  const specifiers = [...text.matchAll(/(?:^|\n)(?:import|export)\s[^;]*?from '([^']+)'|import\(?\s*'([^']+)'/g)]
  return specifiers.map((match) => match[1] ?? match[2] ?? '').filter((specifier) => specifier.startsWith('.'))
}

it('imports in src/ run one way', () => {
  const wrong = files.flatMap((file) => {
    const from = partOf(join(source, file))
    return importsOf(file)
      .map((specifier) => partOf(resolve(source, dirname(file), specifier)))
      .filter((to) => to !== from && !allowed[from]?.includes(to) && !exceptions.has(`${file} -> ${to}`))
      .map((to) => `${file} may not import from ${to}`)
  })
  expect(wrong).toEqual([])
})

it('every part of src/ has its rule', () => {
  expect([...new Set(files.map((file) => partOf(join(source, file))))].filter((part) => !(part in allowed))).toEqual([])
})

it('the map in README.md names every part of src/, in the order in which imports point down', () => {
  const readme = readFileSync(join(source, '../README.md'), 'utf8')
  const map = /## Map of the source\n+```\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  const placeOf = (part: string) =>
    map
      .split('\n')
      .findIndex(
        (line) => line.startsWith(`src/${part}`) || (part.endsWith('.ts') && line.split(/[\s;,]+/).includes(part)),
      )
  expect(Object.keys(allowed).filter((part) => placeOf(part) < 0)).toEqual([])
  const upwards = Object.entries(allowed).flatMap(([from, parts]) =>
    parts.filter((to) => placeOf(to) < placeOf(from)).map((to) => `${from} -> ${to}`),
  )
  expect(upwards).toEqual([])
})

it('only the entry points touch the process', () => {
  const entries = ['main.ts', 'demo/main.ts', 'sandbox/main.ts', 'graphql/print.ts']
  const touching = files.filter(
    (file) =>
      !entries.includes(file) &&
      !file.startsWith('cli/') &&
      /\bprocess\.(?!versions)\w/.test(
        readFileSync(join(source, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''),
      ),
  )
  expect(touching).toEqual([])
})
