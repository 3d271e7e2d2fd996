import { ToolError } from '../errors.ts'
import type { RunningSpan, Tracing } from '../telemetry/tracing.ts'
import type { ToolEngine } from './engine.ts'

/** Measures each call as a span, with the name of its tool and the ID of its journal entry. */
export function tracedEngine(tracing: Tracing, engine: ToolEngine): ToolEngine {
  const withExecution = async <T extends { readonly execution: { readonly id: string } }>(
    span: RunningSpan,
    call: Promise<T>,
  ): Promise<T> => {
    const show = (id: string | null | undefined) => {
      if (id) span.set({ 'valetkey.tool_execution.id': id })
    }
    try {
      const outcome = await call
      show(outcome.execution.id)
      return outcome
    } catch (error) {
      if (error instanceof ToolError) show(error.executionId)
      throw error
    }
  }
  return {
    ...engine,
    executeTool(viewer, request, signal) {
      // What a caller names is shown only if it is the name of a tool.
      const name = engine.catalogue.find(request.toolName)?.name ?? 'unknown'
      const attributes = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': name }
      return tracing.span({ name: `execute_tool ${name}`, kind: 'internal', attributes }, (span) =>
        withExecution(span, engine.executeTool(viewer, request, signal)),
      )
    },
    approve: (...args) =>
      tracing.span({ name: 'approve_tool_call', kind: 'internal' }, (span) =>
        withExecution(span, engine.approve(...args)),
      ),
  }
}
