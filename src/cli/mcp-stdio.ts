import { isJSONRPCNotification, isJSONRPCRequest, type JSONRPCMessage } from '@modelcontextprotocol/server'
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio'

/** How long pending requests may take after the host has closed stdin. Milliseconds. */
const lastAnswersMs = 5_000

/**
 * A transport over stdin and stdout that answers what it has received before it closes, for up to 5 s: a host that passes all
 * requests at once, as a pipe does, closes stdin before the first answer. The library's own drops pending answers.
 */
export class AnsweringTransport extends StdioServerTransport {
  readonly #pending = new Set<string | number>()
  #done: (() => void) | null = null

  /** Begins to follow what is received. Call it when the server has set its handler of messages. */
  follow(): void {
    const { onmessage } = this
    this.onmessage = (message: JSONRPCMessage) => {
      // The library ends subscriptions when it closes.
      if (isJSONRPCRequest(message) && message.method !== 'subscriptions/listen') this.#pending.add(message.id)
      // A cancelled request has no answer.
      if (isJSONRPCNotification(message) && message.method === 'notifications/cancelled')
        this.#settle((message.params as { requestId?: string | number } | undefined)?.requestId)
      onmessage?.(message)
    }
  }

  override async send(message: JSONRPCMessage): Promise<void> {
    await super.send(message)
    if (!('method' in message)) this.#settle(message.id)
  }

  /** Resolves when nothing is pending, and at the latest after 5 s. */
  async answered(): Promise<void> {
    if (this.#pending.size === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, lastAnswersMs)
      const others = this.#done
      this.#done = () => {
        clearTimeout(timer)
        others?.()
        resolve()
      }
    })
  }

  override async close(): Promise<void> {
    await this.answered()
    await super.close()
  }

  #settle(id: string | number | undefined): void {
    if (id !== undefined) this.#pending.delete(id)
    if (this.#pending.size === 0) this.#done?.()
  }
}
