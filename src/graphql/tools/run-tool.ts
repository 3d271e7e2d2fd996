import { InsufficientScopeError } from '../../tools/admission.ts'
import type { ToolOutcome, ToolRequest } from '../../tools/engine.ts'
import type { GraphQLContext } from '../context.ts'
import { forbidden } from '../protocol-errors.ts'
import { viewerOf } from '../viewer.ts'

/** Runs a tool for a field: what its credential may not do becomes a top-level error, as for every other field. */
export async function runTool(context: GraphQLContext, fieldName: string, request: ToolRequest): Promise<ToolOutcome> {
  const viewer = viewerOf(context)
  try {
    return await context.tools.executeTool(viewer, request, context.signal)
  } catch (error) {
    if (!(error instanceof InsufficientScopeError)) throw error
    throw forbidden(viewer, fieldName, { scope: error.scope, who: 'application' })
  }
}
