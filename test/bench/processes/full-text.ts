import { createServer } from 'node:http'
import pg from 'pg'
import { serveParent } from './child.ts'
import { listen, textOf } from './http.ts'

/** The table of the floor: the plaintext of the same pages, with Postgres's own index of words. */
const table = `create table bench_pages (
  account int not null,
  id uuid not null,
  title text not null,
  content text not null,
  words tsvector not null generated always as (to_tsvector('simple', title || ' ' || content)) stored
)`

/** The best twenty pages of an account with a passage of each, as an application with its own copies would search them. */
const search = `with found as (
    select id, title, content, ts_rank(words, query) as score, query
    from bench_pages, websearch_to_tsquery('simple', $2) as query
    where account = $1 and words @@ query
    order by score desc limit 20
  )
  select id, title, score, ts_headline('simple', content, query, 'MaxFragments=1,MaxWords=25,MinWords=10') as passage
  from found order by score desc`

/** Pages to store, or a request to index what was stored. */
export type FullTextQuestion =
  | { readonly account: number; readonly pages: readonly { id: string; title: string; text: string }[] }
  | 'index'

/** The search floor: full-text search of Postgres over plaintext, with one prepared statement for each search. */
serveParent(async ({ databaseUrl }: { readonly databaseUrl: string }) => {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 })
  await pool.query(table)
  const server = createServer((request, response) => {
    textOf(request)
      .then(async (body) => {
        const { account, query } = JSON.parse(body)
        const { rows } = await pool.query({ name: 'search', text: search, values: [account, query] })
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ results: rows }))
      })
      .catch(() => response.destroy())
  })
  return {
    ready: await listen(server),
    async answer(question: FullTextQuestion) {
      if (question === 'index') {
        await pool.query('create index on bench_pages using gin (words)')
        await pool.query('create index on bench_pages (account)')
        await pool.query('vacuum analyze bench_pages')
        return
      }
      const { account, pages } = question
      const column = (name: 'id' | 'title' | 'text') => pages.map((page) => page[name])
      await pool.query(
        `insert into bench_pages (account, id, title, content)
         select $1, page.id, page.title, page.content from unnest($2::uuid[], $3::text[], $4::text[]) as page (id, title, content)`,
        [account, column('id'), column('title'), column('text')],
      )
    },
  }
})
