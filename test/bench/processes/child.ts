/** What a process of the bench does for its parent after it has started. */
export interface Service {
  /** What the parent is sent when the process is ready, such as its URL. */
  readonly ready?: unknown
  /** Answers a question of the parent. */
  answer?(question: never): Promise<unknown>
}

/**
 * Serves the parent process: the first message has the parameters for `begin`, each later one is a question. Ends the
 * process when the parent is gone.
 */
export function serveParent<Parameters>(begin: (parameters: Parameters) => Promise<Service>): void {
  let service: Service | undefined
  const reply = async (message: unknown): Promise<unknown> => {
    if (service !== undefined) return service.answer?.(message as never)
    service = await begin(message as Parameters)
    return service.ready
  }
  process.on('disconnect', () => process.exit())
  process.on('message', (message) => {
    reply(message).then(
      (answer) => process.send?.({ answer }),
      (error: Error) => process.send?.({ failure: error.stack }),
    )
  })
}
