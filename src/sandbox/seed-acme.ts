import { createContentBuilder, paragraph } from './content-builder.ts'
import {
  writeProjects,
  writeRecordedInterview,
  writeResearch,
  writeTasks,
  writeTaskTemplates,
} from './seed-acme-databases.ts'
import { writePages, writeRestrictedPages } from './seed-acme-pages.ts'
import { acme, nthId, people, workspaces } from './seed-ids.ts'
import type { Store } from './store.ts'

/** Writes the content of the workspace Acme. `acme` in seed-ids.ts describes it. */
export function acmeContent(store: Store, start: number): void {
  const build = createContentBuilder({
    store,
    workspaceId: workspaces.acme,
    author: people.acmeOwner,
    start,
    blockId: (count) => nthId('ac3e0000', 'b10c', count),
  })
  build.page({
    id: acme.product,
    parent: { type: 'workspace' },
    title: 'Product',
    icon: '📦',
    body: [paragraph('Projects, tasks and research of the product team.')],
  })
  writeProjects(build)
  writeResearch(build)
  writeTasks(build)
  writePages(build)
  writeRestrictedPages(build)
  writeTaskTemplates(build)
  writeRecordedInterview(build)
}
