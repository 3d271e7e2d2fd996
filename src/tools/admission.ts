import type { Scope, Viewer } from '../environments/viewer.ts'
import { InvalidToolInputError, UnknownToolError } from '../errors.ts'
import { inputRules } from '../input-rules.ts'
import { type CheckedInput, checkInput } from './input.ts'
import type { AnyTool, ToolCatalogue } from './tool.ts'

/** The credential lacks the scope for this kind of tool (RFC 6750 `insufficient_scope`). Entrances report it in their own form. */
export class InsufficientScopeError extends Error {
  override readonly name = 'InsufficientScopeError'
  readonly scope: Scope

  constructor(toolName: string, scope: Scope) {
    super(`The tool "${toolName}" requires the scope ${scope}, which the credential lacks.`)
    this.scope = scope
  }
}

/** The parts of a request that are checked first. */
export interface AdmissionRequest {
  readonly toolName: string
  readonly toolInput: unknown
  readonly idempotencyKey: string | null
}

/** A request that the viewer may make, with a checked input. */
export interface AdmittedRequest {
  readonly tool: AnyTool
  readonly input: CheckedInput
  /** Null for tools that read. */
  readonly idempotencyKey: string | null
}

/**
 * Checks a request as far as that is possible without the account. Throws an UnknownToolError with the nearest names, an
 * {@link InsufficientScopeError}, or an InvalidToolInputError.
 */
export function admit(catalogue: ToolCatalogue, viewer: Viewer, request: AdmissionRequest): AdmittedRequest {
  const { toolName, toolInput } = request
  const tool = catalogue.find(toolName)
  if (!tool) throw new UnknownToolError(toolName.slice(0, 100), catalogue.suggest(toolName))
  const scope = tool.readOnly ? 'TOOLS_READ' : 'TOOLS_WRITE'
  if (!viewer.scopes.has(scope)) throw new InsufficientScopeError(tool.name, scope)
  const input = checkInput(tool, toolInput)
  const idempotencyKey = tool.readOnly ? null : checkIdempotencyKey(request.idempotencyKey)
  return { tool, input, idempotencyKey }
}

/** Throws InvalidToolInputError unless the key has the syntax of `input-rules.ts`. */
function checkIdempotencyKey(key: string | null): string | null {
  const error = key === null ? undefined : inputRules.idempotencyKey.safeParse(key).error
  if (!error) return key
  const issues = error.issues.map(({ message }) => ({ path: 'idempotencyKey', message }))
  throw new InvalidToolInputError(issues, 'Pass a valid idempotency key, or none.')
}
