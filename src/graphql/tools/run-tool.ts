import { InsufficientScopeError, NarrowedCredentialError } from '../../tools/admission.ts'
import type { ToolOutcome } from '../../tools/engine.ts'
import type { ToolRequest } from '../../tools/open-tool-account.ts'
import type { GraphQLContext } from '../context.ts'
import { forbidden } from '../protocol-errors.ts'
import { viewerOf } from '../viewer.ts'
import type { ShownExecution } from './tool-execution.ts'

/** A {@link ToolOutcome} whose execution has its account, which may have been deleted while the tool ran. */
export type ShownOutcome = ToolOutcome & { readonly execution: ShownExecution }

/** Runs a tool for a field. What the credential may not do becomes a top-level error, as for every other field. */
export async function runTool(context: GraphQLContext, fieldName: string, request: ToolRequest): Promise<ShownOutcome> {
  const viewer = viewerOf(context)
  try {
    const outcome = await context.tools.executeTool(viewer, request, context.signal)
    return { ...outcome, execution: { ...outcome.execution, account: outcome.account } }
  } catch (error) {
    if (error instanceof NarrowedCredentialError)
      throw forbidden(viewer, fieldName, { scope: null, who: 'application' })
    if (!(error instanceof InsufficientScopeError)) throw error
    throw forbidden(viewer, fieldName, { scope: error.scope, who: 'application' })
  }
}
