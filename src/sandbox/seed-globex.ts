import { column, createContentBuilder, optionColumn, optionId, paragraph } from './content-builder.ts'
import { globex, nthId, people, workspaces } from './seed-ids.ts'
import type { Store } from './store.ts'

/** Writes the content of the workspace Globex. Some titles also exist in Acme, so that tests detect a mix-up. */
export function globexContent(store: Store, start: number): void {
  const build = createContentBuilder({
    store,
    workspaceId: workspaces.globex,
    author: people.globexOwner,
    start,
    blockId: (count) => nthId('910be000', 'b10c', count),
  })
  build.page({
    id: globex.home,
    parent: { type: 'workspace' },
    title: 'Globex Home',
    body: [paragraph('Everything about Globex starts here.')],
  })
  build.database({
    id: globex.orders,
    parent: { type: 'page_id', id: globex.home },
    title: 'Orders',
    sources: [
      {
        id: globex.ordersSource,
        name: 'Orders',
        properties: [
          column('title', 'Order', 'title'),
          optionColumn('orst', 'State', 'select', [
            ['Open', 'yellow'],
            ['Shipped', 'green'],
          ]),
          column('oram', 'Amount', 'number', { format: 'euro' }),
        ],
      },
    ],
  })
  for (let count = 1; count <= 5; count += 1) {
    build.row({
      id: nthId('910be000', '8111', count),
      dataSourceId: globex.ordersSource,
      values: { title: `Order ${1000 + count}`, orst: optionId('orst', count < 4 ? 2 : 1), oram: count * 125.5 },
    })
  }
  build.page({
    id: globex.roadmap,
    parent: { type: 'workspace' },
    title: 'Q3 roadmap',
    body: [paragraph('The roadmap of Globex, not of Acme.')],
  })
}
