import type { ExecutionResult } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { publicResult } from './present-error.ts'

/** The interval of heartbeats in milliseconds: that of Apollo's router. */
const heartbeatMs = 5_000

const boundary = 'graphql'

/**
 * Serves subscriptions by Apollo's multipart protocol to clients that accept it. Results of the subscription are in
 * `payload`; an error that ends the stream is next to a `payload` of null. Heartbeats are empty objects.
 *
 * @see https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol
 */
export const multipartSubscriptions: Plugin = {
  onResultProcess({ request, result, setResultProcessor }) {
    const accepts = /(?:^|,)\s*multipart\/mixed\s*;[^,]*\bsubscriptionSpec="?1\.0\b/i
    if (!(Symbol.asyncIterator in result) || !accepts.test(request.headers.get('accept') ?? '')) return
    setResultProcessor(
      () =>
        new Response(multipartBody(result as AsyncIterable<ExecutionResult>, request.signal), {
          headers: {
            'content-type': `multipart/mixed;boundary="${boundary}";subscriptionSpec=1.0`,
            'cache-control': 'no-cache',
          },
        }),
      'multipart/mixed',
    )
  },
}

/** Ends the results also when `client` is aborted: the server adapter does not cancel the answer to a POST whose client leaves. */
function multipartBody(results: AsyncIterable<ExecutionResult>, client: AbortSignal): ReadableStream<Uint8Array> {
  const iterator = results[Symbol.asyncIterator]()
  const encoder = new TextEncoder()
  const encode = (text: string) => encoder.encode(`${text}\r\n--${boundary}`)
  const part = (content: object) => encode(`\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(content)}`)
  let heartbeats: NodeJS.Timeout | undefined
  const end = async () => {
    clearInterval(heartbeats)
    await iterator.return?.()
  }
  // No one is left to whom a failure could be reported, and a rejection that is not handled would end the process.
  const leave = () => void end().catch(() => {})
  return new ReadableStream({
    start(controller) {
      controller.enqueue(encode(''))
      // The first one makes browsers report that the response has begun.
      controller.enqueue(part({}))
      heartbeats = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(part({}))
      }, heartbeatMs)
      if (client.aborted) leave()
      else client.addEventListener('abort', leave, { once: true })
    },
    async pull(controller) {
      try {
        const { done, value } = await iterator.next()
        if (done !== true) {
          const { data, ...rest } = publicResult(value)
          controller.enqueue(part(data === undefined ? { payload: null, ...rest } : { payload: { data, ...rest } }))
          return
        }
        controller.enqueue(encoder.encode('--\r\n'))
        controller.close()
      } catch (error) {
        controller.error(error)
      }
      clearInterval(heartbeats)
    },
    cancel: end,
  })
}
