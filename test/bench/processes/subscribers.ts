import { Agent, request } from 'node:http'
import { serveParent } from './child.ts'

/** Opens streams, or waits for events. */
export type SubscribersQuestion =
  | {
      /** Opens one subscription for each of these bodies and waits until the server has accepted them. */
      readonly open: readonly string[]
      readonly url: string
      readonly headers: Readonly<Record<string, string>>
    }
  | {
      /** Waits until the streams have received this many events in all since they were opened. */
      readonly events: number
    }

/** Streams that are opened at a time. */
const openers = 50

/** The subscribers: every stream has a connection of its own, as browsers have. A stream that ends is an error. */
serveParent(async () => {
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY })
  let events = 0
  let failure: Error | undefined
  let look = () => {}

  const open = (url: string, headers: Readonly<Record<string, string>>, body: string) =>
    new Promise<void>((resolve, reject) => {
      const fail = (error: Error) => {
        failure ??= error
        look()
        reject(error)
      }
      const call = request(
        `${url}/graphql`,
        {
          agent,
          method: 'POST',
          headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
        },
        (response) => {
          if (response.statusCode !== 200) fail(new Error(`a subscription was answered with ${response.statusCode}`))
          response.setEncoding('utf8').on('data', (text: string) => {
            if (text.includes('"errors"') || text.includes('event: complete'))
              fail(new Error(`a stream ended: ${text}`))
            events += text.split('data: {').length - 1
            look()
          })
          response.on('close', () => fail(new Error('a stream was closed')))
          resolve()
        },
      )
      call.on('error', fail)
      call.end(body)
    })

  return {
    async answer(question: SubscribersQuestion) {
      if ('open' in question) {
        const bodies = [...question.open]
        const work = async () => {
          for (let body = bodies.pop(); body !== undefined; body = bodies.pop())
            await open(question.url, question.headers, body)
        }
        await Promise.all(Array.from({ length: openers }, work))
        return
      }
      await new Promise<void>((resolve, reject) => {
        look = () => {
          if (failure !== undefined) reject(failure)
          else if (events >= question.events) resolve()
        }
        look()
      })
      return events
    },
  }
})
