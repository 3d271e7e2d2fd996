import { randomUUID } from 'node:crypto'
import { keepCalling, type Load } from '../calling.ts'
import { type Requests, uniquePlaceholder } from '../requests.ts'
import { serveParent } from './child.ts'
import { createPoster } from './http.ts'

/** One measurement: a load of these requests. */
export interface LoadQuestion extends Load {
  readonly requests: Requests
}

/** How much of a wrong answer is reported, in characters. */
const maxReported = 1_000

/** The load generator: callers take the requests in turn. A wrong answer ends the measurement with an error. */
serveParent(async () => {
  const post = createPoster()
  let turn = 0
  return {
    async answer({ requests, ...load }: LoadQuestion) {
      const { url, headers } = requests
      const prepared = requests.bodies.map(({ body, ...each }) => ({
        headers,
        ...each,
        parts: body.split(uniquePlaceholder),
      }))
      return keepCalling(async () => {
        const next = prepared[turn++ % prepared.length]
        if (next === undefined) throw new Error('there are no requests')
        const body = next.parts.length === 1 ? next.parts[0] : next.parts.join(randomUUID())
        const { status, text } = await post(url, next.headers, body ?? '')
        if (status !== 200 || text.includes('"errors":') || !next.expected.every((part) => text.includes(part))) {
          const wanted = next.expected.map((part) => JSON.stringify(part)).join(', ')
          throw new Error(`Wrong answer. Status ${status}, expected 200 with ${wanted}:\n${text.slice(0, maxReported)}`)
        }
      }, load)
    },
  }
})
