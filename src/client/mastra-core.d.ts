/** What `valetkey/mastra` uses of `@mastra/core`, which is too large to be installed for its types. */
declare module '@mastra/core/tools' {
  interface Tool {
    readonly id: string
    readonly description: string
  }

  function createTool(tool: {
    readonly id: string
    readonly title: string
    readonly description: string
    readonly inputSchema: object
    readonly suspendSchema?: object
    readonly resumeSchema?: object
    execute(
      input: unknown,
      context: {
        readonly agent?: { readonly toolCallId: string; suspend(payload: unknown): Promise<void> }
        readonly abortSignal?: AbortSignal
      },
    ): Promise<unknown>
  }): Tool
}
