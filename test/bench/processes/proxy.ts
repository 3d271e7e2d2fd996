import { createServer } from 'node:http'
import { serveParent } from './child.ts'
import { createPoster, listen, textOf } from './http.ts'

/** A bare proxy: one request in, the same request to the upstream, and its answer back. */
serveParent(async ({ upstream }: { readonly upstream: string }) => {
  const post = createPoster()
  const headers = { 'content-type': 'application/json', authorization: 'Bearer bench' }
  const server = createServer((request, response) => {
    textOf(request)
      .then((body) => post(`${upstream}${request.url}`, headers, body))
      .then(
        ({ status, text }) => response.writeHead(status, { 'content-type': 'application/json' }).end(text),
        () => response.destroy(),
      )
  })
  return { ready: await listen(server) }
})
