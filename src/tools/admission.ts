import { permits } from '../environments/narrowing.ts'
import { needsApproval, parseToolPolicy, refusingField } from '../environments/tool-policy.ts'
import type { Scope, Viewer } from '../environments/viewer.ts'
import { InvalidToolInputError, type PolicyOwner, ToolNotAllowedError, UnknownToolError } from '../errors.ts'
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

/** The credential is narrowed, and does not permit the call. Entrances report it in their own form. */
export class NarrowedCredentialError extends Error {
  override readonly name = 'NarrowedCredentialError'

  constructor() {
    super('The credential is narrowed, and does not permit this tool, connection or identifier.')
  }
}

/** Who does not allow a viewer a tool, and by which setting; null: it is allowed as far as that is known without an account. */
function refusal({ narrowing, toolPolicy }: Viewer, tool: AnyTool): readonly [PolicyOwner, string] | null {
  for (const [owner, policy] of [
    ['environment', toolPolicy],
    ['apiKey', narrowing],
  ] as const) {
    const field = refusingField(policy, tool)
    if (field) return [owner, field]
  }
  return null
}

const isAllowed = (viewer: Viewer, tool: AnyTool) => refusal(viewer, tool) === null

/** Whether a viewer may call a tool. */
const mayCall = (viewer: Viewer, tool: AnyTool): boolean =>
  viewer.scopes.has(tool.readOnly ? 'TOOLS_READ' : 'TOOLS_WRITE') && isAllowed(viewer, tool)

/**
 * Whether each call of a tool by a viewer needs the approval of a person. `appPolicy` is the policy of the OAuth app as it is
 * stored; null also where the app is not known.
 */
export const requiresApproval = (viewer: Viewer, tool: AnyTool, appPolicy: string | null): boolean =>
  [viewer.narrowing, viewer.toolPolicy, parseToolPolicy(appPolicy)].some((policy) => needsApproval(policy, tool))

/**
 * Whether a viewer may see a tool: one that it may call. A credential without a scope for tools reads the definitions of all
 * those that its narrowing and the policies allow. `appPolicy` is as in {@link requiresApproval}.
 */
export const maySee = (viewer: Viewer, tool: AnyTool, appPolicy: string | null): boolean =>
  refusingField(parseToolPolicy(appPolicy), tool) === null &&
  (viewer.scopes.has('TOOLS_READ') || viewer.scopes.has('TOOLS_WRITE')
    ? mayCall(viewer, tool)
    : isAllowed(viewer, tool))

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
 * {@link InsufficientScopeError}, a {@link NarrowedCredentialError}, a ToolNotAllowedError, or an InvalidToolInputError.
 */
export function admit(catalogue: ToolCatalogue, viewer: Viewer, request: AdmissionRequest): AdmittedRequest {
  const { toolName, toolInput } = request
  const tool = catalogue.find(toolName)
  if (!tool) {
    const suggestions = catalogue.suggest(toolName).filter((name) => {
      const similar = catalogue.find(name)
      return similar && isAllowed(viewer, similar)
    })
    throw new UnknownToolError(toolName.slice(0, 100), suggestions)
  }
  const scope = tool.readOnly ? 'TOOLS_READ' : 'TOOLS_WRITE'
  if (!viewer.scopes.has(scope)) throw new InsufficientScopeError(tool.name, scope)
  if (!permits(viewer.narrowing, { toolName: tool.name })) throw new NarrowedCredentialError()
  const refused = refusal(viewer, tool)
  if (refused) throw ToolNotAllowedError.byPolicy(tool.name, ...refused)
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
