import { createServer } from 'node:http'
import SchemaBuilder from '@pothos/core'
import { createYoga } from 'graphql-yoga'
import pg from 'pg'
import { serveParent } from './child.ts'
import { listen } from './http.ts'
import { pothosOptions } from './pothos-options.ts'

interface Account {
  readonly id: string
  readonly identifier: string
  readonly status: string
  readonly created_at: Date
}

/** The table of the floor: the columns that the query selects. Made by the process itself. */
const table = `create table if not exists bench_floor_accounts (
  id uuid primary key default gen_random_uuid(),
  identifier text not null unique,
  status text not null,
  created_at timestamptz not null default clock_timestamp()
)`

/** The account floor: graphql-yoga and Pothos with one prepared select on Postgres for each query. */
serveParent(async ({ databaseUrl, identifiers }: { readonly databaseUrl: string; readonly identifiers: string[] }) => {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 })
  await pool.query(table)
  await pool.query(
    `insert into bench_floor_accounts (identifier, status) select unnest($1::text[]), 'ACTIVE' on conflict do nothing`,
    [identifiers],
  )
  const select = 'select id, identifier, status, created_at from bench_floor_accounts where identifier = $1'

  const builder = new SchemaBuilder(pothosOptions)
  const account = builder.objectRef<Account>('ConnectedAccount').implement({
    fields: (t) => ({
      id: t.exposeID('id'),
      identifier: t.exposeString('identifier'),
      status: t.exposeString('status'),
      createdAt: t.string({ resolve: ({ created_at }) => created_at.toISOString() }),
    }),
  })
  builder.queryType({
    fields: (t) => ({
      connectedAccount: t.field({
        type: account,
        nullable: true,
        args: { identifier: t.arg.string({ required: true }) },
        async resolve(_root, { identifier }) {
          const { rows } = await pool.query<Account>({ name: 'account', text: select, values: [identifier] })
          return rows[0] ?? null
        },
      }),
    }),
  })
  const yoga = createYoga({ schema: builder.toSchema(), logging: false, graphiql: false, landingPage: false })
  return { ready: await listen(createServer((request, response) => void yoga(request, response))) }
})
