import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { createMetrics } from '../../src/http/metrics.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const files = [
  'compose.yaml',
  ...['examples/kubernetes', 'examples/monitoring', '.github/workflows'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => `${folder}/${name}`),
  ),
]

/** Every object below a value, at any depth. */
function* objectsIn(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield value as Record<string, unknown>
  for (const inner of Object.values(value)) yield* objectsIn(inner)
}
const documentsOf = (file: string) =>
  parseAllDocuments(read(file)).map((document) => {
    expect(document.errors, file).toEqual([])
    return document.toJS() as unknown
  })

describe('the files for deployment', () => {
  it.each(files)('%s is YAML or JSON', (file) => {
    expect(documentsOf(file).length).toBeGreaterThan(0)
  })

  it('name only variables that docs/configuration.md documents', () => {
    const documented = read('docs/configuration.md')
    const [compose] = documentsOf('compose.yaml') as [{ services: { valetkey: { environment: object } } }]
    const pod = [...objectsIn(documentsOf('examples/kubernetes/deployment.yaml'))]
    const named = [
      ...Object.keys(compose.services.valetkey.environment),
      ...pod.flatMap(({ env }) => (Array.isArray(env) ? (env as { name: string }[]).map(({ name }) => name) : [])),
    ]
    expect(named.length).toBeGreaterThan(8)
    expect(named.filter((name) => !documented.includes(`\`${name}\``))).toEqual([])
  })

  it('probe paths that exist', () => {
    const paths = [...objectsIn(documentsOf('examples/kubernetes/deployment.yaml'))].flatMap(({ httpGet }) =>
      httpGet === undefined ? [] : [(httpGet as { path: string }).path],
    )
    expect(paths).toEqual(['/health', '/ready', '/health'])
  })

  it('publish nothing without a tag', () => {
    const [{ jobs }] = documentsOf('.github/workflows/release.yml') as [
      { jobs: Record<string, { steps: { uses?: string; run?: string; if?: string; with?: { push?: string } }[] }> },
    ]
    const isTag = /github\.ref_type == 'tag'/
    const publishing = Object.values(jobs)
      .flatMap(({ steps }) => steps)
      .filter(({ uses = '', run = '' }) => /login|build-push|cosign|attest/.test(uses) || /cosign|gh release/.test(run))
    expect(publishing).toHaveLength(6)
    for (const step of publishing) expect(step.with?.push ?? step.if).toMatch(isTag)
  })

  it('query only metrics that the server has', async () => {
    const metrics = createMetrics({
      readState: async () => ({ accounts: {}, revocations: { waiting: 0, oldestSeconds: 0 }, rejectedApps: 0 }),
      hearsChanges: () => true,
    })
    const exposed = new Set(
      (await (await metrics.expose()).text()).match(/^# TYPE \S+/gm)?.map((line) => line.slice(7)),
    )
    metrics.close()
    const queried = files.flatMap((file) => read(file).match(/\bvaletkey_\w+/g) ?? [])
    expect(queried.length).toBeGreaterThan(20)
    const unknown = queried.filter((name) => !exposed.has(name.replace(/_(?:bucket|count|sum)$/, '')))
    expect(unknown).toEqual([])
    const documented = read('docs/monitoring.md')
    const own = [...exposed].filter((name) => !/^valetkey_(?:process|nodejs)_/.test(name))
    expect(own.filter((name) => !documented.includes(`\`${name}\``))).toEqual([])
  })
})
